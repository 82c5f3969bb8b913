"""Answering a question, and telling whether a text answers it at all."""

import re
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from agents.engine.engine import Choice, InvalidAnswerError, Task, bounded
from agents.schema import Frozen

MAX_QUOTES = 3
"""Of one answer."""
_QUOTATION_MARKS = ' "“”„«»'
_LABEL = re.compile(r"^\W*Answer\W*:\W*\s*", re.IGNORECASE)
"""What a model writes before its answer, unasked."""


class Answerable(Choice):
    """Tell whether the evidence answers the question."""

    role: ClassVar[str] = "retrieval"

    @override
    def instruction(self) -> str:
        return "Does the document text above contain the answer to the question? Reply with yes or no."


class DraftResult(Frozen):
    """Quotes, and the answer that they give.

    The quotes come first because a model that has written them down answers better: with 1.5 billion parameters it gave
    the gold answer to 46 % of 165 questions, to 42 % where the answer came first: benchmarks/results/prompts_h100.json.
    """

    quotes: tuple[str, ...] = Field(
        min_length=1, max_length=MAX_QUOTES, json_schema_extra={"items": {"type": "string", **bounded(400)}}
    )
    answer: str = Field(json_schema_extra=bounded(600))


class Draft(Task[DraftResult]):
    """Answer the question from the evidence.

    Nothing invites the model to say that the text does not answer: one that may says so of 26 % of the questions that
    the text does answer (benchmarks/results/prompts_h100.json). `Answerable` asks it apart.
    """

    role: ClassVar[str] = "synthesis"
    max_tokens: ClassVar[int] = 1_024

    @override
    def instruction(self) -> str:
        return (
            f"First copy from the document text above, exactly, the one to {MAX_QUOTES} quotes that answer the "
            "question. Then answer it from them in one or two sentences, in the language of the question."
        )

    @override
    def line_form(self) -> str:
        return 'Write each quote on a line of its own that begins with "> ", and then the answer on a line without it.'

    @override
    def read_lines(self, text: str) -> dict[str, Any]:
        lines = [line for line in map(str.strip, text.splitlines()) if line]
        quotes = [line.lstrip("> ").strip(_QUOTATION_MARKS) for line in lines if line.startswith(">")]
        answer = " ".join(_LABEL.sub("", line) for line in lines if not line.startswith(">"))
        if not quotes or not answer:
            raise InvalidAnswerError("it has no line that begins with '>', or none that does not")
        return {"quotes": quotes[:MAX_QUOTES], "answer": answer}


class Excerpt(Frozen):
    """A statement in the document's own words, and the quotes that it is made of."""

    text: str
    quotes: tuple[str, ...]
    within: tuple[str, int, int] | None = Field(
        default=None, description="Where its first quote is from: a document's id, and where a passage starts and ends."
    )


class ExcerptsResult(Frozen):
    """The statements that answer best, best first; none where none does."""

    claims: tuple[Excerpt, ...] = ()
    confidence: float = Field(default=1.0, description="How likely the evidence answers the question, 0 to 1.")
    unknown: tuple[str, ...] = Field(default=(), description="The question's words that stand nowhere in the evidence.")


class Excerpts(Task[ExcerptsResult]):
    """Pick the evidence's own sentences that answer the question: a task for the extractive engine alone."""

    role: ClassVar[str] = "synthesis"

    parts: tuple[str, ...] = Field(default=(), description="The questions that it consists of; none: found by rule.")
    closest: bool = Field(default=False, description="Whether to return the nearest ones even where none answers.")

    @override
    def instruction(self) -> str:
        return "Copy the sentences that answer the question."


class RewriteAnswerResult(Frozen):
    """The final message."""

    markdown: str = Field(json_schema_extra=bounded(4_000))


class RewriteAnswer(Task[RewriteAnswerResult]):
    """Write the final message from an agent's; set only when messages are not forwarded."""

    role: ClassVar[str] = "supervisor"
    max_tokens: ClassVar[int] = 1_536
    prose: ClassVar[bool] = True

    message: str

    @override
    def instruction(self) -> str:
        return (
            "Write the final answer from this message. Keep every mark such as [1] behind its statement and add "
            f"nothing.\n{self.message}"
        )
