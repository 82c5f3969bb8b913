"""What two sentences must share for one to stand for both."""

import json
from pathlib import Path

import pytest

from agents.engine.extractive.particulars import Particulars, negated, numbers
from agents.language.stems import Vocabulary

STOCK = "The stock shall not fall below 28,000 L at any time, and from October to March the minimum is 40,000 L."
QUESTIONS = Path(__file__).parents[3] / "data" / "questions.json"


def agree(one: str, other: str) -> bool:
    vocabulary = Vocabulary.of(f"{one} {other}")
    return Particulars.of(one, vocabulary).agree(Particulars.of(other, vocabulary))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (STOCK, STOCK.replace(",000", "000")),
        ("Two pumps run.", "The 2 pumps run at night."),
        ("The warranty lasts at most 3 years.", "The warranty lasts no longer than three years."),
        ("The pump was checked by Ada Bell.", "The pump was seen to by Ada Bell."),
        ("It is not true that it does not open.", "It is true that it does open."),
    ],
)
def test_sentences_with_the_same_figures_names_and_negations_may_stand_for_one_another(one: str, other: str) -> None:
    assert agree(one, other)
    assert agree(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (STOCK, STOCK.replace("28,000", "26,000")),
        (STOCK, STOCK.replace("shall not", "may")),
        ("The cap applies to injury.", "The cap does not apply to injury."),
        ("The minimum stock is 40,000 L.", "The minimum stock in Berlin is 40,000 L."),
        ("The pump was checked by Ada Bell.", "The pump was checked by Mara Lindt."),
        ("The pump was checked on 3 May.", "The pump was checked on 3 June."),
        ("A dozen boats lie there.", "Boats lie there."),
    ],
)
def test_another_figure_name_date_or_negation_keeps_sentences_apart(one: str, other: str) -> None:
    assert not agree(one, other)
    assert not agree(other, one)


def test_every_sentence_can_stand_for_itself() -> None:
    sentences = [case["gold"] for case in json.loads(QUESTIONS.read_text())]
    assert all(agree(sentence, sentence) for sentence in sentences)


def test_one_changed_digit_is_always_noticed() -> None:
    for case in json.loads(QUESTIONS.read_text()):
        digits = [place for place, letter in enumerate(case["gold"]) if letter.isdecimal()]
        for place in digits[:3]:
            other = str((int(case["gold"][place]) + 1) % 10)
            changed = case["gold"][:place] + other + case["gold"][place + 1 :]
            assert not agree(changed, case["gold"]), changed


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("The stock is 28,000 L.", {"28000"}),
        ("Three pumps and 2 valves.", {"3", "2"}),
        ("Door B2 is red.", {"b2"}),
        ("No figure.", set()),
    ],
)
def test_a_number_counts_by_its_value_however_it_is_written(text: str, values: set[str]) -> None:
    assert numbers(text, Vocabulary.of(text)) == values


@pytest.mark.parametrize(
    ("text", "denies"),
    [
        ("The cap does not apply.", True),
        ("The cap applies.", False),
        ("No more than 5 volumes are lent.", False),
        ("It isn't longer than 5 m.", False),
        ("Die Pumpe läuft nicht.", True),
        ("It never fails not to open.", False),
    ],
)
def test_a_limit_and_a_double_negation_deny_nothing(text: str, denies: bool) -> None:
    assert negated(text, Vocabulary.of(text)) is denies
