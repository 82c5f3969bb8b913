"""A document that was evicted from the KV cache and comes back: computed again, or copied from RAM.

    python -m benchmarks.gpu.offload --out benchmarks/results/offload_KV_CARD.json --kv fp8_e5m2
    python -m benchmarks.gpu.offload --out /tmp/offload.json --tiny --vllm-command .../vllm --evicted 5000 \
        --gib 1 --set max_model_len=8192                                                            # a rehearsal

Document A is read, others take its place in a KV cache of one window, and A is read again: by an engine with the
default settings, and by one with READROOM_ENGINE__KV_OFFLOAD_GIB. The second never sleeps, which is checked. Both
are started and stopped here; one that runs already in the work folder with the same settings is used.
"""

import argparse
import asyncio
import json
import shutil
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from agents.engine.vllm import lifecycle
from agents.engine.vllm.state_files import EngineFiles
from benchmarks.gpu.measure import Bench, Sizes
from benchmarks.gpu.memory import GIB, Sampler
from benchmarks.gpu.options import data_dir, engine_settings, parser, prepare, surroundings
from benchmarks.gpu.unattended import write_json

_STOP_SECONDS = 15.0
_SHARED = Path("/dev/shm")  # noqa: S108  where vLLM keeps what it offloads


async def measure_engine(
    asked: argparse.Namespace, kv: str, gib: float, sampler: Sampler, deadline: float
) -> dict[str, Any]:
    """Start one engine, evict and bring back a document, and stop it; each step is tried whatever became of others.

    Args:
        asked: The command line.
        kv: KV cache dtype.
        gib: RAM for evicted documents, in GiB; 0: none.
        sampler: Reads the GPU's memory meanwhile.
        deadline: When the time is up, on the monotonic clock.
    """
    settings = engine_settings(asked, kv, kv_offload_gib=gib)
    folder = data_dir(asked, f"{kv}-offload" if gib else kv)
    bench = Bench(settings, folder, Sizes(evicted=asked.evicted), sampler)
    found: dict[str, Any] = {"settings": settings.model_dump(mode="json", exclude={"api_key"})}
    sampler.peaks = {}
    steps: dict[str, Callable[[], Awaitable[dict[str, Any]]]] = {
        "start": bench.start,
        "sleep_mode": lambda: _sleep_mode(folder),
        "evicted": lambda: bench.evicted(asked.rounds if gib else 1),
        "stop": bench.stop,
    }
    for name, step in steps.items():
        sampler.phase = name
        left = deadline - time.monotonic() + (_STOP_SECONDS if name == "stop" else 0)
        try:
            found[name] = await asyncio.wait_for(step(), left)
        except Exception as error:
            found[name] = {"error": f"{type(error).__name__}: {error or 'the time was up'}"[:2_000]}
            traceback.print_exc()
            if name == "start":
                found["log"] = lifecycle.log_tail(folder, 60)[-6_000:]
                break
        print(f"{kv}, {gib:g} GiB of RAM, {name}: {json.dumps(found[name])[:700]}", flush=True)
    await lifecycle.stop(folder)
    return found | {"memory_peaks_gib": dict(sampler.peaks)}


def _shared_gib() -> float:
    """Return what is free of the memory that vLLM offloads to, in GiB; `mount -o remount,size=64G` makes it more."""
    return round(shutil.disk_usage(_SHARED).free / GIB, 1) if _SHARED.exists() else 0.0


async def _sleep_mode(folder: Path) -> dict[str, Any]:
    """Return whether the engine may be put to sleep: by the product's plan, and by what vLLM was told."""
    state = EngineFiles(folder).read_state()
    if state is None:
        return {"error": "the engine has no state"}
    told = any("--enable-sleep-mode" in attempt.arguments for attempt in state.launch.attempts)
    return {"can_sleep": state.launch.can_sleep, "vllm_told": told}


async def measure(asked: argparse.Namespace, kv: str, out: Path, sampler: Sampler) -> bool:
    """Measure with and without, writing after each; whether both came to an end."""
    deadline = time.monotonic() + asked.seconds / len(asked.kv) - 2 * _STOP_SECONDS
    report = surroundings(asked, "a document that was evicted from the KV cache and is read again") | {
        "kv_cache_dtype": kv,
        "engines": {},
    }
    room = _shared_gib()
    report["shared_memory_gib"] = room
    # vLLM makes a larger file without complaint, and dies when it fills it.
    gibs = {"offloading": min(asked.gib, 0.95 * room), "without": 0.0}
    for name in asked.engines:
        report["engines"][name] = await measure_engine(asked, kv, gibs[name], sampler, deadline)
        write_json(out, report)
    back = {
        name: min(row["seconds"] for row in engine["evicted"]["back"])
        for name, engine in report["engines"].items()
        if "back" in engine.get("evicted", {})
    }
    if len(back) == len(gibs):
        report["without_over_offloading"] = round(back["without"] / back["offloading"], 1)
        write_json(out, report)
    return len(back) == len(asked.engines)


def main() -> int:
    """Measure and write; 1 if an engine failed."""
    made = parser(__doc__)
    made.add_argument("--kv", nargs="+", default=["fp8_e5m2"], help="KV cache dtypes; KV in --out becomes the dtype")
    made.add_argument("--gib", type=float, default=20.0, help="RAM for evicted documents: 100,000 tokens take 6.9 GiB")
    made.add_argument("--rounds", type=int, default=3, help="how often the document is evicted and read from RAM")
    made.add_argument("--engines", nargs="+", default=["offloading", "without"], choices=("offloading", "without"))
    made.add_argument("--evicted", type=int, default=Sizes.evicted, help="tokens of the document")
    asked = made.parse_args()
    prepare(asked)
    with Sampler() as sampler:
        outs = [(kv, asked.out.with_name(asked.out.name.replace("KV", kv))) for kv in asked.kv]
        whole = [asyncio.run(measure(asked, kv, out, sampler)) for kv, out in outs]
    return 0 if all(whole) else 1


if __name__ == "__main__":
    sys.exit(main())
