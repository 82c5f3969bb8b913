"""Workbooks of each kind as documents: what is shown, what is hidden, what was never calculated."""

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.comments import Comment

from agents.documents.parsing import workbook_xlsx
from agents.documents.parsing.parse import parse
from agents.documents.parsing.parsed import Parsed
from agents.errors import DocumentError

ODS_HEAD = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:automatic-styles><style:style style:name="t">'
    '<style:table-properties table:display="false"/></style:style></office:automatic-styles>'
    "<office:body><office:spreadsheet>"
)


def xlsx(rows: Sequence[Sequence[object]], change: Callable[[Any, Any], None] = lambda book, sheet: None) -> bytes:
    book: Any = Workbook()
    sheet = book.active
    sheet.title = "Fees"
    for row in rows:
        sheet.append(row)
    change(book, sheet)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def ods(body: str, manifest: str = "") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as container:
        container.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        container.writestr("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>")
        container.writestr(
            "content.xml", f"{ODS_HEAD}{body}</office:spreadsheet></office:body></office:document-content>"
        )
    return target.getvalue()


def ods_cell(text: str, kind: str = "string", more: str = "", inside: str = "") -> str:
    return f'<table:table-cell office:value-type="{kind}" {more}>{inside}<text:p>{text}</text:p></table:table-cell>'


def lines(parsed: Parsed) -> list[str]:
    return [line for line in parsed.text.split("\n") if line and not line.startswith("| ---")]


def test_values_are_read_as_their_formats_show_them() -> None:
    def change(_: Any, sheet: Any) -> None:
        for place, number_format in [
            ("B2", "0.0 %"),
            ("C2", '#,##0.00 "EUR"'),
            ("D2", "00000"),
            ("E2", "dd.mm.yyyy"),
        ]:
            sheet[place].number_format = number_format

    rows = [["Berth", "Share", "Fee", "Code", "Due"], ["B1", 0.125, 1234.5, 42, date(2026, 4, 1)]]
    assert lines(parse(xlsx(rows, change), "a.xlsx"))[-1] == "| B1 | 12.5 % | 1,234.50 EUR | 00042 | 01.04.2026 |"


def test_dates_may_count_from_1904() -> None:
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    def change(book: Any, _: Any) -> None:
        book.epoch = CALENDAR_MAC_1904

    rows = [["Berth", "Due"], ["B1", date(2026, 4, 1)]]
    assert lines(parse(xlsx(rows, change), "a.xlsx"))[-1] == "| B1 | 2026-04-01 |"


def test_what_is_hidden_is_read_and_named_once_for_each_kind() -> None:
    def change(book: Any, sheet: Any) -> None:
        for row in (2, 3, 5):
            sheet.row_dimensions[row].hidden = True
        sheet.column_dimensions["B"].hidden = True
        for name, state in (("Old", "hidden"), ("Older", "veryHidden")):
            other = book.create_sheet(name)
            other["A1"] = "Was 300."
            other.sheet_state = state

    parsed = parse(xlsx([["Berth", "Fee"], *([f"B{n}", n] for n in range(2, 7))], change), "a.xlsx")
    assert "| B5 | 5 |" in parsed.text
    assert parsed.warnings == [
        "Hidden text: the sheets 'Old', 'Older' are hidden in the workbook; they were read.",
        "Hidden text: rows that are hidden were read: 2-3, 5 of the sheet 'Fees'.",
        "Hidden text: columns that are hidden were read: B of the sheet 'Fees'.",
    ]


def test_comments_are_told_from_the_cells() -> None:
    def change(_: Any, sheet: Any) -> None:
        sheet["B2"].comment = Comment("Ask Olaf\nfirst.", "Ines")

    parsed = parse(xlsx([["Berth", "Fee"], ["B1", 410]], change), "a.xlsx")
    assert lines(parsed)[-2:] == ["| B1 | 410 |", "Comment by Ines on B2 (410): Ask Olaf first."]


def test_formulas_without_a_value_are_named() -> None:
    parsed = parse(xlsx([["Berth", "Net", "Gross"], ["B1", 410, "=B2*1.19"]]), "a.xlsx")
    assert lines(parsed)[-1] == "| B1 | 410 |  |"
    (warning,) = parsed.warnings
    assert warning.startswith("Formulas that were never calculated have no value and were left blank: C2 of the sheet")


