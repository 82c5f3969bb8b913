"""The vLLM behind the engine: where it is, what memory it takes, and how it sleeps."""

import asyncio
import time
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from filelock import Timeout
from pydantic import SecretStr

from agents.benchmark.report import Measurement
from agents.benchmark.serving import CompletionClient, Serving, kv_figures
from agents.engine.model_config import read_shape
from agents.engine.openai.endpoint import Endpoint, find_endpoint, is_loopback
from agents.engine.registry import choose_engine
from agents.engine.vllm.hardware import read_gpus
from agents.engine.vllm.memory_plan import MemoryMeter, MemoryPlan
from agents.engine.vllm.probe import Probe
from agents.engine.vllm.state_files import Attachment, EngineFiles, EngineState
from agents.errors import EngineError
from agents.schema import EngineInfo
from agents.settings import Settings

_SAMPLE_SECONDS = 0.5
_LOCK_SECONDS = 30.0
_MIB_PER_GIB = 1_024


@dataclass(frozen=True)
class Served:
    """A vLLM server; with `state` it is our own resident one, whose processes and files we know."""

    endpoint: Endpoint
    files: EngineFiles
    state: EngineState | None = None

    @property
    def plan(self) -> MemoryPlan | None:
        """Where its GPU memory was to go; None on a CPU, and for a server that others started."""
        return self.state.launch.plan if self.state else None

    @property
    def on_gpu(self) -> bool:
        """Whether it computes on an NVIDIA GPU of this machine, as far as we can know."""
        if self.state:
            return self.plan is not None
        return is_loopback(self.endpoint.base_url) and bool(read_gpus())

    def memory_gib(self) -> float | None:
        """Return what its processes hold: GPU memory, or RAM without a GPU; None where others started it."""
        return MemoryMeter(self.plan).gib(self.state.engine) if self.state else None

    @contextmanager
    def in_use(self) -> Generator[None]:
        """Keep it from being put to sleep while it is measured."""
        if self.state is None:
            yield
            return
        client = Attachment(self.files)
        client.attach()
        try:
            with client.busy():
                yield
        finally:
            client.detach()


async def find_served(settings: Settings, info: EngineInfo) -> Served | None:
    """Return the vLLM that an open engine asks, or None where it is none.

    Raises:
        EngineError: It does not answer.
    """
    if info.name != "vllm":
        return None
    files = EngineFiles(settings.data_dir)
    if choose_engine(settings.engine, settings.data_dir).kind == "openai":
        return Served(await find_endpoint(settings.engine, settings.engine.base_url or ""), files)
    state = files.read_state()
    if state is None or state.port is None:
        raise EngineError("The resident engine has just ended.", hint="Run `readroom engine start`, then again.")
    ours = settings.engine.model_copy(update={"api_key": SecretStr(files.key()), "model": state.model})
    return Served(await find_endpoint(ours, f"http://127.0.0.1:{state.port}/v1"), files, state)


def serving(served: Served, settings: Settings) -> Serving:
    """Return what measures it."""
    return Serving(
        client=CompletionClient(served.endpoint),
        context_tokens=served.endpoint.info.context_tokens or settings.engine.max_model_len,
        shape=read_shape(served.endpoint.model) or read_shape(settings.engine.model),
        seed=time.time_ns() % 1_000_000_007,
    )


class MemoryWatch:
    """Notes the most memory that an engine ever takes while it is watched.

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


async def measure_engine(served: Served, measured: Serving, watch: MemoryWatch) -> AsyncIterator[Measurement]:
    """Yield what the engine holds: its KV cache, its memory now and at its peak, and how long its last start took."""
    for figure in kv_figures(await measured.client.metrics(), measured.shape):
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
    """Return the engine's memory now and at its peak; nothing where it cannot be read."""
    if now is None:
        return []
    most = max(now, peak or 0.0)
    if not on_gpu:
        how = f"Resident sets of the engine's processes together, read every {_SAMPLE_SECONDS} s."
        return [
            Measurement(
                key="engine_memory_mib",
                name="Engine's memory",
                value=most * _MIB_PER_GIB,
                unit="MiB",
                how=f"Peak. {how}",
            )
        ]
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


async def measure_sleep(served: Served) -> AsyncIterator[Measurement]:
    """Yield how long the engine takes to fall asleep and to wake, and what it holds meanwhile.

    Raises:
        EngineError: It is in use, cannot sleep, or could not be woken.
    """
    asleep, awake, held = await asyncio.to_thread(_sleep_and_wake, served)
    how = "vLLM's sleep, level 1: weights to RAM, KV cache let go; checked by asking whether it sleeps."
    yield Measurement(key="sleep_seconds", name="Falling asleep", value=asleep, unit="s", how=how)
    yield Measurement(key="wake_seconds", name="Waking up", value=awake, unit="s", how=how)
    if held is not None:
        yield Measurement(key="asleep_gib", name="GPU memory asleep", value=held, unit="GiB", how=how)


def _sleep_and_wake(served: Served) -> tuple[float, float, float | None]:
    state = served.state
    if state is None or state.port is None or not state.launch.can_sleep:
        raise EngineError("This engine does not sleep.", hint="Only the resident engine on a GPU does.")
    probe = Probe(state.port, served.files.key())
    try:
        with served.files.lock("use").acquire(timeout=_LOCK_SECONDS):
            load = probe.load()
            if served.files.busy() or load is None or not load.idle:
                raise EngineError("The engine is in use and is not put to sleep.", hint="Measure when it is idle.")
            started = time.perf_counter()
            slept = probe.sleep()
            fell = time.perf_counter()
            held = served.memory_gib()
            measured = time.perf_counter()
            woke = probe.wake()
            ended = time.perf_counter()
    except Timeout as error:
        raise EngineError("The engine is in use and is not put to sleep.", hint="Measure when it is idle.") from error
    if not (slept and woke):
        raise EngineError(
            "The engine did not sleep and wake as asked.", hint="`readroom engine status` says how it is."
        )
    return fell - started, ended - measured, held
