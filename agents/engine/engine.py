"""What every task holds."""
# MERGED """The seam between the agents and whatever computes their results."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar, cast

from pydantic import Field
from pydantic.config import JsonDict

from agents.schema import EngineInfo, Frozen, Passage, Usage

R = TypeVar("R", bound=Frozen)


def bounded(characters: int) -> JsonDict:
    """Bound a string in the JSON schema only: no control characters, quotes or backslashes.

    Constrained decoding applies the pattern to the raw JSON, where `maxLength` alone lets control
    characters through. In-process results keep the document's own characters, so nothing is checked here.
    """
    return {"pattern": f'^[^\\x00-\\x1f"\\\\]{{1,{characters}}}$'}


class Task(Frozen, Generic[R]):
    """What every task holds; the fields stand in the order in which a prompt shows them."""

    role: ClassVar[str]
    max_tokens: ClassVar[int] = 512
    prose: ClassVar[bool] = False
    """Prose is sampled as the model's card says; decisions are taken at temperature 0."""

    evidence: tuple[Passage, ...] = Field(default=(), description="Document text: a window, or the passages found.")
    history: str = Field(default="", description="The conversation so far.")
    question: str = ""
    language: str = Field(default="", description="Language of the answer; empty: the question's.")

    @classmethod
    def result_type(cls) -> type[R]:
        """Return the model that the result must fit: `RouteResult` for a `Task[RouteResult]`."""
        generics = (base.__pydantic_generic_metadata__["args"] for base in cls.__mro__ if issubclass(base, Task))
        return cast("type[R]", next(args[0] for args in generics if args))

    @abstractmethod
    def instruction(self) -> str:
        """Return what the model is told to do; best the same for every question."""

    def results(self) -> str:
        """Return what other agents have found for the question, as a prompt shows it."""
        return ""


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
