import pytest

from agents.language.numbers import number_in_words, number_value


@pytest.mark.parametrize(
    ("one", "other"),
    [("1,150", "1150"), ("0,5", "0.50"), ("3rd", "3"), ("12,000,000", "12000000"), ("2.0", "2")],
)
def test_a_number_is_its_value_however_it_is_written(one: str, other: str) -> None:
    assert number_value(one) == number_value(other)


@pytest.mark.parametrize(
    ("words", "value"),
    [("twenty-eight", 28), ("two hundred and fifty thousand", 250_000), ("three million", 3e6), ("hundred", 100)],
)
def test_a_number_in_words_has_a_value(words: str, value: float) -> None:
    assert number_in_words(words) == value
