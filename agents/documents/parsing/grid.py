"""Finding the tables in a grid of cells, as sheets and CSV files hold them, and writing them as Markdown.

A sheet may hold several tables, below and beside each other, with titles above and notes below. Each becomes a table of
its own, so that a row is never read with another table's head.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

from agents.documents.parsing.headings import MAX_LENGTH as MAX_TITLE

_NUMERIC = re.compile(r"(?=\D*\d)[\d\s.,:/%‰€$£¥()+−–'’-]+")
_DIGITS = re.compile(r"\d+")
_REGULAR = 0.8
"""The share of a column's cells that must have one form to count as all of them."""
_MAX_HEAD_ROWS = 4
_MAX_DEPTH = 6
"""How deep tables beside tables below tables are looked for."""
_MAX_GAPS = 50
"""More blank columns than this part no tables: they are spaces within one."""
_NEAR = 200
"""How many rows above and below are compared with what may be a head."""
_MAX_COPIES = 1_000_000
"""How many cells are filled from those they are merged with: a range may cover a whole sheet."""
_SENTENCE_ENDS = ".!?:;,。！？"


class Cell(NamedTuple):
    """A cell that shows something."""

    text: str
    number: bool = False
    """Whether it holds a number or a date."""
    strong: bool = False
    """Whether it is set in bold."""
    copied: Literal["", "across", "down"] = ""
    """Where from, if it repeats the cell that it is merged with."""

    @classmethod
    def of(cls, text: str, *, number: bool = False, strong: bool = False) -> "Cell":
        """Return a cell; a text that reads like a number or a date counts as one."""
        return cls(text, number or bool(_NUMERIC.fullmatch(text)), strong)


Cells = Mapping[tuple[int, int], Cell]
"""The cells that are not blank, by row and column, from zero."""

Range = tuple[int, int, int, int]
"""First row, first column, last row and last column of merged cells."""


class Row(dict[int, Cell]):
    """A row's cells by column."""

    @property
    def own(self) -> list[Cell]:
        """The cells, those merged into one counted once; none where the row only repeats what is merged above it."""
        return [cell for cell in self.values() if not cell.copied]

    @property
    def is_strong(self) -> bool:
        """Whether all cells are set in bold."""
        return all(cell.strong for cell in self.values())

    @property
    def has_data(self) -> bool:
        """Whether it holds numbers that are no names of columns, as years and months may be."""
        numbers = [cell for cell in self.values() if cell.number]
        return bool(numbers) and not (1 < len(numbers) < len(self) and _count_up(numbers))


class TooSparseError(Exception):
    """The cells lie so far apart that their tables would hold too many blank ones."""


def to_markdown(cells: Cells, merged: Iterable[Range] = (), *, max_cells: int) -> str:
    """Return the tables and lines of text that the cells make up, in their order.

    Args:
        cells: The cells that are not blank.
        merged: The ranges that are shown as one cell each.
        max_cells: How many cells the tables may have, blank ones included.

    Raises:
        TooSparseError: They would have more.
    """
    rows: dict[int, Row] = {}
    for row, column in sorted(cells):
        rows.setdefault(row, Row())[column] = cells[row, column]
    _fill_merged(rows, merged)
    blocks = _joined([_Block.of(region) for region in _Part(sorted(rows.items())).regions()])
    parts: list[str] = []
    for block, following in pairwise([*blocks, None]):
        if block is not None:
            max_cells -= len(block.rows) * len(block.columns)
            if max_cells < 0:
                raise TooSparseError
            parts += block.lines(above_table=following is not None and bool(following.rows))
    return "\n\n".join(parts)


def one_line(text: str) -> str:
    """Return a cell's text as Markdown's tables can hold it."""
    return " ".join(text.split()).replace("|", "\\|")


def is_value(text: str, below: Sequence[str]) -> bool:
    """Whether a text is no column's name but a value: a date, a code or a decimal above others of its form."""
    # WO-1201 has the form WO-0. Plain numbers may be names of columns, as years are.
    form = _DIGITS.sub("0", text)
    if "0" not in form or form == "0":
        return False
    return sum(_DIGITS.sub("0", other) == form for other in below) >= _REGULAR * len(below)


def _fill_merged(rows: dict[int, Row], merged: Iterable[Range]) -> None:
    """Repeat each merged range's text in all of its rows and columns that hold anything."""
    columns = sorted({column for row in rows.values() for column in row})
    numbers = sorted(rows)
    left = _MAX_COPIES
    for top, first, bottom, last in merged:
        cell = rows.get(top, Row()).get(first)
        if cell is None:
            continue
        for number in _between(numbers, top, bottom):
            for column in {first, *_between(columns, first, last)}:
                left -= 1
                if left < 0:
                    return
                rows[number].setdefault(column, cell._replace(copied="across" if number == top else "down"))


