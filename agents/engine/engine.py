"""The seam between the agents and whatever computes their results."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from agents.engine.tasks.base import Task
from agents.schema import EngineInfo, Frozen, Usage

ResultT = TypeVar("ResultT", bound=Frozen)


@dataclass(frozen=True)
class Outcome(Generic[ResultT]):
    """A task's result and what it cost."""

    result: ResultT
    usage: Usage


class Engine(Protocol):
    """Whatever computes the results of tasks: a language model, or plain code."""

    @property
    def info(self) -> EngineInfo:
        """What the engine is; every answer carries it."""
        ...

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Compute one task. Cancelling the call frees whatever the engine had reserved for it.

        Raises:
            EngineError: The engine did not answer, or twice gave an invalid result.
        """
        ...

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text as this engine sees it; safe to call from any thread."""
        ...

    async def close(self) -> None:
        """Let go of connections; the engine itself may live on."""
        ...
