"""What parsing a file yields, and how it travels from the parsing process."""

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from agents.language.sentences import split_sentences
from agents.language.tokens import estimate_tokens

PARSER_VERSION = 3
"""Goes up whenever parsing or cutting changes, so that the library reads its documents anew."""

MOST_CHARACTERS = 60_000_000
"""The longest text that a document may have."""

PAGE_BREAK = "\n\n"
"""What stands between two pages in a document's text; it belongs to neither."""

# pdfium marks a hyphen at a line's end, and swallows the line break after it, by U+FFFE (older files: U+0002).
_HYPHEN_AT_LINE_END = re.compile("[\ufffe\x02]\n?")
ODD = re.compile(
    "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufff0-\uffff\U000e0000-\U000e007f]"
)
"""What `clean` changes, apart from line ends."""

# The last range are tags, letters without a shape.
_DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\ufff0-\ufff8\uffff\ud800-\udfff\U000e0000-\U000e007f]")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


class Parsed(NamedTuple):
    """A file's text and structure; every offset points into `text`."""

    title: str
    """Empty where the file names none."""
    text: str
    pages: list[tuple[int, int]]
    headings: list[tuple[int, str, int]]
    """Level, text and start of each."""
    warnings: list[str]
    sentences: list[tuple[int, int]]
    """Start and estimated tokens of each."""

    def to_json(self) -> bytes:
        """Return the value as JSON."""
        return json.dumps(self, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Parsed":
        """Return the value that `to_json` wrote."""
        return cls(*json.loads(data))


def parsed(
    title: str,
    text: str,
    headings: Iterable[tuple[int, str, int]] = (),
    warnings: Iterable[str] = (),
    pages: Iterable[tuple[int, int]] = (),
) -> Parsed:
    """Return a text with its sentences; without pages it is one."""
    spans = list(pages) or [(0, len(text))]
    return Parsed(clean(title).strip(), text, spans, list(headings), list(warnings), measured_sentences(text))


def measured_sentences(text: str) -> list[tuple[int, int]]:
    """Return where each sentence starts, and its estimated tokens."""
    return [(start, estimate_tokens(text[start:end])) for start, end in split_sentences(text)]


def clean(text: str) -> str:
    """Return the text with one kind of line end and without control characters."""
    text = _LINE_ENDS.sub("\n", text)
    return _DROPPED.sub("", _HYPHEN_AT_LINE_END.sub("-\n", text))


def join_pages(pages: Iterable[str]) -> tuple[str, list[tuple[int, int]]]:
    """Return the pages as one text, and where each stands in it."""
    texts = list(pages)
    spans: list[tuple[int, int]] = []
    start = 0
    for text in texts:
        spans.append((start, start + len(text)))
        start += len(text) + len(PAGE_BREAK)
    return PAGE_BREAK.join(texts), spans


def shorten(text: str, length: int = 80) -> str:
    """Return the text on one line, cut to about `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
