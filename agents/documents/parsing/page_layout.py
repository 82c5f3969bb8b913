"""The order in which a page's lines are read: down one column and then the next, and tables as rows of cells.

Lines come in the order in which the file draws them. It is kept where it can be a reader's order, because whoever made
the file knew more about the page than its geometry tells.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from statistics import median
from typing import NamedTuple


class Segment(NamedTuple):
    """Words of a line that stand close together; y grows upwards, all in points of the page as it is read."""

    left: float
    bottom: float
    right: float
    top: float
    text: str
    line: int
    """The position of its line in the order of the file."""


class Line(NamedTuple):
    """A line as it is read."""

    text: str
    bottom: float
    top: float
    height: float
    """Of its letters."""
    cell: bool = False
    """Whether it is a table's row in Markdown, or the blank line around one."""


class Row(list[Segment]):
    """Segments beside each other, from left to right."""

    @classmethod
    def all_of(cls, segments: Iterable[Segment]) -> "list[Row]":
        """Return the segments as rows from top to bottom."""
        rows: list[Row] = []
        top = bottom = 0.0
        for segment in sorted(segments, key=lambda segment: -(segment.top + segment.bottom)):
            _, low, _, high, _, _ = segment
            overlap = (top if top < high else high) - (bottom if bottom > low else low)
            if rows and (overlap > 0.4 * (top - bottom) or overlap > 0.4 * (high - low)):
                rows[-1].append(segment)
            else:
                rows.append(cls([segment]))
                bottom, top = low, high
        for row in rows:
            row.sort()
        return rows

    @property
    def centre(self) -> float:
        """The height on the page of its first segment's middle."""
        return (self[0].top + self[0].bottom) / 2

    @property
    def shape(self) -> str:
        """The text, with any digit for any other."""
        return _DIGITS.sub("0", " ".join(part.text for part in self))


WIDE = 0.6
"""A gap wider than this share of the line's height, twice that between words, may part columns or cells."""

_STEP = 0.25
_GUTTER = 0.8
"""Columns of prose stand at least this far apart, in heights of a line: rivers in justified text seldom do."""
_MIN_PROSE_WIDTH = 7
"""In heights of a line: some 15 letters; lines of prose are no shorter even in newspapers."""
_FILLED = 0.6
_FULL_LINES = 0.5
_CONTINUED = 0.25
"""The share of prose lines that begin amid a sentence, in German, where nouns are capitalised, as well."""
_MAX_GUTTERS = 4
_MIN_ROWS = 3
_MIN_COLUMNS = 3
"""Of a table that goes on over a page's end: two may stand in the same places by chance."""
_ROW_PITCH = 2.6
"""Rows of a table whose centres stand further apart, in heights of a line, belong to different tables."""
_CELL_GAP = 0.4
_REGULAR = 0.7
_MAX_TABLE_ROWS = 400
_MAX_DEPTH = 4
"""Columns within columns; newspapers have up to 8."""
_MAX_SEGMENTS = 20_000
"""A page with more is a drawing; ordering it would take long."""
_APART = 1.7
_MAX_FOOT = 2
_MAX_RUNNING = 4
"""Rows at a page's edge that may run on the pages around it."""
_MIN_BESIDE = 2
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DIGITS = re.compile(r"\d+")
_LEADERS = re.compile(r"\s*(?:(?:\.\s?){4,}|…)+")


class OpenTable(NamedTuple):
    """The table at a page's end, which may go on over the next page without its head."""

    head: list[str]
    columns: list[tuple[float, float]]
    """Where they begin and end on the page."""
    figures: list[int]
    """The columns that hold figures."""
    page: frozenset[str]
    """All rows of the page, with any digit for any other."""
    below: frozenset[str]
    """Those below the table."""

    @classmethod
    def of(cls, rows: list[Row], blocks: "list[_Block]") -> "OpenTable | None":
        """Return the table at the end of a page's rows, None where there is none or too much stands below it."""
        table = next((block for block in reversed(blocks) if isinstance(block, _Table)), None)
        if table is None or any(isinstance(block, _Columns) for block in blocks):
            return None
        end = next(at for at, row in enumerate(rows, 1) if row is table.rows[-1])
        if len(rows) - end > _MAX_RUNNING:
            return None
        shapes = [row.shape for row in rows]
        return cls(table.cells[0], table.columns, table.figures(), frozenset(shapes), frozenset(shapes[end:]))

    def may_go_on(self, start: int, rows: list[Row]) -> bool:
        """Whether nothing but what runs on both pages stands between this table and a row of the next page."""
        shapes = [row.shape for row in rows]
        return self.page.issuperset(shapes[:start]) and self.below.issubset(shapes)