def _between(numbers: Sequence[int], first: int, last: int) -> Sequence[int]:
    """Return the sorted numbers from the first to the last."""
    return numbers[bisect_left(numbers, first) : bisect_right(numbers, last)]


def _count_up(cells: Sequence[Cell]) -> bool:
    """Whether each cell holds a whole number, by one more than the cell before."""
    numbers = [int(cell.text) if cell.text.isdecimal() else -1 for cell in cells]
    return len(numbers) > 1 and all(after == before + 1 for before, after in pairwise(numbers))


@dataclass
class _Part:
    """A part of a sheet, which may hold several tables."""

    rows: list[tuple[int, Row]]
    """Its rows with their numbers."""

    def regions(self, depth: int = 0) -> Iterator[list[Row]]:
        """Yield the parts that blank rows and columns divide, in reading order."""
        for band in self.flights():
            parts = band.side_by_side() if depth < _MAX_DEPTH else [band]
            if len(parts) == 1:
                yield [Row(sorted(row.items())) for _, row in band.rows]
            for part in parts if len(parts) > 1 else ():
                yield from part.regions(depth + 1)

    def flights(self) -> "Iterator[_Part]":
        """Yield the bands, cut further where no column goes on: tables that touch at their corners, as stairs do."""
        for band in self.bands():
            lowest = {column: place for place, (_, row) in enumerate(band.rows) for column in row}
            begin = reach = 0
            for place, (_, row) in enumerate(band.rows):
                reach = max(reach, *(lowest[column] for column in row))
                if reach > place or place + 1 == len(band.rows):
                    continue
                upper, lower = _Part(band.rows[begin : place + 1]), _Part(band.rows[place + 1 :])
                if upper.is_table and lower.is_table:
                    yield upper
                    begin = place + 1
            yield _Part(band.rows[begin:])

    @property
    def is_table(self) -> bool:
        """Whether it has several rows and columns."""
        return len(self.rows) > 1 and len(set[int]().union(*(row for _, row in self.rows))) > 1

    def bands(self) -> "Iterator[_Part]":
        """Yield the runs of rows without a blank one between them, a head and what stands below it in one."""
        band = _Part([])
        for number, row in self.rows:
            if not row.own:
                continue
            if band.rows and number > band.rows[-1][0] + 1 and not (row.has_data and band.is_head):
                yield band
                band = _Part([])
            band.rows.append((number, row))
        if band.rows:
            yield band

    @property
    def is_head(self) -> bool:
        """Whether it is a table's head without rows below it."""
        words = not any(cell.number for _, row in self.rows for cell in row.values())
        return len(self.rows) <= _MAX_HEAD_ROWS and words and len(self.rows[-1][1].own) > 1

    def side_by_side(self) -> "list[_Part]":
        """Return the tables that stand beside each other."""
        # A title may reach over all of them.
        columns = sorted({column for _, row in self.rows if len(row.own) > 1 for column in row})
        starts = [after for before, after in pairwise(columns) if after > before + 1]
        if not 0 < len(starts) <= _MAX_GAPS:
            return [self]
        parts: list[_Part] = []
        begin = 0
        for start, end in pairwise([*starts, columns[-1] + 1]):
            left = self.between(begin, start)
            if self.between(start, end).is_apart_from(left):
                parts.append(left)
                begin = start
        return [*parts, self.between(begin, 1 << 30)]

    def between(self, start: int, end: int) -> "_Part":
        """Return some of its columns, without the rows that are blank there."""
        cut = ((number, Row((at, row[at]) for at in row if start <= at < end)) for number, row in self.rows)
        return _Part([(number, row) for number, row in cut if row.own])

    def is_apart_from(self, left: "_Part") -> bool:
        """Whether it is a table of its own, and not the rest of the table left of a blank column."""
        begins = next((number for number, row in left.rows if len(row.own) > 1), -1)
        if begins < 0 or not self.rows:
            return bool(self.rows)
        is_wide = any(len(row.own) > 1 for _, row in self.rows)
        # The parts of one table begin in one row, or in that of the title above it.
        if not left.rows[0][0] <= self.rows[0][0] <= begins:
            return len(self.rows) > 1 or is_wide
        first = min(column for _, row in self.rows for column in row)
        labels = [row[first] for _, row in self.rows[1:] if first in row]
        if not is_wide or not labels:
            return False
        # Its first column says what the rows are about: by words, or by numbers that count up, as years do.
        words = [cell for cell in labels if not cell.number and any(map(str.isalpha, cell.text))]
        return len(words) >= _REGULAR * len(labels) or _count_up(labels)


