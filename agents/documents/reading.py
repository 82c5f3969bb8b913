"""Choosing what to read of a document: pages, a section, or all of it, in parts of whole sentences."""

import difflib
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agents.documents.names import rank_names
from agents.documents.places import find_spans, find_titled, section_end, without_number
from agents.errors import RequestError
from agents.language.section_references import find_references, strip_references
from agents.language.sentences import split_sentences
from agents.language.tokens import estimate_tokens
from agents.schema import Document, Page, TextSpan

PART_TOKENS = 3_000
"""Tokens of one part, estimated: some six pages, an eighth of what hosts show of one result."""
MAX_LISTED = 60
"""Headings, and names of sheets, that are listed; of more headings only the higher levels."""
_HEADING_CHARACTERS = 160
"""Of the longest heading (agents.documents.parsing.headings)."""
_MOST_LETTERS = 8
"""Letters that a token has at most on average; a text with more of them for each is longer than its tokens."""
_PAGE_WORD = re.compile(r"(?:pages?|pp?\.|slides?|sheets?)\s+", re.IGNORECASE)
_RANGE = re.compile(r"(.+?)\s*(?:-|–|—|\bto\b|\bbis\b)\s*(.+)")
_LAST = ("last", "-1")

Bounds = tuple[int, int]
"""Start and end, in characters."""


class Selection(NamedTuple):
    """What is to be read."""

    reading: str
    """What it is called: "page 3", "section “4.2 Payment”"."""
    spans: tuple[Bounds, ...]
    notes: tuple[str, ...] = ()


def select_whole(document: Document) -> Selection:
    """Return the whole document."""
    return Selection("the whole document", ((0, len(document.text)),))


def select_pages(document: Document, wanted: str) -> Selection:
    """Return pages by their positions, the numbers printed on them, or the names of sheets: "3", "3-5, 9", "iv".

    Raises:
        RequestError: There is no such page; the message says which there are.
    """
    pages = [page for part in wanted.split(",") if part.strip() for page in _range(document, part.strip())]
    if not pages:
        raise _no_page(document, wanted)
    names = document.page_name(pages[0].number)
    if len(pages) > 1:
        names = f"{len(pages)} pages: {', '.join(part.strip() for part in wanted.split(','))}"
    printed = [page for page in document.pages if page.label == wanted.strip() and page not in pages]
    notes = tuple(f"“{wanted.strip()}” is printed on {document.page_name(page.number)}." for page in printed)
    return Selection(names, tuple((page.start, page.end) for page in dict.fromkeys(pages)), notes)


def select_section(document: Document, wanted: str) -> Selection:
    """Return a section by its number ("4.2", "Article 5", "(b)") or by its heading or words of it.

    Raises:
        RequestError: There is no such section; the message says which there are.
    """
    line = _one_line(wanted)
    plain = [_one_line(heading.text) for heading in document.headings]
    places = [place for place, heading in enumerate(plain) if heading.casefold() == line.casefold()]
    words, spans = _numbered(document, line)
    if not places and spans:
        begins = _one_line(document.text[spans[0][0] : spans[0][1]][:_HEADING_CHARACTERS])
        other = words and words.casefold() not in begins.casefold()
        notes = (f"“{words}” does not stand at its beginning: it was found by its number.",) if other else ()
        return Selection(f"section {line}" if line[:1].isdigit() else line, spans, notes)
    places = places or [place for place, heading in enumerate(plain) if without_number(heading) == line.casefold()]
    named = bool(places)
    if not named and (span := find_titled(line, document)):
        return Selection(f"section “{document.text[slice(*span)].splitlines()[0].strip()}”", (span,))
    # The digits of a number stand in many headings, and "5.2" is not section 2.
    places = places or (rank_names(words, plain) if words else [])
    if not places:
        raise _no_section(document, line)
    start, end = document.headings[places[0]].start, section_end(document, places[0])
    others = [f"“{plain[place]}” ({_page_of(document, place)})" for place in places[1:MAX_LISTED]]
    notes = () if named else (f"No heading is “{line}”; this one comes nearest.",)
    notes += (f"Other headings that fit: {', '.join(others)}.",) if others else ()
    return Selection(f"section “{plain[places[0]]}”", ((start, end),), notes)


def outline(document: Document) -> tuple[str, ...]:
    """Return the document's headings with their pages, of the lower levels only as many as can be listed."""
    levels = sorted({heading.level for heading in document.headings})
    counts = [sum(heading.level <= level for heading in document.headings) for level in levels]
    deepest = max((level for level, count in zip(levels, counts, strict=True) if count <= MAX_LISTED), default=None)
    shown = [
        place
        for place, heading in enumerate(document.headings)
        if heading.text.strip() and (deepest is None or heading.level <= deepest)
    ]
    return tuple(
        f"{_one_line(document.headings[place].text)} ({_page_of(document, place)})" for place in shown[:MAX_LISTED]
    )


