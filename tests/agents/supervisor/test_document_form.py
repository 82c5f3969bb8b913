"""What code says of documents that are no prose."""

import pytest

from agents.schema import Document, Heading, Page
from agents.supervisor.document_form import LineForm

LOG = "\n".join(
    f"2026-03-01 10:{number:02d}:00 " + ("ERROR lost the database" if number % 10 == 0 else f"INFO beat {number}")
    for number in range(60)
)
TABLE = "\n".join(["| Order | Cost |", "|---|---|", *(f"| WO-{number} | {number * 3} |" for number in range(20))])
LIST = "\n".join(f"{number}. Wash the {name}." for number, name in enumerate("abcdefghijklmnopqrst", 1))
PROSE = "\n".join(f"Chapter says that a reader may borrow {number} volumes, and so on.\nIt is." for number in range(30))


def document(text: str, headings: tuple[Heading, ...] = ()) -> Document:
    page = Page(number=1, start=0, end=len(text))
    return Document(document_id="d", title="T", name="t.txt", text=text, pages=(page,), headings=headings)


def said(text: str, headings: tuple[Heading, ...] = ()) -> list[str]:
    return [claim.text for claim in LineForm(document(text, headings)).claims()]


def test_a_log_is_said_to_be_lines_of_one_form_with_the_number_of_each_kind() -> None:
    first, *kinds = said(LOG)

    assert first.startswith("60 of the 60 lines of T have one form, and are of 2 kinds")
    assert "from “2026-03-01 10:00:00 ERROR lost the database” to “2026-03-01 10:59:00 INFO beat 59”" in first
    assert kinds == [
        "54 lines of the kind “2026-03-01 10:01:00 INFO beat 1”.",
        "6 lines of the kind “2026-03-01 10:00:00 ERROR lost the database”.",
    ]


def test_a_table_is_said_to_be_one_with_its_columns_and_rows() -> None:
    assert said(TABLE) == ["T is a table of 20 rows with the columns Order, Cost."]


def test_each_of_several_tables_is_described_under_its_heading() -> None:
    text = f"Orders\n{TABLE}\n\nParts\n{TABLE.replace('Cost', 'Stock')}"
    headings = (Heading(level=1, text="Orders", start=0), Heading(level=1, text="Parts", start=text.index("Parts")))

    assert said(text, headings) == [
        "Orders is a table of 20 rows with the columns Order, Cost.",
        "Parts is a table of 20 rows with the columns Order, Stock.",
    ]


def test_a_list_is_said_to_be_lines_of_one_form_without_kinds() -> None:
    (form,) = said(LIST)

    assert form == "20 of the 20 lines of T have one form. They go from “1. Wash the a.” to “20. Wash the t.”."


@pytest.mark.parametrize("text", [PROSE, "", "\n\n", "- one\n- two"])
def test_nothing_is_said_of_prose_and_of_a_few_lines(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize("text", [LOG, TABLE, LIST])
def test_every_quote_stands_in_the_text(text: str) -> None:
    for claim in LineForm(document(text)).claims():
        assert claim.quotes
        assert all(quote in text for quote in claim.quotes)


def test_a_line_whose_kind_is_counted_need_not_be_said_again() -> None:
    form = LineForm(document(LOG))

    assert form.counts("2026-03-01 10:07:00 INFO beat 7")
    assert not form.counts("2026-03-01 10:07:00 INFO started")
