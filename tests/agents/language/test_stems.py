import pytest

from agents.language.lexicon import ENGLISH, GERMAN
from agents.language.stems import Vocabulary


def test_words_are_compared_by_their_stems() -> None:
    terms = Vocabulary(ENGLISH).terms

    assert terms("the membranes were replaced") == terms("a membrane is replacing")
    assert terms("It was painted by three workers.") == terms("Painting, 3 worker")
    assert Vocabulary(GERMAN).terms("die zwei Filter der Anlagen") == Vocabulary(GERMAN).terms("2 Filtern einer Anlage")


@pytest.mark.parametrize(
    ("text", "term"), [("train A stops", "A"), ("in May or June", "may"), ("ask the IT staff", "it")]
)
def test_a_name_that_looks_like_a_small_word_counts(text: str, term: str) -> None:
    assert term in Vocabulary(ENGLISH).terms(text)


def test_words_know_where_they_stand() -> None:
    text = "P-101 lifts 1,150 m³ a day."
    assert [text[word.start : word.end] for word in Vocabulary(ENGLISH).words(text)][:3] == ["P", "101", "lifts"]


@pytest.mark.parametrize("text", ["see ¹a", "①a", "the map is 1:5万", "3.1.5万", "20-30万"])
def test_a_mark_or_several_numbers_in_a_word_leave_it_a_stem(text: str) -> None:
    assert all(word.stem for word in Vocabulary(ENGLISH).words(text))


@pytest.mark.parametrize(
    ("text", "negations"),
    [("It won't start.", ["won"]), ("She won.", []), ("He can’t, and nobody may.", ["can", "nobody"])],
)
def test_a_word_knows_whether_it_negates(text: str, negations: list[str]) -> None:
    assert [word.text for word in Vocabulary(ENGLISH).words(text) if word.negation] == negations
