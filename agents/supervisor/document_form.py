"""What a document is made of where it is no prose: a table, a list, a log. Code tells by the form of its lines."""

import re
from collections import Counter
from collections.abc import Sequence

from agents.grounding.claims import UncheckedClaim
from agents.schema import Document

MIN_LINES = 12
MIN_SHARE = 0.6
"""Share of the lines that have one form; prose begins its lines with words of any length."""
MAX_COLUMNS = 12
"""Columns of a table that are named."""
_MAX_QUOTE_WORDS, _MAX_QUOTE_CHARACTERS = 20, 200
_RULE = re.compile(r"[\s|:+=_-]*$")
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")


def describe_form(document: Document) -> UncheckedClaim | None:
    """Return a sentence that says what a document is, if most of its lines have one form; put together from quotes."""
    lines = [line.strip() for line in document.text.splitlines() if not _RULE.match(line)]
    rows = [line for line in lines if line.startswith("|")]
    if len(lines) < MIN_LINES:
        return None
    if len(rows) >= MIN_SHARE * len(lines):
        return _table(document, rows)
    form, count = Counter(_opening(line) for line in lines).most_common(1)[0]
    if count < MIN_SHARE * len(lines) or not form:
        return None
    return _log(document, [line for line in lines if _opening(line) == form], len(lines))


def _opening(line: str) -> str:
    """Return the form of a line's first two words: "9-9-9 9:9:9" of a log, "- a" of a list; nothing for plain words."""
    form = _DIGITS.sub("9", _LETTERS.sub("a", " ".join(line.split()[:2])))
    return "" if form in ("a", "a a") else form


def _table(document: Document, rows: Sequence[str]) -> UncheckedClaim:
    columns = [cell.strip() for cell in rows[0].strip("|").split("|")]
    named = ", ".join(column for column in columns[:MAX_COLUMNS] if column)
    more = f" and {len(columns) - MAX_COLUMNS} more" if len(columns) > MAX_COLUMNS else ""
    text = f"{document.title} is a table of {len(rows) - 1:,} rows with the columns {named}{more}"
    return _verbatim(document, text, [rows[0], rows[-1]])


def _log(document: Document, lines: Sequence[str], total: int) -> UncheckedClaim:
    kinds = len({_DIGITS.sub("9", line) for line in lines})
    differ = "that differ in nothing but their numbers" if kinds == 1 else f"of {kinds:,} kinds, their numbers left out"
    first, last = (_quote(line) for line in (lines[0], lines[-1]))
    text = (
        f"{len(lines):,} of the {total:,} lines of {document.title} have one form, {differ}: from “{first}” to “{last}”"
    )
    return _verbatim(document, text, [lines[0], lines[-1]])


def _verbatim(document: Document, text: str, lines: Sequence[str]) -> UncheckedClaim:
    quotes = tuple(dict.fromkeys(_quote(line) for line in lines))
    return UncheckedClaim(f"{text}.", quotes, kind="overview", titles=(document.title,) * len(quotes), verbatim=True)


def _quote(line: str) -> str:
    """Return the beginning of a line, cut at a word."""
    words = list(re.finditer(r"\S+", line))[:_MAX_QUOTE_WORDS]
    fitting = [word.end() for word in words if word.end() <= _MAX_QUOTE_CHARACTERS]
    return line[: fitting[-1] if fitting else _MAX_QUOTE_CHARACTERS]
