"""The words of a page as pdfium finds them, and where they stand."""

import ctypes
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from math import pi
from statistics import median
from typing import Any, NamedTuple, cast

import pypdfium2.raw as untyped_raw

from agents.documents.parsing.page_layout import WIDE, Segment
from agents.documents.parsing.parsed import NEEDS_CLEANING, clean
from agents.documents.parsing.pdfium_calls import Handle, char_angles, char_boxes

pdfium = cast("Any", untyped_raw)

Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""

# pdfium ends lines by CR LF, and swallows that behind a hyphen which it marks by U+FFFE (older files: U+0002).
_LINE = re.compile("[^\r\n\ufffe\x02]+([\ufffe\x02]?)")
_WORD = re.compile("[^\\s\ufffe\x02]+")
# Marks that belong to the figure behind them, or before them, however far apart an accountant sets them.
_BEFORE_FIGURE = re.compile(r"[$€£¥₩₹(]+")
_BEHIND_FIGURE = re.compile(r"[%)‰]+")
_EQUAL, _MONOSPACED = 0.03, 0.9
"""So little the width of a letter varies among so many of a page's words where all are equally wide: of 477 pages of
real documents among 0.99 of the words of three typewritten ones, and at most 0.5 of others'."""
# The axes by the quarter turns that text is turned by, clockwise.
_TURNS: tuple[Callable[[float, float, float, float], Box], ...] = (
    lambda left, bottom, right, top: (left, bottom, right, top),
    lambda left, bottom, right, top: (-top, left, -bottom, right),
    lambda left, bottom, right, top: (-right, -top, -left, -bottom),
    lambda left, bottom, right, top: (bottom, -right, top, -left),
)


