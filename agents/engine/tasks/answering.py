"""Answering a question, and telling whether a text answers it at all."""

from typing import Any, ClassVar, cast

from pydantic import Field
from pydantic.config import JsonDict
from typing_extensions import override

from agents.engine.engine import Choice, InvalidAnswerError, Task, bounded
from agents.schema import Frozen

MAX_QUOTES = 3
"""Of one answer."""


class Answerable(Choice):
    """Tell whether the evidence answers the question."""

    role: ClassVar[str] = "retrieval"

    @override
    def instruction(self) -> str:
        return "Does the document text above contain the answer to the question? Reply with yes or no."


class DraftResult(Frozen):
    """The answer; code finds the sentences that it rests on, where the engine does not quote them."""

    answer: str = Field(json_schema_extra=bounded(600))
    quotes: tuple[str, ...] = Field(default=(), description="Of an engine that knows what it answers from.")


class Draft(Task[DraftResult]):
    """Answer the question from the evidence.

    The model writes nothing but the answer, without JSON: of one with 1.5 billion parameters 44 % of 165 questions got
    the gold answer so, in 29 tokens, and 46 % where it copied its quotes first, in 88. The sentences that the rules
    find for the question and this answer stood on a gold page more often than the quotes that it copied.

    Nothing invites the model to say that the text does not answer: one that may says so of 26 % of the questions that
    the text does answer (benchmarks/results/prompts_h100.json). `Answerable` asks it apart.
    """

    role: ClassVar[str] = "synthesis"

    @override
    def instruction(self) -> str:
        return (
            "Answer the question from the document text above and from nothing else, in one or two sentences, in the "
            "language of the question."
        )

    @override
    def narrow_schema(self, schema: JsonDict) -> JsonDict:
        # A model is asked for the answer alone.
        return {**schema, "properties": {"answer": cast("Any", schema)["properties"]["answer"]}, "required": ["answer"]}

    @override
    def line_form(self) -> str:
        return "Reply with the answer alone."

    @override
    def read_lines(self, text: str) -> dict[str, Any]:
        if not (answer := " ".join(text.split())):
            raise InvalidAnswerError("it is empty")
        return {"answer": answer}


class QuotesResult(Frozen):
    """Quotes that show an answer."""

    quotes: tuple[str, ...] = Field(
        min_length=1, max_length=MAX_QUOTES, json_schema_extra={"items": {"type": "string", **bounded(400)}}
    )


class Quotes(Task[QuotesResult]):
    """Copy what shows an answer: asked where the text shares no word with it, as it is in another language."""

    role: ClassVar[str] = "synthesis"
    max_tokens: ClassVar[int] = 1_024

    answer: str

    @override
    def instruction(self) -> str:
        return (
            f"Copy from the document text above, exactly, the one to {MAX_QUOTES} quotes that show this answer to the "
            f"question: {self.answer}"
        )


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
    """Pick the evidence's own sentences that answer the question, or show an answer: a task for rules alone."""

    role: ClassVar[str] = "synthesis"

    parts: tuple[str, ...] = Field(default=(), description="The questions that it consists of; none: found by rule.")
    answer: str = Field(default="", description="What a model answers, whose words count too.")
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
