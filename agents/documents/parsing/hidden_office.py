"""Taking hidden text out of zipped office documents before they are read."""

import io
import re
import zipfile

from agents.documents.parsing.formats import Kind
from agents.documents.parsing.html import visible_html
from agents.documents.parsing.parsed import shorten

_MANY = 10
_TEXT = re.compile(r"<w:t(?: [^>]*)?>([^<]*)</w:t>")
_VANISHED = re.compile(r'<w:(?:vanish|webHidden)(?:/| w:val="(?:1|true|on)")')
_TINY = re.compile(r'<w:sz w:val="[1-4]"')
_WHITE = re.compile(r'<w:color [^>]*w:val="(?:[Ff]{6}|white)"')
_SHADED = re.compile(r'<w:(?:shd|highlight) [^>]*(?:w:fill="(?!auto|[Ff]{6})|w:val="(?!clear|none|white))')
_TAG = re.compile(r"</?w:(tbl|p|r)[ >]")
_HIDDEN_SHEET = re.compile(r'<(?:\w+:)?sheet [^>]*state="(?:hidden|veryHidden)"[^>]*>')
_NAME = re.compile(r'name="([^"]*)"')
_HIDDEN_SLIDE = re.compile(r'<p:sld [^>]*show="(?:0|false)"')


def visible_office(data: bytes, kind: Kind) -> tuple[bytes, list[str]]:
    """Return the document without its hidden text where that can be told, and warnings about it."""
    with zipfile.ZipFile(io.BytesIO(data)) as container:
        if kind == "xlsx":
            return data, _hidden_sheets(container)
        if kind == "pptx":
            return data, _hidden_slides(container)
        found, changed = _without_hidden(container, kind)
        return (_rewritten(container, changed) if found else data), [*found[:_MANY], *_more(found)]


def _without_hidden(container: zipfile.ZipFile, kind: Kind) -> tuple[list[str], dict[str, bytes]]:
    """Return what was hidden, and the members of the container without it."""
    found: list[str] = []
    changed: dict[str, bytes] = {}
    for name in container.namelist():
        if kind == "docx" and name == "word/document.xml":
            text, hidden = _visible_runs(container.read(name).decode("utf-8", errors="replace"))
        elif kind == "epub" and name.lower().endswith((".xhtml", ".html", ".htm")):
            text, _, hidden = visible_html(container.read(name).decode("utf-8", errors="replace"))
        else:
            continue
        if hidden:
            changed[name] = text.encode()
            found += [f"Hidden text was left out: {what}." for what in hidden]
    return found, changed


def _visible_runs(xml: str) -> tuple[str, list[str]]:
    """Return Word's XML without the text of hidden, tiny and white runs, and those texts."""
    kept: list[str] = []
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
                kept += [xml[position : tag.start()], _TEXT.sub("", run)]
                position = end
    return "".join([*kept, xml[position:]]), hidden


def _hidden_text(run: str, paragraph: str, *, in_table: bool) -> str:
    """Return a run's text if nobody sees it."""
    properties, _, _ = run.partition("</w:rPr>")
    around, _, _ = paragraph.partition("</w:pPr>")
    white = _WHITE.search(properties) and not in_table and not _SHADED.search(properties + around)
    if white or _VANISHED.search(properties) or _TINY.search(properties):
        return "".join(_TEXT.findall(run)).strip()
    return ""


def _hidden_sheets(container: zipfile.ZipFile) -> list[str]:
    workbook = container.read("xl/workbook.xml").decode("utf-8", errors="replace")
    names = [_NAME.search(sheet) for sheet in _HIDDEN_SHEET.findall(workbook)]
    return [
        f"Hidden text: the sheet {name.group(1)!r} is hidden in the workbook; it was read." for name in names if name
    ]


def _hidden_slides(container: zipfile.ZipFile) -> list[str]:
    warnings: list[str] = []
    for name in container.namelist():
        if re.fullmatch(r"ppt/slides/slide\d+\.xml", name):
            head = container.read(name)[:2000].decode("utf-8", errors="replace")
            if _HIDDEN_SLIDE.search(head):
                warnings.append(f"Hidden text: {name.rpartition('/')[2]} is a hidden slide; it was read.")
    if any(name.startswith("ppt/notesSlides/") for name in container.namelist()):
        warnings.append("Speaker notes were not read.")
    return warnings


def _more(found: list[str]) -> list[str]:
    return [f"Hidden text was left out in {len(found) - _MANY} more places."] if len(found) > _MANY else []


def _rewritten(container: zipfile.ZipFile, changed: dict[str, bytes]) -> bytes:
    """Return the container with some members replaced."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as copy:
        for entry in container.infolist():
            copy.writestr(entry.filename, changed.get(entry.filename) or container.read(entry))
    return target.getvalue()
