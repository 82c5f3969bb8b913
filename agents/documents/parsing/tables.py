"""Tables as Markdown: merged cells filled, and every row of a head in one."""

import re
from collections.abc import Iterable
from typing import NamedTuple

_MAX_LABEL = 160
"""Characters; what is longer is a text rather than a label, and is not repeated."""

_MAX_SPAN = 63
"""Columns; more than these no table of Word's has."""


class Cell(NamedTuple):
    """A cell of a row."""

    text: str
    span: int = 1
    """How many columns it covers."""
    continues: bool = False
    """Whether it is the lower part of the cell above it."""


def span(text: str) -> int:
    """Return a number of columns; one where it is not written as such."""
    return min(max(int(text), 1), _MAX_SPAN) if re.fullmatch("[0-9]{1,4}", text) else 1


def as_markdown(rows: Iterable[list[Cell]], head_rows: int = 1) -> str:
    """Return a table as Markdown; empty if no cell has text.

    A merged cell's label stands in each of its rows, and in the head in each of its columns. Several rows of a head are
    joined to one. A first row of one cell across the others is the table's title, and stands above it.
    """
    rows = list(rows)
    titles: list[str] = []
    while len(rows) > 1 and len(rows[0]) == 1 < len(rows[1]):
        titles.append(rows.pop(0)[0].text)
        head_rows -= 1
    if rows and _is_parted(rows):
        head_rows = max(head_rows, 2)
    head_rows = max(1, min(head_rows, len(rows) - 1))
    grid = _filled(rows, head_rows)
    if not any(any(row) for row in grid):
        return "\n\n".join(filter(None, titles))
    width = max(map(len, grid))
    padded = [row + [""] * (width - len(row)) for row in grid]
    above = [[row[at] for row in padded[:head_rows] if row[at]] for at in range(width)]
    head = [" ".join(dict.fromkeys(column)) for column in above]
    body = [row for row in padded[head_rows:] if any(row)]
    table = "\n".join(map(_line, (head, ["---"] * width, *body)))
    return "\n\n".join(filter(None, (*titles, table)))


def _is_parted(rows: list[list[Cell]]) -> bool:
    """Whether the first row groups columns that the second one names: some cells are wide, others reach into both."""
    wide = any(1 < cell.span < sum(each.span for each in rows[0]) for cell in rows[0])
    if not wide or len(rows) < 3:
        return False
    # Below a blank corner, a row without a label of its own goes on with the head.
    return any(cell.continues for cell in rows[1]) or not (rows[0][0].text or rows[1][0].text)


def _filled(rows: list[list[Cell]], head_rows: int) -> list[list[str]]:
    """Return the texts of all columns of the rows."""
    grid: list[list[str]] = []
    above: dict[int, str] = {}
    for index, row in enumerate(rows):
        texts: list[str] = []
        whole = len(row) == 1
        for cell in row:
            text = above.get(len(texts), "") if cell.continues else cell.text
            label = text if len(text) <= _MAX_LABEL else ""
            above[len(texts)] = label
            repeated = label if index < head_rows and not whole else ""
            texts += [text, *[repeated] * (cell.span - 1)]
        grid.append(texts)
    return grid


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
