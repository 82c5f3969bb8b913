"""Engines that watch and repeat another: to tell the engine's time from the agents' own."""

from collections import defaultdict
from typing import Any, cast

from agents.engine.engine import Engine, Outcome, ResultT
from agents.engine.tasks.base import Task
from agents.schema import EngineInfo


class RecordingEngine:
    """Passes tasks on to an engine, and keeps what they were and what came back.

    Args:
        engine: Who computes; closing it stays with whoever opened it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.outcomes: list[tuple[Task[Any], Outcome[Any]]] = []

    @property
    def info(self) -> EngineInfo:
        """What the engine is."""
        return self._engine.info

    def count_tokens(self, text: str) -> int:
        """Count as the engine does."""
        return self._engine.count_tokens(text)

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Have the engine compute the task."""
        outcome = await self._engine.run(task)
        self.outcomes.append((task, outcome))
        return outcome

    async def close(self) -> None:
        """Do nothing: the engine is not ours."""


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