class Layout(NamedTuple):
    """A page's lines in reading order."""

    lines: list[Line]
    table: OpenTable | None = None
    """The table at its end."""


def arrange(segments: list[Segment], above: OpenTable | None = None) -> Layout:
    """Return the page's lines in reading order.

    Args:
        segments: The page's segments in the order of the file.
        above: The table at the end of the page before; where it goes on, its head is written again.
    """
    text = "".join(segment.text for segment in segments)
    upright = sum(segment.top - segment.bottom > 2 * (segment.right - segment.left) for segment in segments)
    # Right-to-left and vertical writing have other columns; the file's order is the best there is.
    if (
        not 0 < len(segments) < _MAX_SEGMENTS
        or len(_RIGHT_TO_LEFT.findall(text)) * 4 > len(text)
        or upright * 2 > len(segments)
    ):
        return Layout(list(_lines(segments)))
    rows = Row.all_of(segments)
    blocks = list(_blocks(rows, above=above))
    return Layout(_ordered(segments, rows, blocks), OpenTable.of(rows, blocks))


def is_amid_table(segments: list[Segment]) -> bool:
    """Whether a page consists of rows of a table whose head may stand on a page before."""
    rows = Row.all_of(segments) if len(segments) < _MAX_SEGMENTS else []
    start = next((at for at, row in enumerate(rows) if len(row) > 1), len(rows))
    if start > _MAX_RUNNING or start == len(rows):
        return False
    table = _Table.starting(start, rows, [])
    return len(table.columns) >= _MIN_COLUMNS and len(rows) - start - len(table.rows) <= _MAX_RUNNING


def _ordered(segments: list[Segment], rows: list[Row], blocks: "list[_Block]") -> list[Line]:
    """Return the lines of a page's blocks in the order of the file, where that can be a reader's order."""
    if any(block.out_of_order for block in blocks):
        return [line for block in blocks for line in block.lines()]
    side_by_side = any(len({segment.line for segment in row}) > 1 for row in rows)
    if not side_by_side and any(upper[0].line > lower[0].line for upper, lower in pairwise(rows)):
        segments = [segment for row in rows for segment in row]
    # Each table comes where the first of its lines stands in the file.
    tables = [block for block in blocks if isinstance(block, _Table)]
    table_of = {segment.line: index for index, table in enumerate(tables) for row in table.rows for segment in row}
    written: set[int] = set()
    arranged: list[Line] = []
    for line, group in groupby(segments, key=lambda segment: segment.line):
        table = table_of.get(line)
        if table is None:
            arranged += _lines(group)
        elif table not in written:
            written.add(table)
            arranged += tables[table].lines()
    return arranged


class _Plain(NamedTuple):
    """Rows that are neither columns of prose nor surely a table."""

    rows: list[Row]
    out_of_order = False

    def lines(self) -> Iterator[Line]:
        """Yield the lines in the order of the file."""
        return _lines(sorted((segment for row in self.rows for segment in row), key=lambda segment: segment.line))


class _Columns(NamedTuple):
    """Two columns of prose; each may hold more."""

    left: list["_Block"]
    right: list["_Block"]
    out_of_order: bool

    @classmethod
    def beside(cls, gutter: float, run: list[Row], depth: int) -> "_Columns | None":
        """Return rows as the two columns beside a gutter, None where they are not prose."""
        left = [Row(part for part in row if part.right <= gutter) for row in run]
        right = [Row(part for part in row if part.left >= gutter) for row in run]
        if sum(bool(one and other) for one, other in zip(left, right, strict=True)) < _MIN_BESIDE:
            return None
        ones, others = ([part for row in side for part in row] for side in (left, right))
        height = median(part.top - part.bottom for part in (*ones, *others))
        between = min(part.left for part in others) - max(part.right for part in ones)
        if between < _GUTTER * height or not _are_prose((ones, others)):
            return None
        blocks = [list(_blocks(list(filter(None, side)), depth + 1)) for side in (left, right)]
        inside = any(block.out_of_order for side in blocks for block in side)
        return cls(*blocks, out_of_order=inside or max(p.line for p in ones) >= min(p.line for p in others))

    def lines(self) -> Iterator[Line]:
        """Yield the lines of the left column, then those of the right one."""
        for block in (*self.left, *self.right):
            yield from block.lines()


