"""Which documents the engine has in its prefix cache, so that reading them again costs next to nothing."""

import math
import time
from collections.abc import Sequence

from agents.engine.registry import ActiveEngine
from agents.settings import EngineSettings
from agents.supervisor.run import Run


class PrefixCache:
    """What the engine has in its prefix cache, as far as the runs so far can tell.

    Args:
        settings: Say after how long an idle engine sleeps or stops, and so loses its cache.
    """

    def __init__(self, settings: EngineSettings) -> None:
        idle = settings.idle_sleep_seconds, settings.idle_stop_seconds
        self._seconds = min(filter(None, idle), default=math.inf)
        self._read_at: dict[tuple[str | None, ...], float] = {}

    def has(self, opened: ActiveEngine, ids: Sequence[str]) -> bool:
        """Whether the engine has read these documents in one prompt, recently enough to have them cached."""
        return time.monotonic() - self._read_at.get((opened.engine.info.model, *ids), -math.inf) < self._seconds

    def note(self, run: Run, ids: Sequence[str]) -> None:
        """Remember the documents if this run read them in one prompt."""
        in_one_prompt = run.everything_read and run.windows <= 1 and not run.cached_windows
        if run.engine.info.context_tokens and in_one_prompt:
            self._read_at[run.engine.info.model, *ids] = time.monotonic()
