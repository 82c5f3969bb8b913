"""Reading a whole document window by window, and keeping a conversation short."""

from typing import Any, ClassVar, cast

from pydantic import Field
from pydantic.config import JsonDict
from typing_extensions import override

from agents.engine.engine import InvalidAnswerError, Task, bounded
from agents.schema import Frozen, Mode, NoteKind

MAX_NOTES = 16
"""Of one window."""


class Note(Frozen):
    """Something worth keeping from a window."""

    kind: NoteKind
    text: str = Field(json_schema_extra=bounded(300))
    quote: str = Field(json_schema_extra=bounded(400))


class NotesResult(Frozen):
    """What a window holds."""

    topic: str = Field(json_schema_extra=bounded(120))
    notes: tuple[Note, ...] = Field(default=(), max_length=MAX_NOTES)


class WindowNotes(Task[NotesResult]):
    """Read one window of a document and note what matters."""

    role: ClassVar[str] = "reader"
    max_tokens: ClassVar[int] = 3_072
    prose: ClassVar[bool] = True

    mode: Mode
    focus: str | None = None
    outline: tuple[str, ...] = Field(default=(), description="Headings in this window.")

    @override
    def instruction(self) -> str:
        wanted = {
            "summary": "the main points",
            "detailed": "all points, figures, dates and names of weight",
            "comparison": "whatever another document might say differently: points, figures, dates, terms",
            "extraction": f"every occurrence of: {self.focus or 'figures, dates and names'}",
        }[self.mode]
        focus = f" Look above all at: {self.focus}." if self.focus and self.mode != "extraction" else ""
        return (
            f"Note {wanted}.{focus} Give the topic of this text in a few words, then up to {MAX_NOTES} notes. "
            "Each note is one sentence that makes sense alone, with a quote of 5 to 60 words copied word for word from "
            "the text."
        )


class PointToReduce(Frozen):
    """A note, or a point made of several, with the document it comes from."""

    document: str = Field(description="The document's title.")
    section: str = Field(default="", description="The heading or topic it stands under.")
    text: str
    kind: NoteKind = "point"
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
    """Bring many points down to the few that matter; set again on its own results until they fit."""

    role: ClassVar[str] = "reader"
    max_tokens: ClassVar[int] = 3_072
    prose: ClassVar[bool] = True

    mode: Mode
    focus: str | None = None
    points: tuple[PointToReduce, ...] = Field(description="Numbered from 1 in this order.")
    final: bool = Field(default=True, description="Whether the result is the analysis itself.")

    @override
    def instruction(self) -> str:
        listed = "\n".join(
            f"{number}. ({point.document}; {point.section}) {point.text}" for number, point in enumerate(self.points, 1)
        )
        wanted = {
            "summary": "a summary: the points that a reader must know, six to ten in all",
            "detailed": "a detailed analysis: up to 24 points, grouped by section",
            "comparison": "a comparison, in the sections 'Shared' and 'Differences' (each names both documents)",
            "extraction": f"a list of {self.focus or 'figures, dates and names'}: one point an item, none left out",
        }[self.mode]
        step = wanted if self.final else f"shorter notes towards {wanted}"
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
