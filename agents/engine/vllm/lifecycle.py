"""The life of the resident vLLM: one process for each data folder, started by whoever needs it first, shared by all.

The watchdog starts vLLM and stays with it; here is what its clients do.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from filelock import Timeout
from pydantic import Field

from agents.engine.vllm import launch, memory_plan, startup_log
from agents.engine.vllm.hardware import read_gpus
from agents.engine.vllm.memory_plan import MemoryPlan
from agents.engine.vllm.probe import Probe
from agents.engine.vllm.processes import end_session, wait_until
from agents.engine.vllm.state_files import EngineFiles, EngineState, Launch, StateName, write_atomically
from agents.errors import EngineError
from agents.schema import Frozen, OnProgress
from agents.settings import EngineSettings

_LOCK_SECONDS = 60.0
_WATCHDOG_SECONDS = 15.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.1
_FAILURE_REMEMBERED_SECONDS = 60.0
_USUAL_START_SECONDS = 120.0
"""Measured cold on an H100: 130 s, of it 37 s torch.compile, 33 s imports and 15 s Triton's kernels."""
_UNVERIFIED_SECONDS = 60.0
"""So long may an engine that says it is ready not answer to its name."""


class EngineStatus(Frozen):
    """What `readroom engine status` shows."""

    state: StateName
    model: str
    kv_cache_dtype: str
    context_tokens: int
    pid: int | None = None
    port: int | None = None
    plan: MemoryPlan | None = Field(default=None, description="None where no NVIDIA GPU or no plan can be had.")
    memory_gib: float | None = Field(default=None, description="Memory in use: the GPU's, or RAM without one.")
    over_budget: bool = Field(default=False, description="Whether long requests wait for memory.")
    clients: int = Field(default=0, description="Programs attached to the engine.")
    restarts: int = 0
    ready_seconds: float | None = Field(default=None, description="How long the start took.")
    failure: str | None = None
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = Field(default=(), description="What to install or set before it can start.")
    log_path: str


async def start(
    settings: EngineSettings, data_dir: Path, on_progress: OnProgress | None = None, *, retry_failed: bool = True
) -> EngineState:
    """Start the engine, or attach to the one that runs, and wait until it is ready.

    Cancelling the call leaves the start running.

    Args:
        settings: The engine's section.
        data_dir: Whose engine.
        on_progress: Called with how far the start is, as vLLM's log says.
        retry_failed: Whether to try again although the last start failed within the last minute.

    Raises:
        EngineError: It cannot be started, does not fit, or runs for others with other settings.
    """
    files = EngineFiles(data_dir)
    await asyncio.to_thread(_ensure_started, settings, files, retry_failed)
    return await _wait_until_ready(settings, files, on_progress)


async def stop(data_dir: Path) -> bool:
    """Stop the engine and everything that belongs to it; return whether there was one."""
    return await asyncio.to_thread(_stop, EngineFiles(data_dir))


async def status(settings: EngineSettings, data_dir: Path) -> EngineStatus:
    """Describe the engine that runs, or the one that would be started."""
    files = EngineFiles(data_dir)
    state = await asyncio.to_thread(files.read_state)
    if state is None or not (state.running or state.state == "failed"):
        return await asyncio.to_thread(_status_if_absent, settings, files)
    return EngineStatus(
        state=state.state,
        model=state.model,
        kv_cache_dtype=state.kv_cache_dtype,
        context_tokens=state.context_tokens,
        pid=state.engine.pid if state.engine else None,
        port=state.port,
        plan=state.launch.plan,
        memory_gib=state.memory_gib,
        over_budget=state.over_budget,
        clients=len(await asyncio.to_thread(files.attached)),
        restarts=state.restarts,
        ready_seconds=state.ready_seconds,
        failure=state.failure,
        notes=state.notes,
        log_path=str(files.log),
    )


def log_tail(data_dir: Path, lines: int = 40) -> str:
    """Return the last lines of vLLM's log; empty where there is none."""
    try:
        with EngineFiles(data_dir).log.open(errors="replace") as log:
            return "".join(deque(log, maxlen=lines))
    except OSError:
        return ""


def start_watchdog(plan: Launch, files: EngineFiles) -> None:
    """Write down what to start, start the watchdog that starts it, and wait until it is at work.

    Raises:
        EngineError: The watchdog could not be started.
    """
    write_atomically(files.launch, plan.model_dump_json())
    files.key()
    with files.watch_log.open("ab") as log:
        watchdog = subprocess.run(  # noqa: S603  our own module
            [sys.executable, "-m", "agents.engine.vllm.watchdog", str(files.folder.parent)],
            cwd=Path(__file__).parents[3],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,
            timeout=_LOCK_SECONDS,
        )
    if watchdog.returncode or not wait_until(lambda: files.read_state() is not None, _WATCHDOG_SECONDS):
        raise EngineError(
            "The engine's watch could not be started.", hint=f"{files.watch_log} says why.", retryable=True
        )