@dataclass
class _Block:
    """Lines of text, a table, or a table below its titles."""

    titles: list[str]
    rows: list[Row]
    """Empty for text alone."""
    columns: set[int]
    """Those of the rows."""
    named: bool = True
    """Whether the rows begin with names of columns."""
    names: dict[int, str] = field(default_factory=dict[int, str])
    """The names of the columns; without a head, those that the table above gives them."""
    height: int = 0
    """How many rows the head has: names of columns, and names of groups of columns above them."""

    @classmethod
    def of(cls, region: list[Row]) -> "_Block":
        """Return what a region of a sheet holds."""
        width = len({column for row in region for column in row})
        first = min(column for row in region for column in row)
        if all(len(row.own) < 2 for row in region) and not any(
            cell.number for row in region[1:] for cell in row.values()
        ):
            return cls([row.own[0].text for row in region], [], set())
        above = 0
        for row in region[:-1] if width > 1 else ():
            # A title is one cell, at the left or over all columns.
            at_left = first in row and not row[first].copied
            if len(row.own) > 1 or not (at_left or len(row) == width):
                break
            above += 1
        rows = region[above:]
        return cls([row.own[0].text for row in region[:above]], rows, {column for row in rows for column in row})

    def lines(self, *, above_table: bool) -> list[str]:
        """Return the text and the table as Markdown's blocks; the line right above a table is its heading."""
        titles = [" ".join(title.split()) for title in self.titles]
        titles = [title for title in titles if title]
        short = titles and len(titles[-1]) <= MAX_TITLE and titles[-1][-1] not in _SENTENCE_ENDS
        headed = bool(short and (self.rows or (above_table and len(titles) == 1)))
        if headed:
            titles[-1] = f"### {titles[-1]}"
        return [*titles, *self._tables("####" if headed else "###")] if self.rows else titles

    def _tables(self, mark: str) -> list[str]:
        """Return the table, cut at the labels that head a group of rows, which become headings."""
        self.name()
        columns = [column for column in sorted(self.columns) if self._is_shown(column)]
        names = [one_line(self.names.get(column, "")) for column in columns]
        parts: list[str] = []
        for label, rows in self._groups():
            if label:
                parts.append(f"{mark} {' '.join(label.split())}")
            filled = _filled_down(rows, sorted(self.columns))
            lines = [names, ["---"] * len(columns)]
            lines += [[one_line(row[column].text) if column in row else "" for column in columns] for row in filled]
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
        return parts

    def _groups(self) -> list[tuple[str, list[Row]]]:
        """Return the rows of the body with the labels that stand above them, in rows of their own."""
        groups: list[tuple[str, list[Row]]] = [("", [])]
        for row, following in pairwise([*self.body, None]):
            if row is None:
                continue
            if following is not None and len(row.own) == 1 < len(following.own) and self._is_label(row):
                groups.append((row.own[0].text, []))
            else:
                groups[-1][1].append(row)
        return groups if groups[0][1] or len(groups) == 1 else groups[1:]

    def _is_label(self, row: Row) -> bool:
        """Whether a row of one cell heads those below: the cell is merged over all columns, or alone in bold."""
        cell = row.own[0]
        merged = len(row) == len(self.columns) > 1
        bold = cell.strong and len(self.columns) > 1 and not all(each.is_strong for each in self.body)
        return not cell.number and (merged or bold)

    def name(self) -> None:
        """Find the head and the names of the columns."""
        if not self.named:
            return
        self.height = 1
        tallest = min(_MAX_HEAD_ROWS, len(self.rows) - 1)
        while self.height < tallest and self._head_goes_on(*self.rows[self.height - 1 : self.height + 1]):
            self.height += 1
        self.names = self._names(self.rows[: self.height])

    @property
    def body(self) -> list[Row]:
        """The rows below the head."""
        return self.rows[self.height :]

    def has_head(self, above: Sequence[Row]) -> bool:
        """Whether the rows begin with names of columns.

        Args:
            above: The table above in the same columns, which they may go on with.
        """
        first, below = self.rows[0], self.rows[1:]
        if not above:
            if not below:
                return not first.has_data
            texts = ((cell.text, [row[at].text if at in row else "" for row in below]) for at, cell in first.items())
            return not any(is_value(text, others) for text, others in texts)
        if [cell.text for cell in first.values()] == [cell.text for cell in above[0].values()]:
            return True
        if not below:
            return False
        if first.is_strong != above[0].is_strong or (first.is_strong and not all(row.is_strong for row in below)):
            return first.is_strong
        if any(cell.number for cell in first.values()):
            return not first.has_data
        # A name stands once in its column.
        others = [*above[1:][-_NEAR:], *below[:_NEAR]]
        return not any(row[at].text == cell.text for at, cell in first.items() for row in others if at in row)

    def _head_goes_on(self, upper: Row, lower: Row) -> bool:
        """Whether a head goes on in the row below."""
        first = min(self.columns)
        own = {column for column, cell in lower.items() if not cell.copied}
        numbers = any(lower[column].number for column in own)
        if any(cell.copied == "down" for cell in lower.values()):
            return bool(own)
        if numbers and first in lower:
            return False
        if any(column in own for column, cell in upper.items() if cell.copied == "across"):
            return True
        gaps = {column for column in own - upper.keys() if column > min(upper)}
        if not gaps or (numbers and first not in upper):
            return False
        # "Region | Sales | " stands above " | Plan | Actual", or " | Sales | " above "Region | Plan | Actual".
        return (first in upper and first not in lower) or (first not in upper and own == self.columns)

    def _names(self, head: Sequence[Row]) -> dict[int, str]:
        """Return the name of each column, with that of its group before it."""
        parts: dict[int, list[str]] = {column: [] for column in sorted(self.columns)}
        first = min(parts)
        for place, row in enumerate(head):
            last = place == len(head) - 1
            below = set[int]() if last else head[place + 1].keys()
            spread = not last and not any(cell.copied == "across" for cell in row.values())
            text = ""
            for column in parts:
                cell = row.get(column)
                if column - 1 not in parts:
                    # A group of columns ends at a blank one.
                    text = ""
                if cell is not None:
                    text = cell.text
                elif not spread or column not in below:
                    continue
                if text and text not in parts[column]:
                    parts[column].append(text)
                if spread and column == first:
                    # What stands above the rows' own names is about these, or about the whole table.
                    text = ""
        return {column: " ".join(words) for column, words in parts.items()}

    def _is_shown(self, column: int) -> bool:
        """Whether a column holds more than repetitions of the one left of it."""
        cells = [row[column] for row in self.rows if column in row]
        return any(cell.copied != "across" for cell in cells) and not all(cell.copied for cell in cells)


