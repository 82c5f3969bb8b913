"""Reading a whole document window by window, and keeping a conversation short."""

import re
from collections.abc import Iterable
from typing import Any, ClassVar, cast

from pydantic import Field
from pydantic.config import JsonDict
from typing_extensions import override

from agents.engine.engine import Choice, InvalidAnswerError, Task, bounded
from agents.language.sentences import split_sentences
from agents.schema import Frozen, Mode

MAX_NOTES = 16
"""Of one window."""
MIN_SUMMARY_NOTES = 3
"""Of a window that is summarised: a small model likes to write all into its first note, and end there."""
MAX_NOTE_CHARACTERS = 300
_NUMBER = re.compile(r"\s*(?:\d{1,2}[.)]|[-*•–])\s+(?=\S)")
"""Of a point in a list, as it was asked for or as models write one."""
ANY_FACT = "figures, dates and names"
"""What an extraction looks for where nobody says."""


class Note(Frozen):
    """One sentence on what a window says. An object of its own, as small models write all they say into one string."""

    text: str = Field(json_schema_extra=bounded(MAX_NOTE_CHARACTERS))


class NotesResult(Frozen):
    """What a window says; code finds the sentences of the window that each note rests on."""

    notes: tuple[Note, ...] = Field(default=(), max_length=MAX_NOTES)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "NotesResult":
        """Return the notes with these texts."""
        return cls(notes=tuple(Note(text=text) for text in texts))

    @property
    def texts(self) -> tuple[str, ...]:
        """What the notes say."""
        return tuple(note.text for note in self.notes)

    def sentences(self, most: int) -> tuple[str, ...]:
        """Return at most so many notes, those of several sentences cut into these.

        A sentence in which the schema's bound has cut a note off is left out, or is marked as cut where it is all.
        """
        found = [
            sentence
            for note in self.notes
            for sentence in whole_sentences(note.text, MAX_NOTE_CHARACTERS) or (f"{note.text.rpartition(' ')[0]}…",)
        ]
        return tuple(dict.fromkeys(found))[:most]


def whole_sentences(text: str, bound: int) -> tuple[str, ...]:
    """Return the sentences of a text without the one in which the bound on its characters has cut it off."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    sentences = [line[start:end] for line in lines for start, end in split_sentences(line)]
    cut = len(text) >= bound - 1 and not text.rstrip().endswith((".", "!", "?", "…", "。", "！", "？"))
    return tuple(sentences[:-1] if cut else sentences)


class WindowNotes(Task[NotesResult]):
    """Read one window of a document and note what matters."""

    role: ClassVar[str] = "reader"
    max_tokens: ClassVar[int] = 3_072

    mode: Mode
    focus: str | None = None
    most: int = Field(default=MAX_NOTES, ge=1, le=MAX_NOTES, description="Notes that may be taken.")

    @property
    def summarizes(self) -> bool:
        """Whether the window is summed up, and not searched."""
        return self.mode in ("summary", "detailed")

    @override
    def instruction(self) -> str:
        summary = f"Summarise this text in at most {self.most} points."
        asked = {
            "summary": summary,
            "detailed": summary,
            "comparison": f"Note in at most {self.most} points whatever another document might say differently: "
            "statements, figures, dates, terms.",
            "extraction": f"List every occurrence of: {self.focus or ANY_FACT}, at most {self.most}.",
        }[self.mode]
        focus = f" Look above all at: {self.focus}." if self.focus and self.mode != "extraction" else ""
        return (
            f"{asked}{focus} Each is one sentence that makes sense alone and says what the text says, with its names "
            f"and figures, in {self.language or 'the language of the text'}."
        )

    @property
    def least(self) -> int:
        """Notes that must be taken."""
        return min(MIN_SUMMARY_NOTES, self.most) if self.summarizes else int(self.mode == "extraction")

    @override
    def line_form(self) -> str:
        # Of what is to be extracted a small model lists mere words so; under a schema it writes sentences.
        return "Write a numbered list, each point on a line of its own." if self.summarizes else ""

    @override
    def line_stop(self) -> str:
        return f"\n{self.most + 1}."

    @override
    def read_lines(self, text: str) -> dict[str, Any]:
        points = dict.fromkeys(line[at.end() :].strip() for line in text.splitlines() if (at := _NUMBER.match(line)))
        if len(points) < self.least:
            raise InvalidAnswerError(f"its list has {len(points)} points")
        return {"notes": [{"text": point} for point in points][: self.most]}

    @override
    def narrow_schema(self, schema: JsonDict) -> JsonDict:
        notes = cast("Any", schema)["properties"]["notes"]
        notes["maxItems"], notes["minItems"] = self.most, self.least
        return schema


MAX_OVERVIEW_CHARACTERS = 500
"""Two to four sentences; a small model would go on and copy all points."""


class Mentions(Choice):
    """Tell whether a window holds anything that is to be extracted.

    A small model that may give no notes gives none: over a report of 120,000 tokens one of 1.5 billion parameters
    extracted nothing. So it is asked apart, and then gives one at least.
    """

    role: ClassVar[str] = "reader"

    focus: str

    @override
    def instruction(self) -> str:
        return f"Does the document text above hold any of this: {self.focus}? Reply with yes or no."


class OverviewResult(Frozen):
    """A few sentences."""

    overview: str = Field(json_schema_extra=bounded(MAX_OVERVIEW_CHARACTERS))


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
            f"what the points say, with their names and figures, in {self.language or 'their language'}. Do not list "
            "them."
        )


class PointToReduce(Frozen):
    """A note, or a point made of several, with the document it comes from."""

    document: str = Field(description="The document's title.")
    section: str = Field(default="", description="The heading it stands under.")
    text: str
    rank: float = Field(default=0.0, description="Weight that the reader gave it; higher matters more.")


SHARED, DIFFERENCES = "Shared", "Differences"
"""The sections of a comparison."""


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
        comparison = f"a comparison, in the sections '{SHARED}' and '{DIFFERENCES}' (each names both documents)"
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
