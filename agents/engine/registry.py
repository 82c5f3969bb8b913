"""The registry of engines: choosing one, opening it, and answering while it starts.

A new engine is one file that defines it and one entry in ENGINES (docs/extending.md).
"""

import asyncio
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from agents.engine.engine import Availability, Engine, EngineEntry
from agents.engine.extractive.engine import ExtractiveEngine
from agents.errors import EngineError, SettingsError
from agents.schema import Frozen, OnProgress, Progress
from agents.settings import EngineSettings


def imported_when_called(path: str) -> Callable[..., Any]:
    """Return the callable that a path names, as `module:name`; what it imports is loaded with the first call."""

    def call(*arguments: object) -> object:
        return pkgutil.resolve_name(path)(*arguments)

    return call


async def open_extractive(*_: object) -> Engine:
    """Open the engine that needs no model."""
    return ExtractiveEngine()


ENGINES: tuple[EngineEntry, ...] = (
    EngineEntry(
        "openai",
        imported_when_called("agents.engine.openai.endpoint:availability"),
        imported_when_called("agents.engine.openai.engine:OpenAIEngine.open"),
    ),
    EngineEntry(
        "vllm",
        imported_when_called("agents.engine.vllm.launch:availability"),
        imported_when_called("agents.engine.vllm.engine:ResidentEngine.open"),
    ),
    EngineEntry("extractive", lambda _settings, _data_dir: Availability(available=True), open_extractive),
)
"""In the order in which `auto` tries them; the last one can always be had."""


class EngineChoice(Frozen):
    """Which engine answers, and why."""

    kind: str
    reason: str
    missing: tuple[str, ...] = Field(default=(), description="Commands that would add a better engine.")


def choose_engine(settings: EngineSettings, data_dir: Path | None = None) -> EngineChoice:
    """Choose the engine that the settings name, or the first that this machine can run.

    Args:
        settings: The engine's section.
        data_dir: Where a resident engine may be running already; its GPU memory counts as ours.

    Raises:
        SettingsError: No engine has this name, or the one named needs a setting that is missing.
        EngineError: None of those that are registered can be had.
    """
    if settings.kind != "auto":
        found = named_entry(settings.kind).availability(settings, data_dir)
        reason = found.reason or "READROOM_ENGINE__KIND asks for it."
        return EngineChoice(kind=settings.kind, reason=reason, missing=found.missing)
    reasons: list[str] = []
    missing: list[str] = []
    for entry in ENGINES:
        found = entry.availability(settings, data_dir)
        if found.available:
            return EngineChoice(kind=entry.kind, reason=found.reason or " ".join(reasons), missing=tuple(missing))
        reasons += [found.reason] if found.reason else []
        missing += found.missing
    raise EngineError("No engine can be had here.", hint="\n".join(missing))


def check_kind(kind: str) -> None:
    """Check that a setting of READROOM_ENGINE__KIND is `auto` or the name of an engine.

    Raises:
        SettingsError: It is neither.
    """
    if kind != "auto":
        named_entry(kind)


def named_entry(kind: str) -> EngineEntry:
    """Return the entry of an engine.

    Raises:
        SettingsError: No engine has this name.
    """
    for entry in ENGINES:
        if entry.kind == kind:
            return entry
    known = ", ".join(["auto", *(entry.kind for entry in ENGINES)])
    raise SettingsError(f"READROOM_ENGINE__KIND is {kind}, which is no engine.", hint=f"Set it to one of: {known}.")


async def open_engine(settings: EngineSettings, data_dir: Path, on_progress: OnProgress | None = None) -> Engine:
    """Open the chosen engine; a resident vLLM is started or attached to, and waited for.

    Cancelling the call leaves a start under way running, and a later call attaches to it.

    Raises:
        EngineError: It cannot be started or reached; the message says why, the hint what to do.
        SettingsError: The engine asked for needs a setting that is missing.
    """
    return await named_entry(choose_engine(settings, data_dir).kind).open(settings, data_dir, on_progress)


@dataclass(frozen=True)
class ActiveEngine:
    """The engine to use now, and what the user should know about it."""

    engine: Engine
    warning: str | None = None


class LazyEngine:
    """Opens the chosen engine once for the process, in the background; until then the extractive engine answers.

    Args:
        settings: The engine's section.
        data_dir: Where a resident engine has its files.
        given: Used in place of the chosen one, and closed by whoever opened it.
    """

    def __init__(self, settings: EngineSettings, data_dir: Path, given: Engine | None = None) -> None:
        self._given = given
        self._settings = settings
        self._data_dir = data_dir
        self._opening: asyncio.Task[Engine] | None = None
        self._listeners: list[OnProgress] = []

    @property
    def current(self) -> Engine | None:
        """The engine, where it has been opened."""
        if self._given:
            return self._given
        task = self._opening
        return task.result() if task and task.done() and not task.cancelled() and not task.exception() else None

    def choice(self) -> EngineChoice:
        """Return which engine is chosen, and why; errors as in `choose_engine`."""
        return choose_engine(self._settings, self._data_dir)

    async def active(self, wait_seconds: float | None, on_progress: OnProgress) -> ActiveEngine:
        """Return the engine to use, waiting up to `wait_seconds` for its start; None waits as long as it takes."""
        if self._given:
            return ActiveEngine(self._given)
        opening = self._opening = self._opening or asyncio.create_task(
            open_engine(self._settings, self._data_dir, self._report)
        )
        self._listeners.append(on_progress)
        try:
            await asyncio.wait({opening}, timeout=wait_seconds)
        finally:
            self._listeners.remove(on_progress)
        if not opening.done():
            return self._extractive("is still starting")
        error = opening.exception()
        if error is None:
            return ActiveEngine(opening.result())
        self._opening = None
        if isinstance(error, EngineError):
            return self._extractive(f"could not be opened: {error}")
        raise error

    async def close(self) -> None:
        """Close the engine; a resident one lives on."""
        if self._opening is None:
            return
        if not self._opening.done():
            self._opening.cancel()
        await asyncio.wait({self._opening})
        if engine := self.current:
            await engine.close()
        self._opening = None

    def _report(self, progress: Progress) -> None:
        for listener in tuple(self._listeners):
            listener(progress)

    def _extractive(self, why: str) -> ActiveEngine:
        kind = self.choice().kind
        return ActiveEngine(ExtractiveEngine(), f"The {kind} engine {why}; the extractive engine answered instead.")
