import pytest

from agents.language.numbers import number_value


@pytest.mark.parametrize(
    ("one", "other"),
    [("1,150", "1150"), ("0,5", "0.50"), ("3rd", "3"), ("12,000,000", "12000000"), ("2.0", "2")],
)
def test_a_number_is_its_value_however_it_is_written(one: str, other: str) -> None:
    assert number_value(one) == number_value(other)
