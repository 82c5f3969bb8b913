"""Measure the resident engine on a GPU, with the product's own code and settings.

    python -m benchmarks.gpu --out engine.json                              # E5M2, E4M3, bf16 KV cache, true shape
    python -m benchmarks.gpu --out cpu.json --tiny --vllm-command .venv-vllm/bin/vllm    # a rehearsal on CPU

The weights are dummies of the true shape of Qwen3-4B-Instruct-2507-FP8 (or a folder named with --model): speed,
memory and context are real, the answers have no meaning. The result is written after each step, and no step begins
when the time is up, so a run that is cut keeps what it had.
"""

import argparse
import asyncio
import datetime
import importlib.metadata
import json
import platform
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from agents.engine import vllm_server
from agents.settings import EngineSettings
from benchmarks.checkpoints import write_qwen3_4b_fp8, write_tiny
from benchmarks.gpu.measure import Bench, Sizes
from benchmarks.gpu.memory import Sampler, read_device

_ALL = ("start", "decode_short", "prefill_medium", "long_context", "product", "sleep", "stop")
_AGAIN = ("start_again", "stop_again")


Step = Callable[[], Awaitable[dict[str, Any]]]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the JSON to write")
    parser.add_argument("--work", type=Path, default=Path("build/gpu"), help="where checkpoint and engine live")
    parser.add_argument("--kv", nargs="+", default=["fp8_e5m2", "fp8_e4m3", "auto"], help="KV cache dtypes")
    parser.add_argument(
        "--brief", nargs="*", default=["auto"], help="KV cache dtypes that are only started and stopped"
    )
    parser.add_argument("--model", type=Path, help="a checkpoint with weights, instead of the dummies")
    parser.add_argument("--tiny", action="store_true", help="the tiny checkpoint, for a rehearsal")
    parser.add_argument("--vllm-command", default="vllm")
    parser.add_argument("--extra", nargs="*", default=[], help="more arguments for vllm serve, each written as +-name")
    parser.add_argument("--set", nargs="*", default=[], help="more settings of the engine, as name=JSON")
    parser.add_argument("--steps", nargs="+", default=list(_ALL), help=f"of {', '.join((*_ALL, *_AGAIN))}")
    parser.add_argument("--seconds", type=float, default=560.0, help="time for everything")
    parser.add_argument("--step-seconds", type=float, default=240.0, help="time for one step")
    parser.add_argument("--short", type=int, default=Sizes.short)
    parser.add_argument("--medium", type=int, default=Sizes.medium)
    parser.add_argument("--long", type=int, default=Sizes.long)
    parser.add_argument("--answer", type=int, default=Sizes.answer)
    return parser.parse_args()


def settings(asked: argparse.Namespace, kv_cache_dtype: str) -> EngineSettings:
    """Return the product's settings for one KV cache dtype."""
    extra = [word.removeprefix("+") for word in asked.extra]
    changes: dict[str, Any] = {}
    if asked.tiny:
        model = write_tiny(asked.work / "tiny")
        extra.append("--enforce-eager")
        changes["quantization"] = "auto"
    elif asked.model:
        model = asked.model
    else:
        model = write_qwen3_4b_fp8(asked.work / "qwen3-4b-fp8")
        extra += ["--load-format", "dummy"]
    changes |= {name: json.loads(value) for name, _, value in (word.partition("=") for word in asked.set)}
    return EngineSettings(
        kind="vllm",
        model=str(model),
        kv_cache_dtype=kv_cache_dtype,
        vllm_command=asked.vllm_command,
        extra_args=tuple(extra),
        idle_sleep_seconds=0,
        idle_stop_seconds=900,
        **changes,
    )


def surroundings(asked: argparse.Namespace) -> dict[str, Any]:
    """Return when, where and with which versions this is measured."""
    versions = {}
    for name in ("torch", "transformers", "flashinfer-python", "xgrammar", "tokenizers"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    weights = "the tiny random checkpoint" if asked.tiny else str(asked.model or "dummies of the true shape")
    return {
        "what": "the resident engine, started and asked by the product's own code",
        "weights": f"{weights}: speed, memory and context are real, the answers have no meaning",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": read_device(),
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "versions": versions,
        "command": sys.argv[1:],
    }


async def measure(asked: argparse.Namespace, sampler: Sampler) -> dict[str, Any]:
    """Run all steps for all KV cache dtypes."""
    deadline = time.monotonic() + asked.seconds
    report: dict[str, Any] = surroundings(asked) | {"engines": {}}
    sizes = Sizes(short=asked.short, medium=asked.medium, long=asked.long, answer=asked.answer)
    for kv in asked.kv:
        data_dir = asked.work / f"data-{kv}"
        data_dir.mkdir(parents=True, exist_ok=True)
        chosen = settings(asked, kv)
        engine: dict[str, Any] = {"settings": chosen.model_dump(mode="json", exclude={"api_key"}), "steps": {}}
        report["engines"][kv] = engine
        bench = Bench(chosen, data_dir, sizes, sampler)
        wanted = ("start", "stop") if kv in asked.brief else asked.steps
        sampler.peaks = {}
        for name, step in bench.steps().items():
            if name in wanted:
                await _run(name, step, engine, sampler, min(asked.step_seconds, deadline - time.monotonic()))
                engine["memory_peaks_gib"] = dict(sampler.peaks)
                asked.out.write_text(json.dumps(report, indent=1) + "\n")
            if "error" in engine["steps"].get("start", {}):
                break
        await vllm_server.stop(data_dir)
    return report


async def _run(name: str, step: Step, engine: dict[str, Any], sampler: Sampler, seconds: float) -> None:
    if seconds < 5:
        engine["steps"][name] = {"skipped": "the time was up"}
        return
    sampler.phase = name
    began = time.monotonic()
    try:
        engine["steps"][name] = await asyncio.wait_for(step(), seconds)
    except Exception as error:
        engine["steps"][name] = {"error": f"{type(error).__name__}: {error}"[:2_000]}
        traceback.print_exc()
    print(f"{name}: {time.monotonic() - began:.1f} s  {json.dumps(engine['steps'][name])[:600]}", flush=True)


def main() -> int:
    """Measure and write the report; 1 if a step failed."""
    asked = arguments()
    asked.work = asked.work.absolute()
    asked.work.mkdir(parents=True, exist_ok=True)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    with Sampler() as sampler:
        report = asyncio.run(measure(asked, sampler))
    failed = [kv for kv, engine in report["engines"].items() for step in engine["steps"].values() if "error" in step]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
