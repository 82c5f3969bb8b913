"""Forms that are kept as XML inside a PDF (XFA): their pages only ask the reader to open them in another program."""

import ctypes
import logging
from collections.abc import Iterator
from typing import Any, cast
from xml.etree.ElementTree import Element, ParseError, fromstring

import pypdfium2.raw as untyped_raw

from agents.documents.parsing.parsed import clean
from agents.documents.parsing.pdf_forms import CHOSEN, NOT_CHOSEN, with_colon

# The bindings are made by ctypes at import and carry no types.
pdfium = cast("Any", untyped_raw)

_logger = logging.getLogger(__name__)

_MAX_DEPTH = 100
"""Of subforms in each other; the deepest real ones have some ten."""


def is_xfa(document: Any) -> bool:  # noqa: ANN401 - pypdfium2 has no types
    """Whether a document is an XFA form and its pages do not show it."""
    return document.get_formtype() == pdfium.FORMTYPE_XFA_FULL


def read_xfa(document: Any) -> list[str]:  # noqa: ANN401
    """Return the lines of a document's XFA form, if that is all that it holds; fields with their values."""
    if not is_xfa(document):
        return []
    try:
        packets = {name: fromstring(content) for name, content in _packets(document)}  # noqa: S314 - expat limits it
    except ParseError:
        _logger.warning("An XFA form could not be read.", exc_info=True)
        return []
    if "template" not in packets:
        return []
    data = next((part for part in packets.get("datasets", Element("none")) if _tag(part) == "data"), Element("none"))
    return [line for text in _texts(packets["template"], data, 0) for line in clean(text).split("\n") if line.strip()]


def _packets(document: Any) -> Iterator[tuple[str, bytes]]:  # noqa: ANN401
    """Yield the parts that are needed, which come as pieces of one XML document."""
    for index in range(max(0, pdfium.FPDF_GetXFAPacketCount(document))):
        name = ctypes.create_string_buffer(pdfium.FPDF_GetXFAPacketName(document, index, None, 0) + 1)
        pdfium.FPDF_GetXFAPacketName(document, index, name, len(name))
        if name.value in (b"template", b"datasets"):
            size = ctypes.c_ulong()
            pdfium.FPDF_GetXFAPacketContent(document, index, None, 0, size)
            content = ctypes.create_string_buffer(size.value)
            pdfium.FPDF_GetXFAPacketContent(document, index, content, size.value, size)
            yield name.value.decode(), content.raw


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: Element | None, *path: str) -> Element | None:
    for name in path:
        element = next((each for each in element if _tag(each) == name), None) if element is not None else None
    return element


def _words(element: Element | None) -> str:
    """Return an element's text; that of paragraphs and line breaks on lines of their own."""
    if element is None:
        return ""
    return "\n".join(" ".join(line.split()) for line in "".join(_pieces(element)).split("\n")).strip()


def _pieces(element: Element) -> Iterator[str]:
    yield ("\n" if _tag(element) in ("p", "br", "li") else "") + (element.text or "")
    for child in element:
        yield from _pieces(child)
        yield child.tail or ""


def _texts(container: Element, data: Element, depth: int) -> Iterator[str]:
    """Yield the texts of a form's part in their order; `data` is the element that holds its fields' values."""
    taken: dict[str, int] = {}
    for part in container:
        if part.get("presence", "visible") != "visible" or depth > _MAX_DEPTH:
            continue
        kind, name = _tag(part), part.get("name", "")
        same = [each for each in data if name and _tag(each) == name]
        own = same[min(taken.get(name, 0), len(same) - 1)] if same else None
        if kind in ("template", "subform", "subformSet", "area", "exclGroup", "pageSet", "pageArea"):
            taken[name] = taken.get(name, 0) + 1
            yield from _texts(part, data if own is None else own, depth + 1)
        elif kind == "draw":
            yield _words(_child(part, "value"))
        elif kind == "field":
            taken[name] = taken.get(name, 0) + 1
            yield _field(part, own)


def _field(part: Element, data: Element | None) -> str:
    """Return a field's caption with its value; nothing for one that is a button, or that shows asterisks."""
    ui = _child(part, "ui")
    kinds = {_tag(each) for each in ui} if ui is not None else set[str]()
    caption = _words(_child(part, "caption", "value"))
    if kinds & {"button", "passwordEdit", "signature"}:
        return ""
    value = _words(data) if data is not None else _words(_child(part, "value"))
    items = [[_words(item) for item in each] for each in part if _tag(each) == "items"]
    if "checkButton" in kinds:
        value = CHOSEN if value and items and items[0] and value == items[0][0] else NOT_CHOSEN
    elif len(items) > 1 and value in items[1]:
        # The second list holds what is saved of the options that the first one shows.
        value = items[0][items[1].index(value)] if items[1].index(value) < len(items[0]) else value
    return f"{with_colon(caption or part.get('name', ''))} {value}" if value else caption
