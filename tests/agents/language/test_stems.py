import pytest

from agents.engine.extractive.matching import stands_for
from agents.language.lexicon import ENGLISH, GERMAN
from agents.language.numbers import number_value
from agents.language.stems import Vocabulary


@pytest.mark.parametrize(
    ("one", "other"),
    [("1,150", "1150"), ("0,5", "0.50"), ("3rd", "3"), ("12,000,000", "12000000"), ("2.0", "2")],
)
def test_a_number_is_its_value_however_it_is_written(one: str, other: str) -> None:
    assert number_value(one) == number_value(other)


def test_words_are_compared_by_their_stems() -> None:
    terms = Vocabulary(ENGLISH).terms

    assert terms("the membranes were replaced") == terms("a membrane is replacing")
    assert terms("It was built by three men.") == terms("Building, 3 man")
    assert Vocabulary(GERMAN).terms("die Filter der Anlagen") == Vocabulary(GERMAN).terms("Filtern einer Anlage")


@pytest.mark.parametrize(
    ("text", "term"), [("train A stops", "A"), ("in May or June", "may"), ("ask the IT staff", "it")]
)
def test_a_name_that_looks_like_a_small_word_counts(text: str, term: str) -> None:
    assert term in Vocabulary(ENGLISH).terms(text)


def test_words_know_where_they_stand() -> None:
    text = "P-101 lifts 1,150 m³ a day."
    assert [text[word.start : word.end] for word in Vocabulary(ENGLISH).words(text)][:3] == ["P", "101", "lifts"]


def test_some_words_stand_for_others() -> None:
    stem = Vocabulary(ENGLISH).stem

    assert stands_for(stem("replaced"), stem("exchange")) > 0
    assert stands_for(stem("chemist"), stem("chemistry")) > 0
    assert stands_for(stem("pump"), stem("valve")) == 0
