"""Running heads, feet and page numbers: lines at a page's edge that the pages next to it have in the same place."""

import re
from collections.abc import Sequence

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


def running_lines(pages: Sequence[Sequence[Line]], index: int) -> set[int]:
    """Return the positions of the lines to leave out of a page.

    What runs is kept once: heads on the first page that has them, feet on the last, so that neither stands amid a
    sentence. Numbers of pages are left out.

    Args:
        pages: The lines of all pages, or of this one and `CONTEXT` pages on both sides of it.
        index: The page.
    """
    lines = pages[index]
    order = sorted((at for at, line in enumerate(lines) if line.text.strip()), key=lambda at: -lines[at].top)
    found: set[int] = set()
    for edge, kept_by in ((order, -1), (order[::-1], 1)):
        for at in edge[:_EDGE_LINES]:
            if lines[at].cell or at in found:
                break
            numbered = _ONLY_NUMBER.fullmatch(lines[at].text.strip()) is not None
            head = edge is order
            near = [step for step in _STEPS if _runs_on(pages, index, at, step, head=head)]
            if not near:
                break
            if numbered or any(step * kept_by > 0 for step in near):
                found.add(at)
    # A page with nothing else is no page of running lines.
    return found if len(found) < len(order) else set()


def _runs_on(pages: Sequence[Sequence[Line]], index: int, at: int, step: int, *, head: bool) -> bool:
    """Whether the page `step` pages on has a line of a page in the same place."""
    if not 0 <= index + step < len(pages):
        return False
    line, others = pages[index][at], pages[index + step]
    side = "top" if head else "bottom"
    beside = [other for other in others if abs(getattr(other, side) - getattr(line, side)) <= _SAME_PLACE]
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
