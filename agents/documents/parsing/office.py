"""Reading zipped documents: Word, PowerPoint and EPUB, without their hidden text where that can be told."""

import io
import re
import zipfile

from agents.documents.parsing import headings
from agents.documents.parsing.containers import opened
from agents.documents.parsing.extraction import Extracted, extract, strip_inline_marks
from agents.documents.parsing.html import visible_html
from agents.documents.parsing.parsed import Parsed, cap_warnings, join_pages, shorten

_WORD_DOCUMENT = "word/document.xml"
_SLIDE = re.compile(r"ppt/slides/slide\d+\.xml")
_SLIDE_HIDDEN = re.compile(r'<p:sld [^>]*show="(?:0|false)"')


def read_docx(data: bytes, name: str) -> Parsed:
    """Read a Word document as one page.

    Raises:
        DocumentError: It is damaged.
    """
    with opened(data, name) as container:
        xml, hidden = _visible_runs(container.read(_WORD_DOCUMENT).decode("utf-8", errors="replace"))
        visible = _replace_members(container, {_WORD_DOCUMENT: xml}) if hidden else data
    warnings = cap_warnings([f"Hidden text was left out: {words}." for words in hidden])
    return _parsed(extract(visible, name, "docx"), warnings, paged=False)


def read_epub(data: bytes, name: str) -> Parsed:
    """Read an e-book as one page.

    Raises:
        DocumentError: It is damaged.
    """
    hidden: list[str] = []
    changed: dict[str, str] = {}
    with opened(data, name) as container:
        for member in container.namelist():
            if member.lower().endswith((".xhtml", ".html", ".htm")):
                html, _, found = visible_html(container.read(member).decode("utf-8", errors="replace"))
                if found:
                    hidden += found
                    changed[member] = html
        visible = _replace_members(container, changed) if changed else data
    warnings = cap_warnings([f"Hidden text was left out: {words}." for words in hidden])
    return _parsed(extract(visible, name, "epub"), warnings, paged=False)


def read_pptx(data: bytes, name: str) -> Parsed:
    """Read a presentation; its slides are its pages.

    Raises:
        DocumentError: It is damaged.
    """
    with opened(data, name) as container:
        members = container.namelist()
        hidden = [
            member.rpartition("/")[2]
            for member in filter(_SLIDE.fullmatch, members)
            if _SLIDE_HIDDEN.search(container.read(member)[:2000].decode("utf-8", errors="replace"))
        ]
    warnings = [f"Hidden text: {slide} is a hidden slide; it was read." for slide in hidden]
    if any(member.startswith("ppt/notesSlides/") for member in members):
        warnings.append("Speaker notes were not read.")
    return _parsed(extract(data, name, "pptx"), warnings, paged=True)


def _parsed(document: Extracted, warnings: list[str], *, paged: bool) -> Parsed:
    """Return an extracted document, as one page or with its slides as pages."""
    texts = [strip_inline_marks(page.content) for page in document.pages or ()] if paged else []
    text, spans = join_pages(texts or [strip_inline_marks(document.content)])
    return Parsed.from_text(
        text,
        title=str(document.metadata.title or ""),
        headings=headings.in_markdown(text),
        warnings=[*warnings, *(str(warning.message) for warning in document.processing_warnings)],
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


_TAG = re.compile(r"</?w:(tbl|p|r)[ >]")
_TEXT = re.compile(r"<w:t(?: [^>]*)?>([^<]*)</w:t>")
_VANISHED = re.compile(r'<w:(?:vanish|webHidden)(?:/| w:val="(?:1|true|on)")')
_TINY = re.compile(r'<w:sz w:val="[1-4]"')
_WHITE = re.compile(r'<w:color [^>]*w:val="(?:[Ff]{6}|white)"')
_SHADED = re.compile(r'<w:(?:shd|highlight) [^>]*(?:w:fill="(?!auto|[Ff]{6})|w:val="(?!clear|none|white))')


def _visible_runs(xml: str) -> tuple[str, list[str]]:
    """Return Word's XML without the text of hidden, tiny and white runs, and those texts."""
    visible: list[str] = []
    hidden: list[str] = []
    tables = paragraph = position = 0
    for tag in _TAG.finditer(xml):
        if tag.start() < position:
            continue
        if tag.group(1) == "tbl":
            tables += -1 if tag.group().startswith("</") else 1
        elif tag.group(1) == "p":
            paragraph = tag.start()
        elif (end := xml.find("</w:r>", tag.start())) > 0:
            run = xml[tag.start() : end]
            if text := _hidden_text(run, xml[paragraph : tag.start()], in_table=tables > 0):
                hidden.append(repr(shorten(text)))
                visible += [xml[position : tag.start()], _TEXT.sub("", run)]
                position = end
    return "".join([*visible, xml[position:]]), hidden


def _hidden_text(run: str, paragraph: str, *, in_table: bool) -> str:
    """Return a run's text if it is not seen; empty if it is."""
    properties, _, _ = run.partition("</w:rPr>")
    around, _, _ = paragraph.partition("</w:pPr>")
    white = _WHITE.search(properties) and not in_table and not _SHADED.search(properties + around)
    if white or _VANISHED.search(properties) or _TINY.search(properties):
        return "".join(_TEXT.findall(run)).strip()
    return ""
