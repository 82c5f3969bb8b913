"""Reading e-books, without their hidden text where that can be told."""

import io
import re
import zipfile

from agents.documents.parsing import headings, titles
from agents.documents.parsing.extraction import Extracted, extract, strip_inline_marks
from agents.documents.parsing.hidden_text import HiddenText, left_out
from agents.documents.parsing.html import visible_html
from agents.documents.parsing.package import opened
from agents.documents.parsing.parsed import Parsed

_NOTE_MARK = re.compile(
    r"""<a\s[^<>]{0,300}epub:type=["']noteref["'][^<>]{0,300}>(?:<[^<>]{0,100}>){0,3}\[?(\w{1,4})\]?(?:</(?!a>)\w+>)*</a>"""
)
"""The mark of a note, which would run into the word before it."""
_RENDERING = "output_format"
"""The source of xberg's warning that its result is no Markdown."""
_PLAIN = "Headings and tables could not be told from the text, which was read as plain."
_PARTICULARS = re.compile(r"'[^']*'|\([^()]*\)|\d+")


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
                marked = _NOTE_MARK.sub(r"[^\1]", html if found or "<rt" in source else source)
                if marked != source:
                    changed[member] = marked
        visible = _replace_members(container, changed) if changed else data
    document = extract(visible, name, "epub")
    text = strip_inline_marks(document.content)
    return Parsed.from_text(
        text,
        title=titles.choose(str(document.metadata.title or ""), "", text),
        headings=headings.in_markdown(text),
        warnings=[*left_out(hidden), *_of_extraction(document)],
    )


def _of_extraction(document: Extracted) -> list[str]:
    """Return what xberg warns of, what differs in names and places alone once."""
    messages = [str(warning.message) for warning in document.processing_warnings if warning.source != _RENDERING]
    kinds: dict[str, list[str]] = {}
    for message in messages:
        kinds.setdefault(_PARTICULARS.sub("", message), []).append(message.rstrip("."))
    warnings = [first + (f", and {len(rest)} more like this." if rest else ".") for first, *rest in kinds.values()]
    return warnings + [_PLAIN] * (len(messages) < len(document.processing_warnings))


def _replace_members(container: zipfile.ZipFile, changed: dict[str, str]) -> bytes:
    """Return the container with some of its files replaced."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as copy:
        for entry in container.infolist():
            member = entry.filename
            copy.writestr(member, changed[member] if member in changed else container.read(entry))
    return target.getvalue()
