"""What a document is made of where it is no prose: a table, a list, a log. Code tells by the form of its lines."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from agents.grounding.claims import UncheckedClaim
from agents.schema import Document, NoteKind

MIN_LINES = 12
MIN_SHARE = 0.6
"""Share of the lines that have one form; prose begins its lines with words of any length."""
MAX_COLUMNS = 12
"""Columns of a table that are named."""
MAX_TABLES = 6
"""Tables that are described, the first."""
MAX_KINDS = 8
"""Kinds of lines that are counted, the commonest."""
_MAX_QUOTE_WORDS, _MAX_QUOTE_CHARACTERS = 20, 200
_RULE = re.compile(r"[\s|:+=_-]*$")
_TABLE = re.compile(r"(?:^[ \t]*\|.*\n?){2,}", re.MULTILINE)
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")


class LineForm:
    """The lines of a document, and the form that most of them have, if any.

    Args:
        document: Any document.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        lines = [line.strip() for line in document.text.splitlines() if not _RULE.match(line)]
        self._total = len(lines)
        form, count = Counter(map(_opening, lines)).most_common(1)[0] if lines else ("", 0)
        uniform = len(lines) >= MIN_LINES and count >= MIN_SHARE * len(lines)
        self._lines = [line for line in lines if _opening(line) == form] if form and uniform else []
        kinds = Counter(map(_without_numbers, self._lines))
        self._kinds = kinds if len(kinds) <= len(self._lines) / 2 and form != "|" else Counter[str]()
        """The lines without their numbers, where these are what most of them differ in: a log."""

    def claims(self) -> Iterable[UncheckedClaim]:
        """Return what the document is, and how often each kind of line is in it; nothing about prose."""
        if not self._lines:
            return
        if self._lines[0].startswith("|"):
            yield from map(self._table, self._tables()[:MAX_TABLES])
            return
        first, last = self._lines[0], self._lines[-1]
        lines = f"{len(self._lines):,} of the {self._total:,} lines of {self._document.title} have one form"
        kinds = f", and are of {len(self._kinds):,} kinds if their numbers are left out" if self._kinds else ""
        yield self._claim(f"{lines}{kinds}. They go from “{_begin(first)}” to “{_begin(last)}”.", [first, last])
        examples = {_without_numbers(line): line for line in reversed(self._lines)}
        for kind, count in self._kinds.most_common(MAX_KINDS):
            times = "One line" if count == 1 else f"{count:,} lines"
            yield self._claim(f"{times} of the kind “{_begin(examples[kind])}”.", [examples[kind]], "point")

    def counts(self, text: str) -> bool:
        """Whether a text is a line whose kind is counted, so that it need not be said again."""
        return _without_numbers(text.strip()) in self._kinds

    def _tables(self) -> list[str]:
        """Return the text of each table: adjacent rows."""
        return [table.group() for table in _TABLE.finditer(self._document.text)]

    def _table(self, text: str) -> UncheckedClaim:
        rows = [row for row in text.splitlines() if not _RULE.match(row)]
        start = self._document.text.index(text)
        above = next((h.text for h in reversed(self._document.headings) if h.start <= start), self._document.title)
        columns = [cell.strip() for cell in rows[0].strip().strip("|").split("|")]
        named = ", ".join(column for column in columns[:MAX_COLUMNS] if column)
        more = f" and {len(columns) - MAX_COLUMNS} more" if len(columns) > MAX_COLUMNS else ""
        said = f"{above} is a table of {len(rows) - 1:,} rows with the columns {named}{more}."
        return self._claim(said, [rows[0].strip(), rows[-1].strip()])

    def _claim(self, text: str, lines: Sequence[str], kind: NoteKind = "overview") -> UncheckedClaim:
        quotes = tuple(dict.fromkeys(map(_begin, lines)))
        return UncheckedClaim(text, quotes, kind=kind, titles=(self._document.title,) * len(quotes), verbatim=True)


def _opening(line: str) -> str:
    """Return the form of a line's first two words: "9-9-9 9:9:9" of a log, "- a" of a list; nothing for plain words."""
    if line.startswith("|"):
        return "|"
    form = _DIGITS.sub("9", _LETTERS.sub("a", " ".join(line.split()[:2])))
    return "" if form in ("a", "a a") else form


def _without_numbers(line: str) -> str:
    return _DIGITS.sub("9", line)


def _begin(line: str) -> str:
    """Return the beginning of a line, cut at a word."""
    words = list(re.finditer(r"\S+", line))[:_MAX_QUOTE_WORDS]
    fitting = [word.end() for word in words if word.end() <= _MAX_QUOTE_CHARACTERS]
    return line[: fitting[-1] if fitting else _MAX_QUOTE_CHARACTERS]
