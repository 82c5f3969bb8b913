"""Whether anybody needs the resident engine."""
# MERGED """The resident engine's watch: a small process that starts vLLM, lives as long as it does, and ends it.
#
#     python -m agents.engine.vllm.watchdog DATA_DIR
#
# It holds a lock for as long as it lives, so there is never a second engine; it needs no client to be there;
# and when it is killed, vLLM is told to end. It restarts an engine that dies, once; it puts it to sleep and
# stops it when nobody needs it. It imports neither torch nor vLLM.
# """

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from filelock import Timeout

from agents.engine.vllm import startup_log
from agents.engine.vllm.memory_plan import MemoryReading
from agents.engine.vllm.probe import Probe
from agents.engine.vllm.processes import ProcessId, dying_with_parent, end_session
from agents.engine.vllm.state_files import Attempt, EngineFiles, EngineState, Launch, read, write

_MOST_OFTEN_SECONDS = 0.25
_LEAST_OFTEN_SECONDS = 10.0


class Need:
    """Whether anybody needs the engine: a client with a request in flight, or a request by vLLM's own count.

    Args:
        files: The engine's files.
        probe: Asks the engine.
    """

    def __init__(self, files: EngineFiles, probe: Probe) -> None:
        self._files = files
        self._probe = probe
        self._active_at = self._asked_at = time.monotonic()
        self._tokens = -1

    def idle_seconds(self) -> float:
        """Return for how long nobody has needed it; vLLM itself is asked now and then only."""
        now = time.monotonic()
        if self._files.busy():
            self._active_at = now
        elif now - self._asked_at >= min(_LEAST_OFTEN_SECONDS, max(_MOST_OFTEN_SECONDS, (now - self._active_at) / 4)):
            self._asked_at = now
            self._quiet()
        return now - self._active_at

    def none(self) -> bool:
        """Whether nobody needs it at this moment."""
        return not self._files.busy() and self._quiet()

    def _quiet(self) -> bool:
        """Whether vLLM has nothing to do and has done nothing since the last look."""
        load = self._probe.load()
        if load is None:
            return True
        quiet = load.idle and load.tokens == self._tokens
        self._tokens = load.tokens
        if not quiet:
            self._active_at = time.monotonic()
        return quiet


_LOG = logging.getLogger("readroom.engine")
_POLL_SECONDS = 0.25
_MEMORY_SECONDS = 2.0
_HEALTH_SECONDS = 10.0
_SILENT_SECONDS = 90.0
"""So long may a healthy engine be too busy to answer /health; after that it is taken for dead."""
_RESTART_SECONDS = 1.0
_TRUSTED_SECONDS = 600.0
"""An engine that ran this long may be restarted again."""
_PATIENCE_SECONDS = 20.0
_PORTS_TRIED = 3


class StartError(Exception):
    """vLLM ended before it was ready, or was not ready in time."""


