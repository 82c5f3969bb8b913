"""Rewriting a web page's tables as plain ones: one row of column names, cells that span rows or columns filled in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from itertools import groupby, zip_longest

from typing_extensions import override

_MAX_FILLED = 1_000_000
"""Cells of a page that are filled because others span them; the page's author decides by a number how many."""
_MAX_NESTED = 50
"""Tables within each other; each is copied into the one around it, and what is deeper belongs to the innermost."""
_SPAN = re.compile(r"\s*(\d{1,9})")
_SPACES = ("&nbsp;", "&#160;", *" \t\n\r\f")
_TAG = re.compile(r"<[^>]*>")


def plain_tables(html: str) -> str:
    """Return a page in which every table is plain, and those that only place things on the page are none."""
    if "<table" not in html.lower():
        return html
    page = _Tables()
    page.feed(html)
    page.close()
    return "".join(page.close_all())


@dataclass
class _Cell:
    """A cell's source, and how many rows and columns it spans."""

    head: bool
    rows: int = 1
    columns: int = 1
    source: list[str] = field(default_factory=list[str])
    tables: bool = False
    """Whether there is a table in it."""

    @classmethod
    def begin(cls, tag: str, attributes: dict[str, str | None]) -> "_Cell":
        """Return the cell that a tag begins; 0 rows are all that follow, and nobody writes 0 columns."""
        spans = (_SPAN.match(attributes.get(name) or "") for name in ("rowspan", "colspan"))
        rows, columns = (int(span[1]) or 1 if span else 1 for span in spans)
        return cls(tag == "th", rows, columns)

    @cached_property
    def html(self) -> str:
        """What is in the cell, once it has ended."""
        source = "".join(self.source)
        start, end = 0, len(source)
        while source.startswith(_SPACES, start, end):
            start += 1 if source[start] != "&" else 6
        while source.endswith(_SPACES, start, end):
            end -= 1 if source[end - 1] != ";" else 6
        return source[start:end]


@dataclass
class _Table:
    """A table that is being read."""

    outside: list[str] = field(default_factory=list[str])
    """What stands in it above its first row: its caption."""
    below: list[str] = field(default_factory=list[str])
    """What stands in it outside of its cells after that: the rest of the page, where the table is not closed."""
    rows: list[list[_Cell]] = field(default_factory=list[list[_Cell]])
    in_head: int = 0
    """The number of rows in its `thead`."""
    head_open: bool = False
    cell: _Cell | None = None
    placing: bool = False
    """Whether it says itself that it only places things on the page."""

    @property
    def headed(self) -> bool:
        """Whether something in it is marked as a head."""
        return self.in_head > 0 or any(cell.head for row in self.rows for cell in row)

    def begin_row(self) -> None:
        """Begin a row, in which no cell is open yet."""
        self.cell = None
        self.rows.append([])
        self.in_head += self.head_open

    def head_rows(self) -> tuple[int, int]:
        """Return how many rows are a title above the table, and how many after them name the columns.

        Where nothing marks a head, the first row is one. If a cell in it spans several columns, the row below names
        each.
        """
        rows = self.rows
        width = max(sum(cell.columns for cell in row) for row in rows)
        above = 0
        while above + 1 < len(rows) and len(rows[above]) == 1 and rows[above][0].columns >= width > 1:
            above += 1
        # All cells of a head's row are marked, apart from empty ones.
        heads = (any(cell.head for cell in row) and all(cell.head or not cell.html for cell in row) for row in rows)
        marked = self.in_head or next((place for place, head in enumerate(heads) if not head), len(rows))
        if 0 < self.in_head <= above:
            # A head that is marked as such is no title, though one cell reaches over all columns.
            return self.in_head - 1, 1
        if marked:
            return above, max(0, marked - above)
        two = len(rows) - above > 2 and any(cell.columns > 1 for cell in rows[above])
        return above, 2 if two else 1


