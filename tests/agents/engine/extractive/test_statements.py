from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine.extractive.statements import Statement, clean, read_statements, roles
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


def test_the_title_of_a_clause_stands_with_its_first_sentence(passage: Callable[..., Passage]) -> None:
    found = statements(
        passage("7. Governing Law. The law of Scotland holds. Its courts decide.\n\n8. Stay calm. Wait.")
    )
    assert [statement.text for statement in found] == [
        "Governing Law. The law of Scotland holds.",
        "Its courts decide.",
        "Stay calm. Wait.",
    ]


@pytest.mark.parametrize(
    "mark", ["**How do I leave?**", "How do I leave?", "Q: How do I leave?", "## How do I leave?\n"]
)
def test_a_question_in_a_line_of_its_own_stands_above_its_answer(passage: Callable[..., Passage], mark: str) -> None:
    found = statements(passage(f"Dogs may stay.\n\n{mark}\nWrite to us. Do so in May."))
    assert [statement.text for statement in found] == ["Dogs may stay.", "Write to us.", "Do so in May."]
    assert "How do I leave?" in found[1].section


def test_a_question_inside_of_prose_is_a_sentence(passage: Callable[..., Passage]) -> None:
    found = statements(passage("Why did the keeper leave? Nobody knew."))
    assert [statement.text for statement in found] == ["Why did the keeper leave?", "Nobody knew."]


def test_a_yes_or_no_stands_with_what_it_is_about(passage: Callable[..., Passage]) -> None:
    found = statements(passage("Is there a pool?\nNo. There is a sauna on the second floor."))
    assert [statement.text for statement in found] == ["No. There is a sauna on the second floor."]


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('between Pine Ltd (the "Supplier") and Elm AS (hereinafter the "Customer")', ("Supplier", "Customer")),
        ("zwischen Frau Holz (im Folgenden „Vermieterin“) und Herrn Tal (der Mieter)", ("Vermieterin", "Mieter")),
        ("the river (see the map) and the valve (closed)", ()),
    ],
)
def test_roles_are_the_names_that_a_contract_gives_its_parties(text: str, given: tuple[str, ...]) -> None:
    assert roles(text) == given


def test_the_title_of_a_clause_stands_with_the_paragraph_below_it(passage: Callable[..., Passage]) -> None:
    found = statements(passage("  15. Disclaimer of Warranty.\n\n  It has none.\n\n16. Limits. None."))
    assert [statement.text for statement in found] == [
        "Disclaimer of Warranty. It has none.",
        "Limits. None.",
    ]


def test_the_number_of_a_clause_is_no_figure(passage: Callable[..., Passage]) -> None:
    (statement,) = statements(passage("30.2 Disputes cost 500 euros in the district court."))
    assert [fact.text for fact in statement.facts(Vocabulary(ENGLISH)) if fact.kind != "name"] == ["500 euros"]


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
