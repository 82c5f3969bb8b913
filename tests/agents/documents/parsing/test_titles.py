"""What a document is called."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from agents.documents.library import Library
from agents.documents.parsing.parse import parse
from agents.documents.parsing.titles import choose, of_document, of_first_page
from tests.support.word import paragraph, run, word

PROSE = "The harbour is dredged every spring, and the spoil is brought to the island behind the old pier."
PAGE = [(11.0, PROSE)] * 6


def title_of(headings: list[tuple[int, str]], text: str = PROSE, named: str = "") -> str:
    return of_document(named, text, [(level, words, 0) for level, words in headings], "dredging_2024.pdf")


def test_the_largest_text_of_a_page_is_its_title_even_in_two_lines() -> None:
    first = [(9.0, "No. 12"), (20.0, "Dredging of"), (20.5, "the Harbour"), *PAGE, (14.0, "Means"), *PAGE]
    assert of_first_page(first, [(14.0, "Costs"), *PAGE]) == "Dredging of the Harbour"


@pytest.mark.parametrize("heading", ["Introduction", "Contents", "HUMAN HEALTH", "Einleitung", "目次"])
def test_a_heading_among_others_of_its_size_is_no_title(heading: str) -> None:
    assert of_first_page([(14.0, heading), *PAGE], [(14.0, "Methods"), *PAGE]) == ""
    assert of_first_page([(14.0, heading), *PAGE, (14.0, "Methods"), *PAGE], []) == ""
    assert title_of([(1, heading), (1, "Methods")]) == "dredging_2024"


def test_a_line_at_the_foot_of_a_page_is_no_title_however_large() -> None:
    assert of_first_page([*PAGE, (14.0, "Source: the register of the port")], PAGE) == ""


def test_a_cover_is_called_what_is_set_large_on_it() -> None:
    cover = [(8.0, "Printed in Emden"), (18.0, "Port of Emden"), (30.0, "Annual report"), (24.0, "2024"), (12.0, "1")]
    assert of_first_page(cover, [(30.0, "Our year"), *PAGE]) == "Port of Emden Annual report 2024"


def test_letters_without_a_word_are_no_title() -> None:
    assert of_first_page([(28.0, "Ç56"), *PAGE], []) == ""
    assert of_first_page([(28.0, "{ulla, kai}@example.org"), *PAGE], []) == ""
    assert choose("", "Ç56", PROSE) == ""


def test_metadata_are_believed_where_the_first_page_confirms_them_or_shows_no_title() -> None:
    page = "Port of Emden\nAnnual report 2024"
    assert choose("Emden annual report", "Port of Emden", page) == "Emden annual report"
    assert choose("Company Registration No", "Port of Emden", page) == "Port of Emden"
    assert choose("The sea of words in the U", "Port of Emden", page) == "Port of Emden"
    assert choose("The port's year", "", page) == "The port's year"


def test_half_a_letter_in_a_title_is_no_reason_to_refuse_a_pdf() -> None:
    content = io.BytesIO()
    canvas = Canvas(content, invariant=True)
    canvas.setTitle("twelve signs")
    canvas.drawString(72, 720, "The pump holds 40 litres.")
    canvas.bookmarkPage("here")
    canvas.addOutlineEntry("twelve signs", "here")
    canvas.save()
    data = content.getvalue()
    # In place of the title and of the bookmark a surrogate without its pair and "R", in UTF-16.
    assert data.count(b"(twelve signs)") == 2
    assert "40 litres" in parse(data.replace(b"(twelve signs)", b"<FEFFD8000052>"), "pump.pdf").text


def test_a_mail_goes_by_its_subject_whatever_that_is() -> None:
    for subject in ("Invoice 1", "report.pdf", "For kai@example.org"):
        assert parse(f"From: ulla@example.org\nSubject: {subject}\n\n{PROSE}".encode(), "a.eml").title == subject
        assert title_of([], f"From: ulla@example.org\nSubject: {subject}\n\n{PROSE}", subject) == subject


@pytest.mark.parametrize(
    "named",
    [
        "Microsoft Word - report.doc",
        "untitled",
        "Untitled Document",
        "PowerPoint Presentation",
        "(anonymous)",
        "Document1",
        "Dokument1",
        "Layout 1",
        "10811.exe",
        "DEF14A 2019 FINAL.pdf",
        "7",
    ],
)
def test_what_a_program_writes_for_want_of_a_title_is_none(named: str) -> None:
    assert title_of([], named=named) == "dredging_2024"
    assert title_of([(1, "Dredging of the Harbour")], named=named) == "Dredging of the Harbour"


def test_the_only_heading_of_the_highest_level_is_the_title_though_others_stand_before_it() -> None:
    assert title_of([(2, "Navigation"), (1, "Dredging"), (2, "Means"), (2, "Costs")]) == "Dredging"
    assert title_of([(1, "Dredging"), (1, "1. Means"), (1, "2. Costs")]) == "Dredging"


def test_several_sentences_are_no_title() -> None:
    assert title_of([(1, "The crane lifts 3.2 tonnes. It stands on quay four.")]) == "dredging_2024"


def test_a_line_alone_at_a_texts_beginning_is_its_title() -> None:
    assert title_of([], f"Rules of the boat house\n\n{PROSE}") == "Rules of the boat house"
    assert title_of([], f"Dear members,\n\n{PROSE}") == "dredging_2024"
    assert title_of([], f"| Berth | Fee |\n\n{PROSE}") == "dredging_2024"
    assert title_of([], f"{PROSE}\n\n{PROSE}") == "dredging_2024"


def test_a_contract_is_called_what_its_first_sentence_calls_it() -> None:
    text = f"EXHIBIT 10.4\nMOORING AGREEMENT\nThis Mooring Agreement is made on 3 May 2024 in Emden.\n{PROSE}"
    assert title_of([], text) == "MOORING AGREEMENT"


def test_a_pdf_is_called_what_its_first_page_shows_in_place_of_leftover_metadata(tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas: Any = Canvas(str(tmp_path / "a.pdf"))
    canvas.setTitle("Company Registration No")
    for number, heading in enumerate(("Dredging of the Harbour", "Means", "Costs")):
        canvas.setFont("Helvetica", 14 if number else 22)
        canvas.drawString(60, 780, heading)
        canvas.setFont("Helvetica", 11)
        for line in range(6):
            canvas.drawString(60, 740 - 16 * line, PROSE)
        canvas.showPage()
    canvas.save()
    assert parse((tmp_path / "a.pdf").read_bytes(), "a.pdf").title == "Dredging of the Harbour"


def test_a_word_documents_title_is_the_paragraph_in_that_style() -> None:
    styles = (
        '<w:style w:styleId="Titel"><w:name w:val="Title"/></w:style>'
        '<w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
    )
    heading = '<w:pStyle w:val="H1"/>'
    body = (
        paragraph(run("Dredging of the Harbour"), '<w:pStyle w:val="Titel"/>')
        + paragraph(run("Means"), heading)
        + paragraph(run(PROSE))
        + paragraph(run("Costs"), heading)
    )
    assert parse(word(body, styles=styles), "a.docx").title == "Dredging of the Harbour"


def test_an_opendocument_texts_title_is_the_paragraph_in_that_style() -> None:
    names = " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"' for prefix in ("office", "text", "style")
    )
    content = (
        f"<office:document-content {names}><office:automatic-styles>"
        '<style:style style:name="P1" style:family="paragraph" style:parent-style-name="Title"/>'
        "</office:automatic-styles><office:body><office:text>"
        '<text:p text:style-name="P1">Dredging of the Harbour</text:p>'
        '<text:h text:outline-level="1">Means</text:h><text:p>By barge.</text:p>'
        '<text:h text:outline-level="1">Costs</text:h><text:p>None.</text:p>'
        "</office:text></office:body></office:document-content>"
    )
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as container:
        container.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        container.writestr("content.xml", content)
    assert parse(data.getvalue(), "a.odt").title == "Dredging of the Harbour"


async def test_a_web_page_is_not_called_by_a_title_that_is_another_pages(
    library: Library, write: Callable[[str, str], str]
) -> None:
    page = "<html><head><title>{}</title></head><body><h1>Opening hours</h1><p>From nine.</p></body></html>"
    written = write("hours.html", page.format("Opening hours | Port of Emden"))
    assert (await library.open(written)).title == "Opening hours | Port of Emden"
    assert (await library.open(write("old.html", page.format("Website template")))).title == "Opening hours"


async def test_a_sheets_name_from_its_program_is_no_title(library: Library, tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.worksheets[0].title = "Tabelle1"
    for row in ([], ["Berth", "Fee"], ["B3", 410]):
        book.worksheets[0].append(row)
    book.save(tmp_path / "berths.xlsx")
    assert (await library.open(str(tmp_path / "berths.xlsx"))).title == "berths"


async def test_slides_are_called_by_the_first_of_them(library: Library, tmp_path: Path) -> None:
    from pptx import Presentation

    deck: Any = Presentation()
    deck.core_properties.title = "PowerPoint Presentation"
    for title in ("Dredging of the Harbour", "Means", "Costs"):
        deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = title
    deck.save(str(tmp_path / "a.pptx"))
    assert (await library.open(str(tmp_path / "a.pptx"))).title == "Dredging of the Harbour"
