"""The words of a page as pdfium finds them, and where they stand."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from math import pi
from typing import Any, cast

import pypdfium2.raw as untyped_raw

from agents.documents.parsing.page_layout import WIDE, Segment
from agents.documents.parsing.parsed import NEEDS_CLEANING, clean

pdfium = cast("Any", untyped_raw)

Handle = Any
"""A pointer of pdfium's."""

Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""

# pdfium ends lines by CR LF, and swallows that behind a hyphen which it marks by U+FFFE (older files: U+0002).
_LINE = re.compile("([^\r\n\ufffe\x02]*)([\ufffe\x02]?)")
_WORD = re.compile(r"\S+")
# Marks that belong to the figure behind them, or before them, however far apart an accountant sets them.
_BEFORE_FIGURE = re.compile(r"[$€£¥₩₹(]+")
_BEHIND_FIGURE = re.compile(r"[%)‰]+")
# The axes by the quarter turns that text is turned by, clockwise.
_TURNS: tuple[Callable[[float, float, float, float], Box], ...] = (
    lambda left, bottom, right, top: (left, bottom, right, top),
    lambda left, bottom, right, top: (-top, left, -bottom, right),
    lambda left, bottom, right, top: (-right, -top, -left, -bottom),
    lambda left, bottom, right, top: (bottom, -right, top, -left),
)


class TextPage:
    """The text of a loaded page.

    Args:
        page: The page's handle.
    """

    def __init__(self, page: Handle) -> None:
        self._handle = pdfium.FPDFText_LoadPage(page)
        count = max(0, pdfium.FPDFText_CountChars(self._handle))
        buffer = (pdfium.FPDF_WCHAR * (count + 1))()
        pdfium.FPDFText_GetText(self._handle, 0, count, buffer)
        self.content: str = bytes(buffer).decode("utf-16-le", errors="ignore").rstrip("\0")
        # Characters beyond U+FFFF and such as pdfium leaves out shift positions.
        self._shifted = len(self.content) != count
        self._unclean = NEEDS_CLEANING.search(self.content) is not None
        self._box = pdfium.FS_RECTF()
        self._turn = 0

    def close(self) -> None:
        """Free the text."""
        pdfium.FPDFText_ClosePage(self._handle)

    def segments(self) -> list[Segment]:
        """Return the segments in the order of the file.

        Text that is turned otherwise than most of the page comes behind the rest, as if it stood below it.
        """
        lines = [match for match in _LINE.finditer(self.content) if match.group(1).strip()]
        turns = [self._turn_at(match.start() + _blanks(match.group(1))) for match in lines]
        weights: Counter[int] = Counter()
        for match, turn in zip(lines, turns, strict=True):
            weights[turn] += len(match.group(1))
        found: list[Segment] = []
        number = 0
        for turn, _ in weights.most_common():
            floor = min((segment.bottom for segment in found), default=0.0)
            self._turn = turn
            turned: list[Segment] = []
            for match, its_turn in zip(lines, turns, strict=True):
                if its_turn == turn:
                    number += 1
                    turned += (part for part in self._line(match, number) if part.text)
            if found and turned:
                down = max(segment.top for segment in turned) - floor
                turned = [part._replace(bottom=part.bottom - down, top=part.top - down) for part in turned]
            found += turned
        if weights:
            self._turn = weights.most_common(1)[0][0]
        return found

    def shape_at(self, position: int) -> float:
        """Return how wide the character at a position of `content` is, as a share of its height."""
        left, bottom, right, top = self._box_at(position)
        return (right - left) / (top - bottom) if top > bottom else 0.0

    def _line(self, match: re.Match[str], number: int) -> Iterator[Segment]:
        """Yield the segments of a line."""
        words = list(_WORD.finditer(self.content, match.start(), match.end(1)))
        left, bottom, right, top = (0.0,) * 4
        begin = end = -1
        marks = False
        for word in words:
            one, low, other, high = self._box_at(word.start())
            if word.end() - word.start() > 1:
                last = self._box_at(word.end() - 1)
                one, other = min(one, last[0]), max(other, last[2])
            height = high - low
            gap = max(one - right, left - other)
            text = word.group()
            aside = gap > WIDE * height and not (marks or _BEHIND_FIGURE.fullmatch(text))
            if begin >= 0 and (aside or abs(low + high - bottom - top) > high - low + top - bottom):
                yield Segment(left, bottom, right, top, self._text(begin, end), number)
                begin = -1
            if begin < 0:
                begin, left, bottom, right, top = word.start(), one, low, other, high
            else:
                left, right = min(left, one), max(right, other)
            end = word.end()
            marks = _BEFORE_FIGURE.fullmatch(text) is not None
        text = self._text(begin, end) + ("-" if match.group(2) else "")
        yield Segment(left, bottom, right, top, text, number)

    def _text(self, start: int, end: int) -> str:
        text = self.content[start:end]
        return clean(text) if self._unclean else text

    def _box_at(self, position: int) -> Box:
        box = self._box
        pdfium.FPDFText_GetLooseCharBox(self._handle, self._index(position), box)
        if self._turn == 0:
            return box.left, box.bottom, box.right, box.top
        return _TURNS[self._turn](box.left, box.bottom, box.right, box.top)

    def _turn_at(self, position: int) -> int:
        """Return by how many quarters a character is turned, clockwise."""
        angle = pdfium.FPDFText_GetCharAngle(self._handle, self._index(position))
        return round(angle / (pi / 2)) % 4 if angle > 0 else 0

    def _index(self, position: int) -> int:
        if not self._shifted:
            return position
        return max(0, pdfium.FPDFText_GetCharIndexFromTextIndex(self._handle, position))


def _blanks(text: str) -> int:
    return len(text) - len(text.lstrip())
