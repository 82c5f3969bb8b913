"""Reading a whole document window by window, and keeping a conversation short."""

import re
from typing import Any, ClassVar, cast

from pydantic import Field
from pydantic.config import JsonDict
from typing_extensions import override

from agents.engine.engine import InvalidAnswerError, Task, bounded
from agents.language.sentences import split_sentences
from agents.schema import Frozen, Mode

MAX_NOTES = 16
"""Of one window."""
MAX_NOTE_CHARACTERS = 300
_NOTE_CHARACTERS = 240
"""Of one note on average, which bounds all of them together."""
_BULLET = re.compile(r"(?:[-*•–]|\d{1,2}[.)])\s+")
_ENDS = (".", "!", "?", "…", "。", "！", "？", "”", '"', ")")


class NotesResult(Frozen):
    """What a window says, a note a line; code finds the sentences of the window that each rests on.

    One text, as small models end a list of texts after its first.
    """

    notes: str = Field(json_schema_extra=bounded(MAX_NOTES * _NOTE_CHARACTERS))

    def items(self, most: int = MAX_NOTES) -> tuple[str, ...]:
        """Return the notes, at most so many; what is no list is taken sentence by sentence."""
        lines = [_BULLET.sub("", line.strip(), count=1).strip() for line in self.notes.splitlines()]
        alone = len(lines) == 1
        items = [
            item
            for line in lines
            for item in (_sentences(line) if alone or len(line) > MAX_NOTE_CHARACTERS else (line,))
            if item
        ]
        if len(self.notes) >= most * _NOTE_CHARACTERS - 1 and not self.notes.rstrip().endswith(_ENDS):
            # The bound has cut the last one off.
            items = items[:-1] or items
        return tuple(items[:most])


def _sentences(text: str) -> tuple[str, ...]:
    return tuple(text[start:end] for start, end in split_sentences(text))


class WindowNotes(Task[NotesResult]):
    """Read one window of a document and note what matters."""

    role: ClassVar[str] = "reader"

    mode: Mode
    focus: str | None = None
    outline: tuple[str, ...] = Field(default=(), description="Headings in this window.")
    most: int = Field(default=MAX_NOTES, ge=1, le=MAX_NOTES, description="Notes that may be taken.")

    @override
    def instruction(self) -> str:
        asked = {
            "summary": f"Summarise this text in at most {self.most} bullet points.",
            "detailed": f"Summarise this text in at most {self.most} bullet points.",
            "comparison": f"Note in at most {self.most} bullet points whatever another document might say differently: "
            "statements, figures, dates, terms.",
            "extraction": f"List in at most {self.most} bullet points every occurrence of: "
            f"{self.focus or 'figures, dates and names'}.",
        }[self.mode]
        focus = f" Look above all at: {self.focus}." if self.focus and self.mode != "extraction" else ""
        return (
            f"{asked}{focus} Each is one sentence that makes sense alone and says what the text says, with its names "
            "and figures, in the language of the text. Begin each with - on a line of its own."
        )

    @override
    def narrow_schema(self, schema: JsonDict) -> JsonDict:
        cast("Any", schema)["properties"]["notes"]["maxLength"] = self.most * _NOTE_CHARACTERS
        return schema


class OverviewResult(Frozen):
    """A few sentences."""

    overview: str = Field(json_schema_extra=bounded(900))


class Overview(Task[OverviewResult]):
    """Say in a few sentences what documents are and what they say above all."""

    role: ClassVar[str] = "reader"

    titles: tuple[str, ...] = Field(description="Of the documents.")
    focus: str | None = None
    points: tuple[str, ...] = Field(description="What the documents say, in the order of the text.")

    @override
    def instruction(self) -> str:
        listed = "\n".join(f"- {point}" for point in self.points)
        titles = " and ".join(f"“{title}”" for title in self.titles)
        focus = f" Look above all at: {self.focus}." if self.focus else ""
        return (
            f"These are the main points of {titles}:\n{listed}\n"
            f"Write an overview of two to four sentences: what it is about and what it says above all.{focus} Use only "
            "what the points say, with their names and figures, in their language. Do not list them."
        )


class PointToReduce(Frozen):
    """A note, or a point made of several, with the document it comes from."""

    document: str = Field(description="The document's title.")
    section: str = Field(default="", description="The heading it stands under.")
    text: str
    rank: float = Field(default=0.0, description="Weight that the reader gave it; higher matters more.")


class ReducedPoint(Frozen):
    """A point that says what several said."""

    section: str = Field(json_schema_extra=bounded(80))
    text: str = Field(json_schema_extra=bounded(400))
    sources: tuple[int, ...] = Field(min_length=1, max_length=4, description="Numbers of the points it rests on.")


class ReduceResult(Frozen):
    """Fewer points, each resting on the numbers of those it was made from."""

    points: tuple[ReducedPoint, ...] = Field(min_length=1, max_length=24)


class Reduce(Task[ReduceResult]):
    """Bring the points of several documents down to a comparison; set again on its own results until they fit."""

    role: ClassVar[str] = "reader"
    max_tokens: ClassVar[int] = 3_072
    prose: ClassVar[bool] = True

    focus: str | None = None
    points: tuple[PointToReduce, ...] = Field(description="Numbered from 1 in this order.")
    final: bool = Field(default=True, description="Whether the result is the comparison itself.")

    @override
    def instruction(self) -> str:
        listed = "\n".join(
            f"{number}. ({point.document}; {point.section}) {point.text}" for number, point in enumerate(self.points, 1)
        )
        comparison = "a comparison, in the sections 'Shared' and 'Differences' (each names both documents)"
        step = comparison if self.final else f"shorter notes towards {comparison}"
        return (
            f"Make of these notes {step}. Merge what says the same. Under each point give the numbers of the notes "
            f"it rests on; add nothing that is not in them.\n{listed}"
        )

    @override
    def narrow_schema(self, schema: JsonDict) -> JsonDict:
        sources = cast("Any", schema)["properties"]["points"]["items"]["properties"]["sources"]
        sources["items"] |= {"minimum": 1, "maximum": max(1, len(self.points))}
        return schema

    @override
    def check(self, result: ReduceResult) -> None:
        numbers = {number for point in result.points for number in point.sources}
        if numbers - set(range(1, len(self.points) + 1)):
            raise InvalidAnswerError(f"sources must be numbers from 1 to {len(self.points)}")


class UpdateSummaryResult(Frozen):
    """A running summary."""

    summary: str = Field(json_schema_extra=bounded(2_400))


class UpdateSummary(Task[UpdateSummaryResult]):
    """Fold archived turns into the running summary of a conversation."""

    role: ClassVar[str] = "memory"
    max_tokens: ClassVar[int] = 768
    prose: ClassVar[bool] = True

    summary: str = Field(default="", description="The running summary so far.")
    turns: tuple[str, ...] = Field(description="The turns to fold in, oldest first.")

    @override
    def instruction(self) -> str:
        turns = "\n".join(self.turns)
        return (
            "Fold these turns into the summary of the conversation. Keep what the user asked for at the start, names, "
            f"figures, dates and decisions.\nSummary so far: {self.summary or 'none'}\nTurns:\n{turns}"
        )
