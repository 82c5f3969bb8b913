from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine.extractive.statements import Statement, clean, read_statements
from agents.language.lexicon import ENGLISH
from agents.language.stems import Vocabulary
from agents.schema import Passage


def statements(*passages: Passage) -> list[Statement]:
    return read_statements(passages, Vocabulary(ENGLISH))


def test_headings_become_the_section_of_what_follows(passage: Callable[..., Passage]) -> None:
    text = "## 5.2 Starting\n\nOpen the valve.\n\n## 5.3 Stopping\n\nClose the valve."
    assert [(s.section, s.text) for s in statements(passage(text, heading="Manual > 5 Trains"))] == [
        ("Manual > 5.2 Starting", "Open the valve."),
        ("Manual > 5.3 Stopping", "Close the valve."),
    ]


def test_a_heading_that_was_read_into_a_sentence_is_cut_off(passage: Callable[..., Passage]) -> None:
    found = statements(passage("6.2 Disinfection\nWater is disinfected twice.", heading="Manual > 6.2 Disinfection"))
    assert [statement.text for statement in found] == ["Water is disinfected twice."]


def test_items_know_the_sentence_that_announces_them(passage: Callable[..., Passage]) -> None:
    found = statements(passage("The kit holds:\n\n- a red lamp\n- a blue rope"))
    assert [(statement.form, statement.lead) for statement in found] == [("sentence", -1), ("item", 0), ("item", 0)]


def test_a_long_statement_is_quoted_in_pieces_of_60_words(passage: Callable[..., Passage]) -> None:
    text = " ".join(f"w{number}" for number in range(130)) + "."
    (statement,) = statements(passage(text))

    assert [len(quote.split()) for quote in statement.quotes] == [60, 60, 10]
    assert " ".join(statement.quotes) == text
    assert statement.quote == statement.quotes[0]


def test_rows_are_read_with_the_names_of_their_columns(passage: Callable[..., Passage]) -> None:
    found = statements(passage("| Form | Kept by |\n|---|---|\n| 4 | Chemist |\n| 5 | Desk |"))
    assert [statement.text for statement in found] == [
        "Form: 4; Kept by: Chemist",
        "Form: 5; Kept by: Desk",
    ]


@pytest.mark.parametrize("between", ["\n", "\n\n", "\n## Accidents\n", "\n\n## Accidents\n\n", "\n\nAccidents:\n\n"])
def test_rows_are_read_with_their_own_tables_head(between: str, passage: Callable[..., Passage]) -> None:
    first, second = "| Product | Price |\n|---|---|\n| Anchor | 140 |", "| Year | Injured |\n|---|---|\n| 2024 | 7 |"
    rows = [statement for statement in statements(passage(f"{first}{between}{second}")) if statement.form == "row"]
    assert [row.text for row in rows] == ["Product: Anchor; Price: 140", "Year: 2024; Injured: 7"]
    assert [row.head for row in rows] == ["| Product | Price |", "| Year | Injured |"]


def test_rules_between_all_rows_make_no_heads(passage: Callable[..., Passage]) -> None:
    found = statements(passage("| Form | By |\n|---|---|\n| 4 | Ann |\n|---|---|\n| 5 | Bo |\n|---|---|\n"))
    assert [statement.text for statement in found] == ["Form: 4; By: Ann", "Form: 5; By: Bo"]


def test_a_pipe_inside_a_cell_parts_no_cells(passage: Callable[..., Passage]) -> None:
    found = statements(passage("| Form | Kept by |\n|---|---|\n| 4\\|5 | Desk\\| |"))
    assert [statement.text for statement in found] == ["Form: 4|5; Kept by: Desk|"]


def test_a_date_alone_on_its_line_is_no_heading(passage: Callable[..., Passage]) -> None:
    assert [statement.text for statement in statements(passage("30. September 2024"))] == ["30. September 2024"]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("- a  red\n  lamp", "a red lamp"),
        ("2) **Close** the `valve`.", "Close the valve."),
        ("the mem-\nbranes of train\nA", "the membranes of train A"),
        ("3.5 percent of it", "3.5 percent of it"),
        ("1. September 2024 ist der Tag.", "1. September 2024 ist der Tag."),
    ],
)
def test_a_slice_is_cleaned_for_reading(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text(alphabet=st.sampled_from("ab A1.|#-*:\n\t?!😀é(“"), max_size=400))
def test_every_statement_is_a_slice_of_its_passage(text: str) -> None:
    passage = Passage(document_id="d", title="T", index=0, start=0, end=len(text), page=1, text=text)
    for statement in statements(passage):
        assert 0 <= statement.start < statement.end <= len(text)
        assert text[statement.start : statement.end].strip() == text[statement.start : statement.end]
