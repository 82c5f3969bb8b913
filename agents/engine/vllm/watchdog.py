"""The resident engine's watchdog: a small process that starts vLLM, lives as long as it does, and ends it.

    python -m agents.engine.vllm.watchdog DATA_DIR

It holds a lock for as long as it lives, so there is never a second engine; it needs no client to be there;
and when it is killed, vLLM is told to end. It restarts an engine that dies, once, and once
more without our plugin; it puts it to sleep and stops it when nobody uses it. It imports neither torch nor vLLM.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from filelock import Timeout

from agents.engine.vllm import startup_log
from agents.engine.vllm.memory_plan import MemoryMeter
from agents.engine.vllm.probe import NoAnswerError, Probe
from agents.engine.vllm.processes import ProcessId, die_with_parent, end_session, free_port
from agents.engine.vllm.reading_check import reading_failure
from agents.engine.vllm.state_files import Attempt, EngineFiles, EngineState, Launch, read_model, write_atomically

_logger = logging.getLogger("readroom.engine")
_POLL_SECONDS = 0.25
_MEMORY_SECONDS = 2.0
_HEALTH_SECONDS = 10.0
_SILENT_SECONDS = 90.0
"""So long may a healthy engine be too busy to answer; after that it is taken for dead."""
_RESTART_SECONDS = 1.0
_STABLE_SECONDS = 600.0
"""An engine that ran this long may be restarted again."""
_TERMINATE_SECONDS = 20.0
_PORTS_TRIED = 3
_MAX_LOAD_INTERVAL_SECONDS = 10.0
_MIN_LOAD_INTERVAL_SECONDS = 0.25
"""Between two questions to vLLM whether it has anything to do; the longer it has been idle, the rarer."""


def main() -> None:
    """Leave the terminal and the parent, then watch."""
    if os.fork():
        os._exit(0)
    watch(Path(sys.argv[1]))


def watch(data_dir: Path) -> None:
    """Watch the engine of a data folder, unless another watchdog does."""
    files = EngineFiles(data_dir)
    logging.basicConfig(filename=files.watch_log, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    launch = read_model(Launch, files.launch)
    try:
        with files.lock("watch").acquire(timeout=0):
            signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit())
            if launch:
                Watchdog(files, launch).run()
    except Timeout:
        _logger.info("Another watchdog is at work")


class StartError(Exception):
    """vLLM ended before it was ready, or was not ready in time."""


class UnreadableError(StartError):
    """vLLM is ready, and the model makes no sense of what it reads."""


class Watchdog:
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
        self._log_from = 0
        """The byte of vLLM's log behind which stands what it may die of: older errors were of requests."""
        self._state = EngineState(
            state="starting",
            watch=ProcessId.of(os.getpid()),
            model=launch.model,
            digest=launch.digest,
            kv_cache_dtype=launch.attempts[0].kv_cache_dtype,
            context_tokens=launch.attempts[0].context_tokens,
            started_at=time.time(),
            notes=launch.notes,
            launch=launch,
        )

    def run(self) -> None:
        """Start the engine and watch it until it idles out, fails, or the watchdog itself is told to stop."""
        try:
            self._run_until_idle()
            self._files.state.unlink(missing_ok=True)
        except StartError as error:
            _logger.warning("The engine failed: %s", error)
            self._update(state="failed", engine=None, port=None, failure=str(error))
        except SystemExit:
            self._files.state.unlink(missing_ok=True)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self._end_engine()

    def _run_until_idle(self) -> None:
        """Start the engine, restart it when it dies, and return when it has idled long enough.

        Raises:
            StartError: It could not be started, or died twice, and without our plugin again.
        """
        while True:
            probe = self._start()
            ready_at = time.monotonic()
            if self._serve(probe):
                _logger.info("Nobody needed the engine for %.0f s: it is stopped", self._launch.idle_stop_seconds)
                return
            reason = startup_log.root_cause(self._log()) or "it ended without a word"
            again = bool(self._state.restarts) and time.monotonic() - ready_at < _STABLE_SECONDS
            # A kernel of ours that failed may have left no trace of itself.
            following = self._without_plugin() if again else self._other_attempts(StartError(reason))
            if again and not following:
                raise StartError(f"The engine died twice: {reason}")
            _logger.warning("The engine died (%s) and is restarted", reason)
            if following:
                self._fall_back(following, reason)
            self._update(state="starting", engine=None, port=None, restarts=self._state.restarts + 1)
            self._end_engine()
            time.sleep(_RESTART_SECONDS)

    def _start(self) -> Probe:
        """Start the engine by the first attempt that works.

        Raises:
            StartError: None works.
        """
        try:
            return self._start_as(self._launch.attempts[0])
        except StartError as error:
            following = self._other_attempts(error)
            if not following:
                raise
            self._fall_back(following, str(error))
            return self._start()

    def _other_attempts(self, error: StartError) -> tuple[Attempt, ...]:
        """Return the attempts that are left which go without what has failed; none where nothing else would help."""
        failed, *others = self._launch.attempts
        if isinstance(error, UnreadableError):
            return tuple(attempt for attempt in others if attempt.kv_cache_dtype != failed.kv_cache_dtype)
        if startup_log.kv_cache_rejected(str(error)):
            return tuple(attempt for attempt in others if attempt.arguments != failed.arguments)
        return self._without_plugin() if startup_log.plugin_failed(self._log()) else ()

    def _without_plugin(self) -> tuple[Attempt, ...]:
        """Return the attempts without our plugin, where the one that failed had it."""
        failed, *others = self._launch.attempts
        return tuple(attempt for attempt in others if failed.plugin and not attempt.plugin)

    def _log(self) -> str:
        return self._files.log_text(self._log_from)

    def _fall_back(self, attempts: tuple[Attempt, ...], reason: str) -> None:
        note = f"{attempts[0].instead_of(self._launch.attempts[0])}: {reason}"
        _logger.warning(note)
        self._launch = self._launch.model_copy(update={"attempts": attempts})
        self._update(
            kv_cache_dtype=attempts[0].kv_cache_dtype,
            context_tokens=attempts[0].context_tokens,
            notes=(*self._state.notes, note),
            launch=self._launch,
        )

    def _start_as(self, attempt: Attempt) -> Probe:
        started = time.monotonic()
        reason = "no port was free"
        for _ in range(_PORTS_TRIED):
            port = free_port()
            self._spawn(attempt, port)
            probe = Probe(port, self._files.key())
            failed = self._wait_until_ready(probe, started + self._launch.start_seconds)
            if failed is None:
                self._check_reading(probe)
                seconds = time.monotonic() - started
                self._update(state="ready", ready_seconds=round(seconds, 1), failure=None)
                write_atomically(
                    self._files.timings, json.dumps(self._files.start_seconds() | {self._launch.digest: seconds})
                )
                _logger.info("The engine is ready after %.1f s", seconds)
                return probe
            reason = failed
            self._end_engine()
            if not startup_log.port_taken(self._log()):
                break
        raise StartError(reason)

    def _check_reading(self, probe: Probe) -> None:
        """Have the engine copy from a text before anybody trusts it.

        Raises:
            UnreadableError: It could not.
            StartError: It gave no answer at all.
        """
        if not (sentences := self._launch.reading_sentences):
            return
        try:
            failure = reading_failure(probe, self._launch.identity, sentences)
        except NoAnswerError as error:
            # Before it is ended: what it writes on its way out is no cause.
            cause = startup_log.root_cause(self._log())
            self._end_engine()
            raise StartError(f"asked to copy a sentence, {error}" + (f" ({cause})" if cause else "")) from error
        if failure:
            self._end_engine()
            raise UnreadableError(f"the model did not understand what it read: {failure}")

    def _spawn(self, attempt: Attempt, port: int) -> None:
        if self._files.log.exists():
            self._files.log.replace(self._files.log.with_suffix(".previous.log"))
        words = [*self._launch.command, *attempt.arguments]
        words += ["--served-model-name", self._launch.model, self._launch.identity]
        words += ["--host", "127.0.0.1", "--port", str(port)]
        _logger.info("Starting %s", " ".join(words))
        with self._files.log.open("wb") as log:
            self._engine = subprocess.Popen(  # noqa: S603  the command of the user's own settings
                words,
                cwd=self._files.folder,
                env=self._environment(attempt),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        self._leader, self._log_from = ProcessId.of(self._engine.pid), 0
        self._update(state="starting", engine=self._leader, port=port, started_at=time.time())

    def _environment(self, attempt: Attempt) -> dict[str, str]:
        variables = {**os.environ, **self._launch.environment, "VLLM_API_KEY": self._files.key()}
        if attempt.plugin:
            variables["PYTHONPATH"] = os.pathsep.join(
                filter(None, (str(self._files.plugin), os.environ.get("PYTHONPATH")))
            )
        return variables

    def _wait_until_ready(self, probe: Probe, deadline: float) -> str | None:
        """Wait until the engine is ready, or return why it will not be."""
        while (status := self._process().poll()) is None:
            if probe.is_ours(self._launch.identity):
                return None
            if time.monotonic() > deadline:
                return f"vLLM was not ready within {self._launch.start_seconds:.0f} s"
            time.sleep(_POLL_SECONDS)
        return startup_log.root_cause(self._log()) or f"vLLM ended with status {status}"

    def _serve(self, probe: Probe) -> bool:
        """Watch a running engine until it has idled long enough (True) or died (False)."""
        meter = MemoryMeter(self._launch.plan)
        idle_timer = IdleTimer(self._files, probe)
        answered = measured = time.monotonic()
        self._log_from = heard = self._files.log.stat().st_size
        while self._process().poll() is None:
            now = time.monotonic()
            if now - measured >= _MEMORY_SECONDS:
                measured = now
                self._measure_memory(meter)
            if now - answered >= _HEALTH_SECONDS and probe.load() is not None:
                # Its server may answer once more when its core is dead already.
                answered, self._log_from, heard = now, heard, self._files.log.stat().st_size
            if now - answered >= _SILENT_SECONDS:
                _logger.warning("The engine has not answered for %.0f s", _SILENT_SECONDS)
                return False
            if self._rest(probe, idle_timer):
                return True
            time.sleep(self._poll_seconds())
        return False

    def _poll_seconds(self) -> float:
        limits = [
            seconds / 4 for seconds in (self._launch.idle_sleep_seconds, self._launch.idle_stop_seconds) if seconds
        ]
        return min(_POLL_SECONDS, *limits) if limits else _POLL_SECONDS

    def _rest(self, probe: Probe, idle_timer: "IdleTimer") -> bool:
        """Put an idle engine to sleep, or notice that a client woke it; return whether it is to be stopped."""
        launch, idle = self._launch, idle_timer.seconds()
        if launch.idle_stop_seconds and idle >= launch.idle_stop_seconds:
            return self._if_idle(idle_timer, lambda: True)
        if self._state.state == "asleep":
            if probe.asleep() is False:
                self._update(state="ready")
        elif launch.can_sleep and launch.idle_sleep_seconds and idle >= launch.idle_sleep_seconds:
            self._if_idle(idle_timer, lambda: self._sleep(probe))
        return False

    def _if_idle(self, idle_timer: "IdleTimer", act: Callable[[], bool]) -> bool:
        """Act unless a request has come in; while the lock is held none can begin."""
        try:
            with self._files.lock("use").acquire(timeout=0):
                return idle_timer.idle_now() and act()
        except Timeout:
            return False

    def _sleep(self, probe: Probe) -> bool:
        if probe.sleep():
            _logger.info("The engine sleeps")
            self._update(state="asleep")
            return True
        self._launch = self._launch.model_copy(update={"can_sleep": False})
        self._update(notes=(*self._state.notes, "The engine cannot sleep; it is stopped when it idles longer."))
        return False

    def _measure_memory(self, meter: MemoryMeter) -> None:
        used = meter.gib(self._state.engine)
        over = meter.over_budget(used)
        if over and not self._state.over_budget:
            _logger.warning("The engine takes %.2f GiB, over its budget: long requests wait", used or 0.0)
        self._update(memory_gib=None if used is None else round(used, 2), over_budget=over)

    def _end_engine(self) -> None:
        if self._leader:
            end_session(self._leader, _TERMINATE_SECONDS)
        if self._engine:
            self._engine.wait()
        self._engine = self._leader = None

    def _process(self) -> subprocess.Popen[bytes]:
        if self._engine is None:
            raise StartError("vLLM was never started")
        return self._engine

    def _update(self, **changes: object) -> None:
        state = self._state.model_copy(update=changes)
        if state != self._state or not self._files.state.exists():
            self._state = state
            write_atomically(self._files.state, state.model_dump_json())


class IdleTimer:
    """How long the engine has been idle: no client has a request in flight, and vLLM itself counts none.

    Args:
        files: The engine's files.
        probe: Asks the engine.
    """

    def __init__(self, files: EngineFiles, probe: Probe) -> None:
        self._files = files
        self._probe = probe
        self._active_at = self._asked_at = time.monotonic()
        self._tokens = -1

    def seconds(self) -> float:
        """Return for how long it has been idle; vLLM itself is asked now and then only."""
        now = time.monotonic()
        if self._files.busy():
            self._active_at = now
        elif now - self._asked_at >= min(
            _MAX_LOAD_INTERVAL_SECONDS, max(_MIN_LOAD_INTERVAL_SECONDS, (now - self._active_at) / 4)
        ):
            self._asked_at = now
            self._vllm_idle()
        return now - self._active_at

    def idle_now(self) -> bool:
        """Whether it is idle at this moment."""
        return not self._files.busy() and self._vllm_idle()

    def _vllm_idle(self) -> bool:
        """Whether vLLM has nothing to do and has done nothing since the last look."""
        load = self._probe.load()
        if load is None:
            return True
        idle = load.idle and load.tokens == self._tokens
        self._tokens = load.tokens
        if not idle:
            self._active_at = time.monotonic()
        return idle


if __name__ == "__main__":
    main()
