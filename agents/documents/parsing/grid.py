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

Row = dict[int, Cell]
"""A row's cells by column."""

_Numbered = tuple[int, Row]


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
        rows.setdefault(row, {})[column] = cells[row, column]
    _fill_merged(rows, merged)
    blocks = _joined([_Block.of(region) for region in _regions(sorted(rows.items()))])
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


def _fill_merged(rows: dict[int, Row], merged: Iterable[Range]) -> None:
    """Repeat each merged range's text in all of its rows and columns that hold anything."""
    columns = sorted({column for row in rows.values() for column in row})
    numbers = sorted(rows)
    left = _MAX_COPIES
    for top, first, bottom, last in merged:
        cell = rows.get(top, {}).get(first)
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


def _regions(rows: list[_Numbered], depth: int = 0) -> Iterator[list[Row]]:
    """Yield the parts of a sheet that blank rows and columns divide, in reading order."""
    for band in _bands(rows):
        parts = _side_by_side(band) if depth < _MAX_DEPTH else [band]
        if len(parts) == 1:
            yield [dict(sorted(row.items())) for _, row in band]
        for part in parts if len(parts) > 1 else ():
            yield from _regions(part, depth + 1)


def _bands(rows: list[_Numbered]) -> Iterator[list[_Numbered]]:
    """Yield the runs of rows without a blank one between them, a head and what stands below it in one."""
    band: list[_Numbered] = []
    for number, row in rows:
        if not _own(row):
            # It only repeats what is merged with the rows above.
            continue
        if band and number > band[-1][0] + 1 and not (_is_data_row(row) and _is_head_alone(band)):
            yield band
            band = []
        band.append((number, row))
    if band:
        yield band


def _is_head_alone(band: list[_Numbered]) -> bool:
    """Whether a run of rows is a head without rows below it."""
    rows = [row for _, row in band]
    words = len(rows) <= _MAX_HEAD_ROWS and not any(cell.number for row in rows for cell in row.values())
    return words and _own(rows[-1]) > 1


def _is_data_row(row: Row) -> bool:
    """Whether a row holds numbers that are no names of columns, as years and months may be."""
    numbers = [cell for cell in row.values() if cell.number]
    return bool(numbers) and not (1 < len(numbers) < len(row) and _count_up(numbers))


def _count_up(cells: Sequence[Cell]) -> bool:
    """Whether each cell holds a whole number, by one more than the cell before."""
    numbers = [int(cell.text) if cell.text.isdecimal() else -1 for cell in cells]
    return len(numbers) > 1 and all(after == before + 1 for before, after in pairwise(numbers))


def _side_by_side(band: list[_Numbered]) -> list[list[_Numbered]]:
    """Return the tables that stand beside each other in a run of rows."""
    # A title may reach over all of them.
    shared = [row for _, row in band if _own(row) > 1]
    columns = sorted({column for row in shared for column in row})
    starts = [after for before, after in pairwise(columns) if after > before + 1]
    if not 0 < len(starts) <= _MAX_GAPS:
        return [band]
    parts: list[list[_Numbered]] = []
    ends = [*starts, columns[-1] + 1]
    begin = 0
    for start, end in pairwise(ends):
        left, right = _columns(band, begin, start), _columns(band, start, end)
        if _is_table_beside(left, right):
            parts.append(left)
            begin = start
    return [*parts, _columns(band, begin, 1 << 30)]


def _columns(rows: list[_Numbered], start: int, end: int) -> list[_Numbered]:
    """Return some columns of some rows, without the rows that are blank there."""
    cut = ((number, {column: row[column] for column in row if start <= column < end}) for number, row in rows)
    return [(number, row) for number, row in cut if _own(row)]


def _is_table_beside(left: list[_Numbered], right: list[_Numbered]) -> bool:
    """Whether what stands right of a blank column is a table of its own, and not the rest of the table left of it."""
    begins = next((number for number, row in left if _own(row) > 1), -1)
    if begins < 0 or not right:
        return bool(right)
    # The parts of one table begin in one row, or in that of the title above it.
    if not left[0][0] <= right[0][0] <= begins:
        return len(right) > 1 or max(_own(row) for _, row in right) > 1
    if max(_own(row) for _, row in right) < 2:
        return False
    first = min(column for _, row in right for column in row)
    labels = [row[first] for _, row in right[1:] if first in row]
    return bool(labels) and _are_labels(labels)


def _are_labels(cells: Sequence[Cell]) -> bool:
    """Whether a column says what its rows are about: by words, or by numbers that count up, as years do."""
    if sum(cell.number for cell in cells) <= (1 - _REGULAR) * len(cells):
        return True
    return _count_up(cells)


def _own(row: Row) -> int:
    """Return the number of a row's cells, those merged into one counted once."""
    return sum(not cell.copied for cell in row.values())