class _Tables(HTMLParser):
    """Copies a page's source with its tables rewritten."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self._source: list[str] = []
        self._open: list[_Table] = []
        self._fillable = _MAX_FILLED
        self._too_deep = 0
        """Tables that are open within the innermost one that is read as one."""

    def close_all(self) -> list[str]:
        """End the tables that the page does not end, and return its source."""
        while self._open:
            self._end_table()
        return self._source

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "table" and len(self._open) >= _MAX_NESTED:
            self._too_deep += 1
            return
        if tag == "table":
            self._open.append(_Table(placing=attributes.get("role") in ("presentation", "none")))
            return
        table = self._open[-1] if self._open else None
        if table and tag in ("thead", "tbody", "tfoot", "colgroup"):
            table.cell = None
            table.head_open = tag == "thead"
        elif table and tag == "tr":
            table.begin_row()
        elif table and tag in ("td", "th"):
            if not table.rows:
                table.begin_row()
            table.cell = _Cell.begin(tag, attributes)
            table.rows[-1].append(table.cell)
        elif table is None or table.cell or table.rows:
            self._write(self.get_starttag_text() or "")
        elif tag == "caption":
            self._write("<p>")

    @override
    def handle_endtag(self, tag: str) -> None:
        table = self._open[-1] if self._open else None
        if table and tag == "table" and self._too_deep:
            self._too_deep -= 1
        elif table and tag == "table":
            self._end_table()
        elif table and tag in ("td", "th", "tr", "thead", "tbody", "tfoot", "colgroup"):
            table.cell = None
            table.head_open = table.head_open and tag != "thead"
        elif table is None or table.cell or table.rows:
            self._write(f"</{tag}>")
        elif tag == "caption":
            self._write("</p>")

    @override
    def handle_data(self, data: str) -> None:
        self._write(data)

    @override
    def handle_entityref(self, name: str) -> None:
        self._write(f"&{name};")

    @override
    def handle_charref(self, name: str) -> None:
        self._write(f"&#{name};")

    @override
    def handle_decl(self, decl: str) -> None:
        self._write(f"<!{decl}>")

    @override
    def parse_marked_section(self, i: int, report: int = 1) -> int:
        return self.rawdata.find(">", i) + 1 or -1

    def _write(self, source: str) -> None:
        """Add source to the innermost open cell, else to what is outside of one."""
        if not self._open:
            self._source.append(source)
        elif self._open[-1].cell:
            self._open[-1].cell.source.append(source)
        else:
            (self._open[-1].below if self._open[-1].rows else self._open[-1].outside).append(source)

    def _end_table(self) -> None:
        """Write the innermost open table into what is around it."""
        table = self._open.pop()
        self._write("".join(table.outside))
        table.rows = [row for row in table.rows if row]
        if table.rows:
            self._write_rows(table)
        self._write("".join(table.below))

    def _write_rows(self, table: _Table) -> None:
        rows = table.rows
        around = self._open[-1] if self._open else None
        within = around.cell if around else None
        if around and within and around.headed:
            # In a cell of a table with a head, a table can only be words.
            self._write("; ".join(", ".join(filter(None, (cell.html for cell in row))) for row in rows))
            return
        tabled = any(cell.tables for row in rows for cell in row)
        if table.placing or (not table.headed and (max(map(len, rows)) < 2 or tabled)):
            self._write(self._unwrapped(rows, whole=not table.placing))
        else:
            self._write(self._plain(table))
            tabled = True
        if within:
            within.tables |= tabled

    def _unwrapped(self, rows: list[list[_Cell]], *, whole: bool) -> str:
        """Return the cells as blocks; rows of several cells without tables among others are a table, if `whole`."""
        parts: list[str] = []
        for tabled, group in groupby(rows, lambda row: not whole or len(row) < 2 or any(cell.tables for cell in row)):
            together = list(group)
            if tabled or len(together) < 2:
                parts += [f"<div>{cell.html}</div>" for row in together for cell in row]
            else:
                parts.append(self._plain(_Table(rows=together)))
        return "".join(parts)

    def _plain(self, table: _Table) -> str:
        """Return a plain table with its titles above it, its head in one row."""
        above, heads = table.head_rows()
        grid = self._filled(table.rows, above + heads)
        titles = "".join(f"<p>{row[0]}</p>" for row in grid[:above])
        columns = zip_longest(*grid[above : above + heads], fillvalue="")
        names = [" ".join(dict.fromkeys(name for name in column if _TAG.sub("", name).strip())) for column in columns]
        head = "".join(f"<th>{name}</th>" for name in names)
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in grid[above + heads :])
        return f"{titles}<table><tr>{head}</tr>{body}</table>"

    def _filled(self, rows: Sequence[Sequence[_Cell]], heads: int) -> list[list[str]]:
        """Return the cells' source as a grid.

        What spans rows stands in each of them. What spans columns names each of them in the first `heads` rows, and is
        one value below these.
        """
        width = max(map(len, rows))
        spanning: dict[int, tuple[int, str]] = {}
        """By column: the number of rows that are still spanned, and the cell."""
        grid: list[list[str]] = []
        for place, row in enumerate(rows):
            line: list[str] = []
            self._fillable -= len(spanning)
            if self._fillable < 0:
                spanning.clear()
            left = {column: (rows - 1, html) for column, (rows, html) in spanning.items() if rows > 1}
            for cell in row:
                _pass_spanned(line, spanning)
                for number in range(max(1, min(cell.columns, width - len(line)))):
                    html = cell.html if number == 0 or place < heads else ""
                    if cell.rows > 1:
                        left[len(line)] = (cell.rows - 1, html)
                    line.append(html)
            _pass_spanned(line, spanning)
            spanning = left
            grid.append(line)
        return grid


def _pass_spanned(line: list[str], spanning: dict[int, tuple[int, str]]) -> None:
    """Add the cells of the rows above that span the next columns of a line."""
    while len(line) in spanning:
        line.append(spanning[len(line)][1])
