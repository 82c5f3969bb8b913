"""Tables of web pages, and sources that Python's or xberg's parser stumbles over."""

import pytest

from agents.documents.parsing.parse import parse


def read(html: str) -> list[str]:
    """Return the lines of a page with text, rows without padding."""
    lines = parse(html.encode(), "a.html").text.split("\n")
    return [" ".join(line.split()) for line in lines if line.strip("|- ")]


TABLES = {
    "two rows of names": (
        "<tr><th rowspan=2>Pier<th colspan=2>Departure<tr><th>day<th>week<tr><td rowspan=2>N<td>5<td>7<tr><td>8<td>9",
        ["| Pier | Departure day | Departure week |", "| N | 5 | 7 |", "| N | 8 | 9 |"],
    ),
    "names in plain cells": (
        "<tr><td rowspan=2>Pier<td colspan=2>Fee<tr><td>day<td>week<tr><td>N<td>5<td>30",
        ["| Pier | Fee day | Fee week |", "| N | 5 | 30 |"],
    ),
    "an empty corner": (
        "<tr><td><th colspan=2>2024<tr><td><th>Q1<th>Q2<tr><th>N<td>1<td>2",
        ["| | 2024 Q1 | 2024 Q2 |", "| N | 1 | 2 |"],
    ),
    "a title": (
        "<caption>Piers</caption><tr><td colspan=2>Fees<tr><td>A<td>B<tr><td>1<td>2",
        ["Piers", "Fees", "| A | B |", "| 1 | 2 |"],
    ),
    "a head of one cell": (
        "<thead><tr><th colspan=2>Fees</thead><tbody><tr><td>N<td>5<tr><td>S<td>7",
        ["| Fees | Fees |", "| N | 5 |", "| S | 7 |"],
    ),
    "a value over two columns": (
        "<tr><th>Day</th><th>From</th><th>To</th></tr><tr><td>Monday</td><td colspan=2>closed</td></tr>",
        ["| Day | From | To |", "| Monday | closed | |"],
    ),
    "spans that nobody can mean": (
        "<tr><th rowspan=999999999>A</th><th colspan=999999999>B</th></tr><tr><td>1</td></tr>",
        ["| A | B |", "| A | 1 |"],
    ),
    "tables that place things": (
        "<tr><td><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table></td><td>Beside.</td></tr>",
        ["| A | B |", "| 1 | 2 |", "Beside."],
    ),
    "a table within a cell": (
        "<tr><th>K</th><th>V</th></tr><tr><td>Q</td><td><table><tr><td>x</td><td>1</td></tr></table></td></tr>",
        ["| K | V |", "| Q | x, 1 |"],
    ),
}


@pytest.mark.parametrize(("source", "lines"), TABLES.values(), ids=TABLES.keys())
def test_a_table_has_one_row_of_names_and_no_gaps(source: str, lines: list[str]) -> None:
    assert read(f"<table>{source}</table>") == lines


TABLE = "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>"


@pytest.mark.parametrize(
    "html",
    [
        f"<p>One.</p>{TABLE}<p>Two.</p>",
        f"<form><p>One.</p>{TABLE}</form>Two.",
        f"<span>One. {TABLE} Two.</span>",
        f"<center>One.{TABLE}</center>Two.",
        f"<header>One.</header>{TABLE}Two.",
        f"<p>One.<![x {TABLE[:0]}]>{TABLE}<![endif]>Two.",
        f"<b><font>One.</b></font>{TABLE}Two.",
        f"One.{TABLE[:-8]}<p>Two.</p>",
    ],
)
def test_a_page_keeps_its_order_whatever_is_around_its_tables(html: str) -> None:
    assert [line.strip("*") for line in read(html)] == ["One.", "| A | B |", "| 1 | 2 |", "Two."]


def test_the_end_of_the_file_may_come_within_a_mark() -> None:
    assert [read(f"<p>Words{end}") for end in ("<![x", "<![", "<!", "<!--", "<a ", "&am")][:2] == [["Words"], ["Words"]]


def test_tables_nested_a_thousand_deep_take_linear_time() -> None:
    assert parse(("<table><tr><td>x" * 2_000).encode(), "a.html").text.count("x") == 2_000