@dataclass
class _Block:
    """Lines of text, a table, or a table below its titles."""

    titles: list[str]
    rows: list[Row]
    """Empty for text alone."""
    columns: set[int]
    """Those of the rows."""
    head: list[str] | None = None
    """The names of the columns, where another table gives them."""
    named: bool = True
    """Whether the rows begin with names of columns."""
    names: dict[int, str] = field(default_factory=dict[int, str])

    @classmethod
    def of(cls, region: list[Row]) -> "_Block":
        """Return what a region of a sheet holds."""
        width = len({column for row in region for column in row})
        first = min(column for row in region for column in row)
        if max(map(_own, region)) < 2 and not any(cell.number for row in region[1:] for cell in row.values()):
            return cls([_only(row).text for row in region], [], set())
        above = 0
        while above < len(region) - 1 and width > 1 and _is_title(region[above], first, width):
            above += 1
        rows = region[above:]
        return cls([_only(row).text for row in region[:above]], rows, {column for row in rows for column in row})

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
            if following is not None and _own(row) == 1 < _own(following) and self._is_label(row):
                groups.append((_only(row).text, []))
            else:
                groups[-1][1].append(row)
        return groups if groups[0][1] or len(groups) == 1 else groups[1:]

    def _is_label(self, row: Row) -> bool:
        """Whether a row of one cell heads those below: the cell is merged over all columns, or alone in bold."""
        cell = _only(row)
        merged = len(row) == len(self.columns) > 1
        bold = cell.strong and len(self.columns) > 1 and not all(map(_is_strong, self.body))
        return not cell.number and (merged or bold)

    def name(self) -> None:
        """Find the names of the columns."""
        height = _head_height(self.rows, self.columns) if self.named else 0
        self._height = height
        if height:
            self.names = _names(self.rows[:height], self.columns)

    @property
    def body(self) -> list[Row]:
        """The rows below the head."""
        return self.rows[self._height :]

    def _is_shown(self, column: int) -> bool:
        """Whether a column holds more than repetitions of the one left of it."""
        cells = [row[column] for row in self.rows if column in row]
        return any(cell.copied != "across" for cell in cells) and not all(cell.copied for cell in cells)


def _only(row: Row) -> Cell:
    return next(cell for cell in row.values() if not cell.copied)


def _is_title(row: Row, first: int, width: int) -> bool:
    """Whether a row above a table is a title: one cell, at the left or over all columns."""
    return _own(row) == 1 and (not row.get(first, Cell("", copied="down")).copied or len(row) == width)


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
        if table is not None and fits and direct and (len(table.rows) == 1 or not _has_head(block.rows, table.rows)):
            table.rows += block.rows
            continue
        if not _has_head(block.rows, table.rows if table is not None and fits else []):
            block.named = False
            if table is not None and fits:
                table.name()
                block.names = table.names
        table = block
        joined.append(block)
    return joined


def _has_head(rows: Sequence[Row], above: Sequence[Row]) -> bool:
    """Whether rows begin with names of columns.

    Args:
        rows: The rows.
        above: The table above in the same columns, which they may go on with.
    """
    first, below = rows[0], rows[1:]
    if not above:
        return not _is_data(first, below)
    if [cell.text for cell in first.values()] == [cell.text for cell in above[0].values()]:
        return True
    if not below:
        return False
    strong = _is_strong(first)
    if strong != _is_strong(above[0]) or (strong and not all(map(_is_strong, below))):
        return strong
    if any(cell.number for cell in first.values()):
        return not _is_data_row(first)
    # A name stands once in its column.
    others = [*above[1:][-_NEAR:], *below[:_NEAR]]
    return not any(row[column].text == cell.text for column, cell in first.items() for row in others if column in row)


def _is_strong(row: Row) -> bool:
    return all(cell.strong for cell in row.values())


def _is_data(first: Row, below: Sequence[Row]) -> bool:
    """Whether a row names no columns: a date, a code or a decimal stands above others of its form."""
    if not below:
        return _is_data_row(first)
    for column, cell in first.items():
        # WO-1201 has the form WO-0.
        form = _DIGITS.sub("0", cell.text)
        same = sum(column in row and _DIGITS.sub("0", row[column].text) == form for row in below)
        # Plain numbers may be names of columns, as years are.
        if "0" in form and form != "0" and same >= _REGULAR * len(below):
            return True
    return False


def _head_height(rows: Sequence[Row], columns: set[int]) -> int:
    """Return the number of rows that the head has: names of columns, and names of groups of columns above them."""
    height = 1
    while height < min(_MAX_HEAD_ROWS, len(rows) - 1) and _goes_on(rows[height - 1], rows[height], columns):
        height += 1
    return height


def _goes_on(upper: Row, lower: Row, columns: set[int]) -> bool:
    """Whether a head goes on in the row below."""
    first = min(columns)
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
    return (first in upper and first not in lower) or (first not in upper and own == columns)


def _names(head: Sequence[Row], columns: set[int]) -> dict[int, str]:
    """Return the name of each column, with that of its group before it."""
    parts: dict[int, list[str]] = {column: [] for column in columns}
    first = min(columns)
    for place, row in enumerate(head):
        last = place == len(head) - 1
        below = set[int]() if last else head[place + 1].keys()
        spread = not last and not any(cell.copied == "across" for cell in row.values())
        text = ""
        for column in sorted(columns):
            cell = row.get(column)
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


def _filled_down(body: list[Row], columns: Sequence[int]) -> list[Row]:
    """Return rows with the labels that stand only in the first row of their group repeated in the others."""
    rows = [dict(row) for row in body]
    # Rows whose cells left of the column are all blank: only these can go on with the group above.
    open_rows = set(range(len(rows)))
    for column in columns[:-1]:
        blank = {place for place in open_rows if column not in rows[place]}
        if not blank or not _is_of_groups(rows, column):
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


def _is_of_groups(rows: Sequence[Row], column: int) -> bool:
    """Whether a column names groups: a label that goes on below itself would not be written again, as marks are."""
    labels = [row[column].text for row in rows if column in row]
    return column in rows[0] and len(labels) > 1 and all(a != b for a, b in pairwise(labels))


def _is_of_group(row: Row, counts: Mapping[int, Counter[str]]) -> bool:
    """Whether a row without a label is more than a sum: it is not bold, and has words, or a key of other rows."""
    if _is_strong(row):
        return False
    return any(not cell.number or counts[column][cell.text] > 1 for column, cell in row.items())
