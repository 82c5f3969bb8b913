"""What an engine holds: its KV cache, its memory now, at its peak and asleep, beside what was planned."""

import asyncio
from collections.abc import AsyncIterator

from agents.benchmark.prometheus import Metrics
from agents.benchmark.report import Measurement
from agents.benchmark.served import Served
from agents.benchmark.serving import Serving
from agents.engine.model_config import GIB, ModelShape
from agents.engine.vllm.memory_plan import MemoryPlan

_SAMPLE_SECONDS = 0.5
_MIB_PER_GIB = 1_024


class MemoryWatch:
    """Notes the most memory that an engine takes while it is watched, in GiB.

    Args:
        served: The engine.
    """

    def __init__(self, served: Served) -> None:
        self._served = served
        self._task: asyncio.Task[None] | None = None
        self.peak_gib: float | None = None

    async def __aenter__(self) -> "MemoryWatch":
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _watch(self) -> None:
        while (now := await asyncio.to_thread(self._served.memory_gib)) is not None:
            self.peak_gib = max(now, self.peak_gib or 0.0)
            await asyncio.sleep(_SAMPLE_SECONDS)


async def measure_engine(served: Served, serving: Serving, watch: MemoryWatch) -> AsyncIterator[Measurement]:
    """Yield what the engine holds: its KV cache, its memory now and at its peak, and how long its last start took."""
    for figure in kv_figures(await serving.client.metrics(), serving.shape):
        yield figure
    now = await asyncio.to_thread(served.memory_gib)
    for figure in memory_figures(now, watch.peak_gib, on_gpu=served.on_gpu):
        yield figure
    if served.plan:
        for figure in plan_figures(served.plan):
            yield figure
    if served.state and served.state.ready_seconds:
        yield Measurement(
            key="engine_start_seconds",
            name="Last start of the engine",
            value=served.state.ready_seconds,
            unit="s",
            how="From the process to its first healthy answer, as its watch noted.",
        )


def memory_figures(now: float | None, peak: float | None, *, on_gpu: bool) -> list[Measurement]:
    """Return the engine's memory now and at its peak, both given in GiB; nothing where it cannot be read."""
    if now is None:
        return []
    most = max(now, peak or 0.0)
    if not on_gpu:
        how = f"Peak. Resident sets of the engine's processes together, read every {_SAMPLE_SECONDS} s."
        name, mib = "Engine's memory", most * _MIB_PER_GIB
        return [Measurement(key="engine_memory_mib", name=name, value=mib, unit="MiB", how=how)]
    how = f"NVML, the engine's processes, read every {_SAMPLE_SECONDS} s; a 16 GB card has 16 GiB."
    return [
        Measurement(key="gpu_now_gib", name="GPU memory now", value=now, unit="GiB", how=how),
        Measurement(key="gpu_peak_gib", name="GPU memory at peak", value=most, unit="GiB", how=how),
    ]


def plan_figures(plan: MemoryPlan) -> list[Measurement]:
    """Return where the GPU memory was planned to go."""
    return [
        Measurement(
            key=f"plan_{name}",
            name=f"Planned: {name.removesuffix('_gib').replace('_', ' ')}",
            value=float(getattr(plan, name)),
            unit="GiB",
            better="neither",
            how="Computed before the start from the model's shape and the settings.",
        )
        for name in ("weights_gib", "kv_cache_gib", "activations_gib", "graphs_gib", "runtime_gib")
    ]


def kv_figures(metrics: Metrics, shape: ModelShape | None) -> list[Measurement]:
    """Return the size of the KV cache, and what it takes beside one of 16 bits.

    The bytes are the engine's own figure where it gives one, else computed from the model's shape; bf16 takes
    2 (key, value) x layers x KV heads x head size x 2 bytes for each token.
    """
    info = "vllm:cache_config_info"
    tokens = _number(metrics.label(info, "kv_cache_size_tokens"))
    if tokens is None:
        blocks, block_tokens = (_number(metrics.label(info, label)) for label in ("num_gpu_blocks", "block_size"))
        tokens = blocks * block_tokens if blocks and block_tokens else None
    if not tokens:
        return []
    own = "The engine's own figure"
    figures = [
        Measurement(key="kv_cache_tokens", name="KV cache", value=tokens, unit="tokens", better="more", how=f"{own}.")
    ]
    dtype = metrics.label(info, "cache_dtype") or "auto"
    size, how = _number(metrics.label(info, "kv_cache_memory_bytes")), own
    if not size and shape:
        size, how = tokens * shape.kv_bytes_per_token(dtype), f"Computed from the model's shape in {dtype}"
    if not size:
        return figures
    figures.append(
        Measurement(key="kv_cache_gib", name="KV cache", value=size / GIB, unit="GiB", better="neither", how=f"{how}.")
    )
    if shape:
        each, bf16 = size / tokens, shape.kv_bytes_per_token("auto")
        how = f"{how}: {each:,.0f} bytes a token beside {bf16:,} in bf16."
        figures.append(
            Measurement(key="kv_to_bf16", name="KV cache beside bf16", value=each / bf16, unit="of bf16", how=how)
        )
    return figures


def _number(text: str | None) -> float | None:
    """Read a metric's label; None where it is no number."""
    try:
        return float(text) if text else None
    except ValueError:
        return None


async def measure_sleep(served: Served) -> AsyncIterator[Measurement]:
    """Yield how long the engine takes to fall asleep and to wake, and what it holds meanwhile.

    Raises:
        EngineError: It is in use, cannot sleep, or could not be woken.
    """
    asleep, awake, held = await asyncio.to_thread(served.sleep_and_wake)
    how = "vLLM's sleep, level 1: weights to RAM, KV cache let go; checked by asking whether it sleeps."
    yield Measurement(key="sleep_seconds", name="Falling asleep", value=asleep, unit="s", how=how)
    yield Measurement(key="wake_seconds", name="Waking up", value=awake, unit="s", how=how)
    if held is not None:
        yield Measurement(key="asleep_gib", name="GPU memory asleep", value=held, unit="GiB", how=how)
