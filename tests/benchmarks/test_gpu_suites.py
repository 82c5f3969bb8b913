import asyncio
from collections.abc import AsyncIterator

import pytest

from agents.benchmark.report import Measurement
from agents.benchmark.suites import Step
from agents.errors import EngineError
from benchmarks.gpu.suites import LAST_SECONDS, ordered

FIGURE = Measurement(key="k", name="n", value=1.0, unit="s", how="h")


async def quick() -> AsyncIterator[Measurement]:
    yield FIGURE


async def endless() -> AsyncIterator[Measurement]:
    yield FIGURE
    await asyncio.Event().wait()
    yield FIGURE


def steps(*names: str) -> list[Step]:
    return [Step(name, 1, quick) for name in names]


async def taken(step: Step) -> list[Measurement]:
    return [figure async for figure in step.measure()]


def test_what_needs_the_gpu_comes_first_and_what_looks_back_comes_last() -> None:
    suite = steps("documents", "search", "answers", "overhead", "decode", "prefill", "memory", "engine", "sleep")

    names = [step.name for step in ordered(suite, seconds=60)]

    assert names == ["decode", "prefill", "overhead", "answers", "documents", "search", "memory", "engine", "sleep"]


async def test_a_step_that_takes_too_long_is_cut_and_keeps_what_it_had() -> None:
    (step,) = ordered([Step("answers", 1, endless)], seconds=60, step_seconds=0.05)
    figures = step.measure()

    assert await anext(figures) == FIGURE
    with pytest.raises(EngineError, match="was cut after"):
        await anext(figures)


async def test_when_the_time_is_up_only_the_last_steps_are_taken() -> None:
    answers, memory = ordered(steps("answers", "memory"), seconds=LAST_SECONDS)

    with pytest.raises(EngineError, match="time was up"):
        await taken(answers)
    assert await taken(memory) == [FIGURE]
