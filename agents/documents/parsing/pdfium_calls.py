"""Asking pdfium the same of many characters or objects of a page, with nothing between the calls.

A page has thousands of characters, and most of what a call takes is the way through Python. So handles and indexes go
over as plain numbers, and the answers are written one behind the other, to be read at once.
"""

import ctypes
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, NamedTuple, cast

import pypdfium2.raw as untyped_raw

from agents.documents.parsing.parsed import clean

# The bindings are made by ctypes at import and carry no types.
pdfium = cast("Any", untyped_raw)

Handle = Any
"""A pointer of pdfium's."""


class Boxes(NamedTuple):
    """Where characters stand on the page, in points; y grows upwards."""

    lefts: list[float]
    bottoms: list[float]
    rights: list[float]
    tops: list[float]


class Looks(NamedTuple):
    """How text objects are drawn."""

    whiteness: list[int]
    """The least of the fill's red, green and blue, up to 255."""
    opacity: list[int]
    """Of the fill, up to 255; 0 where it is no plain colour."""
    modes: list[int]
    """FPDF_TEXTRENDERMODE_*."""
    sizes: list[float]
    """Of the font, in units of the object's matrix."""


def read_string(get: Callable[..., int], *of: Handle) -> str:
    """Return a string that pdfium writes as UTF-16 into a buffer, and whose size in bytes it returns."""
    size = get(*of, None, 0)
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    get(*of, buffer, size)
    # A surrogate without its pair, which a file may hold, is left out.
    return clean(bytes(buffer).decode("utf-16-le", errors="ignore").split("\0", 1)[0]).strip()


def object_handle(address: int) -> Handle:
    """Return the handle of an object at an address."""
    return ctypes.cast(address, pdfium.FPDF_PAGEOBJECT)


def char_boxes(text_page: Handle, indexes: Sequence[int]) -> Boxes:
    """Return the boxes of characters, each as high as its font."""
    answers = _Answers("f", 4 * len(indexes))
    _run(_LOOSE_CHAR_BOX, repeat(_address(text_page)), indexes, answers.places(4))
    # In the order of FS_RECTF.
    values = answers.values()
    return Boxes(lefts=values[0::4], tops=values[1::4], rights=values[2::4], bottoms=values[3::4])


def char_angles(text_page: Handle, indexes: Iterable[int]) -> list[float]:
    """Return by how much characters are turned, clockwise, in radians; below 0 where that is unknown."""
    return list(map(_CHAR_ANGLE, repeat(_address(text_page)), indexes))


def text_objects(page: Handle, depth: int) -> list[int]:
    """Return the addresses of the text objects of a page, and of its forms within forms as deep as that."""
    objects = list(map(_PAGE_OBJECT, repeat(_address(page)), range(pdfium.FPDFPage_CountObjects(page))))
    found: list[int] = []
    for _ in range(depth + 1):
        kinds = list(map(_KIND, objects))
        found += [each for each, kind in zip(objects, kinds, strict=True) if kind == pdfium.FPDF_PAGEOBJ_TEXT]
        forms = [each for each, kind in zip(objects, kinds, strict=True) if kind == pdfium.FPDF_PAGEOBJ_FORM]
        objects = [each for form in forms for each in map(_FORM_OBJECT, repeat(form), range(_FORM_COUNT(form)))]
    return found


def looks(objects: Sequence[int]) -> Looks:
    """Return how text objects are drawn, given by their addresses."""
    count = len(objects)
    colors, sizes = _Answers("I", 4 * count), _Answers("f", count)
    _run(_FILL_COLOR, objects, *(colors.places(4, part) for part in range(4)))
    _run(_FONT_SIZE, objects, sizes.places(1))
    fill = colors.values()
    whiteness = list(map(min, fill[0::4], fill[1::4], fill[2::4]))
    return Looks(whiteness, fill[3::4], list(map(_RENDER_MODE, objects)), sizes.values())


class _Answers:
    """A row of numbers of four bytes that calls write to.

    Args:
        kind: Their type, as the module `array` names it.
        count: How many.
    """

    def __init__(self, kind: str, count: int) -> None:
        self._kind = kind
        self._bytes = bytearray(4 * count)
        self._start = ctypes.addressof((ctypes.c_char * len(self._bytes)).from_buffer(self._bytes))

    def places(self, step: int, first: int = 0) -> range:
        """Return the addresses of every `step`th number, beginning with the one at `first`."""
        return range(self._start + 4 * first, self._start + len(self._bytes), 4 * step)

    def values(self) -> list[Any]:
        """Return the numbers."""
        return array(self._kind, self._bytes).tolist()


def _run(function: Callable[..., object], *arguments: Iterable[object]) -> None:
    """Call a function for its effects, as often as there are arguments."""
    deque(map(function, *arguments), maxlen=0)


def _address(handle: Handle) -> int:
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


_AT, _INT, _FLOAT = ctypes.c_void_p, ctypes.c_int, ctypes.c_float


def _plain(name: str, result: type, *arguments: type) -> Callable[..., Any]:
    """Return a function of pdfium's that takes addresses as numbers, and keeps the interpreter's lock."""
    pointer = ctypes.cast(getattr(pdfium, name), ctypes.c_void_p).value or 0
    return ctypes.PYFUNCTYPE(result, *arguments)(pointer)


_LOOSE_CHAR_BOX = _plain("FPDFText_GetLooseCharBox", _INT, _AT, _INT, _AT)
_CHAR_ANGLE = _plain("FPDFText_GetCharAngle", _FLOAT, _AT, _INT)
_PAGE_OBJECT = _plain("FPDFPage_GetObject", _AT, _AT, _INT)
_FORM_COUNT = _plain("FPDFFormObj_CountObjects", _INT, _AT)
_FORM_OBJECT = _plain("FPDFFormObj_GetObject", _AT, _AT, ctypes.c_ulong)
_KIND = _plain("FPDFPageObj_GetType", _INT, _AT)
_FILL_COLOR = _plain("FPDFPageObj_GetFillColor", _INT, _AT, _AT, _AT, _AT, _AT)
_FONT_SIZE = _plain("FPDFTextObj_GetFontSize", _INT, _AT, _AT)
_RENDER_MODE = _plain("FPDFTextObj_GetTextRenderMode", _INT, _AT)
