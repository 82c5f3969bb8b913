"""Engines to measure with: one that records another, and one that replays a recording."""

from collections import defaultdict
from typing import Any, cast

from agents.engine.engine import Engine, Outcome, ResultT, Task
from agents.schema import EngineInfo


class RecordingEngine:
    """Passes tasks on to an engine and records them with their outcomes.

    Args:
        engine: What computes; whoever opened it closes it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.outcomes: list[tuple[Task[Any], Outcome[Any]]] = []

    @property
    def info(self) -> EngineInfo:
        """The recorded engine's description."""
        return self._engine.info

    def count_tokens(self, text: str) -> int:
        """Count as the recorded engine does."""
        return self._engine.count_tokens(text)

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Have the engine compute the task."""
        outcome = await self._engine.run(task)
        self.outcomes.append((task, outcome))
        return outcome

    async def close(self) -> None:
        """Do nothing: the engine belongs to the caller."""


class ReplayEngine:
    """Answers at once from a recording: each kind of task gets its recorded outcomes in order, over and over.

    Args:
        recording: Of a request of the same kind; a kind of task it lacks goes to its engine.
    """

    def __init__(self, recording: RecordingEngine) -> None:
        self._recording = recording
        self._outcomes: dict[type[Task[Any]], list[Outcome[Any]]] = defaultdict(list)
        self._replayed: dict[type[Task[Any]], int] = defaultdict(int)
        for task, outcome in recording.outcomes:
            self._outcomes[type(task)].append(outcome)

    @property
    def info(self) -> EngineInfo:
        """The recorded engine's description."""
        return self._recording.info

    def count_tokens(self, text: str) -> int:
        """Count as the recorded engine does."""
        return self._recording.count_tokens(text)

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Return the next recorded outcome of this kind of task."""
        kind = type(task)
        outcomes = self._outcomes.get(kind)
        if not outcomes:
            return await self._recording.run(task)
        outcome = outcomes[self._replayed[kind] % len(outcomes)]
        self._replayed[kind] += 1
        return cast("Outcome[ResultT]", outcome)

    async def close(self) -> None:
        """Do nothing: the engine belongs to the caller."""
