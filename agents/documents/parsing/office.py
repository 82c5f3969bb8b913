"""Reading office documents, web pages and e-books by xberg, as Markdown without inline marks."""

import asyncio
import re
from typing import Any, cast

from agents.documents.parsing import formats, headings
from agents.documents.parsing.html import visible_html
from agents.documents.parsing.hidden_office import visible_office
from agents.documents.parsing.parsed import Parsed, clean, join_pages, parsed
from agents.documents.parsing.text import decode

Extracted = Any
"""What xberg returns; its own types are partly unknown."""

_MOST_CELLS = 5_000_000
_EMPHASIS = re.compile(r"(?<![\w*\\])(\*{1,3})(?=[^\s*])([^*\n]{1,2000}?)(?<=[^\s*])\1(?![\w*])")
_LINK = re.compile(r"!?\[([^\]\n]{0,2000})\]\([^()\s]{0,2000}(?:\s\"[^\"\n]{0,500}\")?\)")
_CODE = re.compile(r"(^```[^\n]*\n.*?^```|(?<![\\`])`[^`\n]+`(?!`))", re.MULTILINE | re.DOTALL)
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]#+\-.!<>~&=:])")
"""What xberg marks as no Markdown; a bar stays marked, which would end a table's cell."""
_BLANK_LINES = re.compile(r"\n{3,}")
_BARE_TABLE_END = re.compile(r"(?:\n\|(?:[ \t]*\|)+[ \t]*)+\Z")


def read_office(data: bytes, name: str, kind: formats.Kind) -> Parsed:
    """Read a DOCX, PPTX, XLSX or EPUB document; slides and sheets are its pages.

    Raises:
        DocumentError: It is damaged.
    """
    data, warnings = visible_office(data, kind)
    document = _extract(data, name, kind)
    pages = [(_page_title(page), _without_marks(page.content)) for page in document.pages or ()]
    if kind in ("docx", "epub") or not pages:
        pages = [("", _without_marks(document.content))]
    text, spans = join_pages([f"## {title}\n\n{content}" if title else content for title, content in pages])
    warnings += [str(warning.message) for warning in document.processing_warnings]
    return parsed(str(document.metadata.title or ""), text, headings.in_markdown(text), warnings, spans)


def read_html(data: bytes, name: str) -> Parsed:
    """Read a web page without what its reader would not see.

    Raises:
        DocumentError: It is damaged.
    """
    return read_page(decode(data, declared=True), name)


def read_page(html: str, name: str) -> Parsed:
    """Read a web page that is decoded already.

    Raises:
        DocumentError: It is damaged.
    """
    page, title, hidden = visible_html(html)
    text = _without_marks(_extract(page.encode(), name, "html").content)
    warnings = [f"Hidden text was left out: {what}." for what in hidden]
    return parsed(title, text, headings.in_markdown(text), warnings)


def _extract(data: bytes, name: str, kind: formats.Kind) -> Extracted:
    """Return xberg's document."""
    import xberg as untyped

    xberg = cast("Any", untyped)
    config = xberg.ExtractionConfig(
        use_cache=False,
        disable_ocr=True,
        enable_quality_processing=False,
        output_format="markdown",
        escape_markdown=False,
        max_archive_depth=0,
        pages=xberg.PageConfig(extract_pages=True),
        content_filter=xberg.ContentFilterConfig(include_footnotes=True, strip_repeating_text=False),
        html_options=xberg.ConversionOptions(extract_metadata=False),
        security_limits=xberg.SecurityLimits(max_table_cells=_MOST_CELLS),
        concurrency=xberg.ConcurrencyConfig(max_threads=1),
    )
    source = xberg.ExtractInput(kind="bytes", bytes=data, filename=f"document.{kind}")
    try:
        return asyncio.run(xberg.extract(source, config)).results[0]
    except RuntimeError as error:
        raise formats.damaged(name, str(error).partition("\n")[0].rstrip(".")) from error


def _page_title(page: Extracted) -> str:
    """Return a sheet's name; slides carry theirs in their text."""
    return str(page.sheet_name or "")


def _without_marks(markdown: str) -> str:
    """Return the text without emphasis, link targets and escapes, code left alone."""
    parts = _CODE.split(clean(markdown))
    parts[::2] = [_ESCAPED.sub(r"\1", _LINK.sub(r"\1", _EMPHASIS.sub(r"\2", part))) for part in parts[::2]]
    text = _BLANK_LINES.sub("\n\n", "".join(parts)).strip("\n")
    return _BARE_TABLE_END.sub("", text)
