import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.language import section_references
from agents.language.section_references import Reference
from agents.schema import Passage


def called(question: str) -> list[str]:
    return [str(place) for place in section_references.find_references(question)]


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What does page 19 say?", ["page 19"]),
        ("Summarise section 4.2, please.", ["section 4.2"]),
        ("What is the deadline in clause 17.1(a)?", ["clause 17.1"]),
        ("Was steht auf Seite 3?", ["Seite 3"]),
        ("Was regelt § 5?", ["§ 5"]),
        ("What does Rule 10b-5 say on page 5A?", ["Rule 10", "page 5"]),
        ("Was regeln § 12a und Item 1A?", ["§ 12a", "Item 1A"]),
        ("Que dit l'article 12 ?", ["article 12"]),
        ("¿Qué dice la cláusula 5?", ["cláusula 5"]),
        ("What does Annex II contain, and Appendix B?", ["Annex II", "Appendix B"]),
        ("pages 3-5 and 7", ["page 3", "page 4", "page 5", "page 7"]),
        ("What is on the last page?", ["the last page"]),
        ("How many pages are there?", []),
        ("Which part of it applies to 3 persons?", []),
        ("Did article 5% rise?", []),
        ("Who signed it in 2024?", []),
        ("What does clause 4(b) say?", ["clause 4"]),
        ("What stands in sheet Budget 2024?", ["sheet Budget 2024"]),
        ("Was steht auf dem Blatt Haushalt?", ["Blatt Haushalt"]),
        ("What is the total of the 'second half' sheet?", ["sheet second half"]),
        ("What is the balance sheet total?", []),
        ("What does the sheet say?", []),
        ("What is on slide 3?", ["slide 3"]),
        ("第三条规定了什么？", ["第3条"]),
        ("第１２条は何を定めていますか。", ["第12条"]),
        ("제3조는 무엇을 정합니까?", ["第3条"]),
        ("第二页写了什么？", ["页 2"]),
        ("What does page iv say?", ["page iv"]),
        ("What does the page i uploaded say?", []),
        ("Welche Frist nennt Artikel 28 DSGVO?", []),
        ("Compare section 3 to section 5", ["section 3", "section 5"]),
        ("Cosa dice l'articolo 7 del capitolo 2?", ["capitolo 2"]),
        ("Wat staat in hoofdstuk 4 en 5?", ["hoofdstuk 4", "hoofdstuk 5"]),
        ("O que diz a primeira página?", ["página 1"]),
        ("What is the part I play in it?", []),
        ("What does Part I say?", ["Part I"]),
        ("What does paragraph 3 of clause 4 say?", ["clause 4"]),
        ("Who is named in part A and in part B?", ["part A", "part B"]),
    ],
)
def test_a_question_names_pages_and_sections_by_their_numbers(question: str, names: list[str]) -> None:
    assert called(question) == names


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("What is the notice period in section 4?", "What is the notice period ?"),
        ("According to page 7, who pays?", ", who pays?"),
        ("Welche Frist nennt § 5 dem Kunden?", "Welche Frist nennt dem Kunden?"),
        ("Who pays?", "Who pays?"),
    ],
)
def test_what_is_asked_of_a_place_is_left_when_the_place_is_taken_out(question: str, rest: str) -> None:
    assert section_references.strip_references(question) == rest


@given(st.text())
def test_any_question_can_be_looked_at(question: str) -> None:
    assert set(section_references.find_references(question)) == set(section_references.find_references(question))
    assert len(section_references.strip_references(question)) <= len(question)


def test_a_question_of_many_signs_is_looked_at_in_time_linear_in_it() -> None:
    assert section_references.find_references("§" * 20_000) == ()
    assert called("Was steht in §§ 5 und 7?") == ["§§ 5", "§§ 7"]


def test_a_page_is_told_by_its_word() -> None:
    assert Reference("Seite", "3", is_page=True) == section_references.find_references("Seite 3")[0]
    assert not section_references.find_references("section 3")[0].is_page


def test_a_question_is_about_its_evidence_alone_where_that_is_the_place_it_names() -> None:
    section = Passage(document_id="d", title="T", index=3, start=0, end=9, page=7, text="## 4.2 Fees\n\nNine.")

    assert section_references.within_references("What is the fee in section 4.2?", [section])
    assert section_references.within_references("What is the fee on page 7?", [section])
    assert not section_references.within_references("What is the price of part 4711?", [section])
    assert not section_references.within_references("What is the fee in section 4?", [section])
    assert not section_references.within_references("What is the fee?", [section])
    assert not section_references.within_references("What is the fee in section 4.2?", [])
