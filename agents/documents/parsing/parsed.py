"""What a reader returns, and the cleaning that every reader needs."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from agents.documents.parsing.limits import check_characters
from agents.documents.passages import measure_sentences
from agents.schema import PageKind

PARSER_VERSION = 11
"""Raise it whenever parsing or cutting changes: the library then parses its documents again."""

PAGE_BREAK = "\n\n"
"""The text between two pages; it belongs to neither."""


class Parsed(NamedTuple):
    """A file's text and structure; every offset points into `text`."""

    title: str
    """Empty if the file names none."""
    text: str
    pages: list[tuple[int, int]]
    """Start and end of each."""
    headings: list[tuple[int, str, int]]
    """Level, text and start of each."""
    warnings: list[str]
    sentences: list[tuple[int, int]]
    """Start and estimated tokens of each."""
    page_labels: list[str] | None = None
    """What is printed as each page's number, where that is more than its position: "iv"; the names of sheets."""
    page_kind: PageKind = "page"
    faults: list[str] | None = None
    """Tracebacks of faults that did not keep the file from being read: for the log, and for nobody else."""

    @classmethod
    def from_text(
        cls,
        text: str,
        *,
        title: str = "",
        headings: Iterable[tuple[int, str, int]] = (),
        warnings: Iterable[str] = (),
        pages: Iterable[tuple[int, int]] = (),
    ) -> "Parsed":
        """Return a cleaned text with its structure and its sentences; without `pages` it is one page.

        Raises:
            DocumentError: It is longer than a document may be.
        """
        check_characters(len(text))
        spans = list(pages) or [(0, len(text))]
        return cls(clean(title).strip(), text, spans, list(headings), list(warnings), measure_sentences(text))


# pdfium marks a hyphen at a line's end, and swallows the line break after it, by U+FFFE (older files: U+0002).
# A soft hyphen is seen there only.
_HYPHEN_AT_LINE_END = re.compile("[\ufffe\x02]\n?|\u00ad[ \t]*\n")
# Soft hyphens and what has no width are among these; the last range are tags: letters that nothing draws.
_DROPPED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\ufff0-\ufff8\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
# Joiners shape letters, as in Persian and Hindi, and emoji; behind other letters they do nothing.
_IDLE_JOINER = re.compile("(?<![\u0600-\u109f\u1780-\u18af\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# Between digits they group them.
_OTHER_SPACE = re.compile("(?<!\\d)[\u00a0\u2000-\u200a\u202f\u205f]|[\u00a0\u2000-\u200a\u202f\u205f](?!\\d)")
NEEDS_CLEANING = re.compile(
    "\r(?!\n)|[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\xa0\u00ad\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\ud800-\udfff\ufeff\ufff0-\uffff\U000e0000-\U000e007f]"
)
"""What `clean` changes, apart from line ends of CR LF."""


def clean(text: str) -> str:
    """Return the text with line feeds as its only line ends, plain spaces, and without control characters."""
    text = _OTHER_SPACE.sub(" ", _LINE_ENDS.sub("\n", text))
    if "\u200c" in text or "\u200d" in text:
        text = _IDLE_JOINER.sub("", text)
    return _DROPPED.sub("", _HYPHEN_AT_LINE_END.sub("-\n", text))


def join_pages(pages: Iterable[str], separator: str = PAGE_BREAK) -> tuple[str, list[tuple[int, int]]]:
    """Return the pages as one text, with the start and end of each."""
    texts = list(pages)
    spans: list[tuple[int, int]] = []
    start = 0
    for text in texts:
        spans.append((start, start + len(text)))
        start += len(text) + len(separator)
    return separator.join(texts), spans


def shorten(text: str, length: int = 80) -> str:
    """Return the text on one line, cut to at most `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


MAX_WARNINGS = 10
"""How many hidden texts, ranges of pages and the like a warning names."""


def list_pages(numbers: Iterable[int]) -> str:
    """Return page numbers in short: "1-3, 7"; of many ranges, the first."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    listed = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:MAX_WARNINGS]]
    return ", ".join(listed) + (", ..." if len(ranges) > MAX_WARNINGS else "")
