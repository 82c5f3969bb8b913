"""Choosing the engine that the settings and this machine allow, and opening it."""

from collections.abc import Callable
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
