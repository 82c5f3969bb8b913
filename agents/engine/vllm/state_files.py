"""The files through which the resident engine's watchdog and its clients communicate.

The watchdog alone writes `state.json`; every client writes its own files under `clients/`. A process is
identified by its number and its start time together, so that a file left behind by `kill -9` is recognised.

<data_dir>/engine/
├── start.lock    held while a client starts the engine
├── watch.lock    held by the watchdog for as long as there is an engine
├── use.lock      held while a request begins, and while the engine is put to sleep
├── launch.json   what the watchdog is to start
├── state.json    what it has started
├── api_key       only the user can read it
├── vllm.log, watch.log
├── start_seconds.json   how long starts took, by digest
├── plugin/       what makes our plugin importable inside vLLM's process
└── clients/      one file for each attached client; NAME.busy while it has requests in flight
"""

import json
import os
import secrets
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from filelock import FileLock
from pydantic import Field, ValidationError

from agents.engine.vllm.memory_plan import MemoryPlan
from agents.engine.vllm.processes import ProcessId
from agents.schema import Frozen

StateName = Literal["absent", "starting", "ready", "asleep", "failed"]
ModelT = TypeVar("ModelT", bound=Frozen)


class Attempt(Frozen):
    """One way to start the engine."""

    arguments: tuple[str, ...]
    kv_cache_dtype: str
    context_tokens: int
    plugin: bool = Field(default=True, description="Whether Readroom's plugin is loaded inside vLLM.")
    plan: MemoryPlan | None = Field(default=None, description="None on a machine without an NVIDIA GPU.")

    def instead_of(self, other: "Attempt") -> str:
        """Say what the engine goes without because another attempt failed."""
        if self.kv_cache_dtype == other.kv_cache_dtype and self.plugin:
            return "Readroom's kernels could not be had, vLLM's own are used"
        if self.kv_cache_dtype == other.kv_cache_dtype:
            return "Readroom's plugin could not be loaded, vLLM does without it"
        used = "one of 16 bits" if self.kv_cache_dtype == "auto" else self.kv_cache_dtype
        return f"{other.kv_cache_dtype} KV cache could not be had, {used} is used"


class Launch(Frozen):
    """What the watchdog is to start, and how long the engine may idle."""

    model: str
    digest: str = Field(description="Of every setting that changes what is served.")
    command: tuple[str, ...] = Field(description="The words that call vLLM.")
    attempts: tuple[Attempt, ...] = Field(
        description="The next is tried where one's KV cache or our plugin cannot be had, or it does not read."
    )
    reading_sentences: int = Field(description="Of the text that it must copy from before it is used; 0: no check.")
    environment: dict[str, str] = Field(description="Added to the watchdog's own.")
    notes: tuple[str, ...] = ()
    can_sleep: bool
    idle_sleep_seconds: float
    idle_stop_seconds: float
    start_seconds: float
    identity: str = Field(description="The second name under which the engine serves its model.")
    started_by: int = Field(description="Process number of the starter.")

    @property
    def plan(self) -> MemoryPlan | None:
        """The memory plan of the present attempt; None on a machine without an NVIDIA GPU."""
        return self.attempts[0].plan


class EngineState(Frozen):
    """What the watchdog has started."""

    state: StateName
    watch: ProcessId
    engine: ProcessId | None = None
    port: int | None = None
    model: str
    digest: str
    kv_cache_dtype: str
    context_tokens: int
    started_at: float = Field(description="Seconds since the epoch when the present attempt began.")
    ready_seconds: float | None = Field(default=None, description="How long the start took.")
    restarts: int = 0
    memory_gib: float | None = Field(default=None, description="Memory in use: the GPU's, or RAM without one.")
    over_budget: bool = False
    notes: tuple[str, ...] = ()
    failure: str | None = None
    launch: Launch

    @property
    def serving(self) -> bool:
        """Whether its engine is alive and answers, or will when it is woken."""
        return self.state in ("ready", "asleep") and self.engine is not None and self.engine.alive()

    @property
    def running(self) -> bool:
        """Whether its watchdog is at work."""
        return self.state != "failed" and self.watch.alive()


