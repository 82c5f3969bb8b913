"""Running heads, feet and page numbers: lines at a page's edge that the pages next to it have in the same place."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from agents.documents.parsing.page_layout import Line

CONTEXT = 3
"""How many pages before and behind a page tell what is running on it; right and left pages may have their own."""

_EDGE_LINES = 4
_STEPS = (-2, -1, 1, 2)
_SAME_PLACE = 3.0
"""In points."""
_NUMBER = re.compile(r"\d+|(?<![^\W\d])[ivxlc]+(?!\w)", re.IGNORECASE)
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_ENDS_SENTENCE = re.compile(r"[.!?。！？][\"'”’)\]]*$")
_ONLY_NUMBER = re.compile(r"\W*(?:\d+|[ivxlc]+)\W*", re.IGNORECASE)


class Running(NamedTuple):
    """The positions of a page's running lines."""

    heads: set[int]
    """Those that the page before has as well."""
    feet: set[int]
    """Those that the page behind has as well."""
    numbers: set[int]
    """Numbers of the page that stand alone."""
    low: set[int]
    """At the lower edge, those too that only pages before have."""


def running_lines(pages: Sequence[Sequence[Line]], index: int) -> Running:
    """Return what runs on a page and its neighbours.

    Args:
        pages: The lines of all pages, or of this one and `CONTEXT` pages on both sides of it.
        index: The page.
    """
    lines = pages[index]
    order = sorted((at for at, line in enumerate(lines) if line.text.strip()), key=lambda at: -lines[at].top)
    numbers: set[int] = set()
    low: set[int] = set()
    edges: list[set[int]] = []
    for edge, other_page in ((order, -1), (order[::-1], 1)):
        found: set[int] = set()
        for at in edge[:_EDGE_LINES]:
            near = [] if lines[at].cell else [s for s in _STEPS if _runs_on(pages, index, at, s, head=edge is order)]
            if not near:
                break
            if _ONLY_NUMBER.fullmatch(lines[at].text.strip()):
                numbers.add(at)
                continue
            if other_page > 0:
                low.add(at)
            if any(step * other_page > 0 for step in near):
                found.add(at)
        edges.append(found)
    # A page with nothing else is no page of running lines.
    if len(numbers.union(*edges)) == len(order):
        return Running(set(), set(), set(), set())
    return Running(edges[0], edges[1], numbers, low)


class Kept(NamedTuple):
    """What is left of a page."""

    lines: list[Line]
    running: frozenset[str]
    """Heads that a page before has word for word, and feet of this page and those beside it: they are no headings."""


def without_running(pages: Sequence[Sequence[Line]]) -> list[Kept]:
    """Return the pages without numbers of pages, and without what runs on amid a sentence.

    Elsewhere running heads stay: they say what the page is about.
    """
    running = [running_lines(pages, index) for index in range(len(pages))]
    bodies = [
        [line for at, line in enumerate(page) if line.text.strip() and at not in its.heads | its.feet | its.numbers]
        for page, its in zip(pages, running, strict=True)
    ]
    broken = [bool(one and other) and _goes_on(one[-1], other[0]) for one, other in pairwise(bodies)]
    texts = [{line.text for line in page} for page in pages]
    low = [{page[at].text for at in its.low} for page, its in zip(pages, running, strict=True)]
    kept: list[Kept] = []
    none: set[int] = set()
    for page, its, begins_amid, ends_amid in zip(pages, running, [False, *broken], [*broken, False], strict=True):
        left_out = its.numbers | (its.heads if begins_amid else none) | (its.feet if ends_amid else none)
        # The file may draw heads and feet in between; they are read at the page's edges.
        order = sorted(range(len(page)), key=lambda at: (at in its.feet) - (at in its.heads))
        lines = [page[at] for at in order if at not in left_out]
        index = len(kept)
        earlier = set[str]().union(*texts[max(0, index - 2) : index])
        again = {page[at].text for at in its.heads} & earlier
        kept.append(Kept(lines, frozenset(again.union(*low[max(0, index - 1) : index + 2]))))
    return kept


def _goes_on(last: Line, first: Line) -> bool:
    """Whether a sentence may go on from a page's last line to the first of the next."""
    return (
        not (last.cell or first.cell)
        and last.text.rstrip()[-1:] not in ".!?:;。！？"
        and first.text.lstrip()[0].isalpha()
    )


def _runs_on(pages: Sequence[Sequence[Line]], index: int, at: int, step: int, *, head: bool) -> bool:
    """Whether the page `step` pages on has a line of a page in the same place."""
    if not 0 <= index + step < len(pages):
        return False
    line, others = pages[index][at], pages[index + step]
    if head:
        beside = [other for other in others if -_SAME_PLACE <= other.top - line.top <= _SAME_PLACE]
    else:
        beside = [other for other in others if -_SAME_PLACE <= other.bottom - line.bottom <= _SAME_PLACE]
    return any(_is_same(line.text, other.text, step) for other in beside if not other.cell)


def _is_same(text: str, other: str, step: int) -> bool:
    """Whether two lines are the same but for numbers that count the pages."""
    if text == other:
        return any(map(str.isalnum, text))
    if _ENDS_SENTENCE.search(text) or _NUMBER.sub("0", text) != _NUMBER.sub("0", other):
        return False
    pairs = zip(_NUMBER.findall(text), _NUMBER.findall(other), strict=True)
    return all(one == two or _value(two) - _value(one) == step for one, two in pairs)


def _value(number: str) -> int:
    """Return the value of an Arabic or Roman number."""
    if number.isdecimal():
        return int(number[:9])
    values = [_ROMAN[letter] for letter in number.lower()]
    return sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )
