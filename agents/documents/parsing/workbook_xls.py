"""Reading Excel's old workbooks (.xls) as they are shown: with number formats, comments, and what is hidden."""

import io
from typing import Any, cast

from agents.documents.parsing import grid
from agents.documents.parsing.formats import damaged, locked
from agents.documents.parsing.number_formats import shown
from agents.documents.parsing.parsed import Parsed
from agents.documents.parsing.sheets import Sheet, as_document

_NUMBER, _DATE, _BOOLEAN, _ERROR = 2, 3, 4, 5
"""xlrd's kinds of cells; texts are 1."""


def read_xls(data: bytes, name: str) -> Parsed:
    """Read a workbook; its sheets are its pages.

    Raises:
        DocumentError: It is damaged, or locked by a password.
    """
    # Slow to import, and needed for this format only.
    import xlrd as untyped

    xlrd = cast("Any", untyped)
    try:
        # It writes notes to a log that is standard output by default.
        book = xlrd.open_workbook(file_contents=data, formatting_info=True, logfile=io.StringIO())
    except Exception as error:
        if "encrypted" in str(error).lower():
            raise locked(name) from error
        if isinstance(error, xlrd.XLRDError | xlrd.compdoc.CompDocError):
            raise damaged(name, str(error).rstrip(".")) from error
        # It takes the lengths and places in a file for right, and fails in many ways where they are not.
        raise damaged(name, "its records do not fit each other") from error
    return as_document([_sheet(xlrd, book, sheet) for sheet in book.sheets()], name)


def _sheet(xlrd: Any, book: Any, source: Any) -> Sheet:  # noqa: ANN401 - xlrd has no types
    sheet = Sheet(source.name, hidden=source.visibility != 0)
    for row in range(source.nrows):
        for column, cell in enumerate(source.row(row)):
            if cell.ctype in {0, 6}:
                continue
            style = book.xf_list[cell.xf_index]
            text = _text(xlrd, book, cell, book.format_map[style.format_key].format_str).strip()
            if text:
                strong = bool(book.font_list[style.font_index].bold)
                sheet.cells[row, column] = grid.Cell.of(text, number=cell.ctype in {_NUMBER, _DATE}, strong=strong)
    sheet.merged = [(top, left, bottom - 1, right - 1) for top, bottom, left, right in source.merged_cells]
    sheet.comments = {place: (note.author, note.text) for place, note in source.cell_note_map.items()}
    sheet.hidden_rows = {row for row, info in source.rowinfo_map.items() if info.hidden}
    sheet.hidden_columns = {column for column, info in source.colinfo_map.items() if info.hidden}
    return sheet


def _text(xlrd: Any, book: Any, cell: Any, number_format: str) -> str:  # noqa: ANN401 - xlrd has no types
    """Return what a cell shows."""
    if cell.ctype == _DATE:
        try:
            moment = xlrd.xldate_as_datetime(cell.value, book.datemode)
        except (ValueError, OverflowError, xlrd.xldate.XLDateError):
            return str(cell.value)
        # Below one there is a time of day, and no date.
        return shown(moment.time() if 0 <= cell.value < 1 else moment, number_format)
    if cell.ctype == _NUMBER:
        return shown(cell.value, number_format)
    if cell.ctype == _BOOLEAN:
        return shown(bool(cell.value), number_format)
    if cell.ctype == _ERROR:
        return str(xlrd.error_text_from_code.get(cell.value, "#ERROR"))
    return str(cell.value)
