"""Reading Excel workbooks (.xlsx, .xlsm) as they are shown: with number formats, comments, and what is hidden."""

import io
import re
import traceback
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Any, cast
from xml.etree import ElementTree

from agents.documents.parsing import extraction, grid, headings
from agents.documents.parsing.number_formats import shown
from agents.documents.parsing.package import opened
from agents.documents.parsing.parsed import Parsed, clean, join_pages
from agents.documents.parsing.sheets import Place, Sheet, as_document, column_number, hidden_sheets
from agents.documents.parsing.zip_container import ZipContainer, without_padding

_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_CELL = re.compile(rb"<(?:\w+:)?c[ >]")
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')
_FORMULA = re.compile(
    rb"<(?:\w+:)?c ([^>]*)>\s*<(?:\w+:)?f(?: [^>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*<(?:/|(?:\w+:)?v(?:/>|>([^<]*)<))"
)
_REFERENCE = re.compile(rb'\br="([A-Z]+)(\d+)"')
_CALCULATED_WHEN_OPENED = re.compile(rb'<(?:\w+:)?calcPr [^>]*fullCalcOnLoad="(?:1|true)"')
_HIDDEN = re.compile(r'<(?:\w+:)?sheet [^>]*state="(?:hidden|veryHidden)"[^>]*>')
_NAME = re.compile(r'name="([^"]*)"')

MAX_FORMATTED = 1_000_000
"""How many cells are read with their formats: each takes about 15 µs and 800 bytes."""


def read_xlsx(data: bytes, name: str) -> Parsed:
    """Read a workbook; its sheets are its pages.

    Raises:
        DocumentError: It is damaged, or too large.
    """
    with opened(data, name) as container:
        workbook = _Workbook(container, data, name)
        if workbook.size() > min(MAX_FORMATTED, extraction.MAX_CELLS):
            return workbook.as_stored("The workbook is large")
        try:
            sheets, title = workbook.as_shown()
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, SyntaxError):
            # The fault may be the file's or ours: only the log can tell.
            stored = workbook.as_stored("The workbook could not be read with its formats")
            return stored._replace(faults=[traceback.format_exc()])
    return as_document(sheets, name, title=title)


