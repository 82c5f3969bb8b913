"""Forms that are kept as XML inside a PDF (XFA): their pages only ask the reader to open them in another program."""

import ctypes
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, cast
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
        packets = dict(_packets(document))
    except ParseError:
        _logger.warning("An XFA form could not be read.", exc_info=True)
        return []
    if "template" not in packets:
        return []
    data = packets["datasets"].find("data") if "datasets" in packets else None
    texts = _Part(packets["template"], data).texts()
    return [line for text in texts for line in clean(text).split("\n") if line.strip()]


class _Part(NamedTuple):
    """A part of a form: a field, or a group of parts."""

    element: Element
    data: Element | None
    """What holds its value, or those of the fields in it."""
    depth: int = 0

    def texts(self) -> Iterator[str]:
        """Yield the texts of a group in their order."""
        taken: Counter[str] = Counter()
        for part in self.element:
            if part.get("presence", "visible") != "visible" or self.depth > _MAX_DEPTH:
                continue
            name = part.get("name", "")
            same = [each for each in self.data if name and each.tag == name] if self.data is not None else []
            own = same[min(taken[name], len(same) - 1)] if same else None
            if part.tag in ("template", "subform", "subformSet", "area", "exclGroup", "pageSet", "pageArea"):
                taken[name] += 1
                yield from _Part(part, self.data if own is None else own, self.depth + 1).texts()
            elif part.tag == "draw":
                yield _words(part.find("value"))
            elif part.tag == "field":
                taken[name] += 1
                yield _Part(part, own).field()

    def field(self) -> str:
        """Return a field's caption with its value; nothing for one that is a button, or that shows asterisks."""
        kinds = {each.tag for each in self.element.iterfind("ui/*")}
        if kinds & {"button", "passwordEdit", "signature"}:
            return ""
        caption = _words(self.element.find("caption/value"))
        value = _words(self.data if self.data is not None else self.element.find("value"))
        items = [[_words(item) for item in each] for each in self.element.iterfind("items")]
        if "checkButton" in kinds:
            value = CHOSEN if value and items and items[0] and value == items[0][0] else NOT_CHOSEN
        elif len(items) > 1 and value in items[1]:
            # The second list holds what is saved of the options that the first one shows.
            value = items[0][items[1].index(value)] if items[1].index(value) < len(items[0]) else value
        return f"{with_colon(caption or self.element.get('name', ''))} {value}" if value else caption


def _words(element: Element | None) -> str:
    """Return an element's text, without spaces that only indent it."""
    lines = "".join(element.itertext()).split("\n") if element is not None else []
    return "\n".join(" ".join(line.split()) for line in lines).strip()


def _packets(document: Any) -> Iterator[tuple[str, Element]]:  # noqa: ANN401
    """Yield the XML of the packets that are needed: tags without namespaces, paragraphs on lines of their own."""
    for index in range(max(0, pdfium.FPDF_GetXFAPacketCount(document))):
        name = ctypes.create_string_buffer(pdfium.FPDF_GetXFAPacketName(document, index, None, 0) + 1)
        pdfium.FPDF_GetXFAPacketName(document, index, name, len(name))
        if name.value in (b"template", b"datasets"):
            size = ctypes.c_ulong()
            pdfium.FPDF_GetXFAPacketContent(document, index, None, 0, size)
            content = ctypes.create_string_buffer(size.value)
            pdfium.FPDF_GetXFAPacketContent(document, index, content, size.value, size)
            packet = fromstring(content.raw)  # noqa: S314 - expat limits it
            for element in packet.iter():
                element.tag = element.tag.rpartition("}")[2]
                if element.tag in ("p", "br", "li"):
                    element.text = "\n" + (element.text or "")
            yield name.value.decode(), packet