class _Table(NamedTuple):
    """Rows of cells under a head."""

    rows: list[Row]
    columns: list[tuple[float, float]]
    """Where they begin and end on the page."""
    cells: list[list[str]]
    out_of_order = False

    @classmethod
    def at(cls, start: int, rows: list[Row]) -> "_Table | None":
        """Return the table whose first row stands at `start`, if there surely is one."""
        table = cls.starting(start, rows, [])
        # Where too few rows have several segments, no columns make them regular.
        if sum(len(row) > 1 for row in table.rows) < max(_MIN_ROWS, _REGULAR * len(table.rows)):
            return None
        headed = table.headed()
        return headed.joined() if headed.is_regular(table.columns) and headed.has_head() else None

    @classmethod
    def going_on(cls, above: OpenTable, start: int, rows: list[Row]) -> "_Table | None":
        """Return the rest of a table of the page before under its head, if the row at `start` surely goes on with it.

        Its cells stand in the same columns, all of them filled, with figures where the others have them.
        """
        table = cls.starting(start, rows, above.columns)
        first = table.cells[0] if table.rows else []
        if (
            len(first) != len(above.head)
            or len(first) < _MIN_COLUMNS
            or not all(first)
            # Only the column of the rows' names may go without one.
            or not all(above.head[1:])
            or first == above.head
            or not above.figures
            or not all(any(map(str.isdigit, first[column])) for column in above.figures)
            or not above.may_go_on(start, rows)
        ):
            return None
        return table._replace(cells=[above.head, *table.cells]).joined()

    @classmethod
    def starting(cls, start: int, rows: list[Row], columns: list[tuple[float, float]]) -> "_Table":
        """Return the rows from `start` on whose segments stand in columns, the first of which are known."""
        end = start
        while end < len(rows) and end - start < _MAX_TABLE_ROWS:
            height = rows[end][0].top - rows[end][0].bottom
            if end > start and rows[end - 1].centre - rows[end].centre > _ROW_PITCH * height:
                break
            wider = cls._widened(columns, rows[end], _CELL_GAP * height)
            if wider is None:
                break
            columns = wider
            end += 1
        while end > start + 1 and len(rows[end - 1]) < 2:
            end -= 1
        cells = [
            [" ".join(part.text for part in row if left <= part.left < right) for left, right in columns]
            for row in rows[start:end]
        ]
        return cls(rows[start:end], columns, cells)

    def lines(self) -> Iterator[Line]:
        """Yield the table in Markdown, with a blank line before and behind it."""
        first, last = self.rows[0][0], self.rows[-1][0]
        height = median(segment.top - segment.bottom for row in self.rows for segment in row)
        head, *body = self.cells
        yield Line("", first.top, first.top, height, cell=True)
        for cells in (head, ["---"] * len(head), *body):
            text = " | ".join(_LEADERS.sub(" ", cell).strip().replace("|", "\\|") for cell in cells)
            yield Line(f"| {text} |", last.bottom, first.top, height, cell=True)
        yield Line("", last.bottom, last.bottom, height, cell=True)

    def headed(self) -> "_Table":
        """Return the table with each name of a column above its cells, where none of them stands right below it."""
        head, *body = map(list, self.cells)
        columns = list(self.columns)
        for place in range(len(head) - 1, -1, -1):
            if any(row[place] for row in body):
                continue
            for beside in (place + 1, place - 1):
                if 0 <= beside < len(head) and not head[beside]:
                    head[beside] = head[place]
                    edges = (*columns[beside], *columns[place])
                    columns[beside] = min(edges), max(edges)
                    del columns[place]
                    for row in (head, *body):
                        del row[place]
                    break
        return self._replace(cells=[head, *body], columns=columns)

    def figures(self) -> list[int]:
        """Return the columns in which most cells hold figures."""
        found: list[int] = []
        for index, (_, *column) in enumerate(zip(*self.cells, strict=True)):
            figures = sum(any(map(str.isdigit, cell)) for cell in column)
            if figures >= max(1, _REGULAR * sum(map(bool, column))):
                found.append(index)
        return found

    def is_regular(self, columns: list[tuple[float, float]]) -> bool:
        """Whether most rows are filled, and none of the page's columns is prose or leads to page numbers by dots."""
        enough = max(2, len(self.cells[0]) - 1)
        if sum(sum(map(bool, row)) >= enough for row in self.cells) < max(_MIN_ROWS, _REGULAR * len(self.rows)):
            return False
        # Behind the names of a table's rows, dots lead to its figures; to one alone, it may be a page's number.
        if any(_LEADERS.search(cell) for row in self.cells for cell in row[len(row) > 2 :]):
            return False
        for left, right in columns:
            column = [part for row in self.rows for part in row if left <= part.left < right]
            if not column or _are_prose([column]):
                return False
        return True

    def has_head(self) -> bool:
        """Whether the first row names what stands below it, and is no row of figures itself."""
        head, *body = self.cells
        if len(head) == 2 and not any(map(str.isalpha, "".join(row[0] for row in body))):
            return False
        # Words alone are surely a table only where no cell is empty.
        sure = len(head) > 2 and len(self.rows) > _MIN_ROWS and all(map(all, self.cells))
        for name, *column in zip(*self.cells, strict=True):
            figures = sum(any(map(str.isdigit, cell)) for cell in column)
            if figures < max(2, _REGULAR * sum(map(bool, column))):
                continue
            sure = True
            # A figure is no name, unless it is a year; 1,234 and 56,789 have the same form.
            if name and not _YEAR.fullmatch(name):
                forms = {_DIGITS.sub("0", cell) for cell in column}
                if not any(map(str.isalpha, name)) or _DIGITS.sub("0", name) in forms:
                    return False
        return sure

    def joined(self) -> "_Table":
        """Return the table with what a cell's text was wrapped to joined to it."""
        joined: list[list[str]] = []
        for row in self.cells:
            if joined and not row[0] and all(cell[:1].islower() or not cell for cell in row):
                joined[-1] = [" ".join(filter(None, pair)) for pair in zip(joined[-1], row, strict=True)]
            else:
                joined.append(row)
        return self._replace(cells=joined)

    @staticmethod
    def _widened(columns: list[tuple[float, float]], row: Row, gap: float) -> list[tuple[float, float]] | None:
        """Return the columns with a row's cells in them, None if a cell stands in several."""
        wider = list(columns)
        for part in row:
            # The columns are in order and do not overlap, so those that share a part of a width stand together.
            first = bisect_right(wider, part.left, key=itemgetter(1))
            last = bisect_left(wider, part.right, lo=first, key=itemgetter(0))
            if last - first > 1:
                return None
            left, right = wider[first] if first < last else (part.left, part.right)
            wider[first:last] = [(min(left, part.left), max(right, part.right))]
        return wider if all(left[1] + gap <= right[0] for left, right in pairwise(wider)) else None


