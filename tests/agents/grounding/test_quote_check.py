import pytest

from agents.grounding.quote_check import differences, find_words, nearest_sentence, sentence_around
from agents.schema import Passage
from tests.support.samples import as_document

TEXT = (
    "The pump holds 40 litres. The “valve” was made\nby Orlov in Wester-\nhaven.\n\n"
    "The pump holds 40 litres, not 50. Nobody may open the gate. It shall not be sold. THE END"
)
DOCUMENT = as_document(TEXT)


@pytest.mark.parametrize(
    ("words", "verdict", "count"),
    [
        ("The pump holds 40 litres", "exact", 2),
        ("“The pump holds 40 litres.”", "exact", 2),
        ('The "valve" was made by Orlov in Westerhaven.', "same_words", 1),
        ("the end", "same_words", 1),
        ("The pump contains 40 litres, not 50. Nobody may open the gate.", "similar", 1),
        ("The pump holds 41 litres", "absent", 0),
        ("The moon is made of cheese", "absent", 0),
        ("be sold", "similar", 1),
        ("The pump holds … Nobody may open the gate.", "exact", 2),
        ("Nobody may open the gate [...] Orlov in Westerhaven", "similar", 2),
        ("The pump holds … made of cheese", "absent", 0),
    ],
)
def test_a_quote_is_told_by_how_it_stands_there(words: str, verdict: str, count: int) -> None:
    found = find_words(words, DOCUMENT)
    assert found.verdict == verdict
    assert (0 if verdict == "absent" else len(found.places)) == count
    assert all(TEXT[place.start : place.end] == place.quote for place in found.places)


def test_words_that_a_negation_turns_round_are_shown_with_it() -> None:
    assert find_words("be sold", DOCUMENT).places[0].quote == "not be sold"


def test_words_that_stand_elsewhere_than_said_are_found_there_and_told() -> None:
    second = TEXT.index("The pump holds 40 litres, not")
    there = find_words("The pump holds 40 litres", DOCUMENT, [(second, len(TEXT))])
    assert [place.start for place in there.places] == [second]
    assert there.notes == ("They stand once more outside of what was named.",)
    elsewhere = find_words("Orlov", DOCUMENT, [(second, len(TEXT))])
    assert "but elsewhere in the document" in elsewhere.notes[0]


def test_the_sentence_around_words_comes_on_one_line() -> None:
    start = TEXT.index("Orlov")
    assert sentence_around(DOCUMENT, start, start + 5) == "The “valve” was made by Orlov in Wester- haven."


FEES = (
    "A late fee of 1.10 percent is charged. The servicing fee that the bank pays to Orlov Pumps at the end of each "
    "quarter amounts to 0.45 percent of the balance that is outstanding on its last day. A late fee of 4.5 is rare."
)


@pytest.mark.parametrize(
    "words",
    [
        "The servicing fee amounts to 0.54 percent of the balance",
        "amounts to 0.54 percent of the outstanding balance",
        "0.54 percent",
    ],
)
def test_the_nearest_sentence_has_most_of_all_the_words_however_long_it_is(words: str) -> None:
    passage = Passage(document_id="0" * 16, title="Fees", index=0, page=1, start=0, end=len(FEES), text=FEES)
    span = nearest_sentence(words, [passage])
    assert span is not None
    assert "0.45 percent" in FEES[slice(*span)]


@pytest.mark.parametrize(
    ("words", "said", "told"),
    [
        ("The fee is 0.54 percent.", "So the fee is 0.45 percent here.", "“0.45” in place of “0.54”"),
        ("0.54 percent is the fee", "As agreed 0.45 percent is the fee.", "“0.45” in place of “0.54”"),
        ("the gate may be opened", "The gate may not be opened.", "with “not”"),
        ("the late fee is due", "The fee is due.", "without “late”"),
        ("fee of ninety francs", "It costs ninety francs' fee.", "with “fee” in another place; without “of”"),
        ("the gate may be opened", "Opened the gate may be.", "with “opened” in another place"),
    ],
)
def test_what_differs_from_a_quote_is_told_in_words(words: str, said: str, told: str) -> None:
    assert differences(words, said) == f"There it is said {told}."


def test_of_a_quote_with_little_in_common_only_that_is_told() -> None:
    told = differences("The moon is made of green cheese", "The pump is blue")
    assert told == "Only 2 of the 7 words stand there in this order."
    told = differences("The moon is made of green cheese", "Cheese made green the moon")
    assert told == "Only 2 of the 7 words stand there in this order, 3 in another."
    assert differences("Zebras gallop", "The pump is blue") == ""
