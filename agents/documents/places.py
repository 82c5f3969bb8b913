"""Where the pages, sheets and sections that a question refers to stand in a document's text."""

import operator
import re
import string
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from agents.language.section_references import (
    CHAPTER,
    EAST_ASIAN,
    EAST_ASIAN_PARTS,
    SECTION,
    SHEET,
    Reference,
    east_asian_number,
    is_called,
)
from agents.schema import Document

Span = tuple[int, int]
"""Start and end in characters."""

_EAST_ASIAN_LINE = re.compile(rf"^[\s>*_#|]{{0,8}}{EAST_ASIAN}", re.MULTILINE)
_HEADING = re.compile(
    r"\W*(?:(?:(?P<word>[^\W\d_]{2,})(?:\.\s*|\s+)|§+\s*))?"
    r"(?P<number>\d{1,4}(?:\.\d{1,3}){0,5}(?:[A-Z]\b)?(?!\d)|[IVXLC]{1,6}\b|[A-H]\b)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\d.])\d{1,4}(?:\.\d{1,3}){0,5}(?!\.?\d)")
_NUMBER_OF_LINE = (
    rf"(?:(?:{SECTION}|{CHAPTER})[ \t]+(?:\d[\d.]*|[IVXLC]{{1,6}}|[A-H])|\d{{1,4}}(?:\.\d{{1,3}}){{0,5}}"
    r"|(?:[IVXLC]{1,6}|[A-H])(?=[.):]))(?:[.):]+[ \t]*|[ \t]+)(?:[-–—][ \t]*)?"
)
"""What stands before the words of a heading: "5. ", "Article 5 – ", "IV. "."""
_BEHIND_NUMBER = re.compile(r"[^\d\n]*\d[\d.]*[A-Z]?\b")
_SAME_WORD, _NO_WORD, _OTHER_WORD = range(3)
"""How well a heading with the right number fits, best first."""
_SEARCHED_CHARACTERS = 1 << 17
_MAX_TITLES = 20
"""Lines of the same words that are looked at: for each the whole text is."""
_MAX_CANDIDATES = 2
"""A table of contents and the text, or a contract and its exhibit, which has numbers of its own; what begins more often
with one number is a list, and could be any of them."""


def find_spans(references: Iterable[Reference], document: Document) -> tuple[Span, ...]:
    """Return where references stand in a document's text, in order, those that touch or overlap merged."""
    merged: list[Span] = []
    for start, end in sorted(span for reference in references for span in _spans(reference, document)):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def _spans(reference: Reference, document: Document) -> tuple[Span, ...]:
    """Return where one reference stands; nothing where it is not found."""
    if reference.is_page:
        number = str(document.pages[-1].number) if reference.number == "-1" else reference.number
        # Both the page at this position and the one with this number printed on it: the reader may mean either.
        return tuple(
            (page.start, page.end)
            for page in document.pages
            if number in (str(page.number), page.label) or number == page.label.casefold()
        )
    if not reference.word:
        return _east_asian_part(reference, document)
    if is_called(reference.word, SHEET):
        name = reference.number.casefold()
        pages = (page for page in document.pages if page.kind == "sheet" and page.label.casefold() == name)
        return tuple((page.start, page.end) for page in pages)
    return _sections(reference, document) or _lettered(reference, document)


def _lettered(reference: Reference, document: Document) -> tuple[Span, ...]:
    """Return the sections that have a paragraph of the reference's letter: 4b may be paragraph (b) of section 4."""
    digits = reference.number.rstrip(string.ascii_letters)
    if not digits or digits == reference.number:
        return ()
    mark = re.compile(rf"(?<!\w){reference.number[len(digits) :]}\)", re.IGNORECASE)
    spans = _sections(replace(reference, number=digits), document)
    return tuple(span for span in spans if mark.search(document.text, *span))


def _east_asian_part(reference: Reference, document: Document) -> tuple[Span, ...]:
    """Return the part that begins with the number, up to the next part as large or larger."""
    lines = [(east_asian_number(match), match.start()) for match in _matches(_EAST_ASIAN_LINE, document.text)]
    rank = _rank(reference.number[-1])
    spans: list[Span] = []
    end = len(document.text)
    for number, start in reversed(lines):
        if number == reference.number:
            spans.append((start, end))
        end = start if _rank(number[-1]) <= rank else end
    return (max(reversed(spans), key=_length),) if 0 < len(spans) <= _MAX_CANDIDATES else ()