_Block = _Plain | _Columns | _Table


def _blocks(rows: list[Row], depth: int = 0, above: OpenTable | None = None) -> Iterator[_Block]:
    """Yield the blocks of a page, or of a column, from top to bottom; a table may go on from the page before."""
    for gutter in _gutters(rows) if depth < _MAX_DEPTH else ():
        parts = list(_parts(rows, gutter, depth))
        if any(isinstance(part, _Columns) for part in parts):
            for part in parts:
                if isinstance(part, _Columns):
                    yield part
                else:
                    yield from _blocks(part, depth + 1)
            return
    yield from _tables(rows, above)


def _gutters(rows: list[Row]) -> list[float]:
    """Return where columns may be parted: what most rows leave free, the clearest first."""
    edges = sorted(
        edge
        for row in rows
        for left, right in pairwise(row)
        if right.left - left.right >= _GUTTER * (left.top - left.bottom)
        for edge in ((left.right, -1, right.left), (right.left, 1, left.right))
    )
    found: list[tuple[int, float]] = []
    free = 0
    for (position, closes, _), (following, ends, _) in pairwise(edges):
        free -= closes
        if closes < 0 < ends and free >= _MIN_BESIDE and following > position:
            found.append((free, (position + following) / 2))
    return [gutter for _, gutter in sorted(found, key=lambda found: -found[0])[:_MAX_GUTTERS]]


