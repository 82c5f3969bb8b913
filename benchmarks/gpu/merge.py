"""Put the engines of several runs into one result: runs that went on side by side, or one after another.

    python -m benchmarks.gpu.merge RUN.json ... --out benchmarks/results/engine_h100.json

The runs must be of one kind of GPU. Of an engine that several hold, the last one's steps count, and steps that only an
earlier one has are kept; each engine says which run each of its steps came from. A start that found the engine of an
earlier run still there does not count.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.unattended import write_json

_ATTACHED_SECONDS = 2.0
"""No engine starts as fast as this."""


def merged(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one report of several; `runs` in it says when and with which command each was made.

    Args:
        runs: Reports of `python -m benchmarks.gpu`, in order.

    Raises:
        ValueError: They come from different kinds of GPU.
    """
    cards = {(run["device"] or {}).get("name") for run in runs}
    if len(cards) != 1:
        raise ValueError(f"these runs come from different GPUs: {sorted(map(str, cards))}")
    engines: dict[str, dict[str, Any]] = {}
    for number, run in enumerate(runs):
        for kv, engine in run["engines"].items():
            empty: dict[str, Any] = {"settings": {}, "steps": {}, "memory_peaks_gib": {}, "step_runs": {}}
            known = engines.setdefault(_name(kv, engine), empty)
            done = {name: step for name, step in engine["steps"].items() if not {"skipped", "error"} & step.keys()}
            if done.get("start", {}).get("seconds", _ATTACHED_SECONDS) < _ATTACHED_SECONDS:
                del done["start"]
            known["settings"] = engine["settings"]
            known["steps"] |= done
            known["step_runs"] |= dict.fromkeys(done, number)
            peaks = engine.get("memory_peaks_gib", {})
            known["memory_peaks_gib"] |= {name: peaks[name] for name in (*done, "all") if name in peaks}
    first = {key: value for key, value in runs[0].items() if key not in ("engines", "command")}
    made = [{"date": run["date"], "engines": list(run["engines"]), "command": run["command"]} for run in runs]
    return first | {"runs": made, "engines": engines}


def _name(kv: str, engine: dict[str, Any]) -> str:
    """Return what an engine is called: its KV cache dtype, and whether Readroom's kernels were off."""
    return kv if engine["settings"].get("own_kernels", True) else f"{kv}, vLLM's own kernels"


def main() -> None:
    """Merge the files that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    write_json(asked.out, merged([json.loads(path.read_text(encoding="utf-8")) for path in asked.runs]))


if __name__ == "__main__":
    main()
