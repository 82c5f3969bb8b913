import asyncio
from typing import Any

from agents.benchmark.engines import RecordingEngine, ReplayEngine
from agents.engine.tasks.decisions import Plan, PlanResult, Route, RouteResult
from tests.support.fakes import FakeEngine


async def test_a_recording_passes_everything_on() -> None:
    engine = FakeEngine()
    recording = RecordingEngine(engine)

    outcome = await recording.run(Route(question="What is it?"))

    assert outcome.result == RouteResult(kind="simple", reason="One fact.")
    assert recording.info == engine.info
    assert recording.count_tokens("two words") == engine.count_tokens("two words")
    assert engine.count(Route) == 1


async def test_a_replay_answers_each_kind_of_task_in_the_recorded_order_and_sets_the_engine_no_task() -> None:
    kinds = iter(["simple", "complex"])
    engine = FakeEngine({Route: lambda _: RouteResult(kind=next(kinds), reason="In turn.")})  # type: ignore[arg-type]
    recording = RecordingEngine(engine)
    for _ in range(2):
        await recording.run(Route(question="What is it?"))
    set_before = len(engine.tasks)

    replay = ReplayEngine(recording)
    replayed = [(await replay.run(Route(question="Another?"))).result.kind for _ in range(4)]

    assert replayed == ["simple", "complex", "simple", "complex"]
    assert len(engine.tasks) == set_before


async def test_a_task_that_was_never_recorded_goes_to_the_engine() -> None:
    recording = RecordingEngine(FakeEngine())
    await recording.run(Route(question="What is it?"))

    outcome = await ReplayEngine(recording).run(Plan(question="What and when?"))

    assert isinstance(outcome.result, PlanResult)


async def test_the_engine_outlives_those_who_watch_it() -> None:
    closed: list[Any] = []

    class Closing(FakeEngine):
        async def close(self) -> None:
            closed.append(self)

    recording = RecordingEngine(Closing())
    await asyncio.gather(recording.close(), ReplayEngine(recording).close())

    assert closed == []