class _TextLine(NamedTuple):
    """A line as pdfium finds it."""

    begin: int
    """Its first word."""
    end: int
    """The word behind its last one."""
    hyphen: str
    """What a hyphen that ends the line is read as, empty where there is none."""
    turn: int
    """By how many quarters it is turned, clockwise."""


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
        self._turn = 0
        self._char_box = pdfium.FS_RECTF()
        words = [match.span() for match in _WORD.finditer(self.content)]
        self._starts, self._ends = [start for start, _ in words], [end for _, end in words]
        self._first_indexes = self._indexes(self._starts)
        self._last_indexes = self._indexes([end - 1 for end in self._ends])
        self._first_boxes = char_boxes(self._handle, self._first_indexes)
        self._last_boxes = char_boxes(self._handle, self._last_indexes)
        self._boxes = self._first_boxes._replace(
            lefts=list(map(min, self._first_boxes.lefts, self._last_boxes.lefts)),
            rights=list(map(max, self._first_boxes.rights, self._last_boxes.rights)),
        )

    def close(self) -> None:
        """Free the text."""
        pdfium.FPDFText_ClosePage(self._handle)

    def words_of(self, objects: Iterable[Handle]) -> list[str]:
        """Return what text objects say, without those that say nothing."""
        found: list[str] = []
        for text in objects:
            size = pdfium.FPDFTextObj_GetText(text, self._handle, None, 0)
            buffer = ctypes.create_string_buffer(size)
            pdfium.FPDFTextObj_GetText(text, self._handle, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
            found.append(buffer.raw.decode("utf-16-le", errors="ignore").strip("\0 "))
        return [words for words in found if words]

    def is_within(self, area: Box) -> bool:
        """Whether all words stand in an area, at least partly."""
        if not self._starts:
            return True
        left, bottom, right, top = area
        lefts, bottoms, rights, tops = self._boxes
        return min(rights) >= left and max(lefts) <= right and min(tops) >= bottom and max(bottoms) <= top

    def segments(self) -> list[Segment]:
        """Return the segments in the order of the file.

        Text that is turned otherwise than most of the page comes behind the rest, as if it stood below it.
        """
        lines = self._lines()
        weights: Counter[int] = Counter()
        for line in lines:
            weights[line.turn] += self._ends[line.end - 1] - self._starts[line.begin]
        found: list[Segment] = []
        number = 0
        for turn, _ in weights.most_common():
            turned: list[Segment] = []
            for line in lines:
                if line.turn == turn:
                    number += 1
                    turned += (part for part in self._segments_of(line, number) if part.text)
            if found and turned:
                down = max(segment.top for segment in turned) - min(segment.bottom for segment in found)
                turned = [part._replace(bottom=part.bottom - down, top=part.top - down) for part in turned]
            found += turned
        self._turn = weights.most_common(1)[0][0] if weights else 0
        return found

    def shape_at(self, position: int) -> float:
        """Return how wide the character at a position of `content` is, as a share of its height."""
        box = self._char_box
        pdfium.FPDFText_GetLooseCharBox(self._handle, *self._indexes([position]), box)
        left, bottom, right, top = _TURNS[self._turn](box.left, box.bottom, box.right, box.top)
        return (right - left) / (top - bottom) if top > bottom else 0.0

    def _lines(self) -> list["_TextLine"]:
        """Return the lines in the order of the file."""
        begin = 0
        found: list[tuple[int, int, str]] = []
        for match in _LINE.finditer(self.content):
            end = bisect_left(self._starts, match.end(), begin)
            if end > begin:
                found.append((begin, end, "-" if match.group(1) else ""))
            begin = end
        angles = char_angles(self._handle, [self._first_indexes[begin] for begin, _, _ in found])
        return [
            _TextLine(*line, turn=round(angle / (pi / 2)) % 4 if angle > 0 else 0)
            for line, angle in zip(found, angles, strict=True)
        ]

    @cached_property
    def _uneven(self) -> list[int]:
        """The words that do not simply go on from the one before: they stand apart, or are not level with it."""
        lefts, bottoms, rights, tops = self._boxes
        rows = zip(lefts, bottoms, rights, tops, lefts[1:], bottoms[1:], rights[1:], tops[1:], strict=False)
        return [
            index
            for index, (left, bottom, right, top, next_left, next_bottom, next_right, next_top) in enumerate(rows, 1)
            if bottom != next_bottom
            or top != next_top
            or left > next_left
            or right > next_right
            or next_left - right > max(WIDE * (top - bottom), self._space)
        ]

    @cached_property
    def _space(self) -> float:
        """Halfway from one space to two where all letters are equally wide, as a typewriter's are; else 0."""
        widths = [
            (right - left) / (end - start)
            for left, right, start, end in zip(
                self._boxes.lefts, self._boxes.rights, self._starts, self._ends, strict=True
            )
            if (word := self.content[start:end]).isascii() and word.isalpha()
        ]
        if not widths or len(widths) < len(self._starts) / 2:
            return 0.0
        width = median(widths)
        equal = sum(abs(each - width) <= _EQUAL * width for each in widths)
        return 1.5 * width if equal >= _MONOSPACED * len(widths) else 0.0

    def _segments_of(self, line: _TextLine, number: int) -> Iterator[Segment]:
        """Yield the segments of a line."""
        left, bottom, right, top = (0.0,) * 4
        begin = -1
        for first, end in pairwise((line.begin, *self._starts_anew(line), line.end)):
            one, low, other, high = self._box(first, line.turn)
            apart = max(one - right, left - other) > max(WIDE * (high - low), self._space)
            if not line.turn:
                other = self._boxes.rights[end - 1]
            if begin >= 0 and (
                (apart and not self._belongs_to_figure(first))
                or abs(low + high - bottom - top) > high - low + top - bottom
            ):
                yield Segment(left, bottom, right, top, self._text(begin, first), number)
                begin = -1
            if begin < 0:
                begin, left, bottom, right, top = first, one, low, other, high
            else:
                left, right = min(left, one), max(right, other)
        yield Segment(left, bottom, right, top, self._text(begin, line.end) + line.hyphen, number)

    def _starts_anew(self, line: _TextLine) -> Sequence[int]:
        """Return the words of a line that do not simply go on from the one before; of turned lines, all."""
        if line.turn:
            return range(line.begin + 1, line.end)
        return self._uneven[bisect_left(self._uneven, line.begin + 1) : bisect_left(self._uneven, line.end)]

    def _belongs_to_figure(self, word: int) -> bool:
        """Whether a word is a mark of the figure before it, or the word before it one of its figure."""
        before, text = (self.content[self._starts[at] : self._ends[at]] for at in (word - 1, word))
        return bool(_BEFORE_FIGURE.fullmatch(before) or _BEHIND_FIGURE.fullmatch(text))

    def _text(self, begin: int, end: int) -> str:
        """Return the words from one up to another."""
        text = self.content[self._starts[begin] : self._ends[end - 1]]
        return clean(text) if self._unclean else text

    def _box(self, word: int, turn: int) -> Box:
        """Return the box of a word, as high as its first letter."""
        if turn == 0:
            lefts, bottoms, rights, tops = self._boxes
            return lefts[word], bottoms[word], rights[word], tops[word]
        first, last = (_TURNS[turn](*(side[word] for side in ends)) for ends in (self._first_boxes, self._last_boxes))
        return min(first[0], last[0]), first[1], max(first[2], last[2]), first[3]

    def _indexes(self, positions: list[int]) -> list[int]:
        """Return pdfium's indexes of the characters at positions of `content`."""
        if not self._shifted:
            return positions
        return [max(0, pdfium.FPDFText_GetCharIndexFromTextIndex(self._handle, position)) for position in positions]
