"""Opening the engine once for the whole process, and answering without it while it starts."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agents.engine.engine import Engine
from agents.engine.registry import choose_engine, open_engine
from agents.errors import EngineError
from agents.schema import Progress
from agents.settings import EngineSettings


@dataclass(frozen=True)
class Opened:
    """The engine to use now, and what the user should know about it."""

    engine: Engine
    warning: str | None = None


class EngineOpening:
    """Opens the chosen engine in the background; until it is there, the extractive engine answers.

    Args:
        settings: The engine's section.
        data_dir: Where a resident engine keeps its files.
        given: Used in place of the chosen one, and closed by whoever opened it.
    """

    def __init__(self, settings: EngineSettings, data_dir: Path, given: Engine | None = None) -> None:
        self._given = given
        self._settings = settings
        self._data_dir = data_dir
        self._opening: asyncio.Task[Engine] | None = None
        self._listeners: list[Callable[[Progress], None]] = []

    @property
    def current(self) -> Engine | None:
        """The engine, where it has been opened."""
        if self._given:
            return self._given
        task = self._opening
        return task.result() if task and task.done() and not task.cancelled() and not task.exception() else None

    async def engine(self, wait_seconds: float | None, on_progress: Callable[[Progress], None]) -> Opened:
        """Return the engine, waiting up to `wait_seconds` for it to start; None waits as long as it takes."""
        if self._given:
            return Opened(self._given)
        opening = self._open()
        self._listeners.append(on_progress)
        try:
            await asyncio.wait({opening}, timeout=wait_seconds)
        finally:
            self._listeners.remove(on_progress)
        if not opening.done():
            return self._without(f"The {self._kind()} engine is still starting")
        error = opening.exception()
        if error is None:
            return Opened(opening.result())
        self._opening = None
        if isinstance(error, EngineError):
            return self._without(f"The {self._kind()} engine could not be opened: {error}")
        raise error

    async def close(self) -> None:
        """Let go of the engine; a resident one lives on."""
        if self._opening is None:
            return
        if not self._opening.done():
            self._opening.cancel()
        await asyncio.wait({self._opening})
        if engine := self.current:
            await engine.close()
        self._opening = None

    def _open(self) -> "asyncio.Task[Engine]":
        if self._opening is None:
            self._opening = asyncio.create_task(open_engine(self._settings, self._data_dir, self._tell))
        return self._opening

    def _tell(self, progress: Progress) -> None:
        for listener in tuple(self._listeners):
            listener(progress)

    def _kind(self) -> str:
        return choose_engine(self._settings, self._data_dir).kind

    @staticmethod
    def _without(reason: str) -> Opened:
        from agents.engine.extractive.engine import ExtractiveEngine

        return Opened(ExtractiveEngine(), f"{reason}; the extractive engine answered instead.")
