"""Points: what was noted of documents, each with the quotes that it rests on."""

from collections.abc import Sequence

from pydantic import Field

from agents.grounding.claims import UncheckedClaim, misplaced
from agents.grounding.contradictions import denies
from agents.language.lexicon import ENGLISH, detect_language
from agents.language.unspaced import join_lines
from agents.schema import Document, Frozen, NoteKind


class Point(Frozen):
    """A note, or what several notes were reduced to, with its quotes."""

    document: str = Field(description="The document's title.")
    section: str
    text: str
    kind: NoteKind = "point"
    quotes: tuple[str, ...]
    titles: tuple[str, ...] = Field(
        default=(), description="Of the documents that the quotes are from; empty where all are from `document`."
    )
    rank: float = 0.0
    start: int = Field(default=0, description="Offset of its first quote in the document's text.")

    def sources(self) -> tuple[tuple[str, str], ...]:
        """Return each quote with the title of its document."""
        return tuple(zip(self.quotes, self.titles or (self.document,) * len(self.quotes), strict=True))

    def statement(self, section: str | None = None) -> UncheckedClaim:
        """Return the point as a statement to be checked, under its own section or another."""
        titles = tuple(title for _, title in self.sources())
        return UncheckedClaim(self.text, self.quotes, self.section if section is None else section, self.kind, titles)


def contradicted(text: str, quotes: Sequence[str]) -> bool:
    """Whether one of several quotes says otherwise than a text.

    Together they may hold all of its words: a figure that another sentence has does not make up for the wrong one.
    """
    return len(quotes) > 1 and any(denies(text, quote) or misplaced(text, quote) for quote in map(join_lines, quotes))


def distinct(points: Sequence[Point]) -> list[Point]:
    """Return the points without those whose text another has, of which the first stays in the last one's place."""
    return list({" ".join(point.text.casefold().split()): point for point in reversed(points)}.values())[::-1]


def language_to_name(document: Document) -> str:
    """Return the language that an engine is told to note a document in; empty for English, which it is addressed in.

    Of a German text a small model wrote English notes, none of which could be traced, until the language was named.
    """
    language = detect_language(document.text)
    return "" if language == ENGLISH.name else language