def _parts(rows: list[Row], gutter: float, depth: int) -> Iterator[_Columns | list[Row]]:
    """Yield the rows between those that cross a gutter, as columns where there is prose on both of its sides."""
    rest: list[Row] = []
    for crossing, group in groupby(rows, key=lambda row: any(part.left < gutter < part.right for part in row)):
        run = list(group)
        if crossing:
            rest += run
            continue
        above, run, below = _trimmed(run, gutter)
        columns = _Columns.beside(gutter, run, depth)
        rest += above
        if columns is None:
            rest += run
        else:
            if rest:
                yield rest
            yield columns
            rest = []
        rest += below
    if rest:
        yield rest


def _trimmed(run: list[Row], gutter: float) -> tuple[list[Row], list[Row], list[Row]]:
    """Return the rows in three: those above columns and below them stand apart on one side, as titles and feet do."""
    beside = [index for index, row in enumerate(run) if row[0].right <= gutter <= row[-1].left]
    if not beside:
        return [], run, []
    pitches = [upper.centre - lower.centre for upper, lower in pairwise(run[beside[0] : beside[-1] + 1])]
    apart = _APART * median(pitches) if pitches else 0.0
    start, end = 0, len(run)
    for index in range(beside[0], 0, -1):
        if run[index - 1].centre - run[index].centre > apart:
            start = index
            break
    for index in range(len(run) - 1, beside[-1], -1):
        if len(run) - index <= _MAX_FOOT and run[index - 1].centre - run[index].centre > apart:
            end = index
    return run[:start], run[start:end], run[end:]


def _tables(rows: list[Row], above: OpenTable | None) -> Iterator[_Block]:
    """Yield what is surely a table as one, and the rows between."""
    plain: list[Row] = []
    start = 0
    while start < len(rows):
        table = None
        if len(rows[start]) > 1:
            rest = _Table.going_on(above, start, rows) if above and start <= _MAX_RUNNING else None
            table = rest or _Table.at(start, rows)
        if table is None:
            plain.append(rows[start])
            start += 1
            continue
        if plain:
            yield _Plain(plain)
            plain = []
        yield table
        above = None
        start += len(table.rows)
    if plain:
        yield _Plain(plain)


def _are_prose(columns: Sequence[Sequence[Segment]]) -> bool:
    """Whether columns of segments consist of full lines, and of sentences that run on over them."""
    found: list[list[Row]] = []
    for parts in columns:
        height = median(part.top - part.bottom for part in parts)
        if max(part.right for part in parts) - min(part.left for part in parts) < _MIN_PROSE_WIDTH * height:
            return False
        rows = Row.all_of(parts)
        if not _are_full(rows, height):
            return False
        found.append(rows)
    return _run_on(found)


def _are_full(rows: list[Row], height: float) -> bool:
    """Whether rows are wide lines, most of them full, given the height of a letter."""
    widths = sorted(row[-1].right - row[0].left for row in rows)
    full = widths[len(widths) * 4 // 5]
    filled = sum(width >= _FILLED * full for width in widths)
    return full >= _MIN_PROSE_WIDTH * height and filled >= _FULL_LINES * len(widths)


def _run_on(columns: Sequence[list[Row]]) -> bool:
    """Whether in every column some lines, and of all lines many, begin amid a sentence."""
    begins = [[row[0].text[0] for row in rows] for rows in columns]
    amid = [sum(first.isalpha() and first == first.lower() for first in column) for column in begins]
    return all(amid) and sum(amid) >= _CONTINUED * sum(map(len, begins))


def _lines(segments: Iterable[Segment]) -> Iterator[Line]:
    """Yield lines of segments that stand in order; what pdfium takes for one line may step down."""
    lines: list[list[Segment]] = []
    for part in segments:
        last = lines[-1][-1] if lines else None
        if (
            last is None
            or part.line != last.line
            or min(part.top, last.top) - max(part.bottom, last.bottom) <= 0
            or (part.left < last.left and abs(part.bottom - last.bottom) > _STEP * (part.top - part.bottom))
        ):
            lines.append([])
        lines[-1].append(part)
    for parts in lines:
        bottom, top = min(part.bottom for part in parts), max(part.top for part in parts)
        yield Line(" ".join(part.text for part in parts), bottom, top, parts[0].top - parts[0].bottom)
