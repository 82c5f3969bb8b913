"""Choosing the engine that the settings and this machine allow, and opening it."""
# MERGED """Opening the engine once for the whole process, and answering without it while it starts."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from agents.engine.engine import Engine
from agents.engine.vllm import memory_plan, state_files
from agents.engine.vllm.hardware import read_gpus
from agents.engine.vllm.launch import INSTALL_VLLM, USE_A_SERVER, find_vllm
from agents.errors import EngineError, SettingsError
from agents.schema import Frozen, Progress
from agents.settings import EngineSettings


class EngineChoice(Frozen):
    """Which engine answers, and why."""

    kind: Literal["extractive", "vllm", "openai"]
    reason: str
    missing: tuple[str, ...] = Field(default=(), description="Commands that would add a better engine.")


def choose_engine(settings: EngineSettings, data_dir: Path | None = None) -> EngineChoice:
    """Choose the engine that the settings ask for, or the best that this machine can run.

    Args:
        settings: The engine's section.
        data_dir: Where a resident engine may be running already; its GPU memory counts as ours.

    Raises:
        SettingsError: The engine asked for needs a setting that is missing.
    """
    if settings.kind == "extractive":
        return EngineChoice(kind="extractive", reason="READROOM_ENGINE__KIND asks for it.")
    if settings.kind == "openai" or (settings.kind == "auto" and settings.base_url):
        return _choose_server(settings)
    if settings.kind == "vllm":
        return EngineChoice(kind="vllm", reason="READROOM_ENGINE__KIND asks for it.", missing=_missing_vllm(settings))
    return _choose_by_machine(settings, data_dir)


def _choose_server(settings: EngineSettings) -> EngineChoice:
    if not settings.base_url:
        raise SettingsError(
            "READROOM_ENGINE__KIND is openai, and no server is named.",
            hint="Set READROOM_ENGINE__BASE_URL, for example to http://127.0.0.1:8000/v1.",
        )
    return EngineChoice(kind="openai", reason=f"READROOM_ENGINE__BASE_URL names {settings.base_url}.")


def _choose_by_machine(settings: EngineSettings, data_dir: Path | None) -> EngineChoice:
    missing = _missing_vllm(settings)
    if data_dir and state_files.is_running(data_dir):
        return EngineChoice(kind="vllm", reason="A resident vLLM is running.")
    gpus = read_gpus()
    if not gpus:
        return EngineChoice(
            kind="extractive",
            reason="No NVIDIA GPU was found, so passages are searched and quoted without a language model.",
            missing=(USE_A_SERVER,),
        )
    if missing:
        return EngineChoice(
            kind="extractive", reason=f"{gpus[0].name} is here, but vLLM is not installed.", missing=missing
        )
    try:
        plan = memory_plan.plan(settings, gpus)
    except EngineError as error:
        return EngineChoice(kind="extractive", reason=error.message, missing=(error.hint,))
    return EngineChoice(kind="vllm", reason=f"{gpus[0].name} holds {plan.context_tokens:,} tokens of context.")


def _missing_vllm(settings: EngineSettings) -> tuple[str, ...]:
    return () if find_vllm(settings.vllm_command) else (INSTALL_VLLM,)


async def open_engine(
    settings: EngineSettings, data_dir: Path, on_progress: Callable[[Progress], None] | None = None
) -> Engine:
    """Open the chosen engine; a resident vLLM is started or attached to, and waited for.

    Cancelling the call leaves a start under way running, and a later call attaches to it.

    Raises:
        EngineError: It cannot be started or reached; the message says why, the hint what to do.
        SettingsError: The engine asked for needs a setting that is missing.
    """
    kind = choose_engine(settings, data_dir).kind
    if kind == "extractive":
        from agents.engine.extractive.engine import ExtractiveEngine

        return ExtractiveEngine()
    if kind == "openai":
        from agents.engine.openai.engine import connect

        return await connect(settings)
    from agents.engine.vllm.engine import ResidentEngine

    return await ResidentEngine.open(settings, data_dir, on_progress)


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
