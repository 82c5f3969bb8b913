import pytest

from agents.documents.reading import outline, select_pages, select_section, select_whole, take_part
from agents.errors import RequestError
from agents.language.tokens import estimate_tokens
from agents.schema import Document
from tests.support.samples import as_document

TEXT = (
    "Contents\n\n1 Scope\nIt covers pumps.\n\n2 Fees\n2.1 Servicing\nThe fee is 40 euros.\n\n"
    "2.2 Late payment\nIt costs 5 euros more.\n\nAppendix A: Forms\nForm 7.\n"
)
HEADINGS = ["1 Scope", "2 Fees", "2.1 Servicing", "2.2 Late payment", "Appendix A: Forms"]


@pytest.fixture
def agreement() -> Document:
    """Three pages; the first is printed "i", the second "1"."""
    headings = [(2 if "." in words else 1, words, TEXT.index(words)) for words in HEADINGS]
    made = as_document(TEXT, page_starts=(0, TEXT.index("2 Fees"), TEXT.index("Appendix")), headings=headings)
    pages = [page.model_copy(update={"label": label}) for page, label in zip(made.pages, ("i", "1", "2"), strict=True)]
    return made.model_copy(update={"pages": tuple(pages)})


def read(document: Document, spans: tuple[tuple[int, int], ...]) -> str:
    return "|".join(document.text[start:end] for start, end in spans)


@pytest.mark.parametrize(
    ("pages", "numbers"),
    [
        ("2", [2]),
        ("page 2", [2]),
        ("1-2", [1, 2]),
        ("3, 1", [3, 1]),
        ("i", [1]),
        ("I", [1]),
        ("i-2", [1, 2]),
        ("last", [3]),
    ],
)
def test_pages_are_named_by_position_or_by_what_is_printed_on_them(
    agreement: Document, pages: str, numbers: list[int]
) -> None:
    chosen = [agreement.pages[number - 1] for number in numbers]
    assert select_pages(agreement, pages).spans == tuple((page.start, page.end) for page in chosen)


def test_a_number_that_is_printed_on_another_page_is_told(agreement: Document) -> None:
    selected = select_pages(agreement, "2")
    assert selected.reading == "page 2 (printed: 1)"
    assert selected.notes == ("“2” is printed on page 3 (printed: 2).",)


@pytest.mark.parametrize("pages", ["9", "0", "2-9", "3-1", "xx", "", " , "])
def test_a_missing_page_is_refused_with_those_there_are(agreement: Document, pages: str) -> None:
    with pytest.raises(RequestError) as refused:
        select_pages(agreement, pages)
    assert "It has 3 pages, on which i to 2 are printed" in refused.value.hint


def test_of_one_page_no_range_is_proposed() -> None:
    with pytest.raises(RequestError, match=r"has no page 2\. It has 1 page\.$"):
        select_pages(as_document("Words."), "2")


def test_a_sheet_is_named_by_its_name() -> None:
    made = as_document("Parts here. Prices here.", page_starts=(0, 12))
    sheets = [
        page.model_copy(update={"label": label, "kind": "sheet"})
        for page, label in zip(made.pages, ("Parts", "Prices 2024"), strict=True)
    ]
    workbook = made.model_copy(update={"pages": tuple(sheets)})
    assert read(workbook, select_pages(workbook, "prices 2024").spans) == "Prices here."
    with pytest.raises(RequestError, match=r"no sheet Costs\. It has 2 sheets: “Parts”, “Prices 2024”"):
        select_pages(workbook, "Costs")


@pytest.mark.parametrize(
    ("section", "begins", "ends"),
    [
        ("2.1", "2.1 Servicing", "40 euros."),
        ("section 2", "2 Fees", "5 euros more."),
        ("Appendix A", "Appendix A", "Form 7."),
        ("late payment", "2.2 Late payment", "5 euros more."),
        ("2.2 Late payment", "2.2 Late payment", "5 euros more."),
        ("Scope", "1 Scope", "covers pumps."),
        ("lte paymnt", "2.2 Late payment", "5 euros more."),
    ],
)
def test_a_section_is_named_by_its_number_or_its_heading(
    agreement: Document, section: str, begins: str, ends: str
) -> None:
    text = read(agreement, select_section(agreement, section).spans).strip()
    assert text.startswith(begins)
    assert text.endswith(ends)