def _rank(unit: str) -> int:
    """Return the place of a part of a law among the others, the largest first."""
    return next((place for place, units in enumerate(EAST_ASIAN_PARTS) if unit in units), len(EAST_ASIAN_PARTS))


def _sections(reference: Reference, document: Document) -> tuple[Span, ...]:
    """Return the sections whose headings fit best, else the paragraphs that begin with the number."""
    found: list[tuple[int, Span]] = []
    for index, heading in enumerate(document.headings):
        match = _HEADING.match(heading.text)
        if match and match["number"].casefold() == reference.number.casefold():
            fit = _fit(reference, match["word"], heading.text[match.end() :])
            if fit is not None:
                end = section_end(document, index, reference.number)
                if end == len(document.text):
                    # No later heading is known, but a later number may be.
                    end = _next_number(reference, document, heading.start) or end
                found.append((fit, (heading.start, end)))
    best = min((fit for fit, _ in found), default=_OTHER_WORD)
    return (best == _OTHER_WORD and _clauses(reference, document)) or tuple(span for fit, span in found if fit == best)


def _fit(reference: Reference, word: str | None, behind: str) -> int | None:
    """Return how well a heading with the right number fits, by its word; None where it is of another kind.

    Section 2, clause 2 and article 2 may be one and the same, an annex or a chapter only what is called so.
    """
    if word and _singular(word) == _singular(reference.word):
        return _SAME_WORD
    if word:
        return _OTHER_WORD if is_called(reference.word, SECTION) and is_called(word, SECTION) else None
    # "A history" begins with no number.
    numbered = reference.number[0].isdigit() or behind[:1] in (".", ")", ":")
    return _NO_WORD if numbered and is_called(reference.word, f"{SECTION}|{CHAPTER}") else None


def section_end(document: Document, index: int, number: str = "") -> int:
    """Return where the next section begins that is not within the one of the heading at `index`.

    Args:
        document: The document.
        index: The heading's position among the document's headings.
        number: The section's number; one whose number goes on from it is within it, whatever its heading's level.
    """
    level = document.headings[index].level
    # Not a slice: a document may have one heading a hundred thousand times, and each is looked at.
    for place in range(index + 1, len(document.headings)):
        heading = document.headings[place]
        match = _HEADING.match(heading.text)
        inside = number and match is not None and match["number"].startswith(f"{number}.")
        if heading.level <= level and not inside:
            return heading.start
    return len(document.text)


def find_titled(words: str, document: Document) -> Span | None:
    """Return the section that begins with a line of these words alone, numbered or not; None where there is none.

    Not every heading is known as one: in a plain text only those are whose numbers follow each other.
    """
    said = r"[ \t]+".join(map(re.escape, words.split()))
    titled = re.compile(rf"^[ \t>*_#]{{0,8}}(?P<number>{_NUMBER_OF_LINE})?{said}[.:]?[ \t*_]*$", re.I | re.M)
    spans: list[Span] = []
    for match in islice(_matches(titled, document.text), _MAX_TITLES):
        number = _NUMBER.search(match["number"] or "")
        clauses = _clauses(Reference("section", number.group(), is_page=False), document) if number else ()
        clause = next((span for span in clauses if span[0] == match.start()), None)
        later = (heading.start for heading in document.headings if heading.start > match.start())
        spans.append(clause or (match.start(), next(later, len(document.text))))
    # A table of contents has it, too.
    return max(reversed(spans), key=_length, default=None)


def without_number(heading: str) -> str:
    """Return a heading's words without its number, in small letters: "5. Termination" is called "termination"."""
    return re.sub(rf"^{_NUMBER_OF_LINE}", "", heading.strip(), flags=re.IGNORECASE).casefold()


