"""Reading zipped documents: PowerPoint and EPUB, without their hidden text where that can be told."""

import io
import re
import zipfile
from collections.abc import Iterable
from itertools import zip_longest
from xml.etree.ElementTree import Element

from agents.documents.parsing import drawings, headings, titles
from agents.documents.parsing.extraction import Extracted, extract, strip_inline_marks
from agents.documents.parsing.hidden_text import HiddenText, left_out
from agents.documents.parsing.html import visible_html
from agents.documents.parsing.package import Package, opened
from agents.documents.parsing.parsed import Parsed, clean, join_pages, list_pages

_PRESENTATION = "ppt/presentation.xml"
_CHART = re.compile(r"ppt/charts/chart\d*\.xml")
_NO_CHART = '<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"/>'
"""xberg would list a chart's words and figures one after the other."""
_EMPTY_SLIDE = re.compile(r"\A-{3,}\s*\Z")
"""What xberg writes for a slide without words."""
_RENDERING = "output_format"
"""The source of xberg's warning that its result is no Markdown."""
_PLAIN = "Headings and tables could not be told from the text, which was read as plain."
_PARTICULARS = re.compile(r"'[^']*'|\([^()]*\)|\d+")

_NOTE_MARK = re.compile(
    r"""<a\s[^<>]{0,300}epub:type=["']noteref["'][^<>]{0,300}>(?:<[^<>]{0,100}>){0,3}\[?(\w{1,4})\]?(?:</(?!a>)\w+>)*</a>"""
)
"""The mark of a note, which would run into the word before it."""


def read_epub(data: bytes, name: str) -> Parsed:
    """Read an e-book as one page.

    Raises:
        DocumentError: It is damaged.
    """
    hidden: list[HiddenText] = []
    changed: dict[str, str] = {}
    with opened(data, name) as container:
        for member in container.namelist():
            if member.lower().endswith((".xhtml", ".html", ".htm")):
                source = container.read(member).decode("utf-8", errors="replace")
                html, _, found = visible_html(source)
                hidden += found
                marked = _NOTE_MARK.sub(r"[^\1]", html if found else source)
                if marked != source:
                    changed[member] = marked
        visible = _replace_members(container, changed) if changed else data
    return _parsed(extract(visible, name, "epub"), left_out(hidden), paged=False)


def read_pptx(data: bytes, name: str) -> Parsed:
    """Read a presentation; its slides are its pages.

    Raises:
        DocumentError: It is damaged.
    """
    with opened(data, name) as container:
        members = container.namelist()
        package = Package(container, name)
        slides = _slides(package)
        shown = [_drawings(package, member, slide) for member, slide in slides]
        charts = {member: _NO_CHART for member in members if _CHART.fullmatch(member)}
        without_charts = _replace_members(container, charts) if charts else data
    hidden = [number for number, (_, slide) in enumerate(slides, 1) if slide.get("show") in ("0", "false")]
    warnings = [f"Hidden text: slides that are hidden were read: {list_pages(hidden)}."] if hidden else []
    if any(member.startswith("ppt/notesSlides/") for member in members):
        warnings.append("Speaker notes were not read.")
    return _parsed(extract(without_charts, name, "pptx"), warnings, paged=True, beside=shown)


def _slides(package: Package) -> list[tuple[str, Element]]:
    """Return the parts of the slides and their roots, in the order of the slides."""
    root = package.part(_PRESENTATION)
    listed = [] if root is None else root.findall("sldIdLst/sldId")
    members = [package.target(_PRESENTATION, slide.get("id")) for slide in listed]
    roots = map(package.part, members)
    return [(member, Element("sld") if slide is None else slide) for member, slide in zip(members, roots, strict=True)]


def _drawings(package: Package, member: str, slide: Element) -> str:
    """Return what the charts and diagrams of a slide show."""
    parts = (each for each in slide.iter() if each.tag in drawings.KINDS)
    return "\n\n".join(text for each in parts for text in drawings.read(package, member, each))


def _of_extraction(document: Extracted) -> list[str]:
    """Return what xberg warns of, what differs in names and places alone once."""
    messages = [str(warning.message) for warning in document.processing_warnings if warning.source != _RENDERING]
    kinds: dict[str, list[str]] = {}
    for message in messages:
        kinds.setdefault(_PARTICULARS.sub("", message), []).append(message.rstrip("."))
    warnings = [first + (f", and {len(rest)} more like this." if rest else ".") for first, *rest in kinds.values()]
    return warnings + [_PLAIN] * (len(messages) < len(document.processing_warnings))


def _parsed(document: Extracted, warnings: list[str], *, paged: bool, beside: Iterable[str] = ()) -> Parsed:
    """Return an extracted document, as one page or with its slides or its sheets as pages.

    Args:
        document: What was extracted.
        warnings: What was found before.
        paged: Whether it has slides or sheets.
        beside: For each page, text that was not extracted.
    """
    # Slides carry their title in their text; sheets have a name beside it.
    pages = [(page.sheet_name, strip_inline_marks(page.content)) for page in document.pages or ()] if paged else []
    texts = [f"## {sheet}\n\n{content}" if sheet else content for sheet, content in pages]
    texts = [
        "\n\n".join(filter(None, (_EMPTY_SLIDE.sub("", text), clean(more))))
        for text, more in zip_longest(texts, beside, fillvalue="")
    ]
    text, spans = join_pages(texts or [strip_inline_marks(document.content)])
    found = headings.in_markdown(text)
    # The first slide is a title page.
    first = next((words for _, words, start in found if paged and start < spans[0][1]), "")
    return Parsed.from_text(
        text,
        title=titles.choose(str(document.metadata.title or ""), first, text),
        headings=found,
        warnings=[*warnings, *_of_extraction(document)],
        pages=spans,
    )


def _replace_members(container: zipfile.ZipFile, changed: dict[str, str]) -> bytes:
    """Return the container with some of its files replaced."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as copy:
        for entry in container.infolist():
            member = entry.filename
            copy.writestr(member, changed[member] if member in changed else container.read(entry))
    return target.getvalue()
