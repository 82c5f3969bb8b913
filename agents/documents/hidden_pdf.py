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
    suspects = [found for found in _texts(page, None, 0) if _suspect(found[0], page)]
    if not suspects:
        return []
    images, shapes = _covers(page)
    hidden = [found for found in suspects if not _seen(found[0], images, shapes, in_form=found[1] is not None)]
    texts = _texts_of([text for text, _ in hidden], page)
    for text, form in hidden:
        if form is None:
            pdfium.FPDFPage_RemoveObject(page, text)
        else:
            pdfium.FPDFFormObj_RemoveObject(form, text)
    return texts


def _texts(page: Handle, form: Handle, depth: int) -> Iterator[tuple[Handle, Handle]]:
    """Yield every text object and the form that holds it."""
    for item in _items(page, form):
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            yield item, form
        elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
            yield from _texts(page, item, depth + 1)


def _items(page: Handle, form: Handle) -> list[Handle]:
    if form is None:
        return [pdfium.FPDFPage_GetObject(page, index) for index in range(pdfium.FPDFPage_CountObjects(page))]
    return [pdfium.FPDFFormObj_GetObject(form, index) for index in range(pdfium.FPDFFormObj_CountObjects(form))]


def _suspect(text: Handle, page: Handle) -> bool:
    """Whether a text object may be invisible; cheap, for it is asked of every one."""
    color = _color(text)
    if color[3] <= _TRANSPARENT or min(color[:3]) >= _WHITE or _unpainted(text):
        return True
    return _height(text) < _TINY or _outside(_box(text), page)


def _seen(text: Handle, images: list[Box], shapes: list[Box], *, in_form: bool) -> bool:
    """Whether a suspect text is seen after all: on a dark shape or an image, or as the text of a scan."""
    color = _color(text)
    if _height(text) < _TINY:
        return False
    behind = images if _unpainted(text) or color[3] <= _TRANSPARENT else [*images, *shapes]
    # A form has coordinates of its own, so anything behind it counts.
    if in_form:
        return bool(behind)
    left, bottom, right, top = _box(text)
    x, y = (left + right) / 2, (bottom + top) / 2
    return any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box in behind)


def _covers(page: Handle) -> tuple[list[Box], list[Box]]:
    """Return where images and where filled shapes other than white ones stand."""
    images: list[Box] = []
    shapes: list[Box] = []
    for item in _items(page, None):
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            images.append(_box(item))
        elif kind in (pdfium.FPDF_PAGEOBJ_SHADING, pdfium.FPDF_PAGEOBJ_FORM) or (
            kind == pdfium.FPDF_PAGEOBJ_PATH and _filled(item)
        ):
            shapes.append(_box(item))
    return images, shapes


def _filled(path: Handle) -> bool:
    mode, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(path, mode, stroke)
    color = _color(path)
    return mode.value != pdfium.FPDF_FILLMODE_NONE and min(color[:3]) < _WHITE and color[3] > _TRANSPARENT


def _color(item: Handle) -> tuple[int, int, int, int]:
    """Return the fill's red, green, blue and opacity, black where it has none of its own."""
    red, green, blue, alpha = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
    if not pdfium.FPDFPageObj_GetFillColor(item, red, green, blue, alpha):
        return 0, 0, 0, 255
    return red.value, green.value, blue.value, alpha.value


def _unpainted(text: Handle) -> bool:
    return pdfium.FPDFTextObj_GetTextRenderMode(text) in (
        pdfium.FPDF_TEXTRENDERMODE_INVISIBLE,
        pdfium.FPDF_TEXTRENDERMODE_CLIP,
    )


def _height(text: Handle) -> float:
    """Return the font's size on the page, in points."""
    size = ctypes.c_float()
    pdfium.FPDFTextObj_GetFontSize(text, size)
    # Most texts are set in their true size; only small ones may owe it to their matrix.
    if size.value >= 6:
        return size.value
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(text, matrix)
    return size.value * max(abs(matrix.d), abs(matrix.b), abs(matrix.a))


def _box(item: Handle) -> Box:
    left, bottom, right, top = ctypes.c_float(), ctypes.c_float(), ctypes.c_float(), ctypes.c_float()
    pdfium.FPDFPageObj_GetBounds(item, left, bottom, right, top)
    return left.value, bottom.value, right.value, top.value


def _outside(box: Box, page: Handle) -> bool:
    area = pdfium.FS_RECTF()
    pdfium.FPDF_GetPageBoundingBox(page, area)
    return box[2] < area.left or box[0] > area.right or box[3] < area.bottom or box[1] > area.top


def _texts_of(items: list[Handle], page: Handle) -> list[str]:
    """Return the words of text objects."""
    text_page = pdfium.FPDFText_LoadPage(page)
    found: list[str] = []
    for item in items:
        size = pdfium.FPDFTextObj_GetText(item, text_page, None, 0)
        buffer = ctypes.create_string_buffer(size)
        pdfium.FPDFTextObj_GetText(item, text_page, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
        found.append(buffer.raw.decode("utf-16-le", errors="ignore").strip("\0 "))
    pdfium.FPDFText_ClosePage(text_page)
    return [text for text in found if text]
