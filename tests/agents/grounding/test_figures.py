import pytest

from agents.grounding.figures import number_in_words


@pytest.mark.parametrize(
    ("words", "value"),
    [("twenty-eight", 28), ("two hundred and fifty thousand", 250_000), ("three million", 3e6), ("hundred", 100)],
)
def test_a_number_in_words_has_a_value(words: str, value: float) -> None:
    assert number_in_words(words) == value
