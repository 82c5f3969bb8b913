"""The engine where little of a GPU's memory is free: a process holds the rest of a larger card meanwhile.

    python -m benchmarks.gpu.small_card --out benchmarks/results/small_card_CARD.json --free 15.4 14.5 11.5 7.5
    python -m benchmarks.gpu.small_card --out /tmp/small.json --tiny --vllm-command .../vllm --free 0 \
        --set max_model_len=8192                                                            # a rehearsal without a GPU

Each start is planned, started and stopped by the product's own code and default settings. Behind it the whole context
that the plan allows is filled and eight answers are written at once, so that a card which is too small for its plan
fails here. It is another card's memory, not its speed: what an H200 computes in a second, a small card does not.
"""

import argparse
import asyncio
import json
import multiprocessing
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from agents.engine.vllm import lifecycle
from agents.errors import EngineError
from agents.schema import Progress
from benchmarks.gpu.measure import Bench, Sizes
from benchmarks.gpu.memory import GIB, Sampler, read_device
from benchmarks.gpu.options import data_dir, engine_settings, parser, prepare, surroundings
from benchmarks.gpu.unattended import write_json

_HOLD_SECONDS = 60.0
_STOP_SECONDS = 10.0
_BESIDE_TOKENS = 1_024
"""Of the context, left for the answers."""
_OFF_GIB = 0.1
"""What is free may differ by this from what was asked for."""


def _hold(free_gib: float, parent: Connection) -> None:
    """Take the first GPU's memory until so much is free, say so, and keep it until the parent has gone on."""
    import torch

    torch.zeros(1, device="cuda")
    free, _ = torch.cuda.mem_get_info()
    held = torch.empty(max(0, int(free - free_gib * GIB)), dtype=torch.uint8, device="cuda")
    parent.send(held.numel())
    parent.poll(None)


@contextmanager
def memory_left(free_gib: float) -> Iterator[float | None]:
    """Leave so much of the first GPU's memory free within, in GiB; yields what NVML says is free, None without a GPU.

    Raises:
        RuntimeError: Not so much is free, or the memory could not be taken.
    """
    if read_device() is None:
        yield None
        return
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    holder = spawned.Process(target=_hold, args=(free_gib, theirs), daemon=True)
    holder.start()
    try:
        if not ours.poll(_HOLD_SECONDS):
            raise RuntimeError(f"nothing was taken within {_HOLD_SECONDS:.0f} s")
        ours.recv()
        free = _free_gib()
        if abs(free - free_gib) > _OFF_GIB:
            raise RuntimeError(f"{free:.2f} GiB are free, and not {free_gib}")
        yield round(free, 3)
    finally:
        ours.send(None)
        holder.join(_HOLD_SECONDS)


def _free_gib() -> float:
    device = read_device() or {"total_gib": 0.0, "used_gib": 0.0}
    return device["total_gib"] - device["used_gib"]


async def measure_free(asked: argparse.Namespace, kv: str, free_gib: float, sampler: Sampler) -> dict[str, Any]:
    """Start the engine in what is free, fill its context, write eight answers at once, and stop it.

    Args:
        asked: The command line.
        kv: KV cache dtype.
        free_gib: What is left free, in GiB.
        sampler: Reads the GPU's memory meanwhile.
    """
    settings, folder = engine_settings(asked, kv), data_dir(asked, kv)
    found: dict[str, Any] = {"kv_cache_dtype": kv, "asked_free_gib": free_gib}
    with memory_left(free_gib) as found["free_gib"]:
        sampler.peaks, sampler.phase = {}, "start"
        began = time.monotonic()
        try:
            state = await lifecycle.start(settings, folder, partial(_enter, sampler))
            found["start_seconds"] = round(time.monotonic() - began, 1)
            sampler.phase = "served"
            long = state.context_tokens - _BESIDE_TOKENS
            bench = Bench(settings, folder, Sizes(long=long, answer=asked.answer), sampler)
            found |= await _served(bench)
        except EngineError as error:
            found["refused"] = str(error)
            found["log"] = lifecycle.log_tail(folder, 40)[-4_000:]
        finally:
            await lifecycle.stop(folder)
    total = (read_device() or {}).get("total_gib", 0.0)
    found["least_free_gib"] = {phase: round(total - peak["used_gib"], 3) for phase, peak in sampler.peaks.items()}
    return found


def _enter(sampler: Sampler, told: Progress) -> None:
    sampler.phase = stage(told.message)


def stage(message: str) -> str:
    """Return what a start has come to: "compiling" of "The engine is compiling, ready in about 70 s"."""
    return message.split(",")[0].removeprefix("The engine is ")


async def _served(bench: Bench) -> dict[str, Any]:
    """Return what the engine that runs was planned as, and how it served a full context and eight streams."""
    started = await bench.start()
    plan = started["plan"] or {}
    kept = ("context_tokens", "kv_cache_dtype", "kv_tokens", "notes")
    planned = ("needed_gib", "batch_tokens", "budget_gib", "free_gib")
    try:
        return {
            **{name: started[name] for name in kept},
            "plan": {name: plan.get(name) for name in planned},
            "decode_short": await bench.decode_short(),
            "whole_context": await bench.long_context(),
        }
    finally:
        await bench.stop()


async def measure(asked: argparse.Namespace, sampler: Sampler) -> bool:
    """Measure each amount with each KV cache dtype, writing after each; whether every start served."""
    deadline = time.monotonic() + asked.seconds
    report = surroundings(asked, "the resident engine where little of a GPU's memory is free") | {"starts": []}
    for kv in asked.kv:
        for free_gib in asked.free:
            try:
                found = await asyncio.wait_for(
                    measure_free(asked, kv, free_gib, sampler), deadline - time.monotonic() - _STOP_SECONDS
                )
            except Exception as error:
                found = {"kv_cache_dtype": kv, "asked_free_gib": free_gib}
                found["error"] = f"{type(error).__name__}: {error or 'the time was up'}"[:2_000]
                traceback.print_exc()
            report["starts"].append(found)
            write_json(asked.out, report)
            print(json.dumps(found)[:900], flush=True)
    return all("whole_context" in found for found in report["starts"])


def main() -> int:
    """Measure and write; 1 if a start did not serve."""
    made = parser(__doc__)
    made.add_argument("--kv", nargs="+", default=["fp8_e5m2"], help="KV cache dtypes")
    made.add_argument("--free", nargs="+", type=float, required=True, help="what is left free on the GPU, in GiB")
    made.add_argument("--answer", type=int, default=Sizes.answer, help="tokens of an answer")
    asked = made.parse_args()
    prepare(asked)
    with Sampler() as sampler:
        return 0 if asyncio.run(measure(asked, sampler)) else 1


if __name__ == "__main__":
    sys.exit(main())
