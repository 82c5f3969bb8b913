"""Reading JSON as records."""

import json

import pytest

from agents.documents.parsing.parse import parse
from agents.documents.parsing.parsed import Parsed


def read(value: object) -> Parsed:
    return parse(json.dumps(value, ensure_ascii=False).encode(), "a.json")


def rows(parsed: Parsed) -> list[str]:
    return parsed.text.split("\n\n")


def test_each_record_is_a_row_that_names_every_value() -> None:
    records = [{"id": "T-1", "fee": 101, "paid": True, "note": None}, {"id": "T-2", "fee": 12.50, "tags": ["a", "b|c"]}]
    assert rows(read(records)) == [
        "| id: T-1 | fee: 101 | paid: true | note: null |",
        "| id: T-2 | fee: 12.5 | tags: a, b\\|c |",
    ]


def test_numbers_stay_as_they_are_written() -> None:
    assert parse(b'{"fee": 12.50, "big": 12345678901234567890123}', "a.json").text == (
        "| fee: 12.50 | big: 12345678901234567890123 |"
    )


def test_keys_that_name_records_and_lists_within_a_record_say_whose_they_are() -> None:
    assert rows(read({"T-1": {"fee": 101}, "T-2": {"fee": 102}})) == ["| T-1 | fee: 101 |", "| T-2 | fee: 102 |"]
    boat: dict[str, object] = {
        "name": "Windspiel",
        "berth": {"no": 12},
        "crew": [{"who": "Ann"}, {"who": "Bo"}],
        "fees": {"2024": {"eur": 5}},
    }
    parsed = read({"harbour": "Nord", "boats": [boat]})
    assert rows(parsed) == [
        "| harbour: Nord |",
        "# boats",
        "| name: Windspiel | berth.no: 12 |",
        "| name: Windspiel | crew.who: Ann |",
        "| name: Windspiel | crew.who: Bo |",
        "| name: Windspiel | fees: 2024 | eur: 5 |",
    ]
    assert parsed.headings == [(1, "boats", parsed.text.index("# boats"))]


def test_lists_below_a_list_of_names_are_records() -> None:
    assert rows(read([["id", "fee"], ["T-1", 5], ["T-2", 6]])) == ["| id: T-1 | fee: 5 |", "| id: T-2 | fee: 6 |"]


def test_a_long_value_is_a_paragraph_and_a_wide_record_several_rows_with_its_name() -> None:
    parsed = read([{"id": "T-1", "text": "# A long story. " * 20, **{f"key{n}": "x" * 90 for n in range(30)}}])
    assert all(len(row) < 1200 for row in rows(parsed))
    assert "text: # A long story." in parsed.text
    assert parsed.headings == []


@pytest.mark.parametrize("between", ["\n", "\r\n\n", " ", "\x1e", ",\n"])
def test_several_values_in_a_file_are_records(between: str) -> None:
    text = between.join(json.dumps({"id": f"T-{n}"}) for n in range(3))
    assert rows(parse(text.encode(), "a.jsonl")) == ["| id: T-0 |", "| id: T-1 |", "| id: T-2 |"]


def test_the_whole_records_of_a_faulty_file_are_records() -> None:
    cut = parse(b'[{"id": "T-1"},\n {"id": "T-2"},\n {"id": "T-', "a.json")
    assert rows(cut) == ["| id: T-1 |", "| id: T-2 |", '{"id": "T-']
    assert cut.warnings == ["The JSON is cut off or wrong in line 3: what follows was read as plain text."]
    assert rows(parse(b'{"id": 1}\n{"id": 2\n{"id": 3}', "a.ndjson")) == ["| id: 1 |", '{"id": 2', "| id: 3 |"]
    assert parse(b"[" * 100_000, "a.json").text.startswith("[[[[")
