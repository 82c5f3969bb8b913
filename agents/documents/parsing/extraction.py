"""Extracting the text of office documents, e-books and web pages with xberg, as Markdown without inline marks."""

import re
from typing import Any, cast

from agents.documents.parsing.formats import damaged
from agents.documents.parsing.parsed import clean
from agents.errors import DocumentError

Extracted = Any
"""xberg's document; its own types are partly unknown."""

MAX_CELLS = 5_000_000
"""How many cells the tables of a document may have."""

MAX_DEPTH = 400
"""Elements of a web page within each other; xberg's thread has a stack for more (it ended at 900)."""
_HIGHEST_RATIO = 1_032
"""Deflate packs no better, so that only formats.py says what is a zip bomb: small repetitive files are none."""
_MIME_TYPES = {"epub": "application/epub+zip"}
"""Of the kinds that xberg would tell by their content, and wrongly where an e-book is packed anew."""

# xberg raises RuntimeError for everything; only the message tells a malformed file from one that exceeds a limit.
_DAMAGE = "Parsing error"
_LIMIT = re.compile("Security (?:violation|limit exceeded): ")


def extract(data: bytes, name: str, kind: str) -> Extracted:
    """Extract a document; its `content` and that of its `pages` are Markdown.

    Args:
        data: The file.
        name: Its name, for errors.
        kind: The suffix of its format, without the dot.

    Raises:
        DocumentError: It is damaged, or exceeds a limit.
    """
    # Slow to import, and needed for these formats only.
    import asyncio

    import xberg as untyped

    xberg = cast("Any", untyped)
    config = xberg.ExtractionConfig(
        use_cache=False,
        disable_ocr=True,
        enable_quality_processing=False,
        # It would give back Markdown as plain text.
        postprocessor=xberg.PostProcessorConfig(enabled=False),
        output_format="markdown",
        escape_markdown=False,
        max_archive_depth=0,
        pages=xberg.PageConfig(extract_pages=True),
        content_filter=xberg.ContentFilterConfig(include_footnotes=True, strip_repeating_text=False),
        # What is nested more deeply than by default is left out without a word; html.py keeps pages below this.
        html_options=xberg.ConversionOptions(extract_metadata=False, max_depth=MAX_DEPTH),
        security_limits=xberg.SecurityLimits(max_table_cells=MAX_CELLS, max_compression_ratio=_HIGHEST_RATIO),
        concurrency=xberg.ConcurrencyConfig(max_threads=1),
    )
    source = xberg.ExtractInput(kind="bytes", bytes=data, filename=f"document.{kind}", mime_type=_MIME_TYPES.get(kind))
    try:
        return asyncio.run(xberg.extract(source, config)).results[0]
    except RuntimeError as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        if limit := _LIMIT.search(reason):
            raise DocumentError(
                f"{name} holds more than is read of one document: {reason[limit.end() :].partition('. ')[0]}.",
                hint="Split it and open the parts.",
            ) from error
        if reason.startswith(_DAMAGE):
            raise damaged(name, reason) from error
        raise


_CODE = re.compile(r"(^```[^\n]*\n.*?^```|(?<![\\`])`[^`\n]+`(?!`))", re.MULTILINE | re.DOTALL)
_EMPHASIS = re.compile(r"(?<![\w*\\])(\*{1,3})(?=[^\s*])([^*\n]{1,2000}?)(?<=[^\s*])\1(?![\w*])")
_LINK = re.compile(r"!?\[([^\]\n]{0,2000})\]\([^()\s]{0,2000}(?:\s\"[^\"\n]{0,500}\")?\)")
# What xberg escapes as no Markdown; a bar stays escaped, since it would end a table's cell.
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]#+\-.!<>~&=:])")
_BLANK_LINES = re.compile(r"\n{3,}")
_BARE_TABLE_END = re.compile(r"(?:\n\|(?:[ \t]*\|)+[ \t]*)+\Z")


def strip_inline_marks(markdown: str) -> str:
    """Return extracted Markdown without emphasis, link targets and escapes; code stays as it is."""
    parts = _CODE.split(clean(markdown))
    parts[::2] = [_ESCAPED.sub(r"\1", _LINK.sub(r"\1", _EMPHASIS.sub(r"\2", part))) for part in parts[::2]]
    text = _BLANK_LINES.sub("\n\n", "".join(parts)).strip("\n")
    return _BARE_TABLE_END.sub("", text)
