"""Reports and figures for tests."""

from collections.abc import AsyncIterator
from typing import Any

from agents.benchmark.report import BenchmarkReport, Machine, Measurement
from agents.schema import EngineInfo

EXTRACTIVE = EngineInfo(name="extractive")
VLLM = EngineInfo(
    name="vllm", generative=True, model="Qwen/Qwen3-4B", context_tokens=131_072, kv_cache_dtype="fp8_e5m2"
)
LAPTOP = Machine(system="Linux 6", processor="A processor", cores=2, memory_gib=24)
GPU = LAPTOP.model_copy(update={"gpus": ("NVIDIA H200, 140 GiB",)})


def figure(key: str, value: float, at: int | None = None, **fields: Any) -> Measurement:
    given = {"key": key, "name": key.replace("_", " "), "value": value, "at": at}
    return Measurement.model_validate({"unit": "s", "how": "By hand.", **given, **fields})


def report(*figures: Measurement, **fields: Any) -> BenchmarkReport:
    return BenchmarkReport.model_validate(
        {
            "suite": "quick",
            "status": "complete",
            "date": "2026-11-23T15:04:05+00:00",
            "seconds": 30.0,
            "versions": {"python": "3.11"},
            "machine": LAPTOP,
            "settings": {"engine": {"kind": "auto"}},
            "engine": EXTRACTIVE,
            "rows": (),
            "figures": figures,
            **fields,
        }
    )


def model_figures() -> list[Measurement]:
    """What the suite `full` measures on a GPU."""
    prompts = ((1_024, 40_000, 0.02, 0.015), (16_384, 33_500, 0.5, 0.04), (131_008, 6_900, 18.7, 0.14))
    return [
        figure("decode_tokens_per_second", 239, 1, unit="tok/s", better="more"),
        figure("decode_tokens_per_second", 1_414, 8, unit="tok/s", better="more"),
        *(figure("prefill_tokens_per_second", rate, at, unit="tok/s", better="more") for at, rate, _, _ in prompts),
        *(figure("ttft_cold_seconds", cold, at) for at, _, cold, _ in prompts),
        *(figure("ttft_warm_seconds", warm, at) for at, _, _, warm in prompts),
        figure("gpu_peak_gib", 14.6, unit="GiB"),
        figure("plan_weights_gib", 4.1, unit="GiB"),
        figure("plan_kv_cache_gib", 9.0, unit="GiB"),
        figure("context_tokens", 131_072, unit="tokens", better="more"),
        figure("kv_to_bf16", 0.5, unit="of bf16"),
        figure("overhead_p95_ms", 43, unit="ms"),
    ]


def product_figures() -> list[Measurement]:
    """What the suite `quick` measures everywhere."""
    return [
        figure("answer_first_seconds", 1.5),
        figure("answer_second_seconds", 0.1),
        figure("overhead_p95_ms", 43, unit="ms"),
        figure("open_first_seconds", 0.6),
        figure("open_second_seconds", 0.0002),
        figure("search_p50_ms", 0.2, unit="ms"),
        figure("search_p95_ms", 0.5, unit="ms"),
        figure("process_memory_mib", 190, unit="MiB"),
    ]


async def all_of(figures: AsyncIterator[Measurement]) -> list[Measurement]:
    """What a measurement yields."""
    return [figure async for figure in figures]