def take_part(
    document: Document, spans: Sequence[Bounds], tokens: int = PART_TOKENS
) -> tuple[tuple[TextSpan, ...], tuple[Bounds, ...]]:
    """Return the beginning of some spans, in whole sentences of about so many tokens together, and what is left."""
    taken: list[TextSpan] = []
    left = list(spans)
    room = tokens
    while left and room > 0:
        start, end = left.pop(0)
        stop = _stop(document.text, start, end, room, at_least_one=not taken)
        taken += text_spans(document, start, stop) if start < stop or start == end else ()
        room -= estimate_tokens(document.text[start:stop])
        if stop < end:
            left.insert(0, (stop, end))
            break
    return tuple(taken), tuple(left)


def text_spans(document: Document, start: int, end: int) -> Iterator[TextSpan]:
    """Yield a stretch of a document's text page by page; a page without text only if it is asked for alone."""
    starts = [page.start for page in document.pages]
    first = max(0, bisect_right(starts, start) - 1)
    for page in document.pages[first : max(first + 1, bisect_right(starts, end))]:
        low, high = max(start, page.start), min(end, page.end)
        if low < high or (low == high and start == end):
            name = document.page_name(page.number)
            yield TextSpan(page=page.number, page_name=name, start=low, end=high, text=document.text[low:high])


def _stop(text: str, start: int, end: int, room: int, *, at_least_one: bool) -> int:
    """Return where the last sentence ends that still has room, `start` where not even one has."""
    limit = min(end, start + room * _MOST_LETTERS)
    if limit == end and estimate_tokens(text[start:end]) <= room:
        return end
    fits, stop = not at_least_one, False
    for begin, finish in split_sentences(text[start:limit]):
        room -= estimate_tokens(text[start + begin : start + finish])
        # The last one may be cut off by the limit.
        if fits and (room < 0 or start + finish == limit < end):
            return start + begin if stop else start
        fits = stop = True
    return limit


def _range(document: Document, part: str) -> tuple[Page, ...]:
    """Return the page or the range of pages that a part of the argument names, or raise."""
    if page := _page(document, part):
        return (page,)
    match = _RANGE.fullmatch(_PAGE_WORD.sub("", part))
    first, last = (_page(document, match[side]) for side in (1, 2)) if match else (None, None)
    if first is None or last is None or first.number > last.number:
        raise _no_page(document, part)
    return document.pages[first.number - 1 : last.number]


def _page(document: Document, name: str) -> Page | None:
    """Return the page at a position, else the one with this number or name on it."""
    name = _PAGE_WORD.sub("", name.strip()).casefold()
    if name in _LAST and document.pages:
        return document.pages[-1]
    if name.isdecimal() and 1 <= int(name) <= len(document.pages):
        return document.pages[int(name) - 1]
    return next((page for page in document.pages if page.label and page.label.casefold() == name), None)


def _no_page(document: Document, wanted: str) -> RequestError:
    kind = document.pages[0].kind if document.pages else "page"
    count = len(document.pages)
    has = f"It has {count:,} {kind}{'s' * (count != 1)}"
    labels = [page.label for page in document.pages if page.label not in ("", str(page.number))]
    if labels and kind == "sheet":
        has += f": {', '.join(f'“{label}”' for label in labels[:MAX_LISTED])}"
    elif labels:
        has += f", on which {labels[0]} to {labels[-1]} are printed"
    how = "; name one, or a range such as 1-2" if count > 1 else ""
    return RequestError(f"{document.title} has no {kind} {wanted}.", hint=f"{has}{how}.")


def _numbered(document: Document, line: str) -> tuple[str, tuple[Bounds, ...]]:
    """Return what is said beside the numbers of sections, and where the sections stand."""
    said = line if find_references(line) else f"section {line}"
    references = find_references(said)
    return strip_references(said) if references else line, find_spans(references, document)


def _no_section(document: Document, line: str) -> RequestError:
    headings = outline(document)
    if not headings:
        hint = "No headings were found in it: read by pages, or look for words with find."
    else:
        plain = {heading.casefold(): heading for heading in headings}
        near = [plain[each] for each in difflib.get_close_matches(line.casefold(), plain)]
        hint = f"{'The nearest are' if near else 'It has'}: {'; '.join(near or headings)}."
    return RequestError(f"{document.title} has no section “{line}”.", hint=hint)


def _page_of(document: Document, place: int) -> str:
    return document.page_name(document.page_at(document.headings[place].start))


def _one_line(text: str) -> str:
    return " ".join(text.lstrip("# ").split())
