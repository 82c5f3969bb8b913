"""Whether anybody needs the resident engine."""

import time

from agents.engine.vllm.probe import Probe
from agents.engine.vllm.state_files import EngineFiles

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
