"""Reading e-books, without their hidden text where that can be told."""

import io
import re
import zipfile

from agents.documents.parsing import headings
from agents.documents.parsing.extraction import extract, strip_inline_marks
from agents.documents.parsing.html import visible_html
from agents.documents.parsing.package import opened
from agents.documents.parsing.parsed import Parsed, cap_warnings

_NOTE_MARK = re.compile(
    r"""<a\s[^<>]{0,300}epub:type=["']noteref["'][^<>]{0,300}>(?:<[^<>]{0,100}>){0,3}\[?(\w{1,4})\]?(?:</(?!a>)\w+>)*</a>"""
)
"""The mark of a note, which would run into the word before it."""


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
                source = container.read(member).decode("utf-8", errors="replace")
                html, _, found = visible_html(source)
                hidden += found
                marked = _NOTE_MARK.sub(r"[^\1]", html if found or "<rt" in source else source)
                if marked != source:
                    changed[member] = marked
        visible = _replace_members(container, changed) if changed else data
    warnings = cap_warnings([f"Hidden text was left out: {words}." for words in hidden])
    document = extract(visible, name, "epub")
    text = strip_inline_marks(document.content)
    return Parsed.from_text(
        text,
        title=str(document.metadata.title or ""),
        headings=headings.in_markdown(text),
        warnings=[*warnings, *(str(warning.message) for warning in document.processing_warnings)],
    )


def _replace_members(container: zipfile.ZipFile, changed: dict[str, str]) -> bytes:
    """Return the container with some of its files replaced."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as copy:
        for entry in container.infolist():
            member = entry.filename
            copy.writestr(member, changed[member] if member in changed else container.read(entry))
    return target.getvalue()
