"""The resident vLLM: one process for each data folder, started by whoever needs it first, shared by all.

The process that starts vLLM and stays with it is `idle_watch`; here is what its clients do.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from filelock import Timeout
from pydantic import Field

from agents.engine.vllm import launch as vllm_launch
from agents.engine.vllm import memory_plan, startup_log
from agents.engine.vllm.hardware import read_gpus
from agents.engine.vllm.memory_plan import MemoryPlan
from agents.engine.vllm.probe import Probe
from agents.engine.vllm.processes import ProcessId, end_session, wait_until
from agents.engine.vllm.state_files import EngineFiles, EngineState, Launch, StateName, write
from agents.errors import EngineError
from agents.schema import Frozen, Progress
from agents.settings import EngineSettings

OnProgress = Callable[[Progress], None]

_LOCK_SECONDS = 60.0
_WATCH_SECONDS = 15.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.1
_FAILURE_REMEMBERED_SECONDS = 60.0
_USUAL_START_SECONDS = 120.0
"""Measured cold on an H200: 105-130 s, of it 70 s torch.compile and 20-30 s FlashInfer's compiler."""
_TELLING_SHARE = 0.3
"""From here on the step says more about the time left than earlier starts do."""
_UNVERIFIED_SECONDS = 60.0


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
    settings: EngineSettings, data_dir: Path, on_progress: OnProgress | None = None, *, insist: bool = True
) -> EngineState:
    """Start the engine, or attach to the one that runs, and wait until it is ready.

    Cancelling the call leaves the start running.

    Args:
        settings: The engine's section.
        data_dir: Whose engine.
        on_progress: Told what the start has come to, as vLLM's log says.
        insist: Whether to try again although the last start failed within the last minute.

    Raises:
        EngineError: It cannot be started, does not fit, or runs for others with other settings.
    """
    files = EngineFiles(data_dir)
    await asyncio.to_thread(_ensure, settings, files, insist)
    return await _until_ready(settings, files, on_progress)


async def stop(data_dir: Path) -> bool:
    """Stop the engine and everything that belongs to it; whether there was one."""
    return await asyncio.to_thread(_stop, EngineFiles(data_dir))


async def status(settings: EngineSettings, data_dir: Path) -> EngineStatus:
    """Describe the engine that runs, or the one that would be started."""
    return await asyncio.to_thread(_status, settings, EngineFiles(data_dir))


def log_tail(data_dir: Path, lines: int = 40) -> str:
    """Return the last lines of vLLM's log; empty where there is none."""
    try:
        with EngineFiles(data_dir).log.open(errors="replace") as log:
            return "".join(deque(log, maxlen=lines))
    except OSError:
        return ""


def _ensure(settings: EngineSettings, files: EngineFiles, insist: bool) -> None:
    """See to it that the engine is on its way: of many who try at once, one starts it."""
    files.make()
    try:
        with files.lock("start").acquire(timeout=_LOCK_SECONDS):
            state = files.read_state()
            if state and state.running and _fits(settings, files, state):
                return
            if state and state.state == "failed" and not insist:
                _recall_failure(settings, state)
            _stop(files)
            launch(vllm_launch.plan_launch(settings, files.plugin), files)
    except Timeout as error:
        raise EngineError(
            "Another program has been starting the engine for a minute.",
            hint="Try again, or look at `readroom engine logs`.",
            retryable=True,
        ) from error


def _fits(settings: EngineSettings, files: EngineFiles, state: EngineState) -> bool:
    """Whether the running engine is the one asked for; another may be replaced if nobody else uses it.

    Raises:
        EngineError: Others use it.
    """
    if state.digest == vllm_launch.digest(settings):
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


def _recall_failure(settings: EngineSettings, state: EngineState) -> None:
    recent = time.time() - state.started_at < _FAILURE_REMEMBERED_SECONDS
    if recent and state.digest == vllm_launch.digest(settings):
        raise _failed(state)


