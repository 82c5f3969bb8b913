"""The vLLM that is measured: where it is, and what is known of it where it is our own resident one."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from filelock import Timeout
from pydantic import SecretStr

from agents.engine.openai.endpoint import Endpoint, find_endpoint, is_loopback
from agents.engine.registry import choose_engine
from agents.engine.vllm.hardware import read_gpus
from agents.engine.vllm.memory_plan import MemoryMeter, MemoryPlan
from agents.engine.vllm.probe import Probe
from agents.engine.vllm.state_files import Attachment, EngineFiles, EngineState
from agents.errors import EngineError
from agents.schema import EngineInfo
from agents.settings import Settings

_LOCK_SECONDS = 30.0
"""How long to wait for whoever puts the engine to sleep or wakes it."""


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

    def sleep_and_wake(self) -> tuple[float, float, float | None]:
        """Return the seconds of falling asleep and of waking, and the GiB held in between.

        Raises:
            EngineError: It is in use, cannot sleep, or could not be woken.
        """
        state = self.state
        if state is None or state.port is None or not state.launch.can_sleep:
            raise EngineError("This engine does not sleep.", hint="Only the resident engine on a GPU does.")
        probe = Probe(state.port, self.files.key())
        in_use = EngineError("The engine is in use and is not put to sleep.", hint="Measure when it is idle.")
        try:
            with self.files.lock("use").acquire(timeout=_LOCK_SECONDS):
                load = probe.load()
                if self.files.busy() or load is None or not load.idle:
                    raise in_use
                started = time.perf_counter()
                slept = probe.sleep()
                fell = time.perf_counter()
                held = self.memory_gib()
                measured = time.perf_counter()
                woke = probe.wake()
                ended = time.perf_counter()
        except Timeout as error:
            raise in_use from error
        if not (slept and woke):
            raise EngineError(
                "The engine did not sleep and wake as asked.", hint="`readroom engine status` says how it is."
            )
        return fell - started, ended - measured, held


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
