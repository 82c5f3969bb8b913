"""Measure the resident engine on a GPU, with the product's own code and settings.

    python -m benchmarks.gpu --out engine_CARD.json                         # E5M2, E4M3, bf16 KV cache, true shape
    python -m benchmarks.gpu --out cpu.json --tiny --vllm-command .venv-vllm/bin/vllm    # a rehearsal on CPU
    CUDA_VISIBLE_DEVICES=1 python -m benchmarks.gpu --out engine_CARD.json --work /tmp/gpu1 --kv fp8_e4m3 \
        --steps start decode_short prefill_medium long_context sleep suites agents stop start_again stop_again

The weights are dummies of the true shape of Qwen3-4B-Instruct-2507-FP8 (or a folder named with --model): speed,
memory and context are real, the answers have no meaning. The result is written after each step, and no step begins
when the time is up, so a run that is cut keeps what it had. All steps of one KV cache dtype share one engine. `suites`
and `agents` write files of their own beside it, suites_KV_CARD.json and agents_KV_CARD.json. Several runs may go on
side by side, each on a GPU of its own (CUDA_VISIBLE_DEVICES) and with a --work of its own.
"""

import argparse
import asyncio
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from agents.engine.vllm import lifecycle
from benchmarks.gpu import agents_run, suites
from benchmarks.gpu.card import this_card
from benchmarks.gpu.measure import Bench, Sizes
from benchmarks.gpu.memory import Sampler
from benchmarks.gpu.options import data_dir, engine_settings, parser, prepare, surroundings
from benchmarks.gpu.unattended import write_json

_ALL = ("start", "decode_short", "prefill_medium", "long_context", "product", "sleep", "stop")
_FILES = ("suites", "agents")
_AGAIN = ("start_again", "stop_again")
_SPARE_SECONDS = 10.0

Step = Callable[[float], Awaitable[dict[str, Any]]]
"""Given the seconds that it may take."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    made = parser(__doc__)
    made.add_argument("--kv", nargs="+", default=["fp8_e5m2", "fp8_e4m3", "auto"], help="KV cache dtypes")
    made.add_argument("--brief", nargs="*", default=["auto"], help="KV cache dtypes that are only started and stopped")
    made.add_argument(
        "--steps",
        nargs="+",
        default=list(_ALL),
        help=f"of {', '.join((*_ALL, 'follow_ups', 'trace', 'evicted', *_FILES, *_AGAIN))}",
    )
    made.add_argument("--step-seconds", type=float, default=240.0, help="time for one step")
    made.add_argument("--reserve", type=float, default=0.0, help="seconds kept for what comes after the first stop")
    made.add_argument("--keep-running", action="store_true", help="leave the engine to the next command")
    for name in ("short", "medium", "long", "evicted", "answer"):
        made.add_argument(f"--{name}", type=int, default=getattr(Sizes, name))
    made.add_argument("--trace", type=Path, help="where vLLM's profiler writes, for the step `trace`")
    suites.add_choices(made)
    agents_run.add_sizes(made)
    made.set_defaults(stop=False)
    asked = made.parse_args()
    if asked.trace:
        profiler = {"profiler": "torch", "torch_profiler_dir": str(asked.trace.absolute())}
        asked.extra += ["+--profiler-config", json.dumps(profiler | {"torch_profiler_with_stack": False})]
    return asked


async def measure(asked: argparse.Namespace, sampler: Sampler) -> dict[str, Any]:
    """Run all steps for all KV cache dtypes."""
    deadline = time.monotonic() + asked.seconds
    what = "the resident engine, started and asked by the product's own code"
    report: dict[str, Any] = surroundings(asked, what) | {"engines": {}}
    for kv in asked.kv:
        engine: dict[str, Any] = {"settings": {}, "steps": {}}
        report["engines"][kv] = engine
        sampler.peaks = {}
        wanted = ("start", "stop") if kv in asked.brief else asked.steps
        for name, step in _steps(asked, kv, engine, sampler).items():
            if name not in wanted:
                continue
            ends = deadline if name in ("stop", *_AGAIN) else deadline - asked.reserve
            await _run(name, step, engine, sampler, min(asked.step_seconds, ends - time.monotonic()))
            engine["memory_peaks_gib"] = dict(sampler.peaks)
            write_json(asked.out, report)
            if "error" in engine["steps"].get("start", {}):
                break
        if not asked.keep_running:
            await lifecycle.stop(data_dir(asked, kv))
    return report


def _steps(asked: argparse.Namespace, kv: str, engine: dict[str, Any], sampler: Sampler) -> dict[str, Step]:
    """Return the steps of one KV cache dtype in their order."""
    chosen = engine_settings(asked, kv)
    engine["settings"] = chosen.model_dump(mode="json", exclude={"api_key"})
    sizes = Sizes(asked.short, asked.medium, asked.long, asked.evicted, asked.answer)
    bench = Bench(chosen, data_dir(asked, kv), sizes, sampler, asked.trace)
    own = {name: _untimed(step) for name, step in bench.steps().items()}
    at_last = ("sleep", "stop", *_AGAIN)
    first = {name: step for name, step in own.items() if name not in at_last}
    return first | _file_steps(asked, kv) | {name: own[name] for name in at_last}


def _untimed(step: Callable[[], Awaitable[dict[str, Any]]]) -> Step:
    return lambda _: step()


def _file_steps(asked: argparse.Namespace, kv: str) -> dict[str, Step]:
    """Return the steps that write files of their own, with time left to write them."""

    async def run(name: str, seconds: float) -> dict[str, Any]:
        out = asked.out.with_name(f"{name}_{kv}_{this_card()}.json")
        module = {"suites": suites, "agents": agents_run}[name]
        return {"file": out.name, "whole": await module.measure(asked, kv, out, seconds - _SPARE_SECONDS)}

    return {name: lambda seconds, name=name: run(name, seconds) for name in _FILES}


async def _run(name: str, step: Step, engine: dict[str, Any], sampler: Sampler, seconds: float) -> None:
    if seconds < 5:
        engine["steps"][name] = {"skipped": "the time was up"}
        return
    sampler.phase = name
    began = time.monotonic()
    try:
        engine["steps"][name] = await asyncio.wait_for(step(seconds), seconds)
    except Exception as error:
        engine["steps"][name] = {"error": f"{type(error).__name__}: {error}"[:2_000]}
        traceback.print_exc()
    print(f"{name}: {time.monotonic() - began:.1f} s  {json.dumps(engine['steps'][name])[:600]}", flush=True)


def main() -> int:
    """Measure and write the report; 1 if a step failed."""
    asked = arguments()
    prepare(asked)
    with Sampler() as sampler:
        report = asyncio.run(measure(asked, sampler))
    failed = [kv for kv, engine in report["engines"].items() for step in engine["steps"].values() if "error" in step]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