def test_a_heading_that_is_only_like_the_asked_one_is_said_to_be(agreement: Document) -> None:
    assert select_section(agreement, "Scop").notes == ("No heading is “Scop”; this one comes nearest.",)


JUMPING = (
    "LEASE\n\n1. Scope\n\nTwo rooms.\n\n2. Rent\n\nIt is 900 euros.\n\n5. Termination\n\n5.1 Notice\n\nNinety days.\n\n"
    "5.2 Fees\n\nThe fee is 40 euros.\n\nArticle 6. Law\n\nDutch law.\n"
)
"""An excerpt: its numbers do not follow each other, so that its last headings are not known as ones."""


@pytest.mark.parametrize(
    ("section", "begins", "ends"),
    [
        ("5.2", "5.2 Fees", "40 euros."),
        ("5.2 Fees", "5.2 Fees", "40 euros."),
        ("Fees", "5.2 Fees", "40 euros."),
        ("termination", "5. Termination", "40 euros."),
        ("5. Termination", "5. Termination", "40 euros."),
        ("law", "Article 6. Law", "Dutch law."),
    ],
)
def test_a_heading_is_found_with_its_number_by_its_number_and_without(section: str, begins: str, ends: str) -> None:
    known = [(1, words, JUMPING.index(words)) for words in ("1. Scope", "2. Rent")]
    for headings in (known, []):
        document = as_document(JUMPING, headings=headings)
        selected = select_section(document, section)
        text = read(document, selected.spans).strip()
        assert text.startswith(begins)
        assert text.endswith(ends)
        assert selected.notes == ()


def test_a_number_is_never_taken_for_another_that_has_its_digits(agreement: Document) -> None:
    for missing in ("5.2", "section 1.2", "2.7"):
        with pytest.raises(RequestError, match="no section"):
            select_section(agreement, missing)


def test_a_number_whose_section_has_another_heading_is_said_to_have_one(agreement: Document) -> None:
    selected = select_section(agreement, "2.1 Termination")
    assert read(agreement, selected.spans).startswith("2.1 Servicing")
    assert selected.notes == ("“Termination” does not stand at its beginning: it was found by its number.",)
    assert select_section(agreement, "Section 2.1").notes == select_section(agreement, "2.1 servicing").notes == ()


def test_the_words_beside_a_number_that_is_missing_find_their_heading(agreement: Document) -> None:
    assert select_section(agreement, "3.7 Late payment").reading == "section “2.2 Late payment”"


def test_a_missing_section_is_refused_with_those_there_are(agreement: Document) -> None:
    with pytest.raises(RequestError, match=r"no section “9\.9”.*2\.1 Servicing \(page 2 \(printed: 1\)\)"):
        select_section(agreement, "9.9")
    with pytest.raises(RequestError, match="No headings were found"):
        select_section(as_document("Only words."), "Termination")


def test_the_outline_leaves_out_lower_levels_where_there_are_too_many() -> None:
    text = "Words."
    few = as_document(text, headings=[(1, "Part", 0), *((2, f"Section {number}", 0) for number in range(99))])
    assert outline(few) == ("Part (page 1)",)


def test_the_parts_of_a_text_are_whole_sentences_and_together_the_text() -> None:
    sentences = [f"The pump of ward {number} holds {number} litres of clean water.\n" for number in range(400)]
    starts = [sum(map(len, sentences[:first])) for first in range(0, 400, 60)]
    document = as_document("".join(sentences), page_starts=starts)
    left, parts = select_whole(document).spans, []
    while left:
        spans, left = take_part(document, left, tokens=300)
        assert all(document.page_at(span.start) == span.page for span in spans)
        parts.append("".join(span.text for span in spans))
    assert "".join(parts) == document.text
    assert all(estimate_tokens(part) <= 300 for part in parts)
    assert all(part.rstrip().endswith("water.") for part in parts)


def test_a_sentence_longer_than_a_part_is_read_all_the_same() -> None:
    document = as_document("word " * 3_000)
    left, parts = select_whole(document).spans, []
    while left:
        spans, left = take_part(document, left, tokens=50)
        parts += [span.text for span in spans]
    assert "".join(parts) == document.text


def test_an_empty_page_is_read_as_one_without_text() -> None:
    document = as_document("Words.", page_starts=(0, 6))
    (span,), left = take_part(document, select_pages(document, "2").spans)
    assert (span.page, span.text, left) == (2, "", ())