def _ensure_started(settings: EngineSettings, files: EngineFiles, retry_failed: bool) -> None:
    """See to it that the engine is starting or running: of many clients that try at once, one starts it."""
    files.make()
    try:
        with files.lock("start").acquire(timeout=_LOCK_SECONDS):
            state = files.read_state()
            if state and state.running and _matches(settings, files, state):
                return
            failed = state and state.state == "failed" and state.digest == launch.digest(settings)
            recent = state and time.time() - state.started_at < _FAILURE_REMEMBERED_SECONDS
            if state and failed and recent and not retry_failed:
                raise _start_error(state)
            _stop(files)
            start_watchdog(launch.plan_launch(settings, files.plugin), files)
    except Timeout as error:
        raise EngineError(
            "Another program has been starting the engine for a minute.",
            hint="Try again, or look at `readroom engine logs`.",
            retryable=True,
        ) from error


def _matches(settings: EngineSettings, files: EngineFiles, state: EngineState) -> bool:
    """Whether the running engine is the one asked for; another may be replaced if nobody else uses it.

    Raises:
        EngineError: Others use it.
    """
    if state.digest == launch.digest(settings):
        return True
    others = {process.pid for process in files.attached()} - {os.getpid()}
    if not others and not files.busy():
        return False
    raise EngineError(
        f"The engine is running {state.model} ({state.kv_cache_dtype}, {state.context_tokens:,} tokens) with other "
        f"settings than yours, for {len(others)} other program(s).",
        hint=f"Set READROOM_ENGINE__MODEL={state.model} and the same READROOM_ENGINE__* as they have, "
        "or run `readroom engine stop` first.",
    )


async def _wait_until_ready(
    settings: EngineSettings, files: EngineFiles, on_progress: OnProgress | None
) -> EngineState:
    deadline = time.monotonic() + 2 * settings.start_seconds + _WATCHDOG_SECONDS
    unverified_since = None
    reported = ""
    while time.monotonic() < deadline:
        state = files.read_state()
        if state and state.state == "failed":
            raise _start_error(state)
        if state is None or not state.running:
            break
        if state.state in ("ready", "asleep"):
            probe = Probe(state.port, files.key()) if state.serving and state.port is not None else None
            if probe and await asyncio.to_thread(probe.is_ours, state.launch.identity):
                return state
            unverified_since = unverified_since or time.monotonic()
            if time.monotonic() - unverified_since > _UNVERIFIED_SECONDS:
                break
        elif on_progress:
            usual_seconds = files.start_seconds().get(state.digest, _USUAL_START_SECONDS)
            progress = startup_log.progress(files.log_text(), time.time() - state.started_at, usual_seconds)
            if progress.message != reported:
                reported = progress.message
                on_progress(progress)
        await asyncio.sleep(_POLL_SECONDS)
    raise EngineError(
        "The engine ended or was stopped while it was waited for.", hint="Ask again to start it anew.", retryable=True
    )


def _start_error(state: EngineState) -> EngineError:
    reason = (state.failure or "no reason is known").rstrip(".")
    hint = "`readroom engine logs` shows more; correct READROOM_ENGINE__* and run `readroom engine start`."
    if "out of memory" in reason.lower() or "free memory" in reason.lower():
        hint = "Free GPU memory (nvidia-smi lists who holds it), or lower READROOM_ENGINE__VRAM_BUDGET_GIB."
    return EngineError(f"The engine could not be started: {reason}.", hint=hint)


def _stop(files: EngineFiles) -> bool:
    """End the watchdog and, whatever became of it, every process of the engine it started."""
    state = files.read_state()
    if state is None:
        return False
    alive = state.watch.alive()
    if alive:
        with suppress(ProcessLookupError):
            os.kill(state.watch.pid, signal.SIGTERM)
        if not wait_until(lambda: not state.watch.alive(), _STOP_SECONDS):
            os.kill(state.watch.pid, signal.SIGKILL)
    if state.engine:
        end_session(state.engine, _STOP_SECONDS / 3)
    files.state.unlink(missing_ok=True)
    return alive


def _status_if_absent(settings: EngineSettings, files: EngineFiles) -> EngineStatus:
    gpus = read_gpus()
    plan, notes = None, ()
    if gpus:
        try:
            plan = memory_plan.plan(settings, gpus)
            notes = plan.notes
        except EngineError as error:
            notes = (str(error),)
    return EngineStatus(
        state="absent",
        model=settings.model,
        kv_cache_dtype=settings.kv_cache_dtype,
        context_tokens=plan.context_tokens if plan else settings.max_model_len,
        plan=plan,
        notes=notes,
        missing=launch.missing(settings, gpus),
        log_path=str(files.log),
    )
