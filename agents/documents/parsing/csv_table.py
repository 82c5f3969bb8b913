"""Reading comma-separated values as the table that a spreadsheet would make of them."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice, zip_longest
from typing import Literal, NamedTuple

from agents.documents.parsing import grid, headings
from agents.documents.parsing.encoding import decode
from agents.documents.parsing.limits import holds_characters
from agents.documents.parsing.parsed import Parsed, clean

# What Excel writes above a table to name its delimiter.
_DELIMITER_LINE = re.compile(r"\A\ufeff?sep=.\r?\n", re.IGNORECASE)
_DELIMITERS = "\t;|,"
# Breaks that no spreadsheet takes for the end of a row.
_BREAKS_IN_CELLS = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_LINE = re.compile(r"[^\n]+\n?|\n")
_SAMPLE = 64_000
_MAX_ROWS_ABOVE = 20
_MAX_GRID = 2_000_000
"""The longest text, in characters, in which several tables are looked for: longer files are one table."""
_REGULAR = 0.8

_Quoting = Literal[0, 3]
"""csv.QUOTE_MINIMAL or csv.QUOTE_NONE."""


def read_csv(data: bytes, _name: str) -> Parsed:
    """Read comma-separated values as a Markdown table; what is no table, or too long for one, stays as it is."""
    characters, warnings = decode(data)
    text = clean(_BREAKS_IN_CELLS.sub(" ", _DELIMITER_LINE.sub("", characters, count=1)))
    sample = text if len(text) <= _SAMPLE else text[:_SAMPLE].rpartition("\n")[0]
    guesses = [layout for delimiter in _DELIMITERS for layout in _Layout.all_of(sample, delimiter) if layout.is_table]
    if tables := _tables(text, [layout.delimiter for layout in guesses] or _DELIMITERS):
        return Parsed.from_text(tables, headings=headings.in_markdown(tables))
    table = ""
    if guesses:
        guess = max(guesses, key=lambda layout: (layout.regular / (layout.above + layout.below), layout.width))
        layouts = _Layout.all_of(text, guess.delimiter)
        layout = max(layouts, key=lambda layout: (layout.is_table, layout.regular))
        table = layout.to_markdown(text) if layout.is_table else ""
    return Parsed.from_text(table or clean(characters), warnings=warnings)


class _Layout(NamedTuple):
    """A way to read text as rows of cells, and the shape of the table that results."""

    delimiter: str
    quoting: _Quoting
    strict: bool
    width: int
    """The number of cells that most rows have."""
    above: int
    """Rows above the column names."""
    below: int
    """Rows below the column names."""
    regular: int
    """Rows below that have `width` cells."""

    @classmethod
    def all_of(cls, text: str, delimiter: str) -> "list[_Layout]":
        """Return the ways to read a text with one delimiter: only one where its quotation marks are in order.

        A mark that belongs to a cell's text would swallow the rows up to the next mark.
        """
        strict = cls._measure(text, delimiter, csv.QUOTE_MINIMAL, strict=True)
        if strict is not None:
            return [strict]
        unquoted = cls._measure(text, delimiter, csv.QUOTE_NONE, strict=False)
        lenient = cls._measure(text, delimiter, csv.QUOTE_MINIMAL, strict=False)
        return [layout for layout in (unquoted, lenient) if layout is not None]

    @classmethod
    def _measure(cls, text: str, delimiter: str, quoting: _Quoting, *, strict: bool) -> "_Layout | None":
        """Return the shape of the table that is read in this way, None if the text cannot be."""
        rows = _rows(text, delimiter, quoting, strict=strict)
        try:
            first = list(islice(rows, _MAX_ROWS_ABOVE + 1))
            widths = Counter(map(len, first))
            widths.update(map(len, rows))
        except csv.Error:
            return None
        width, regular = widths.most_common(1)[0] if widths else (0, 0)
        # The title that an export writes above a table fills a cell or two.
        filled = [sum(bool(cell.strip()) for cell in row) for row in first]
        above = next((place for place, row in enumerate(first) if len(row) > 1 and 2 * filled[place] >= width), 0)
        regular -= sum(len(row) == width for row in first[: above + 1])
        return cls(delimiter, quoting, strict, width, above, widths.total() - above - 1, regular)

    @property
    def is_table(self) -> bool:
        """Whether there are columns, and most rows have the same number of cells."""
        return self.width > 1 and self.regular > 0 and self.regular >= _REGULAR * self.below

    def to_markdown(self, text: str) -> str:
        """Return the text as a Markdown table; empty if it would grow too long."""
        rows = _rows(text, self.delimiter, self.quoting, strict=self.strict)
        above = [" ".join(" ".join(row).split()) for row in islice(rows, self.above)]
        first = list(islice(rows, _MAX_ROWS_ABOVE))
        columns = ([cell.strip() for cell in column] for column in zip_longest(*first, fillvalue=""))
        is_data = any(grid.is_value(name, below) for name, *below in columns)
        names = [] if is_data else first.pop(0)
        lines = [*above, "", *(self._table_row(row) for row in (names, ["---"] * self.width, *first))]
        length = sum(map(len, lines)) + len(lines)
        for row in rows:
            lines.append(self._table_row(row))
            length += len(lines[-1]) + 1
            if not holds_characters(length):
                return ""
        return "\n".join(lines).strip("\n")

    def _table_row(self, row: list[str]) -> str:
        """Return a row with at least as many cells as most have; line breaks in cells become spaces."""
        while len(row) > self.width and not row[-1].strip():
            row.pop()
        # Whole rows are rewritten, not cells, of which a file may hold millions; `clean` has left no null in them.
        line = "\0".join([*row, *[""] * (self.width - len(row))]).replace("|", "\\|")
        line = " ".join(line.split()).replace(" \0", "\0").replace("\0 ", "\0")
        return f"| {line.replace(chr(0), ' | ')} |"


def _rows(text: str, delimiter: str, quoting: _Quoting, *, strict: bool) -> Iterator[list[str]]:
    """Yield the rows that are not blank."""
    lines = (match.group() for match in _LINE.finditer(text))
    for row in csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=strict):
        if any(map(str.strip, row)):
            yield row


def _tables(text: str, delimiters: Iterable[str]) -> str:
    """Return the tables of a text that holds several, or labels that stand once for a group; empty for other texts."""
    if len(text) > _MAX_GRID:
        return ""
    for delimiter in delimiters:
        try:
            rows = list(csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True))
        except csv.Error:
            continue
        bands = _bands(rows)
        shapes = [(len(band), *Counter(map(len, band)).most_common(1)[0]) for band in bands]
        regular = all(width > 1 and usual >= _REGULAR * height for height, width, usual in shapes)
        several = len(bands) > 1 and max(map(len, bands)) > 1
        # The first cell of some row is blank, below one that is not.
        groups = any(not row[0].strip() for band in bands for row in band[1:])
        if regular and (several or groups):
            cells = {
                (number, column): grid.Cell.of(cell.strip())
                for number, row in enumerate(rows)
                for column, cell in enumerate(row)
                if cell.strip()
            }
            with suppress(grid.TooSparseError):
                return grid.to_markdown(cells, max_cells=_MAX_GRID)
    return ""


def _bands(rows: Iterable[list[str]]) -> list[list[list[str]]]:
    """Return the runs of rows between blank ones, without those of a single cell: titles and notes."""
    bands: list[list[list[str]]] = [[]]
    for row in rows:
        filled = sum(bool(cell.strip()) for cell in row)
        if filled > 1:
            bands[-1].append(row)
        elif not filled and bands[-1]:
            bands.append([])
    return [band for band in bands if band]
