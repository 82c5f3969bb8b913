"""Cutting a document into passages, which tile its text."""

import re
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from agents.language.sentences import split_sentences
from agents.language.tokens import estimate_tokens
from agents.schema import Document, Heading, Passage

# Shares of a passage's size. A section or a page starts a new passage if the last one is filled this far, ...
_ENOUGH = 0.25
# ... a paragraph that would not fit if it is filled this far, ...
_HALF = 0.5
# ... and the rest of a section still goes into a passage that stays within this.
_STRETCH = 1.25

_MAX_ROW = 400
_SOLID = re.compile(r"\S")
# A pipe inside a cell is escaped with a backslash.
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_TABLE_STARTS = re.compile(
    r"\n(?:[ \t]*\n)+|^#{1,6} [^\n]*\n(?:[ \t]*\n)*|(?P<rule>\n\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*(?=\n))", re.MULTILINE
)
"""A blank line, a heading, or the rule below a table's head."""


@dataclass(frozen=True)
class Span:
    """A passage's place: its characters, its page and the headings above it."""

    start: int
    end: int
    page: int
    """That which most of it stands on."""
    heading: str


@dataclass(frozen=True)
class Terms:
    """The terms of a document's passages."""

    language: str
    """The name of its Snowball stemmer."""
    vocabulary: tuple[str, ...]
    lengths: "array[int]"
    """The number of terms in each passage."""
    ids: "array[int]"
    """The terms of all passages in order, as positions in the vocabulary."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence, or a part of one, with the white space after it; the flags say what begins with it."""

    start: int
    tokens: int
    heading: bool
    page: bool
    paragraph: bool


def cut(
    document: Document, passage_tokens: int, sentences: Sequence[tuple[int, int]] | None = None
) -> tuple[Span, ...]:
    """Cut a document into passages of about `passage_tokens` estimated tokens.

    Cuts fall between sentences, at headings, pages and paragraphs where one is near; a table's row stays whole. The
    passages follow each other without gap or overlap and hold the whole text. Takes time linear in the text.

    Args:
        document: The document.
        passage_tokens: The size to aim for.
        sentences: Start and estimated tokens of each sentence, if they are known.
    """
    text = document.text
    sentences = measure_sentences(text) if sentences is None else sentences
    starts = _starts(_pieces(document, sentences), passage_tokens)
    breadcrumbs = _breadcrumbs(document.headings)
    heading_starts = _first_words(text, [heading.start for heading in document.headings])
    page_starts = _first_words(text, [page.start for page in document.pages])
    spans: list[Span] = []
    head = -1
    for start, end in pairwise([*starts, len(text)]):
        first = _first_word(text, start)
        page = document.pages[_main_page(page_starts, first, end)].number
        head = _last_head(text, head, spans[-1].start if spans else 0, start)
        columns = _columns(text, head) if 0 <= head < start and text.startswith("|", start) else ""
        heading = " > ".join(filter(None, (breadcrumbs[bisect_right(heading_starts, first)], columns)))
        spans.append(Span(start, end, page, heading))
    return tuple(spans)


def measure_sentences(text: str) -> list[tuple[int, int]]:
    """Return the start and the estimated tokens of each sentence."""
    return [(start, estimate_tokens(text[start:end])) for start, end in split_sentences(text)]


def passage(document: Document, spans: tuple[Span, ...], index: int) -> Passage:
    """Return one passage of a document."""
    span = spans[index]
    return Passage(
        document_id=document.document_id,
        title=document.title,
        index=index,
        start=span.start,
        end=span.end,
        page=span.page,
        heading=span.heading,
        text=document.text[span.start : span.end],
    )


def _pieces(document: Document, sentences: Sequence[tuple[int, int]]) -> list[_Piece]:
    """Return the sentences, cut further where a heading or a page begins within one."""
    text = document.text
    headings = set(_first_words(text, [heading.start for heading in document.headings]))
    pages = set(_first_words(text, [page.start for page in document.pages[1:]]))
    tokens = dict(sentences)
    inside = (headings | pages) - tokens.keys() - {len(text)}
    starts = sorted(tokens.keys() | inside)
    pieces: list[_Piece] = []
    for start, end in pairwise([*starts, len(text)]):
        count = estimate_tokens(text[start:end]) if start in inside or end in inside else tokens[start]
        before = text[max(0, start - 40) : start].rstrip()
        # A sentence that runs over the page's end stays in one passage.
        page = start in pages and not before[-1:].isalpha()
        pieces.append(_Piece(start, count, start in headings, page, text[max(0, start - 2) : start] == "\n\n"))
    return pieces


