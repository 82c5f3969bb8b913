"""Reading OpenDocument spreadsheets, whose cells hold their text as it is shown, with comments and what is hidden."""

import io
from collections.abc import Iterator
from xml.etree import ElementTree

from agents.documents.parsing import extraction, grid
from agents.documents.parsing.formats import damaged
from agents.documents.parsing.package import opened
from agents.documents.parsing.parsed import Parsed
from agents.documents.parsing.sheets import Sheet, as_document
from agents.errors import DocumentError

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_FORMAT = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
_DRAWING = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
_CONTENT = "content.xml"
_NUMBERS = frozenset(["float", "percentage", "currency", "date", "time"])


def read_ods(data: bytes, name: str) -> Parsed:
    """Read a spreadsheet; its sheets are its pages.

    Raises:
        DocumentError: It is damaged or too large.
    """
    with opened(data, name) as container:
        if _CONTENT not in container.namelist():
            raise damaged(name, f"it holds no {_CONTENT}")
        xml = container.read(_CONTENT)
    try:
        return as_document(_Reader(xml, name).sheets, name)
    except ElementTree.ParseError as error:
        raise damaged(name, f"its {_CONTENT} cannot be read") from error


class _Reader:
    """Reads a spreadsheet's content element by element, and forgets each row after it."""

    def __init__(self, xml: bytes, name: str) -> None:
        self.sheets: list[Sheet] = []
        self._name = name
        self._left = extraction.MAX_CELLS
        self._row = self._column = 0
        self._bold: set[str] = set()
        self._hidden: set[str] = set()
        """Styles of sheets that are not displayed."""
        events = ElementTree.iterparse(io.BytesIO(xml), ("start", "end"))  # noqa: S314 - expat limits entities
        tables = 0
        for event, element in events:
            if element.tag == f"{_TABLE}table":
                # A table within a cell is part of what the cell shows.
                tables += 1 if event == "start" else -1
                if event == "start" and tables == 1:
                    self._begin(element)
            elif event == "end":
                self._end(element)

    def _begin(self, table: ElementTree.Element) -> None:
        hidden = table.get(f"{_TABLE}style-name") in self._hidden
        self.sheets.append(Sheet(table.get(f"{_TABLE}name", ""), hidden=hidden))
        self._row = self._column = 0

    def _end(self, element: ElementTree.Element) -> None:
        if element.tag == f"{_STYLE}style":
            self._read_style(element)
        elif element.tag == f"{_TABLE}table-column" and self.sheets:
            repeated = _count(element, f"{_TABLE}number-columns-repeated")
            if element.get(f"{_TABLE}visibility", "visible") != "visible":
                self.sheets[-1].hidden_columns |= set(range(self._column, self._column + min(repeated, 1 << 14)))
            self._column += repeated
        elif element.tag == f"{_TABLE}table-row" and self.sheets:
            self._read_row(element)
            element.clear()

    def _read_style(self, style: ElementTree.Element) -> None:
        name = style.get(f"{_STYLE}name", "")
        text = style.find(f"{_STYLE}text-properties")
        table = style.find(f"{_STYLE}table-properties")
        if text is not None and text.get(f"{_FORMAT}font-weight") == "bold":
            self._bold.add(name)
        if table is not None and table.get(f"{_TABLE}display") == "false":
            self._hidden.add(name)

    def _read_row(self, row: ElementTree.Element) -> None:
        sheet = self.sheets[-1]
        repeated = _count(row, f"{_TABLE}number-rows-repeated")
        cells = list(self._cells(row, sheet))
        # Blank rows are repeated down to the sheet's end.
        numbers = range(self._row, self._row + (repeated if cells else 0))
        self._spend(len(cells) * (len(numbers) - 1))
        for number in numbers:
            sheet.cells.update({(number, column): cell for column, cell in cells})
            if row.get(f"{_TABLE}visibility", "visible") != "visible":
                sheet.hidden_rows.add(number)
        self._row += repeated

    def _cells(self, row: ElementTree.Element, sheet: Sheet) -> Iterator[tuple[int, grid.Cell]]:
        """Yield the cells of a row that show something, with their columns; note merged ones and comments."""
        column = 0
        for element in row:
            if element.tag not in _CELLS:
                continue
            repeated = _count(element, f"{_TABLE}number-columns-repeated")
            down, across = (_count(element, f"{_TABLE}number-{axis}-spanned") for axis in ("rows", "columns"))
            if down * across > 1:
                sheet.merged.append((self._row, column, self._row + down - 1, column + across - 1))
            for comment in element.iterfind(f"{_OFFICE}annotation"):
                sheet.comments[self._row, column] = (comment.findtext(_CREATOR) or "", _paragraphs(comment))
            text = _paragraphs(element)
            # What a merged range covers is not shown.
            if text and element.tag == _CELLS[0]:
                self._spend(repeated)
                number = element.get(f"{_OFFICE}value-type") in _NUMBERS
                cell = grid.Cell.of(text, number=number, strong=element.get(f"{_TABLE}style-name") in self._bold)
                yield from ((place, cell) for place in range(column, column + repeated))
            elif element.get(f"{_TABLE}formula") and element.get(f"{_OFFICE}value-type") is None:
                sheet.uncalculated.append((self._row, column))
            column += repeated

    def _spend(self, cells: int) -> None:
        self._left -= cells
        if self._left < 0:
            raise DocumentError(
                f"{self._name} holds more than is read of one document: more than {extraction.MAX_CELLS:,} cells.",
                hint="Split it and open the parts.",
            )


def _count(element: ElementTree.Element, attribute: str) -> int:
    value = element.get(attribute, "1")
    return int(value) if value.isdecimal() else 1


def _paragraphs(element: ElementTree.Element) -> str:
    """Return the text of a cell or of a comment."""
    return "\n".join("".join(_words(paragraph)) for paragraph in element.iterfind(f"{_TEXT}p")).strip()


def _words(element: ElementTree.Element) -> Iterator[str]:
    if element.tag in (f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"):
        yield " "
    elif element.tag.startswith(_DRAWING) or element.tag == f"{_OFFICE}annotation":
        return
    yield element.text or ""
    for child in element:
        yield from _words(child)
        yield child.tail or ""
