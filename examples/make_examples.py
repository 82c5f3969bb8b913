"""Make the example documents from their readable sources.

Needs three packages: ``pip install reportlab python-docx openpyxl``.

    python examples/make_examples.py            # writes next to this script
    python examples/make_examples.py some/dir   # writes into another folder

``station-handbook.md`` becomes a PDF, ``supply-contract.md`` becomes a Word file, and the CSV files in
``maintenance/`` become the sheets of one workbook. Running it again gives the same bytes.
"""

from __future__ import annotations

import csv
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import docx
import openpyxl
from docx.document import Document
from docx.shared import Pt
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from reportlab.lib import colors
from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageBreak, PageTemplate, Paragraph, Spacer, Table
from reportlab.platypus.tableofcontents import TableOfContents

HERE = Path(__file__).resolve().parent
FIXED = datetime(2025, 3, 3, tzinfo=UTC)
SHEETS = {"Work orders": "work_orders.csv", "Spare parts": "spare_parts.csv", "Readings": "readings.csv"}
MARGIN = 25 * mm
WIDTH = A4[0] - 2 * MARGIN


@dataclass
class Block:
    """One piece of a Markdown file: a heading, paragraph, list item or table."""

    kind: str
    text: str = ""
    level: int = 0
    rows: list[list[str]] = field(default_factory=list)


# --- Markdown -------------------------------------------------------------------------------------------------------


def parse_line(line: str) -> Block:
    """Turn one line that is not part of a table into a block."""
    if heading := re.match(r"(#{1,3}) (.+)", line):
        return Block("heading", heading[2], len(heading[1]))
    if step := re.match(r"(\d+)\. (.+)", line):
        return Block("step", step[2], int(step[1]))
    if line.startswith("- "):
        return Block("bullet", line[2:])
    return Block("paragraph", line)


def parse_markdown(text: str) -> Iterator[Block]:
    """Yield the blocks of a Markdown file that keeps each paragraph on one line."""
    table: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not all(set(cell) <= set("-:") for cell in cells):
                table.append(cells)
            continue
        if table:
            yield Block("table", rows=table)
            table = []
        if line.strip():
            yield parse_line(line.strip())


# --- PDF ------------------------------------------------------------------------------------------------------------


def pdf_styles() -> dict[str, ParagraphStyle]:
    """Return the paragraph styles of the handbook by name."""
    body = ParagraphStyle("body", fontName="Times-Roman", fontSize=11, leading=15, alignment=TA_JUSTIFY, spaceAfter=7)
    head = ParagraphStyle("head", fontName="Helvetica-Bold", textColor=colors.HexColor("#12384f"), keepWithNext=1)
    item = ParagraphStyle("item", body, leftIndent=20, bulletIndent=4, spaceAfter=3)
    cell = ParagraphStyle("cell", fontName="Helvetica", fontSize=9, leading=11.5)
    return {
        "paragraph": body,
        "step": item,
        "bullet": item,
        "cell": cell,
        "cellhead": ParagraphStyle("cellhead", cell, fontName="Helvetica-Bold"),
        "h1": ParagraphStyle("h1", head, fontSize=26, leading=32, spaceAfter=14),
        "h2": ParagraphStyle("h2", head, fontSize=17, leading=21, spaceBefore=16, spaceAfter=8),
        "h3": ParagraphStyle("h3", head, fontSize=12.5, leading=16, spaceBefore=9, spaceAfter=4),
        "contents": ParagraphStyle("contents", head, fontSize=17, leading=21, spaceAfter=10),
    }


def column_widths(rows: list[list[str]]) -> list[float]:
    """Share the width of the page among columns by their longest cells."""
    longest = [min(max(len(cell) for cell in column), 40) + 4 for column in zip(*rows, strict=True)]
    return [WIDTH * size / sum(longest) for size in longest]


def pdf_table(rows: list[list[str]], styles: dict[str, ParagraphStyle]) -> Table:
    """Build a ruled table whose first row is repeated on each page."""
    cells = [
        [Paragraph(escape(cell), styles["cellhead" if number == 0 else "cell"]) for cell in row]
        for number, row in enumerate(rows)
    ]
    table = Table(cells, colWidths=column_widths(rows), repeatRows=1, spaceBefore=6, spaceAfter=12)
    table.setStyle(
        [
            ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#dde8ee")),
            ("GRID", (0, 0), (-1, -1), 0.4, colors.HexColor("#8aa0ac")),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
        ]
    )
    return table