def _starts(pieces: list[_Piece], size: int) -> list[int]:
    """Return the start of each passage."""
    section_rests, paragraph_rests = _rests(pieces)
    starts = [0]
    held = 0
    after_heading = False
    for piece, section_rest, paragraph_rest in zip(pieces, section_rests, paragraph_rests, strict=True):
        if held + piece.tokens > size:
            ends = held > 0 and held + section_rest > _STRETCH * size
        elif after_heading:
            ends = False
        elif piece.heading or piece.page:
            ends = held >= _ENOUGH * size
        else:
            fits = held + paragraph_rest <= size or held + section_rest <= _STRETCH * size
            ends = piece.paragraph and held >= _HALF * size and not fits
        if ends:
            starts.append(piece.start)
            held = 0
        held += piece.tokens
        after_heading = piece.heading
    return starts


def _rests(pieces: list[_Piece]) -> tuple[list[int], list[int]]:
    """Return for each piece the tokens from it to the end of its section, and of its paragraph."""
    sections: list[int] = []
    paragraphs: list[int] = []
    section = paragraph = 0
    for piece in reversed(pieces):
        section += piece.tokens
        paragraph += piece.tokens
        sections.append(section)
        paragraphs.append(paragraph)
        section = 0 if piece.heading else section
        paragraph = 0 if piece.heading or piece.paragraph else paragraph
    return sections[::-1], paragraphs[::-1]


def _breadcrumbs(headings: tuple[Heading, ...]) -> list[str]:
    """Return the headings above the text before the first heading, after the first, after the second, and so on."""
    above: list[Heading] = []
    breadcrumbs = [""]
    for heading in headings:
        above = [*(upper for upper in above if upper.level < heading.level), heading]
        breadcrumbs.append(" > ".join(upper.text for upper in above))
    return breadcrumbs


def _main_page(page_starts: list[int], start: int, end: int) -> int:
    """Return the position of the page that most of `text[start:end]` stands on."""
    first, last = (max(0, bisect_right(page_starts, place) - 1) for place in (start, max(start, end - 1)))
    bounds = [start, *page_starts[first + 1 : last + 1], end]
    return first + max(range(last - first + 1), key=lambda page: bounds[page + 1] - bounds[page])


def _last_head(text: str, head: int, start: int, end: int) -> int:
    """Return where the head of the table begins in whose middle a text ends, -1 if there is none.

    Args:
        text: The document's text.
        head: The answer for its text up to `start`.
        start: Where to go on.
        end: Where the text ends.
    """
    for found in _TABLE_STARTS.finditer(text, max(0, start - 1), end):
        # The rule below a head tells that it is one, even right below another table.
        head = text.rfind("\n", 0, found.start()) + 1 if found.group("rule") else found.end()
    return head


def _columns(text: str, start: int) -> str:
    """Return the names in the row that starts here: without it the rows below mean little."""
    row = text[start : start + _MAX_ROW].partition("\n")[0].rstrip()
    if not row.startswith("|"):
        return ""
    names = [name.strip() for name in _CELL_BORDER.split(row.removeprefix("|").removesuffix("|"))]
    # Whoever reads the rows has to tell the names apart.
    plain = all(name and ", " not in name for name in names)
    return (", " if plain else " | ").join(names) if any(names) else ""


def _first_words(text: str, offsets: Sequence[int]) -> list[int]:
    """Return `_first_word` of ascending offsets, and look at no character twice: pages may be blank by the thousand."""
    firsts: list[int] = []
    after, known = len(text), len(text)
    for offset in reversed(offsets):
        found = _SOLID.search(text, offset, after)
        known = found.start() if found else known
        after = offset
        firsts.append(known)
    return firsts[::-1]


def _first_word(text: str, offset: int) -> int:
    """Return the offset of the first character at or after `offset` that is not white space."""
    found = _SOLID.search(text, offset)
    return found.start() if found else len(text)