@pytest.mark.parametrize(
    ("cell", "asked", "uncalculated"),
    [
        ('<c r="A1"><f>1+1</f><v>2</v></c>', "", False),
        ('<c r="A1"><f>1-1</f><v>0</v></c>', "", False),
        ('<c r="A1"><f>1+1</f><v>0</v></c>', '<calcPr fullCalcOnLoad="1"/>', True),
        ('<c r="A1"><f>1+1</f><v></v></c>', "", True),
        ('<c r="A1"><f>1+1</f></c>', "", True),
        ('<c r="A1"><f t="shared" si="0"/><v/></c>', "", True),
        ('<c r="A1" t="str"><f>""</f><v></v></c>', "", False),
    ],
)
def test_a_formula_is_calculated_where_it_has_a_value(cell: str, asked: str, *, uncalculated: bool) -> None:
    source = zipfile.ZipFile(io.BytesIO(xlsx([["x", "y"]])))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as copy:
        for member in source.namelist():
            text = source.read(member).decode()
            if member == "xl/worksheets/sheet1.xml":
                before, _, after = text.partition("<c ")
                text = f"{before}{cell}<c {after.partition('<c ')[2]}"
            if member == "xl/workbook.xml":
                begin, _, end = text.partition("<calcPr")
                text = f"{begin}{asked}{end.partition('/>')[2]}"
            copy.writestr(member, text)
    warnings = parse(target.getvalue(), "a.xlsx").warnings
    assert any("never calculated" in warning for warning in warnings) == uncalculated


def test_a_large_workbook_is_read_without_its_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_xlsx, "MAX_FORMATTED", 3)
    parsed = parse(xlsx([["Berth", "Fee"], ["B1", 410]]), "a.xlsx")
    assert lines(parsed) == ["## Fees", "| Berth | Fee |", "| B1 | 410 |"]
    assert "as they are stored" in parsed.warnings[0]


def test_a_spreadsheet_of_open_document_is_read_as_it_is_shown() -> None:
    comment = "<office:annotation><dc:creator>Ines</dc:creator><text:p>Ask Olaf.</text:p></office:annotation>"
    label = ods_cell("B<text:s/>1", more="table:number-rows-spanned='2'")
    share = ods_cell("12,5 %", "percentage", inside=comment)
    rows = [
        f"<table:table-row>{ods_cell('Berth')}{ods_cell('Share')}</table:table-row>",
        f"<table:table-row table:visibility='filter'>{label}{share}</table:table-row>",
        f"<table:table-row><table:covered-table-cell/>{ods_cell('7 %', 'percentage')}</table:table-row>",
        "<table:table-row table:number-rows-repeated='1048573'><table:table-cell/></table:table-row>",
    ]
    body = (
        f"<table:table table:name='Fees'>{''.join(rows)}</table:table>"
        f"<table:table table:name='Old' table:style-name='t'><table:table-row>{ods_cell('Was 9 %.')}</table:table-row>"
        "</table:table>"
    )
    parsed = parse(ods(body), "a.ods")
    assert lines(parsed) == [
        *("## Fees", "| Berth | Share |", "| B 1 | 12,5 % |", "| B 1 | 7 % |"),
        *("Comment by Ines on B2 (12,5 %): Ask Olaf.", "## Old", "Was 9 %."),
    ]
    assert parsed.warnings == [
        "Hidden text: the sheet 'Old' is hidden in the workbook; it was read.",
        "Hidden text: rows that are hidden were read: 2 of the sheet 'Fees'.",
    ]


def test_an_open_document_spreadsheet_may_be_locked_damaged_or_endless() -> None:
    row = f"<table:table-row table:number-rows-repeated='1000000000'>{ods_cell('x')}</table:table-row>"
    for data, words in [
        (ods("", "<encryption-data/>"), "needs a password"),
        (ods("<table:table>"), "damaged"),
        (ods(f"<table:table>{row}</table:table>"), "holds more than is read"),
    ]:
        with pytest.raises(DocumentError, match=words):
            parse(data, "a.ods")


def test_an_old_workbook_that_is_cut_off_is_called_damaged() -> None:
    directory = "Workbook".encode("utf-16-le").ljust(64, b"\0") * 8
    data = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(22) + b"\x09\x00").ljust(512, b"\0") + directory
    with pytest.raises(DocumentError, match="damaged"):
        parse(data, "a.xls")


def test_a_workbook_whose_formats_cannot_be_read_is_read_as_stored_and_not_called_damaged() -> None:
    broken = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx([["Item", "Count"], ["Rope", 7]]))) as sound,
        zipfile.ZipFile(broken, "w") as copy,
    ):
        for member in sound.namelist():
            copy.writestr(member, sound.read(member).replace(b"<patternFill/>", b""))
    parsed = parse(broken.getvalue(), "a.xlsx")
    assert "Rope" in parsed.text
    assert parsed.warnings[0].startswith("The workbook could not be read with its formats: ")
    # What went wrong is for the log.
    assert parsed.faults