class _Workbook:
    """A workbook's file, which is read as it is shown, or for its values alone."""

    def __init__(self, container: zipfile.ZipFile, data: bytes, name: str) -> None:
        self._container = container
        self._data = without_padding(data)
        self._name = name

    def size(self) -> int:
        """Return the number of cells, or that of the cells in merged ranges if it is larger."""
        cells = merged = 0
        for member in filter(_SHEET.fullmatch, self._container.namelist()):
            xml = self._container.read(member)
            cells += sum(1 for _ in _CELL.finditer(xml))
            for first, top, last, bottom in _MERGED.findall(xml):
                width = column_number(last.decode()) - column_number(first.decode()) + 1
                merged += (int(bottom) - int(top) + 1) * width
        return max(cells, merged)

    def as_stored(self, why: str) -> Parsed:
        """Return the values alone, and say why."""
        workbook = self._container.read("xl/workbook.xml").decode("utf-8", errors="replace")
        hidden = [found.group(1) for sheet in _HIDDEN.findall(workbook) if (found := _NAME.search(sheet))]
        document = extraction.extract(self._data, self._name, "xlsx")
        names = [clean(str(page.sheet_name)) for page in document.pages or ()]
        pages = [
            f"## {name}\n\n{extraction.strip_inline_marks(page.content)}"
            for name, page in zip(names, document.pages or (), strict=True)
        ] or [extraction.strip_inline_marks(document.content)]
        text, spans = join_pages(pages)
        parsed = Parsed.from_text(
            text,
            title=str(document.metadata.title or ""),
            headings=headings.in_markdown(text),
            warnings=[
                *hidden_sheets(hidden),
                f"{why}: its numbers and dates are given as they are stored, and comments were not read.",
            ],
            pages=spans,
        )
        return parsed._replace(page_labels=names, page_kind="sheet") if names else parsed

    def as_shown(self) -> tuple[list[Sheet], str]:
        """Return the sheets and the title."""
        # Slow to import, and needed for this format only.
        from openpyxl.reader.excel import ExcelReader as Untyped

        with warnings.catch_warnings():
            # It warns of what it would not write back: drop-down lists, pictures and the like.
            warnings.simplefilter("ignore")
            reader = cast("Any", Untyped)(io.BytesIO(self._data), data_only=True, keep_links=False)
            reader.archive = ZipContainer(self._data)
            reader.read()
            members = {sheet.name: relation.target for sheet, relation in reader.parser.find_sheets()}
        threads = self._threads()
        uncalculated = self._uncalculated(members)
        sheets = [_sheet(sheet, threads, uncalculated.get(sheet.title, [])) for sheet in reader.wb.worksheets]
        return sheets, str(reader.wb.properties.title or "")

    def _uncalculated(self, members: dict[str, str]) -> dict[str, list[Place]]:
        """Return the formulas of each sheet that no program has calculated yet.

        Programs that only write workbooks leave the values out, or write zeros and have the reader's program calculate.
        """
        formulas = {name: list(_formulas(self._container.read(member))) for name, member in members.items()}
        values = {value for found in formulas.values() for _, value in found}
        asked = _CALCULATED_WHEN_OPENED.search(self._container.read("xl/workbook.xml"))
        missing = {b"", b"0"} if asked and values <= {b"", b"0"} else {b""}
        return {name: [place for place, value in found if value in missing] for name, found in formulas.items()}

    def _threads(self) -> dict[str, tuple[str, str]]:
        """Return the threads of comments by their ids: who began each, and what was said."""
        people: dict[str, str] = {}
        threads: dict[str, tuple[str, str]] = {}
        for member in self._container.namelist():
            if member.startswith("xl/persons/"):
                people |= {one.get("id", ""): one.get("displayName", "") for one in self._elements(member, "person")}
        for member in self._container.namelist():
            if member.startswith("xl/threadedComments/"):
                for comment in self._elements(member, "threadedComment"):
                    who = people.get(comment.get("personId", ""), "")
                    text = "".join(comment.itertext()).strip()
                    begun = threads.get(comment.get("parentId", ""))
                    if begun is None:
                        threads[comment.get("id", "")] = (who, text)
                    else:
                        threads[comment.get("parentId", "")] = (begun[0], f"{begun[1]} | {who}: {text}")
        return threads

    def _elements(self, member: str, tag: str) -> Iterator[ElementTree.Element]:
        root = ElementTree.fromstring(self._container.read(member))  # noqa: S314 - expat limits what entities may grow to
        return root.iterfind(f".//{{*}}{tag}")


def _sheet(worksheet: Any, threads: dict[str, tuple[str, str]], uncalculated: list[Place]) -> Sheet:  # noqa: ANN401
    sheet = Sheet(worksheet.title, hidden=worksheet.sheet_state != "visible", uncalculated=uncalculated)
    blank = set(uncalculated)
    # Its cells one by one: its rows and columns may lie far apart.
    for (row, column), cell in worksheet._cells.items():  # noqa: SLF001
        place = (row - 1, column - 1)
        value = cell.value
        if value is not None and place not in blank:
            known = isinstance(value, int | float | date | time | timedelta)
            text = shown(value, cell.number_format).strip() if known else str(value)
            if text and not text.isspace():
                strong = cell.has_style and bool(cell.font.b)
                sheet.cells[place] = grid.Cell.of(text, number=cell.data_type in "nd", strong=strong)
        if getattr(cell, "comment", None):
            author, text = str(cell.comment.author or ""), str(cell.comment.text)
            sheet.comments[place] = threads.get(author.removeprefix("tc="), (author, text))
    for area in worksheet.merged_cells.ranges:
        sheet.merged.append((area.min_row - 1, area.min_col - 1, area.max_row - 1, area.max_col - 1))
    sheet.hidden_rows = {
        number - 1 for number, row in worksheet.row_dimensions.items() if row.hidden or row.height == 0
    }
    for column in worksheet.column_dimensions.values():
        if column.hidden or column.width == 0:
            sheet.hidden_columns |= set(range(column.min - 1, column.max))
    return sheet


def _formulas(xml: bytes) -> Iterator[tuple[Place, bytes]]:
    """Yield the place of each formula and its value, which is empty where it was never calculated."""
    for attributes, value in _FORMULA.findall(xml):
        # A text may well be empty.
        value = value.strip() or (b'""' if b't="str"' in attributes else b"")
        if reference := _REFERENCE.search(attributes):
            yield (int(reference.group(2)) - 1, column_number(reference.group(1).decode())), value