class EngineFiles:
    """The files under one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "engine"
        self.clients = self.folder / "clients"
        self.launch = self.folder / "launch.json"
        self.state = self.folder / "state.json"
        self.api_key = self.folder / "api_key"
        self.log = self.folder / "vllm.log"
        self.watch_log = self.folder / "watch.log"
        self.timings = self.folder / "start_seconds.json"
        self.plugin = self.folder / "plugin"

    def make(self) -> None:
        """Create the folders; only the user can look inside."""
        self.clients.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def lock(self, name: Literal["start", "watch", "use"]) -> FileLock:
        """Return one of the locks; the operating system releases it when its holder dies."""
        return FileLock(self.folder / f"{name}.lock", thread_local=False)

    def read_state(self) -> EngineState | None:
        """Return what the watchdog last wrote, or None where there is nothing readable."""
        return read_model(EngineState, self.state)

    def key(self) -> str:
        """Return the API key, generated on first use."""
        try:
            return self.api_key.read_text().strip()
        except FileNotFoundError:
            write_atomically(self.api_key, secrets.token_urlsafe(32))
            return self.api_key.read_text().strip()

    def start_seconds(self) -> dict[str, float]:
        """Return how long earlier starts took, by digest."""
        try:
            return json.loads(self.timings.read_text())
        except (OSError, ValueError):
            return {}

    def log_text(self, start: int = 0) -> str:
        """Return vLLM's log from a byte on; empty where there is none."""
        try:
            with self.log.open("rb") as log:
                log.seek(start)
                return log.read().decode(errors="replace")
        except OSError:
            return ""

    def attached(self) -> tuple[ProcessId, ...]:
        """Return the clients that are attached; files of the dead are removed."""
        return tuple(process for _, process in self._living_clients())

    def busy(self) -> bool:
        """Whether any attached client has a request in flight."""
        return any(path.with_suffix(".busy").exists() for path, _ in self._living_clients())

    def _living_clients(self) -> Iterator[tuple[Path, ProcessId]]:
        for path in self.clients.glob("*.json"):
            process = read_model(ProcessId, path)
            if process and process.alive():
                yield path, process
            else:
                path.unlink(missing_ok=True)
                path.with_suffix(".busy").unlink(missing_ok=True)


class Attachment:
    """One client's attachment to the engine; what it leaves behind when it is killed is recognised and removed.

    Args:
        files: The engine's files.
    """

    def __init__(self, files: EngineFiles) -> None:
        self._file = files.clients / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._requests = 0

    def attach(self) -> None:
        """Count as a client from now on."""
        write_atomically(self._file, ProcessId.of(os.getpid()).model_dump_json())

    def detach(self) -> None:
        """Count as a client no longer."""
        self._file.with_suffix(".busy").unlink(missing_ok=True)
        self._file.unlink(missing_ok=True)

    @contextmanager
    def busy(self) -> Generator[None]:
        """Keep the engine from being put to sleep or stopped while the body runs."""
        self._requests += 1
        self._file.with_suffix(".busy").touch()
        try:
            yield
        finally:
            self._requests -= 1
            if not self._requests:
                self._file.with_suffix(".busy").unlink(missing_ok=True)


def is_running(data_dir: Path) -> bool:
    """Whether a resident engine is up or on its way."""
    state = EngineFiles(data_dir).read_state()
    return state is not None and state.running


def read_model(model: type[ModelT], path: Path) -> ModelT | None:
    """Parse a JSON file; None where it is missing or another version's."""
    try:
        return model.model_validate_json(path.read_text())
    except (OSError, ValidationError):
        return None


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that readers see all of it or the old one; only the user can read it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).replace(path)
