"""The seam between the agents and whatever computes their results: a task goes in, an outcome comes out."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from pydantic import Field
from pydantic.config import JsonDict

from agents.schema import EngineInfo, Frozen, OnProgress, Passage, Usage
from agents.settings import EngineSettings

ResultT = TypeVar("ResultT", bound=Frozen)


class Task(Frozen, Generic[ResultT]):
    """What an agent asks of an engine; the fields stand in the order in which a prompt shows them."""

    role: ClassVar[str]
    max_tokens: ClassVar[int] = 512
    prose: ClassVar[bool] = False
    """Prose is sampled as the model's card says; decisions are taken at temperature 0."""

    evidence: tuple[Passage, ...] = Field(default=(), description="Document text: a window, or the passages found.")
    history: str = Field(default="", description="The conversation so far.")
    question: str = ""
    language: str = Field(default="", description="Language of the answer; empty: the question's.")

    @classmethod
    def result_type(cls) -> type[ResultT]:
        """Return the model of the result: `RouteResult` for a `Task[RouteResult]`."""
        generics = (base.__pydantic_generic_metadata__["args"] for base in cls.__mro__ if issubclass(base, Task))
        return cast("type[ResultT]", next(args[0] for args in generics if args))

    @abstractmethod
    def instruction(self) -> str:
        """Return what the model is told to do; best the same for every question."""

    def narrow_schema(self, schema: JsonDict) -> JsonDict:
        """Narrow the JSON schema of the result type to what this task allows."""
        return schema

    def line_form(self) -> str:
        """Return how a model writes the answer line by line, as it does fastest; empty where it must be JSON."""
        return ""

    def line_stop(self) -> str:
        """Return what ends an answer that is written line by line; empty where it ends by itself."""
        return ""

    def read_lines(self, text: str) -> dict[str, Any]:
        """Return an answer that was written line by line as the JSON of the result.

        Raises:
            InvalidAnswerError: It does not have the form.
        """
        raise InvalidAnswerError("it is not JSON")

    def check(self, result: ResultT) -> None:
        """Check what no schema can say.

        Raises:
            InvalidAnswerError: The result does not fit this task.
        """


class ChoiceResult(Frozen):
    """How sure an engine is of "yes"."""

    log_odds: float | None = Field(
        default=None, description="Natural logarithm of p(yes) / p(no); None where the engine says neither."
    )


class Choice(Task[ChoiceResult]):
    """A question that is answered with yes or no; what counts is how sure the engine is, not its word."""

    max_tokens: ClassVar[int] = 1


class InvalidAnswerError(ValueError):
    """What came back does not have the form that was asked for."""


@dataclass(frozen=True)
class Outcome(Generic[ResultT]):
    """A task's result and what it cost."""

    result: ResultT
    usage: Usage


class Engine(Protocol):
    """Computes the results of tasks: a language model, or plain code."""

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
        """Close connections; the engine itself may live on."""
        ...


class Availability(Frozen):
    """Whether an engine can be had on this machine under these settings."""

    available: bool
    reason: str = Field(default="", description="Why, in a sentence; empty where there is nothing to say.")
    missing: tuple[str, ...] = Field(default=(), description="Commands or settings that would make it available.")


@dataclass(frozen=True)
class EngineEntry:
    """An engine's entry in the registry."""

    kind: str
    """The value of READROOM_ENGINE__KIND that names it."""
    availability: Callable[[EngineSettings, Path | None], Availability]
    """Tells, from the settings and the data folder, whether it can be had; loads no heavy library."""
    open: Callable[[EngineSettings, Path, OnProgress | None], Awaitable[Engine]]
    """Opens it, from the settings and the data folder, and reports progress where that takes a while."""


def bounded(characters: int) -> JsonDict:
    """Bound a string in the JSON schema only: no control characters, quotes or backslashes.

    Constrained decoding applies the pattern to the raw JSON, where `maxLength` alone lets control
    characters through. In-process results keep the document's own characters, so nothing is checked here.
    """
    return {"pattern": f'^[^\\x00-\\x1f"\\\\]{{1,{characters}}}$'}
