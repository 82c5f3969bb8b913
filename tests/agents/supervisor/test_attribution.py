"""Which sentences of a text a statement rests on."""

import pytest

from agents.schema import Passage
from agents.supervisor.attribution import AttributableText

TEXT = """## Fines

A late volume costs 2 euros a day, and no more than 40 euros in all. The fine is waived for illness.

The reading room opens at 9 in the morning and closes at 17 on weekdays. On Saturdays it closes at noon.

Fines . . . . . . . . . . . . . . 12
"""


@pytest.fixture
def rules() -> AttributableText:
    passage = Passage(document_id="d", title="Rules", index=0, start=0, end=len(TEXT), page=1, heading="", text=TEXT)
    return AttributableText.of_passages([passage])


@pytest.mark.parametrize(
    ("statement", "quotes"),
    [
        (
            "For a late volume a reader pays 2 euros a day.",
            ("A late volume costs 2 euros a day, and no more than 40 euros in all.",),
        ),
        ("In illness the fine is waived.", ("The fine is waived for illness.",)),
        (
            "The reading room closes at 17 on weekdays and at noon on Saturdays.",
            (
                "The reading room opens at 9 in the morning and closes at 17 on weekdays.",
                "On Saturdays it closes at noon.",
            ),
        ),
    ],
)
def test_a_statement_rests_on_the_sentences_that_hold_its_words(
    rules: AttributableText, statement: str, quotes: tuple[str, ...]
) -> None:
    assert rules.quotes(statement) == quotes


@pytest.mark.parametrize("statement", ["The moon is made of green cheese.", "", "...", "It is."])
def test_what_the_text_does_not_say_rests_on_nothing(rules: AttributableText, statement: str) -> None:
    assert rules.quotes(statement) == ()


def test_a_sentence_of_the_text_rests_on_itself(rules: AttributableText) -> None:
    assert rules.quotes("On Saturdays it closes at noon.") == ("On Saturdays it closes at noon.",)


def test_lines_of_a_table_of_contents_are_no_sentences(rules: AttributableText) -> None:
    assert not any(". . ." in quote for quote in rules.quotes("Fines are on page 12."))


def test_of_two_sentences_with_the_same_words_the_shorter_is_meant() -> None:
    text = AttributableText.of_texts(
        ["The pump runs at 5 bar, day and night, all year round.", "The pump runs at 5 bar."]
    )

    assert text.sources("The pump runs at 5 bar, always.") == (1,)


def test_an_empty_text_has_no_sentences() -> None:
    assert AttributableText.of_passages([]).quotes("It opens at 9.") == ()
