"""Engines for the engine's tests."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.benchmark.checkpoints import write_tiny
from agents.engine.vllm import lifecycle
from agents.engine.vllm.processes import wait_until
from agents.settings import EngineSettings

FAKE_VLLM = Path(__file__).parents[2] / "support" / "fake_vllm.py"
LIMIT_SECONDS = 20.0

MakeSettings = Callable[..., EngineSettings]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny random Qwen3."""
    return write_tiny(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture
def fake(checkpoint: Path) -> MakeSettings:
    """Settings whose `vllm` is the fake; words are arguments that make it misbehave."""

    def settings(*misbehave: str, **changes: Any) -> EngineSettings:
        changes.setdefault("start_seconds", 3 * LIMIT_SECONDS)
        return EngineSettings(
            kind="vllm",
            model=str(checkpoint),
            quantization="auto",
            vllm_command=f"{sys.executable} {FAKE_VLLM}",
            extra_args=misbehave,
            request_seconds=LIMIT_SECONDS,
            **changes,
        )

    return settings


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose engine is stopped in the end."""
    yield tmp_path
    asyncio.run(lifecycle.stop(tmp_path))


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether a condition holds before the limit of patience."""
    return wait_until(condition, LIMIT_SECONDS)
