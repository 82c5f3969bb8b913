"""Values as their number formats show them."""

from datetime import datetime, time, timedelta

import pytest

from agents.documents.parsing.number_formats import Value, shown

MOMENT = datetime.fromisoformat("2003-02-01 04:05:06.009")
DAY = datetime.fromisoformat("2026-04-01")


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (0.125, "0.0 %", "12.5 %"),
        (0.125, "0%", "13%"),
        (42, "00000", "00042"),
        (42, '"WO-"0000', "WO-0042"),
        (1234.5, '#,##0.00 "EUR"', "1,234.50 EUR"),
        (1234.5, "[$EUR] #,##0.00", "EUR 1,234.50"),
        (1234.5, "#,##0.00 [$€-407]", "1,234.50 €"),
        (-1234.5, "$#,##0.00_);($#,##0.00)", "($1,234.50)"),
        (-1234.5, '_-* #,##0.00 _€_-;-* #,##0.00 _€_-;_-* "-"?? _€_-', "-1,234.50"),
        (0, '_-* #,##0.00 _€_-;-* #,##0.00 _€_-;_-* "-"?? _€_-', "-"),
        (-5, "0;[Red](0)", "(5)"),
        (1234567, '#,##0,"k"', "1,235k"),
        (150, '[>100]"high";"low"', "high"),
        (3, '[>100]"high";"low"', "low"),
        (491234567890, "(000) 000-0000", "(49123) 456-7890"),
        (12.3333, "# ?/?", "12 1/3"),
        (0.0000001, "0.00E+00", "1.00E-07"),
        (2.675, "0.00", "2.68"),
        (-0.001, "0.00", "0.00"),
        (5, ";;;", ""),
        (0.1 + 0.2, "General", "0.3"),
        (3.0, "General", "3"),
        (7, 'General" kg"', "7 kg"),
        (True, "General", "TRUE"),
        ("0042", "0.00", "0042"),
    ],
)
def test_numbers(value: Value, number_format: str, text: str) -> None:
    assert shown(value, number_format) == text


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (MOMENT, "dd.mm.yyyy", "01.02.2003"),
        (MOMENT, "yyyy-mm-dd", "2003-02-01"),
        (MOMENT, "d-m-y h:m:s", "1-2-03 4:5:6"),
        (MOMENT, "dddd, d mmmm yyyy", "Saturday, 1 February 2003"),
        (MOMENT, "h:mm AM/PM", "4:05 AM"),
        (MOMENT, "mm:ss", "05:06"),
        (MOMENT, 'yyyy"年"m"月"d"日"', "2003年2月1日"),
        (DAY, "mm-dd-yy", "2026-04-01"),
        (DAY, "[$-407]d. mmmm yyyy", "2026-04-01"),
        (DAY, "[$-409]mmmm d, yyyy", "April 1, 2026"),
        (timedelta(hours=30, minutes=5), "[h]:mm", "30:05"),
        (time(14, 5), "hh:mm", "14:05"),
    ],
)
def test_dates_and_times(value: Value, number_format: str, text: str) -> None:
    assert shown(value, number_format) == text


@pytest.mark.parametrize("number_format", ["", "[", '"', "\\", ";", "@", "0.E+", "[>x]0", "/", "yyyyyyyy", "0" * 400])
def test_no_format_fails(number_format: str) -> None:
    for value in (0, -1.5, 1e300, MOMENT, time(), timedelta(days=-1), "x"):
        assert isinstance(shown(value, number_format), str)