def contents(styles: dict[str, ParagraphStyle]) -> list[Flowable]:
    """Return the page that lists the chapters and sections."""
    toc = TableOfContents(dotsMinLevel=0)
    toc.tableStyle = [(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("TOP", "BOTTOM", "LEFT", "RIGHT")]
    toc.levelStyles = [
        ParagraphStyle("toc1", fontName="Helvetica-Bold", fontSize=9.5, leading=12, spaceBefore=3),
        ParagraphStyle("toc2", fontName="Helvetica", fontSize=9, leading=10.5, leftIndent=12),
    ]
    return [PageBreak(), Paragraph("Contents", styles["contents"]), toc, PageBreak()]


def pdf_flow(blocks: list[Block]) -> list[Flowable]:
    """Turn blocks into flowables; the cover ends, and the contents follow, at the first chapter."""
    styles = pdf_styles()
    flow: list[Flowable] = [Spacer(1, 60 * mm)]
    first_chapter = True
    for block in blocks:
        if block.kind == "table":
            flow.append(pdf_table(block.rows, styles))
            continue
        if block.kind == "heading" and block.level == 2 and first_chapter:
            flow += contents(styles)
            first_chapter = False
        name = f"h{block.level}" if block.kind == "heading" else block.kind
        mark = {"step": f"{block.level}.", "bullet": "\u2022"}.get(block.kind)
        flow.append(Paragraph(escape(block.text), styles[name], bulletText=mark))
        if block.kind == "heading" and block.level == 1:
            flow.append(Spacer(1, 6 * mm))
    return flow


class Handbook(BaseDocTemplate):
    """A document template with a footer, a table of contents and an outline."""

    def __init__(self, path: Path, title: str) -> None:
        """Set up A4 pages that are the same bytes on every run."""
        super().__init__(str(path), pagesize=A4, invariant=1, title=title, author="Brennholm Utilities Cooperative")
        self.footer = title
        frame = Frame(MARGIN, MARGIN, WIDTH, A4[1] - 2 * MARGIN, leftPadding=0, rightPadding=0)
        self.addPageTemplates(PageTemplate("page", [frame], onPage=self.draw_footer))

    def draw_footer(self, canvas: Canvas, _doc: BaseDocTemplate) -> None:
        """Draw a rule, the title and the page number at the foot of the page."""
        canvas.saveState()
        canvas.setFont("Helvetica", 8)
        canvas.setStrokeColor(colors.HexColor("#8aa0ac"))
        canvas.line(MARGIN, 18 * mm, A4[0] - MARGIN, 18 * mm)
        canvas.drawString(MARGIN, 13 * mm, self.footer)
        canvas.drawRightString(A4[0] - MARGIN, 13 * mm, f"Page {canvas.getPageNumber()}")
        canvas.restoreState()

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 (reportlab's name)
        """Enter each heading in the contents and in the outline."""
        name = flowable.style.name if isinstance(flowable, Paragraph) else ""
        if name not in ("h2", "h3"):
            return
        level, text = (0 if name == "h2" else 1), flowable.getPlainText()
        key = re.sub(r"\W+", "-", text.lower())
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(text, key, level, closed=True)
        self.notify("TOCEntry", (level, escape(text), self.page, key))


def make_pdf(source: Path, target: Path) -> None:
    """Write the handbook as a PDF."""
    blocks = list(parse_markdown(source.read_text(encoding="utf-8")))
    Handbook(target, blocks[0].text).multiBuild(pdf_flow(blocks))


# --- Word and Excel -------------------------------------------------------------------------------------------------


def freeze_zip(path: Path) -> None:
    """Rewrite an Office file with fixed dates, so that each run gives the same bytes."""
    with zipfile.ZipFile(path) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    stamp = FIXED.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts:
            if name == "docProps/core.xml":
                data = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", stamp, data)
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def add_word_table(document: Document, rows: list[list[str]]) -> None:
    """Add a table with a bold first row."""
    table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Table Grid")
    for number, row in enumerate(rows):
        for cell, text in zip(table.rows[number].cells, row, strict=True):
            cell.paragraphs[0].add_run(text).bold = number == 0
    document.add_paragraph()


def make_docx(source: Path, target: Path) -> None:
    """Write the contract as a Word file with real headings."""
    document = docx.Document()
    document.styles["Normal"].font.name = "Calibri"
    document.styles["Normal"].font.size = Pt(11)
    for block in parse_markdown(source.read_text(encoding="utf-8")):
        if block.kind == "table":
            add_word_table(document, block.rows)
        elif block.kind == "heading":
            document.add_heading(block.text, block.level - 1)
            if block.level == 1:
                document.core_properties.title = block.text
        else:
            style = {"step": "List Number", "bullet": "List Bullet"}.get(block.kind, "Normal")
            document.add_paragraph(block.text, style=style)
    document.core_properties.author = "Brennholm Utilities Cooperative"
    document.core_properties.created = document.core_properties.modified = FIXED
    document.save(str(target))
    freeze_zip(target)


def typed(text: str) -> str | int | float | date | None:
    """Read a CSV cell as a date, a number or text."""
    if not text:
        return None
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return date.fromisoformat(text)
    if re.fullmatch(r"\d+", text):
        return int(text)
    return float(text) if re.fullmatch(r"\d+\.\d+", text) else text


def fill_sheet(sheet: Worksheet, rows: list[list[str]]) -> None:
    """Copy rows into a sheet with a frozen, shaded head and fitting columns."""
    for row in rows:
        sheet.append([typed(cell) for cell in row])
    for number, column in enumerate(zip(*rows, strict=True), start=1):
        head = sheet.cell(1, number)
        head.font, head.fill = Font(bold=True), PatternFill("solid", fgColor="DDE8EE")
        head.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.column_dimensions[get_column_letter(number)].width = min(max(map(len, column)) + 2, 48)
        for cell in [row[number - 1] for row in sheet.iter_rows(min_row=2)]:
            cell.number_format = "yyyy-mm-dd" if isinstance(cell.value, date) else cell.number_format
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = sheet.dimensions


def make_xlsx(folder: Path, target: Path) -> None:
    """Write the maintenance log as a workbook with one sheet for each CSV file."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, name in SHEETS.items():
        with (folder / name).open(encoding="utf-8", newline="") as handle:
            fill_sheet(book.create_sheet(title), list(csv.reader(handle)))
    book.properties.title, book.properties.creator = "Maintenance log 2024", "Brennholm Utilities Cooperative"
    book.save(target)
    freeze_zip(target)


def main(arguments: list[str]) -> None:
    """Write the three documents into the folder named on the command line, or beside the script."""
    out = Path(arguments[0]) if arguments else HERE
    out.mkdir(parents=True, exist_ok=True)
    make_pdf(HERE / "station-handbook.md", out / "station-handbook.pdf")
    make_docx(HERE / "supply-contract.md", out / "supply-contract.docx")
    make_xlsx(HERE / "maintenance", out / "maintenance-log.xlsx")


if __name__ == "__main__":
    main(sys.argv[1:])
