"""Taking out of a PDF page the text that a reader of the page would not see."""

import ctypes
from collections.abc import Iterator
from typing import Any, cast

import pypdfium2.raw as untyped

# The raw bindings are made by ctypes at import and carry no types.
pdfium = cast("Any", untyped)

Handle = Any
"""A pointer of pdfium's."""

_WHITE = 250
_TRANSPARENT = 8
_TINY = 1.5
_SURELY_LEGIBLE = 6
_DEEPEST = 3
Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""


def remove_hidden(page: Handle) -> list[str]:
    """Remove the text that is not seen from a loaded page, and return it.

    Not seen is text that is transparent, white on nothing, far too small, outside the page, or
    drawn without fill or outline where no image stands over it (scans carry their text that way).

    Args:
        page: pdfium's page handle, its text not yet loaded.
    """
    ink = _Ink(page)
    suspects = [(text, form) for text, form in ink.texts(None, 0) if ink.is_suspect(text)]
    if not suspects:
        return []
    images, shapes = ink.covers()
    hidden = [
        (text, form) for text, form in suspects if not ink.is_seen(text, images, shapes, in_form=form is not None)
    ]
    words = ink.words([text for text, _ in hidden])
    for text, form in hidden:
        if form is None:
            pdfium.FPDFPage_RemoveObject(page, text)
        else:
            pdfium.FPDFFormObj_RemoveObject(form, text)
    return words


class _Ink:
    """What is drawn on a page.

    Every text is looked at, so the variables that pdfium writes to are made once.
    """

    def __init__(self, page: Handle) -> None:
        self._page = page
        self._red, self._green, self._blue, self._alpha = (ctypes.c_uint() for _ in range(4))
        self._left, self._bottom, self._right, self._top = (ctypes.c_float() for _ in range(4))
        self._size = ctypes.c_float()
        area = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(page, area)
        self._area: Box = (area.left, area.bottom, area.right, area.top)

    def texts(self, form: Handle, depth: int) -> Iterator[tuple[Handle, Handle]]:
        """Yield every text and the form that holds it, None for the page itself."""
        for item in self._items(form):
            kind = pdfium.FPDFPageObj_GetType(item)
            if kind == pdfium.FPDF_PAGEOBJ_TEXT:
                yield item, form
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
                yield from self.texts(item, depth + 1)

    def is_suspect(self, text: Handle) -> bool:
        """Whether a text may be invisible; cheap, for it is asked of every one."""
        red, green, blue, alpha = self._color(text)
        if alpha <= _TRANSPARENT or min(red, green, blue) >= _WHITE or _unpainted(text):
            return True
        left, bottom, right, top = self._box(text)
        outside = right < self._area[0] or left > self._area[2] or top < self._area[1] or bottom > self._area[3]
        return outside or self._height(text) < _TINY

    def is_seen(self, text: Handle, images: list[Box], shapes: list[Box], *, in_form: bool) -> bool:
        """Whether a suspect is seen after all: on a dark shape or an image, or as the text of a scan."""
        if self._height(text) < _TINY:
            return False
        unpainted = _unpainted(text) or self._color(text)[3] <= _TRANSPARENT
        behind = images if unpainted else [*images, *shapes]
        # A form has coordinates of its own, so anything behind it counts.
        if in_form:
            return bool(behind)
        left, bottom, right, top = self._box(text)
        x, y = (left + right) / 2, (bottom + top) / 2
        return any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box in behind)

    def covers(self) -> tuple[list[Box], list[Box]]:
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

    def words(self, texts: list[Handle]) -> list[str]:
        """Return what texts say."""
        text_page = pdfium.FPDFText_LoadPage(self._page)
        found: list[str] = []
        for text in texts:
            size = pdfium.FPDFTextObj_GetText(text, text_page, None, 0)
            buffer = ctypes.create_string_buffer(size)
            pdfium.FPDFTextObj_GetText(text, text_page, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
            found.append(buffer.raw.decode("utf-16-le", errors="ignore").strip("\0 "))
        pdfium.FPDFText_ClosePage(text_page)
        return [words for words in found if words]

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


def _unpainted(text: Handle) -> bool:
    return pdfium.FPDFTextObj_GetTextRenderMode(text) in (
        pdfium.FPDF_TEXTRENDERMODE_INVISIBLE,
        pdfium.FPDF_TEXTRENDERMODE_CLIP,
    )
