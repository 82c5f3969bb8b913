"""What a torch profiler's trace says of the GPU: which kernels it ran, and when it had nothing to do."""

import gzip
import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

ON_THE_GPU = {"kernel", "gpu_memcpy", "gpu_memset"}
_NAME_CHARACTERS = 90


def newest(folder: Path) -> list[dict[str, Any]]:
    """Return what the GPU did by the last trace below a folder that holds work of a GPU; nothing without one."""
    traces = sorted(folder.rglob("*.json*"), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((events for path in traces if (events := gpu_events(path))), [])


def gpu_events(path: Path) -> list[dict[str, Any]]:
    """Return what the GPU did, in order: events of Chrome's format, times in microseconds."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    events = json.loads(raw)["traceEvents"]
    return sorted((event for event in events if event.get("cat") in ON_THE_GPU), key=lambda event: event["ts"])


def summary(
    events: list[dict[str, Any]], first: float = 0.0, last: float = 1.0, most: int = 24, least_gap: float = 5.0
) -> dict[str, Any]:
    """Return busy and idle time, the kernels that took most, and the waits by what stood before and after them.

    Args:
        events: From `gpu_events`.
        first: Share of the time to leave out at the beginning, which is warm-up.
        last: Share after which nothing counts.
        most: Kernels and waits to tell.
        least_gap: Microseconds from which on a wait is told by name.
    """
    if not events:
        return {"events": 0}
    start, end = events[0]["ts"], max(event["ts"] + event["dur"] for event in events)
    opens, closes = start + first * (end - start), start + last * (end - start)
    kept = [event for event in events if opens <= event["ts"] < closes]
    kernels: dict[str, list[float]] = defaultdict(list)
    for event in kept:
        kernels[event["name"][:_NAME_CHARACTERS]].append(event["dur"])
    waits: dict[str, list[float]] = defaultdict(list)
    idle, done = 0.0, kept[0]["ts"] if kept else 0.0
    for before, event in pairwise([kept[0], *kept] if kept else []):
        wait = event["ts"] - done
        if wait > 0:
            idle += wait
        if wait >= least_gap:
            waits[f"{before['name'][:_NAME_CHARACTERS]} -> {event['name'][:_NAME_CHARACTERS]}"].append(wait)
        done = max(done, event["ts"] + event["dur"])
    return {
        "events": len(kept),
        "microseconds": round(closes - opens, 1),
        "idle_microseconds": round(idle, 1),
        "kernels": _largest(kernels, most),
        "waits": _largest(waits, most),
    }


def _largest(times: dict[str, list[float]], most: int) -> dict[str, dict[str, float]]:
    """Return the names with the largest sums: how often, and the microseconds of all and of each."""
    ranked = sorted(times.items(), key=lambda pair: -sum(pair[1]))[:most]
    return {
        name: {"count": len(each), "microseconds": round(sum(each), 1), "each": round(sum(each) / len(each), 2)}
        for name, each in ranked
    }
