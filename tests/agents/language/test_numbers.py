import pytest

from agents.language.numbers import number_value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,150", "1150"),
        ("0,5", "0.50"),
        ("3rd", "3"),
        ("12,000,000", "12000000"),
        ("2.0", "2"),
        ("1,234.5万", "12345000"),
    ],
)
def test_a_number_is_its_value_however_it_is_written(one: str, other: str) -> None:
    assert number_value(one) == number_value(other)


@pytest.mark.parametrize("written", ["12:30", "1:5万", "20-30万", "3.1.5万"])
def test_what_is_several_numbers_stays_as_it_is_written(written: str) -> None:
    assert number_value(written) == written