class Watch:
    """Starts one engine and stays with it.

    Args:
        files: The engine's files.
        launch: What to start.
    """

    def __init__(self, files: EngineFiles, launch: Launch) -> None:
        self._files = files
        self._launch = launch
        self._engine: subprocess.Popen[bytes] | None = None
        self._leader: ProcessId | None = None
        self._state = EngineState(
            state="starting",
            watch=ProcessId.of(os.getpid()),
            model=launch.model,
            digest=launch.digest,
            kv_cache_dtype=launch.attempts[0].kv_cache_dtype,
            context_tokens=launch.context_tokens,
            started_at=time.time(),
            notes=launch.notes,
            launch=launch,
        )

    def run(self) -> None:
        """Start the engine and watch it until it idles out, fails, or the watch itself is told to stop."""
        try:
            self._live()
            self._files.state.unlink(missing_ok=True)
        except StartError as error:
            _LOG.error("The engine failed: %s", error)
            self._tell(state="failed", engine=None, port=None, failure=str(error))
        except SystemExit:
            self._files.state.unlink(missing_ok=True)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self._end_engine()

    def _live(self) -> None:
        while True:
            probe = self._start()
            ready_at = time.monotonic()
            if self._serve(probe):
                _LOG.info("Nobody needed the engine for %.0f s: it is stopped", self._launch.idle_stop_seconds)
                return
            reason = startup_log.failure(self._log_text()) or "it ended without a word"
            if self._state.restarts and time.monotonic() - ready_at < _TRUSTED_SECONDS:
                raise StartError(f"The engine died twice: {reason}")
            _LOG.warning("The engine died (%s) and is restarted", reason)
            if self._may_fall_back(reason):
                self._fall_back(reason)
            self._tell(state="starting", engine=None, port=None, restarts=self._state.restarts + 1)
            self._end_engine()
            time.sleep(_RESTART_SECONDS)

    def _start(self) -> Probe:
        """Start the engine in the first way that works.

        Raises:
            StartError: None works.
        """
        try:
            return self._try(self._launch.attempts[0])
        except StartError as error:
            if not self._may_fall_back(str(error)):
                raise
            self._fall_back(str(error))
            return self._start()

    def _may_fall_back(self, reason: str) -> bool:
        if len(self._launch.attempts) == 1:
            return False
        this, following = self._launch.attempts[:2]
        refused = this.arguments != following.arguments and startup_log.kv_cache_refused(reason)
        return refused or startup_log.blames_plugin(self._log_text())

    def _fall_back(self, reason: str) -> None:
        first, *others = self._launch.attempts
        note = f"{others[0].in_place_of(first)}: {reason}"
        _LOG.warning(note)
        self._launch = self._launch.model_copy(update={"attempts": tuple(others)})
        self._tell(kv_cache_dtype=others[0].kv_cache_dtype, notes=(*self._state.notes, note))

    def _try(self, attempt: Attempt) -> Probe:
        started = time.monotonic()
        reason = "no port was free"
        for _ in range(_PORTS_TRIED):
            port = _free_port()
            self._spawn(attempt, port)
            probe = Probe(port, self._files.key())
            failed = self._wait(probe, started + self._launch.start_seconds)
            if failed is None:
                seconds = time.monotonic() - started
                self._tell(state="ready", ready_seconds=round(seconds, 1), failure=None)
                write(self._files.timings, json.dumps(self._files.start_seconds() | {self._launch.digest: seconds}))
                _LOG.info("The engine is ready after %.1f s", seconds)
                return probe
            reason = failed
            self._end_engine()
            if not startup_log.port_taken(self._log_text()):
                break
        raise StartError(reason)

    def _spawn(self, attempt: Attempt, port: int) -> None:
        if self._files.log.exists():
            self._files.log.replace(self._files.log.with_suffix(".previous.log"))
        words = [*self._launch.command, *attempt.arguments]
        words += ["--served-model-name", self._launch.model, self._launch.identity]
        words += ["--host", "127.0.0.1", "--port", str(port)]
        _LOG.info("Starting %s", " ".join(words))
        with self._files.log.open("wb") as log:
            self._engine = subprocess.Popen(  # noqa: S603  the command of the user's own settings
                words,
                cwd=self._files.folder,
                env=self._environment(attempt),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dying_with_parent(),
            )
        self._leader = ProcessId.of(self._engine.pid)
        self._tell(state="starting", engine=self._leader, port=port, started_at=time.time())

    def _environment(self, attempt: Attempt) -> dict[str, str]:
        ours = {**os.environ, **self._launch.environment, "VLLM_API_KEY": self._files.key()}
        if attempt.plugin:
            ours["PYTHONPATH"] = os.pathsep.join(filter(None, (str(self._files.plugin), os.environ.get("PYTHONPATH"))))
        return ours

    def _wait(self, probe: Probe, deadline: float) -> str | None:
        """Wait until the engine is ready, or return why it will not be."""
        while (status := self._running().poll()) is None:
            if probe.is_ours(self._launch.identity):
                return None
            if time.monotonic() > deadline:
                return f"vLLM was not ready within {self._launch.start_seconds:.0f} s"
            time.sleep(_POLL_SECONDS)
        return startup_log.failure(self._log_text()) or f"vLLM ended with status {status}"

    def _serve(self, probe: Probe) -> bool:
        """Watch a running engine until it has idled long enough (True) or died (False)."""
        memory = MemoryReading(self._launch.plan)
        need = Need(self._files, probe)
        answered = measured = time.monotonic()
        while self._running().poll() is None:
            now = time.monotonic()
            if now - measured >= _MEMORY_SECONDS:
                measured = now
                self._measure(memory)
            if now - answered >= _HEALTH_SECONDS and self._healthy(probe):
                answered = now
            if now - answered >= _SILENT_SECONDS:
                _LOG.warning("The engine has not answered for %.0f s", _SILENT_SECONDS)
                return False
            if self._rest(probe, need.idle_seconds(), need):
                return True
            time.sleep(self._poll_seconds())
        return False

    def _poll_seconds(self) -> float:
        limits = [
            seconds / 4 for seconds in (self._launch.idle_sleep_seconds, self._launch.idle_stop_seconds) if seconds
        ]
        return min(_POLL_SECONDS, *limits) if limits else _POLL_SECONDS

    def _healthy(self, probe: Probe) -> bool:
        return probe.load() is not None

    def _rest(self, probe: Probe, idle: float, need: Need) -> bool:
        """Put an idle engine to sleep, notice that a client woke it; whether it is to be stopped."""
        launch = self._launch
        if launch.idle_stop_seconds and idle >= launch.idle_stop_seconds:
            return self._if_unneeded(need, lambda: True)
        if self._state.state == "asleep":
            if probe.asleep() is False:
                self._tell(state="ready")
        elif launch.can_sleep and launch.idle_sleep_seconds and idle >= launch.idle_sleep_seconds:
            self._if_unneeded(need, lambda: self._sleep(probe))
        return False

    def _if_unneeded(self, need: Need, act: Callable[[], bool]) -> bool:
        """Act unless a request has come in; while the lock is held none can begin."""
        try:
            with self._files.lock("use").acquire(timeout=0):
                return need.none() and act()
        except Timeout:
            return False

    def _sleep(self, probe: Probe) -> bool:
        if probe.sleep():
            _LOG.info("The engine sleeps")
            self._tell(state="asleep")
            return True
        self._launch = self._launch.model_copy(update={"can_sleep": False})
        self._tell(notes=(*self._state.notes, "The engine cannot sleep; it is stopped when it idles longer."))
        return False

    def _measure(self, memory: MemoryReading) -> None:
        used = memory.gib(self._state.engine)
        over = memory.over_budget(used)
        if over and not self._state.over_budget:
            _LOG.warning("The engine takes %.2f GiB, over its budget: long requests wait", used or 0.0)
        self._tell(memory_gib=None if used is None else round(used, 2), over_budget=over)

    def _end_engine(self) -> None:
        if self._leader:
            end_session(self._leader, _PATIENCE_SECONDS)
        if self._engine:
            self._engine.wait()
        self._engine = self._leader = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._engine is None:
            raise StartError("vLLM was never started")
        return self._engine

    def _log_text(self) -> str:
        try:
            return self._files.log.read_text(errors="replace")
        except OSError:
            return ""

    def _tell(self, **changes: object) -> None:
        state = self._state.model_copy(update=changes)
        if state != self._state or not self._files.state.exists():
            self._state = state
            write(self._files.state, state.model_dump_json())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit


def watch(data_dir: Path) -> None:
    """Watch the engine of a data folder, unless another watch does."""
    files = EngineFiles(data_dir)
    logging.basicConfig(filename=files.watch_log, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    launch = read(Launch, files.launch)
    try:
        with files.lock("watch").acquire(timeout=0):
            signal.signal(signal.SIGTERM, _stop)
            if launch:
                Watch(files, launch).run()
    except Timeout:
        _LOG.info("Another watch is at work")


def main() -> None:
    """Leave the terminal and the parent, then watch."""
    if os.fork():
        os._exit(0)
    watch(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
