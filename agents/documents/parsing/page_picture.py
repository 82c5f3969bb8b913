"""A page of a PDF as a picture, and where quotes stand on it.

The reading order of a document's text is ours, and a quote may run over a line's end, a hyphen or the cells of a table.
So it is looked for among the letters and digits of the page as pdfium finds them, whole, or else line by line and cell
by cell.
"""

import base64
import io
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import pypdfium2.raw as untyped_raw

from agents.documents.parsing.letters import Letters, letters_of
from agents.documents.parsing.pdf import open_pdf
from agents.documents.parsing.pdfium_calls import Handle, char_boxes
from agents.errors import DocumentError
from agents.schema import PagePicture, Rectangle

# The bindings are made by ctypes at import and carry no types.
pdfium = cast("Any", untyped_raw)

WIDTH = 1_200
"""Pixels. Shown at half that, a page of A4 or letter paper is sharp on a screen of two pixels to a point."""
MAX_PIXELS = 4_000_000
"""Of a page of any shape: twice what A4 has at that width."""
MAX_SIDE = 16_383
"""WebP's limit."""
_QUALITY, _EFFORT = 80, 2
"""WebP's. The example's first page takes 34 KB; as PNG it takes 85 KB, and a photograph some megabytes."""
_PIECES = re.compile(r"[\n|]+")
_GAP = 3.0
"""Of a line's height: what stands farther apart is not marked as one."""


class Wanted(NamedTuple):
    """Words that are to be found on a page."""

    words: str
    before: str = ""
    """Some of what stands before them: the same words may stand on a page twice."""
    behind: str = ""


class Drawing(NamedTuple):
    """What is to be drawn."""

    page: int
    """Counted from 1."""
    quotes: Sequence[Sequence[str]]
    """The fields of what is to be found on it."""


class _Box(NamedTuple):
    """In pixels from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def joined(self, other: "_Box") -> "_Box":
        """Return the box around both."""
        return _Box(*map(min, self[:2], other[:2]), *map(max, self[2:], other[2:]))

    def is_on_line_of(self, other: "_Box") -> bool:
        """Whether this stands beside the other and near to it."""
        height = min(self.bottom - self.top, other.bottom - other.top)
        overlap = min(self.bottom, other.bottom) - max(self.top, other.top)
        gap = max(self.left, other.left) - min(self.right, other.right)
        return 2 * overlap > height and gap < _GAP * height


def draw(data: bytes, name: str, drawing: Drawing) -> bytes:
    """Return a page of a PDF as a PagePicture in JSON.

    Raises:
        DocumentError: It is no PDF that can be read, or has no such page.
    """
    document = open_pdf(data, name)
    if not 1 <= drawing.page <= len(document):
        raise DocumentError(f"{name} has no page {drawing.page}.", hint=f"It has {len(document)}.")
    # Without it the values of form fields would not be drawn.
    document.init_forms()
    page = document[drawing.page - 1]
    width, height = page.get_size()
    # One pixel less, for sides are rounded up.
    scales = WIDTH / width, math.sqrt(MAX_PIXELS / (width * height)), (MAX_SIDE - 1) / height
    bitmap = page.render(scale=min(scales))
    picture = io.BytesIO()
    bitmap.to_pil().save(picture, "WEBP", quality=_QUALITY, method=_EFFORT)
    found = _Finder(page, bitmap)
    return (
        PagePicture(
            width=bitmap.width,
            height=bitmap.height,
            webp=base64.b64encode(picture.getvalue()).decode(),
            places=tuple(found.rectangles(Wanted(*quote)) for quote in drawing.quotes),
        )
        .model_dump_json()
        .encode()
    )


class _Finder:
    """Finds words on a page.

    Args:
        page: The page.
        bitmap: The picture of it.
    """

    def __init__(self, page: Handle, bitmap: Handle) -> None:
        self._to_pixels = bitmap.get_posconv(page).to_bitmap
        self._size = bitmap.width, bitmap.height
        self._text_page = pdfium.FPDFText_LoadPage(page)
        count = max(0, pdfium.FPDFText_CountChars(self._text_page))
        codes = (pdfium.FPDFText_GetUnicode(self._text_page, index) for index in range(count))
        self._letters: Letters = letters_of(map(chr, codes))

    def rectangles(self, quote: Wanted) -> tuple[Rectangle, ...]:
        """Return where a quote stands, a rectangle for each line of it; none if it is not found."""
        lines = self._whole(quote) or self._in_pieces(quote.words)
        return tuple(self._share(line) for line in lines)

    def _whole(self, quote: Wanted) -> list[_Box]:
        words, before, behind = (letters_of(part).text for part in quote)
        found = self._letters.find_all(words)

        def likeness(start: int) -> int:
            text, end = self._letters.text, start + len(words)
            stands_before, stands_behind = text[:start][::-1], text[end:]
            return _common(stands_before, before[::-1]) + _common(stands_behind, behind)

        return self._lines(max(found, key=likeness), len(words)) if found else []

    def _in_pieces(self, quote: str) -> list[_Box]:
        """Return where the lines and cells of a quote stand: the longest one, and the others next to it."""
        pieces = sorted((letters_of(piece).text for piece in _PIECES.split(quote)), key=len, reverse=True)
        lines: list[_Box] = []
        for piece in pieces:
            found = [self._lines(start, len(piece)) for start in self._letters.find_all(piece)]
            if found:
                lines += min(found, key=lambda each: _distance(each, lines))
        return lines

    def _lines(self, start: int, length: int) -> list[_Box]:
        """Return the boxes of some of the page's letters, those of one line joined."""
        indexes = list(dict.fromkeys(self._letters.places[start : start + length]))
        boxes = char_boxes(self._text_page, indexes)
        lines: list[_Box] = []
        for left, bottom, right, top in zip(*boxes, strict=True):
            box = self._box((left, bottom), (right, top))
            if lines and box.is_on_line_of(lines[-1]):
                lines[-1] = lines[-1].joined(box)
            else:
                lines.append(box)
        return lines

    def _box(self, *corners: tuple[float, float]) -> _Box:
        """Return the box between two corners of the page, which may be turned."""
        (x, y), (other_x, other_y) = (self._to_pixels(*corner) for corner in corners)
        return _Box(min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y))

    def _share(self, box: _Box) -> Rectangle:
        """Return a box as shares of the picture."""
        width, height = self._size
        across, down = (box.left / width, box.right / width), (box.top / height, box.bottom / height)
        (left, right), (top, bottom) = ([round(min(1.0, max(0.0, at)), 4) for at in ends] for ends in (across, down))
        return left, top, right, bottom


def _common(text: str, other: str) -> int:
    """Return how many characters two texts have in common from their beginnings."""
    return next((place for place, pair in enumerate(zip(text, other, strict=False)) if len(set(pair)) > 1), len(other))


def _distance(lines: Sequence[_Box], others: Iterable[_Box]) -> float:
    """Return how far lines are below or above the nearest of others; 0 where there are none."""
    first = lines[0]
    return min((abs(first.top - other.top) for other in others), default=0.0)