def launch(plan: Launch, files: EngineFiles) -> None:
    """Write down what to start, start the watch that starts it, and wait until it is at work.

    Raises:
        EngineError: The watch could not be started.
    """
    write(files.launch, plan.model_dump_json())
    files.key()
    with files.watch_log.open("ab") as log:
        watch = subprocess.run(  # noqa: S603  our own module
            [sys.executable, "-m", "agents.engine.vllm.watchdog", str(files.folder.parent)],
            cwd=Path(__file__).parents[3],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,
            timeout=_LOCK_SECONDS,
        )
    if watch.returncode or not wait_until(lambda: files.read_state() is not None, _WATCH_SECONDS):
        raise EngineError(
            "The engine's watch could not be started.", hint=f"{files.watch_log} says why.", retryable=True
        )


async def _until_ready(settings: EngineSettings, files: EngineFiles, on_progress: OnProgress | None) -> EngineState:
    deadline = time.monotonic() + 2 * settings.start_seconds + _WATCH_SECONDS
    unverified = None
    told = ""
    while time.monotonic() < deadline:
        state = files.read_state()
        if state and state.state == "failed":
            raise _failed(state)
        if state is None or not state.running:
            break
        if state.state in ("ready", "asleep"):
            if await asyncio.to_thread(_is_ours, state, files):
                return state
            unverified = unverified or time.monotonic()
            if time.monotonic() - unverified > _UNVERIFIED_SECONDS:
                break
        elif on_progress and (progress := _progress(state, files)).message != told:
            told = progress.message
            on_progress(progress)
        await asyncio.sleep(_POLL_SECONDS)
    raise EngineError(
        "The engine ended or was stopped while it was waited for.", hint="Ask again to start it anew.", retryable=True
    )


def _is_ours(state: EngineState, files: EngineFiles) -> bool:
    alive = state.engine is not None and state.engine.alive()
    return alive and state.port is not None and Probe(state.port, files.key()).is_ours(state.launch.identity)


def _progress(state: EngineState, files: EngineFiles) -> Progress:
    try:
        stage = startup_log.stage(files.log.read_text(errors="replace"))
    except OSError:
        stage = None
    share = stage.share if stage else 0.0
    passed = time.time() - state.started_at
    usual = files.start_seconds().get(state.digest, _USUAL_START_SECONDS)
    left = max(0.0, usual - passed)
    if share >= _TELLING_SHARE:
        left = min(left, passed * (1 - share) / share)
    return Progress(
        fraction=min(0.99, max(share, min(0.9, passed / usual))),
        message=f"The engine is {stage.message if stage else 'starting'}, ready in about {5 * round(left / 5) or 5} s",
    )


def _failed(state: EngineState) -> EngineError:
    reason = (state.failure or "no reason is known").rstrip(".")
    hint = "`readroom engine logs` shows more; correct READROOM_ENGINE__* and run `readroom engine start`."
    if "out of memory" in reason.lower() or "free memory" in reason.lower():
        hint = "Free GPU memory (nvidia-smi lists who holds it), or lower READROOM_ENGINE__VRAM_BUDGET_GIB."
    return EngineError(f"The engine could not be started: {reason}.", hint=hint)


def _stop(files: EngineFiles) -> bool:
    """End the watch and, whatever became of it, every process of the engine it started."""
    state = files.read_state()
    if state is None:
        return False
    alive = state.watch.alive()
    if alive:
        _ask_to_end(state.watch)
        if not wait_until(lambda: not state.watch.alive(), _STOP_SECONDS):
            os.kill(state.watch.pid, signal.SIGKILL)
    if state.engine:
        end_session(state.engine, _STOP_SECONDS / 3)
    files.state.unlink(missing_ok=True)
    return alive


def _ask_to_end(process: ProcessId) -> None:
    try:
        os.kill(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        return


def _status(settings: EngineSettings, files: EngineFiles) -> EngineStatus:
    state = files.read_state()
    if state is None or not (state.running or state.state == "failed"):
        return _absent(settings, files)
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
        clients=len(files.attached()),
        restarts=state.restarts,
        ready_seconds=state.ready_seconds,
        failure=state.failure,
        notes=state.notes,
        log_path=str(files.log),
    )


def _absent(settings: EngineSettings, files: EngineFiles) -> EngineStatus:
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
        missing=vllm_launch.missing(settings, gpus),
        log_path=str(files.log),
    )
