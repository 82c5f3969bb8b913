"""Workbooks as documents: each sheet is a page under its name, with its tables, its comments, and what is hidden."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from agents.documents.parsing import extraction, grid, headings
from agents.documents.parsing.parsed import Parsed, clean, join_pages, shorten
from agents.errors import DocumentError

_MAX_NAMED = 10
"""How many sheets, rows or cells a warning names."""

Place = tuple[int, int]
"""Row and column, from zero."""


@dataclass
class Sheet:
    """A sheet of a workbook, as it is shown."""

    name: str
    cells: dict[Place, grid.Cell] = field(default_factory=dict[Place, grid.Cell])
    merged: list[grid.Range] = field(default_factory=list[grid.Range])
    comments: dict[Place, tuple[str, str]] = field(default_factory=dict[Place, tuple[str, str]])
    """Author, who may be unknown, and text."""
    hidden: bool = False
    hidden_rows: set[int] = field(default_factory=set[int])
    hidden_columns: set[int] = field(default_factory=set[int])
    uncalculated: list[Place] = field(default_factory=list[Place])
    """Cells whose formula has no value yet."""

    def comment_lines(self) -> list[str]:
        """Return the comments as lines that say whose they are, and on what."""
        lines: list[str] = []
        for place, (author, text) in sorted(self.comments.items()):
            cell = self.cells.get(place)
            value = f" ({shorten(cell.text)})" if cell else ""
            by = f" by {' '.join(author.split())}" if author.strip() else ""
            lines.append(f"Comment{by} on {place_name(place)}{value}: {' '.join(text.split())}")
        return lines

    def hidden_names(self, axis: Literal[0, 1]) -> list[str]:
        """Return the hidden rows (0) or columns (1) that hold anything, neighbours as one range: 3, 5-8."""
        hidden = self.hidden_columns if axis else self.hidden_rows
        used = sorted({place[axis] for place in self.cells if place[axis] in hidden}) if hidden else []
        runs = ([number for _, number in run] for _, run in groupby(enumerate(used), lambda pair: pair[1] - pair[0]))
        names = ([column_name(at) if axis else str(at + 1) for at in (run[0], run[-1])] for run in runs)
        return ["-".join(dict.fromkeys(ends)) for ends in names]


def as_document(sheets: Sequence[Sheet], name: str, *, title: str = "") -> Parsed:
    """Return a workbook's text, with its sheets as pages.

    Args:
        sheets: Its sheets.
        name: The file's name, for errors.
        title: The title that it names.

    Raises:
        DocumentError: Its tables are too large.
    """
    pages: list[str] = []
    left = extraction.MAX_CELLS
    for sheet in sheets:
        try:
            tables = grid.to_markdown(sheet.cells, sheet.merged, max_cells=left)
        except grid.TooSparseError:
            raise DocumentError(
                f"{name} holds more than is read of one document: more than {extraction.MAX_CELLS:,} cells.",
                hint="Split it and open the parts.",
            ) from None
        left -= len(sheet.cells)
        blocks = [f"## {' '.join(sheet.name.split())}", tables, *sheet.comment_lines()]
        pages.append(clean("\n\n".join(filter(None, blocks))))
    text, spans = join_pages(pages)
    parsed = Parsed.from_text(
        text, title=title, headings=headings.in_markdown(text), warnings=_warnings(sheets), pages=spans
    )
    return parsed._replace(page_labels=[" ".join(clean(sheet.name).split()) for sheet in sheets], page_kind="sheet")


def place_name(place: Place) -> str:
    """Return a cell's name: B4 for row 3 and column 1."""
    return f"{column_name(place[1])}{place[0] + 1}"


def column_name(column: int) -> str:
    """Return a column's letters: A for column 0."""
    name = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def column_number(letters: str) -> int:
    """Return the column, from zero, that letters name: 0 for A."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _warnings(sheets: Sequence[Sheet]) -> list[str]:
    """Return one warning for each kind of thing that is not shown, or not known."""
    warnings = hidden_sheets([sheet.name for sheet in sheets if sheet.hidden])
    for kind, places in (
        ("rows", {sheet.name: sheet.hidden_names(0) for sheet in sheets}),
        ("columns", {sheet.name: sheet.hidden_names(1) for sheet in sheets}),
    ):
        warnings += [f"Hidden text: {kind} that are hidden were read: {listed}." for listed in _by_sheet(places)]
    blank = _by_sheet({sheet.name: [place_name(place) for place in sorted(sheet.uncalculated)] for sheet in sheets})
    warnings += [
        f"Formulas that were never calculated have no value and were left blank: {places}. "
        "Open the file in a spreadsheet program and save it."
        for places in blank
    ]
    return warnings


def hidden_sheets(names: Sequence[str]) -> list[str]:
    """Return one warning about the sheets that a workbook hides, none where there are none."""
    if not names:
        return []
    kind, were = ("sheet", ("is", "it was")) if len(names) == 1 else ("sheets", ("are", "they were"))
    listed = _listed([repr(name) for name in names])
    return [f"Hidden text: the {kind} {listed} {were[0]} hidden in the workbook; {were[1]} read."]


def _by_sheet(places: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what is found in each sheet as one phrase, in a list that is empty where nothing is found."""
    found = [f"{_listed(names)} of the sheet {sheet!r}" for sheet, names in places.items() if names]
    return [_listed(found, "; ")] if found else []


def _listed(names: Sequence[str], separator: str = ", ") -> str:
    rest = len(names) - _MAX_NAMED
    return separator.join([*names[:_MAX_NAMED], *([f"{rest} more"] if rest > 0 else [])])
