"""Engines that watch and repeat another: to tell the engine's time from the agents' own."""

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, cast

from agents.engine.base import Engine, Outcome, ResultT
from agents.engine.tasks.base import Task
from agents.schema import EngineInfo


class RecordingEngine:
    """Passes tasks on to an engine, and keeps what they were, when they ran and what came back.

    Args:
        engine: Who computes; closing it stays with whoever opened it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.outcomes: list[tuple[Task[Any], Outcome[Any]]] = []
        self._spans: list[tuple[float, float]] = []

    @property
    def info(self) -> EngineInfo:
        """What the engine is."""
        return self._engine.info

    def count_tokens(self, text: str) -> int:
        """Count as the engine does."""
        return self._engine.count_tokens(text)

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Have the engine compute the task."""
        started = time.perf_counter()
        try:
            outcome = await self._engine.run(task)
        finally:
            self._spans.append((started, time.perf_counter()))
        self.outcomes.append((task, outcome))
        return outcome

    async def close(self) -> None:
        """Do nothing: the engine is not ours."""

    def forget(self) -> None:
        """Forget what was recorded so far."""
        self.outcomes.clear()
        self._spans.clear()

    def busy_seconds(self) -> float:
        """Return the seconds in which at least one task was being computed."""
        return sum(end - start for start, end in _merged(self._spans))


class ReplayEngine:
    """Answers at once what an engine answered before: to each kind of task its results in their order, over and over.

    Args:
        recording: A recording of the same kind of request; a task of a kind it does not hold goes to its engine.
    """

    def __init__(self, recording: RecordingEngine) -> None:
        self._recording = recording
        self._known: dict[type[Task[Any]], list[Outcome[Any]]] = defaultdict(list)
        self._taken: dict[type[Task[Any]], int] = defaultdict(int)
        for task, outcome in recording.outcomes:
            self._known[type(task)].append(outcome)

    @property
    def info(self) -> EngineInfo:
        """What the recorded engine is."""
        return self._recording.info

    def count_tokens(self, text: str) -> int:
        """Count as the recorded engine does."""
        return self._recording.count_tokens(text)

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Return the next recorded outcome of this kind of task."""
        kind = type(task)
        known = self._known.get(kind)
        if not known:
            return await self._recording.run(task)
        self._taken[kind] += 1
        return cast("Outcome[ResultT]", known[(self._taken[kind] - 1) % len(known)])

    async def close(self) -> None:
        """Do nothing: the engine is not ours."""


def _merged(spans: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield the spans in order, those that overlap as one."""
    current: tuple[float, float] | None = None
    for start, end in sorted(spans):
        if current is None:
            current = start, end
        elif start <= current[1]:
            current = current[0], max(current[1], end)
        else:
            yield current
            current = start, end
    if current is not None:
        yield current
