"""Scanned pages: what is read of them where OCR is installed, and what is said where it is not."""

import importlib.util
import io
import os
from pathlib import Path

import psutil
import pypdfium2
import pytest
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from agents.documents.parsing import pdf_ocr
from agents.documents.parsing.parse import parse
from agents.documents.parsing.pdf_ocr import Word, in_reading_order
from agents.errors import DocumentError
from agents.extras import add_extra

LINES = ("Die Prüfung der Kläranlage begann im März.", "Der Beitrag stieg auf 1.250,50 Euro im Jahr.")


def scan(turn: int = 0) -> bytes:
    """Return a PDF of one page that is a picture of some lines, turned to the left by an angle in degrees."""
    page = Image.new("L", (1240, 600), 255)
    font = ImageFont.truetype(str(Path(get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), 36)
    for index, line in enumerate(LINES):
        ImageDraw.Draw(page).text((80, 80 + index * 80), line, font=font, fill=0)
    file = io.BytesIO()
    page.rotate(turn, expand=True).save(file, "PDF", resolution=150)
    return file.getvalue()


def with_text(scanned: bytes) -> bytes:
    """Return a PDF with a page of text before the scanned one."""
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawString(72, 700, "The minutes of the meeting are attached as a scan, signed by the chairman.")
    canvas.save()
    document = pypdfium2.PdfDocument(file.getvalue())
    document.import_pages(pypdfium2.PdfDocument(scanned))
    joined = io.BytesIO()
    document.save(joined)
    return joined.getvalue()


def word(text: str, left: float, top: float, width: float = 400) -> Word:
    return Word(text, 0.99, left, top, left + width, top + 20)


class Recognizer:
    """Finds the same lines in every picture, with a certainty."""

    certainty = 0.99

    def read(self, _picture: object) -> list[Word]:
        return [Word(line, self.certainty, 0, 40.0 * index, 500, 40.0 * index + 20) for index, line in enumerate(LINES)]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_ocr, "is_installed", lambda: True)
    monkeypatch.setattr(pdf_ocr, "Recognizer", Recognizer)


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_ocr, "is_installed", lambda: False)


@pytest.mark.usefixtures("missing")
def test_without_ocr_the_command_that_adds_it_is_named() -> None:
    with pytest.raises(DocumentError) as caught:
        parse(scan(), "scan.pdf")

    assert add_extra("ocr") in caught.value.hint
    assert parse(with_text(scan()), "part.pdf").warnings == [
        f"Pages that hold pictures without text and would need OCR ({add_extra('ocr')} adds it): 2."
    ]


@pytest.mark.usefixtures("installed")
def test_scanned_pages_are_read_and_named() -> None:
    read = parse(with_text(scan()), "part.pdf")

    assert read.text[slice(*read.pages[1])].splitlines() == list(LINES)
    assert read.warnings == ["Pages that were read by OCR, which may take one letter for another: 2."]


@pytest.mark.usefixtures("installed")
def test_uncertain_pages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recognizer, "certainty", 0.7)

    assert parse(scan(), "letter.pdf").warnings[1] == "Pages that OCR was uncertain of, as of handwriting: 1."


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("cores", [1, 2])
def test_a_page_that_ends_its_process_costs_no_other(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(pdf_ocr._Scans, "_picture", lambda _, index: index)
    monkeypatch.setattr(Recognizer, "read", lambda _, picture: os._exit(1) if picture == 2 else [word("Read", 0, 0)])

    found = pdf_ocr.read_scans(None, range(6))

    assert (list(found.lines), found.unread) == ([0, 1, 3, 4, 5], [2])


@pytest.mark.usefixtures("installed")
def test_no_process_is_left_where_nobody_takes_the_other_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(pdf_ocr._Scans, "_picture", lambda _, index: index)
    before = psutil.Process().children()

    pages = pdf_ocr._Scans(None).read_in_forks(range(6))
    next(pages)
    assert len(psutil.Process().children()) == len(before) + 2
    pages.close()

    assert psutil.Process().children() == before


@pytest.mark.usefixtures("installed")
def test_pages_are_named_where_every_process_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recognizer, "__init__", lambda _: os._exit(1))

    assert parse(with_text(scan()), "part.pdf").warnings == [
        "Pages that OCR had no time or memory left for (READROOM_DOCUMENTS__OCR_PAGE_SECONDS gives more): 2."
    ]


def test_columns_are_read_one_after_the_other() -> None:
    left = [word(f"The left column's line of text number {number}", 0, 40.0 * number) for number in range(1, 7)]
    right = [word(f"The right column's line of text number {number}", 450, 40.0 * number + 3) for number in range(1, 7)]
    title = word("A title that stands across both", 100, 0, width=700)

    lines = in_reading_order([title, *(each for pair in zip(left, right, strict=True) for each in pair)])

    assert lines == [each.text for each in (title, *left, *right)]


def test_a_tables_rows_stay_together() -> None:
    cells = [
        word(f"{kind} {row}", left, 40.0 * row + left / 200, width=150)
        for row in range(8)
        for kind, left in (("Price", 450), ("Item", 0))
    ]

    assert in_reading_order(cells)[:2] == ["Item 0 Price 0", "Item 1 Price 1"]


@pytest.mark.skipif(importlib.util.find_spec("rapidocr") is None, reason="needs the extra ocr")
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_scans_are_read_whichever_way_they_lie(turn: int) -> None:
    lines = parse(scan(turn), "scan.pdf").text.splitlines()

    # Now and then a model overlooks a space.
    assert [line.replace(" ", "") for line in lines] == [line.replace(" ", "") for line in LINES]
