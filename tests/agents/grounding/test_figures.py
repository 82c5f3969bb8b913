import pytest

from agents.grounding.figures import number_in_words, unsupported_figures


@pytest.mark.parametrize(
    ("words", "value"),
    [("twenty-eight", 28), ("two hundred and fifty thousand", 250_000), ("three million", 3e6), ("hundred", 100)],
)
def test_a_number_in_words_has_a_value(words: str, value: float) -> None:
    assert number_in_words(words) == value


def test_a_range_and_the_scale_of_a_map_are_figures_as_they_are_written() -> None:
    quoted = "本地图的比例尺为1:5万，售价为20-30万元。"

    assert unsupported_figures("比例尺为1:5万，售价为20-30万元。", quoted) == set()
    assert unsupported_figures("比例尺为1:2万，售价为20-40万元。", quoted) == {"1:2万", "20-40万"}
