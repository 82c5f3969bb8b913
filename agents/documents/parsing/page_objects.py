"""What a page draws, and the text among it that somebody who looks at the page would not see."""

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import pypdfium2.raw as untyped_raw

from agents.documents.parsing import pdfium_calls
from agents.documents.parsing.page_segments import Box, TextPage
from agents.documents.parsing.pdfium_calls import Handle

# The bindings are made by ctypes at import and carry no types.
pdfium = cast("Any", untyped_raw)

_WHITE = 250
_TRANSPARENT = 8
_TINY = 1.5
_SURELY_LEGIBLE = 6
_MAX_FORM_DEPTH = 3
_UNPAINTED = frozenset((pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP))


class HiddenText(NamedTuple):
    """A text object that is not seen."""

    text: Handle
    form: Handle
    """The form that holds it, None for the page itself."""


class PageObjects:
    """What is drawn on a loaded page.

    Args:
        page: The page's handle.
    """

    def __init__(self, page: Handle) -> None:
        self._page = page
        self._red, self._green, self._blue, self._alpha = (ctypes.c_uint() for _ in range(4))
        self._left, self._bottom, self._right, self._top = (ctypes.c_float() for _ in range(4))
        self._size = ctypes.c_float()
        area = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(page, area)
        self._area: Box = (area.left, area.bottom, area.right, area.top)

    def find_hidden(self, text_page: TextPage) -> list[HiddenText]:
        """Return the text that is not seen.

        Not seen is text that is transparent, white on nothing, far too small, outside the page, or drawn without fill
        or outline where no image stands over it (scans carry their text that way).

        Args:
            text_page: The page's text.
        """
        if not self._may_hide(text_page):
            return []
        suspects = [HiddenText(text, form) for text, form in self._texts(None, 0) if self._is_suspect(text)]
        if not suspects:
            return []
        images, shapes = self._covers()
        return [each for each in suspects if not self._is_seen(*each, images, shapes)]

    def remove(self, hidden: list[HiddenText]) -> None:
        """Remove text from the page; a text page that was loaded before still has it."""
        for text, form in hidden:
            if form is None:
                pdfium.FPDFPage_RemoveObject(self._page, text)
            else:
                pdfium.FPDFFormObj_RemoveObject(form, text)

    def holds_image(self) -> bool:
        """Whether there is an image on the page, or a form, which may hold one."""
        kinds = (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM)
        return any(pdfium.FPDFPageObj_GetType(item) in kinds for item in self._items(None))

    def _texts(self, form: Handle, depth: int) -> Iterator[tuple[Handle, Handle]]:
        """Yield every text and the form that holds it, None for the page itself."""
        for item in self._items(form):
            kind = pdfium.FPDFPageObj_GetType(item)
            if kind == pdfium.FPDF_PAGEOBJ_TEXT:
                yield item, form
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _MAX_FORM_DEPTH:
                yield from self._texts(item, depth + 1)

    def _may_hide(self, text_page: TextPage) -> bool:
        """Whether any text of the page may be invisible; cheap, for most pages hide nothing."""
        if not text_page.is_within(self._area):
            return True
        texts = pdfium_calls.text_objects(self._page, _MAX_FORM_DEPTH)
        looks = pdfium_calls.looks(texts)
        small = (text for text, size in zip(texts, looks.sizes, strict=True) if size < _SURELY_LEGIBLE)
        return (
            min(looks.opacity, default=255) <= _TRANSPARENT
            or max(looks.whiteness, default=0) >= _WHITE
            or not _UNPAINTED.isdisjoint(looks.modes)
            or any(self._height(pdfium_calls.object_handle(text)) < _TINY for text in small)
        )

    def _is_suspect(self, text: Handle) -> bool:
        """Whether a text may be invisible."""
        red, green, blue, alpha = self._color(text)
        if alpha <= _TRANSPARENT or min(red, green, blue) >= _WHITE or self._is_unpainted(text):
            return True
        left, bottom, right, top = self._box(text)
        outside = right < self._area[0] or left > self._area[2] or top < self._area[1] or bottom > self._area[3]
        return outside or self._height(text) < _TINY

    def _is_seen(self, text: Handle, form: Handle, images: list[Box], shapes: list[Box]) -> bool:
        """Whether a suspect is seen after all: on a dark shape or an image, or as the text of a scan."""
        if self._height(text) < _TINY:
            return False
        unpainted = self._is_unpainted(text) or self._color(text)[3] <= _TRANSPARENT
        behind = images if unpainted else [*images, *shapes]
        # A form has coordinates of its own, so anything behind it counts.
        if form is not None:
            return bool(behind)
        left, bottom, right, top = self._box(text)
        x, y = (left + right) / 2, (bottom + top) / 2
        return any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box in behind)

    def _covers(self) -> tuple[list[Box], list[Box]]:
        """Return where images and where filled shapes other than white ones stand."""
        images: list[Box] = []
        shapes: list[Box] = []
        for item in self._items(None):
            kind = pdfium.FPDFPageObj_GetType(item)
            if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                images.append(self._box(item))
            elif kind in (pdfium.FPDF_PAGEOBJ_SHADING, pdfium.FPDF_PAGEOBJ_FORM) or (
                kind == pdfium.FPDF_PAGEOBJ_PATH and self._filled(item)
            ):
                shapes.append(self._box(item))
        return images, shapes

    def _items(self, form: Handle) -> Iterator[Handle]:
        if form is None:
            for index in range(pdfium.FPDFPage_CountObjects(self._page)):
                yield pdfium.FPDFPage_GetObject(self._page, index)
        else:
            for index in range(pdfium.FPDFFormObj_CountObjects(form)):
                yield pdfium.FPDFFormObj_GetObject(form, index)

    def _color(self, item: Handle) -> tuple[int, int, int, int]:
        """Return the fill's red, green, blue and opacity, black where it has none of its own."""
        if not pdfium.FPDFPageObj_GetFillColor(item, self._red, self._green, self._blue, self._alpha):
            return 0, 0, 0, 255
        return self._red.value, self._green.value, self._blue.value, self._alpha.value

    def _box(self, item: Handle) -> Box:
        pdfium.FPDFPageObj_GetBounds(item, self._left, self._bottom, self._right, self._top)
        return self._left.value, self._bottom.value, self._right.value, self._top.value

    def _height(self, text: Handle) -> float:
        """Return the font's size on the page, in points."""
        pdfium.FPDFTextObj_GetFontSize(text, self._size)
        size = self._size.value
        # Most texts are set in their true size; only small ones may owe it to their matrix.
        if size >= _SURELY_LEGIBLE:
            return size
        matrix = pdfium.FS_MATRIX()
        pdfium.FPDFPageObj_GetMatrix(text, matrix)
        return size * max(abs(matrix.d), abs(matrix.b), abs(matrix.a))

    def _filled(self, path: Handle) -> bool:
        mode, stroke = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDFPath_GetDrawMode(path, mode, stroke)
        red, green, blue, alpha = self._color(path)
        return mode.value != pdfium.FPDF_FILLMODE_NONE and min(red, green, blue) < _WHITE and alpha > _TRANSPARENT

    def _is_unpainted(self, text: Handle) -> bool:
        return pdfium.FPDFTextObj_GetTextRenderMode(text) in _UNPAINTED