def _joined(blocks: list[_Block]) -> list[_Block]:
    """Join tables that a blank row interrupts, and give those without names of columns the names of the one above."""
    joined: list[_Block] = []
    table: _Block | None = None
    for block in blocks:
        if not block.rows:
            joined.append(block)
            continue
        fits = table is not None and table.columns >= block.columns
        direct = bool(joined) and joined[-1] is table and not block.titles
        if table is not None and fits and direct and (len(table.rows) == 1 or not block.has_head(table.rows)):
            table.rows += block.rows
            continue
        if not block.has_head(table.rows if table is not None and fits else []):
            block.named = False
            if table is not None and fits:
                table.name()
                block.names = table.names
        table = block
        joined.append(block)
    return joined


def _filled_down(body: list[Row], columns: Sequence[int]) -> list[Row]:
    """Return rows with the labels that stand only in the first row of their group repeated in the others."""
    rows = [Row(row) for row in body]
    # Rows whose cells left of the column are all blank: only these can go on with the group above.
    open_rows = set(range(len(rows)))
    for column in columns[:-1]:
        blank = {place for place in open_rows if column not in rows[place]}
        labels = [row[column].text for row in rows if column in row]
        # A label that goes on below itself would not be written again, as marks are.
        if not blank or column not in rows[0] or len(labels) < 2 or any(a == b for a, b in pairwise(labels)):
            break
        counts = {other: Counter(row[other].text for row in body if other in row) for other in columns}
        label: Cell | None = None
        for place, row in enumerate(rows):
            if column in row:
                label = row[column]
            elif place in blank and label is not None and _is_of_group(body[place], counts):
                row[column] = label
        open_rows = blank
    return rows


def _is_of_group(row: Row, counts: Mapping[int, Counter[str]]) -> bool:
    """Whether a row without a label is more than a sum: it is not bold, and has words, or a key of other rows."""
    if row.is_strong:
        return False
    return any(not cell.number or counts[column][cell.text] > 1 for column, cell in row.items())