def _clauses(reference: Reference, document: Document) -> tuple[Span, ...]:
    """Return the paragraphs of the clauses of a number: each from the line that begins with it to that of the next.

    Of lines that begin with it those are meant behind which the next clause comes, and, if any are, before which the
    last one has come: a reference may begin a line, too. Of those with the same first words the last is meant.
    """
    if not reference.number[0].isdigit():
        return ()
    own = reference.number.upper()
    before, after = _neighbours(own)
    matches = _matches(_begins(reference), document.text)
    lines = [((match["named"] or match["bare"]).upper(), match.start()) for match in matches]
    bounds = [*(heading.start for heading in document.headings), len(document.text)]
    found: list[tuple[tuple[bool, bool], Span]] = []
    end = None
    for place in reversed(range(len(lines))):
        number, start = lines[place]
        if number == own:
            limit = bounds[bisect_right(bounds, start)]
            in_order = place > 0 and lines[place - 1][0] in before
            found.append(((end is not None, in_order), (start, min(limit, end or limit))))
        if number in after:
            end = start
    found.reverse()
    best = max((fit for fit, _ in found), default=None)
    # By their first words; the text follows upon its table of contents.
    alike: dict[tuple[str, ...], list[Span]] = {}
    for fit, span in found:
        if fit == best:
            words = _first_words(document.text, span[0])
            same = next((other for other in alike if all(map(operator.eq, other, words))), words)
            alike.setdefault(same, []).append(span)
            if max(len(alike), len(alike[same])) > _MAX_CANDIDATES:
                return ()
    return tuple(spans[-1] for spans in alike.values())


def _next_number(reference: Reference, document: Document, start: int) -> int | None:
    """Return where the next number begins; None where there is none, or a list whose numbers begin anew comes first."""
    if not reference.number[0].isdigit():
        return None
    before, after = _neighbours(reference.number.upper())
    for match in _matches(_begins(reference), document.text, start):
        number = (match["named"] or match["bare"]).upper()
        if number in before:
            return None
        if number in after:
            return match.start()
    return None


def _begins(reference: Reference) -> re.Pattern[str]:
    """Return what begins the lines of a clause and of those beside it, with their word or, of a section, without."""
    before, after = _neighbours(reference.number.upper())
    numbers = f"(?i:{'|'.join(map(re.escape, (reference.number, *before, *after)))})"
    is_section = is_called(reference.word, SECTION)
    word = SECTION if is_section else rf"{re.escape(_singular(reference.word))}s?"
    behind = r"(?:[-–—][ \t]*)?(?=[^\W\d_a-zß-ÿ]|[\"“„«(\[])"
    named = rf"(?i:{word})[ \t]*(?P<named>{numbers})[.):]?(?:[ \t*_]*$|[ \t*_]+{behind})"
    unnamed = numbers if is_section else "(?!)"
    bare = rf"(?P<bare>{unnamed})[.):]?[ \t*_]+(?=[^\W\d_]|[\"“„«(])"
    return re.compile(rf"^[ \t>*_#]{{0,8}}(?:{named}|{bare})", re.MULTILINE)


def _neighbours(number: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the numbers that may come right before one and behind it: of 4.2 those are 4.1; 4.3, 5 and 5.1."""
    digits = number.rstrip(string.ascii_uppercase)
    letter = number[len(digits) :]
    parts = [int(part) for part in digits.split(".")]
    after = [".".join(map(str, [*parts[:depth], parts[depth] + 1])) for depth in range(len(parts))]
    after += [f"{one}.1" for one in after[:-1]]
    before = ".".join(map(str, [*parts[:-1], parts[-1] - 1]))
    if letter:
        return (digits, f"{digits}{chr(ord(letter) - 1)}"), (f"{digits}{chr(ord(letter) + 1)}", *after)
    return (before,), (*after, f"{digits}A")


def _first_words(text: str, start: int) -> tuple[str, ...]:
    """Return the first words of a clause's first line behind its number, in small letters."""
    line = text[start : start + _SEARCHED_CHARACTERS].split("\n", 1)[0]
    match = _BEHIND_NUMBER.match(line)
    return tuple(word.casefold() for word in re.findall(r"[^\W\d_]+", line[match.end() :] if match else line)[:4])


def _matches(pattern: re.Pattern[str], text: str, start: int = 0) -> Iterator[re.Match[str]]:
    """Yield what a pattern of a line's beginning matches, piecemeal: a search keeps every other thread waiting."""
    while start < len(text):
        end = start + _SEARCHED_CHARACTERS
        within = len(text) if end >= len(text) else text.rfind("\n", start, end) + 1
        yield from pattern.finditer(text, start, within or end)
        # Of a line that is longer than that, only the beginning matters.
        start = within or text.find("\n", end) + 1 or len(text)


def _length(span: Span) -> int:
    return span[1] - span[0]


def _singular(word: str) -> str:
    return word.casefold().rstrip(".").removesuffix("s")
