"""Which documents the engine has lately read whole, so that reading them again costs next to nothing."""

import math
import time
from collections.abc import Sequence

from agents.engine.registry import ActiveEngine
from agents.settings import EngineSettings
from agents.supervisor.run import Run


class PrefixCache:
    """What an engine has in its prefix cache, as far as we know.

    Args:
        settings: Say when an idle engine sleeps or ends, and forgets.
    """

    def __init__(self, settings: EngineSettings) -> None:
        idle = settings.idle_sleep_seconds, settings.idle_stop_seconds
        self._seconds = min(filter(None, idle), default=math.inf)
        self._read_at: dict[tuple[str, ...], float] = {}

    def has(self, opened: ActiveEngine, ids: Sequence[str]) -> bool:
        """Whether the engine read these documents in one prompt, and has not been idle for too long since."""
        return time.monotonic() - self._read_at.get(_key(opened.engine.info.model, ids), -math.inf) < self._seconds

    def note(self, run: Run, ids: Sequence[str]) -> None:
        """Remember a run that read these documents in one prompt."""
        in_one_prompt = run.everything_read and run.windows <= 1 and not run.windows_from_store
        if run.engine.info.context_tokens and in_one_prompt:
            self._read_at[_key(run.engine.info.model, ids)] = time.monotonic()


def _key(model: str | None, ids: Sequence[str]) -> tuple[str, ...]:
    return (model or "", *ids)
