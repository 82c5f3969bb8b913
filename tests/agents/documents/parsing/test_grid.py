"""The tables that are found in a grid of cells; each case is a sheet's rows, and the Markdown that they become."""

from collections.abc import Sequence

import pytest

from agents.documents.parsing import grid

Rows = Sequence[Sequence[object]]


def markdown(rows: Rows, merged: Sequence[grid.Range] = (), bold: Sequence[int] = ()) -> str:
    cells = {
        (number, column): grid.Cell.of(str(value), strong=number in bold)
        for number, row in enumerate(rows)
        for column, value in enumerate(row)
        if value is not None
    }
    return grid.to_markdown(cells, merged, max_cells=10_000)


def tables(rows: Rows, merged: Sequence[grid.Range] = (), bold: Sequence[int] = ()) -> list[list[str]]:
    """Return the blocks of the text, each as its lines without outer borders and rules."""
    blocks = markdown(rows, merged, bold).split("\n\n")
    return [
        [line.removeprefix("| ").removesuffix(" |") for line in block.split("\n") if not line.startswith("| ---")]
        for block in blocks
    ]


@pytest.mark.parametrize("gap", [[], [[]], [[], []]])
def test_tables_below_each_other_keep_their_own_heads(gap: list[list[object]]) -> None:
    first, second = [["Product", "Price"], ["Anchor", 140]], [["Year", "Injured"], [2024, 7], [2025, 3]]
    if not gap:
        first = [["Prices"], *first]
        gap = [[], ["Accidents"]]
    found = [block for block in tables([*first, *gap, *second]) if len(block) > 1]
    assert found == [["Product | Price", "Anchor | 140"], ["Year | Injured", "2024 | 7", "2025 | 3"]]


def test_tables_of_words_alone_keep_their_own_heads() -> None:
    rows = [["Name", "Role"], ["Ines", "Captain"], ["Olaf", "Mate"], [], ["Boat", "Berth"], ["Amsel", "B1"]]
    assert [block[0] for block in tables(rows)] == ["Name | Role", "Boat | Berth"]


@pytest.mark.parametrize("years", [[2024, 2025], [1, 2]])
def test_tables_beside_each_other_are_two(years: list[int]) -> None:
    rows = [
        ["Product", "Price", None, "Year", "Injured"],
        ["Anchor", 140, None, years[0], 7],
        ["Buoy", 35, None, years[1], 3],
    ]
    assert tables(rows)[1] == ["Year | Injured", f"{years[0]} | 7", f"{years[1]} | 3"]


def test_tables_that_touch_at_a_corner_are_two() -> None:
    rows = [["Product", "Price"], ["Anchor", 140], [None, None, "Pier", "Berths"], [None, None, "North", 7]]
    assert tables(rows) == [["Product | Price", "Anchor | 140"], ["Pier | Berths", "North | 7"]]


def test_columns_behind_a_blank_one_keep_the_names_of_their_rows_but_not_the_group_before_it() -> None:
    rows = [
        ["In euros", None, 2023, None, None, 2024],
        [None, "Fees", "Fines", None, "Fees", "Fines"],
        ["North", 12, 3, None, "—", 4],
        ["South", 11, 2, None, "—", 5],
    ]
    assert tables(rows) == [
        ["In euros | Fees | 2023 Fines | Fees | 2024 Fines", "North | 12 | 3 | — | 4", "South | 11 | 2 | — | 5"]
    ]


def test_a_blank_column_inside_a_table_is_left_out() -> None:
    rows = [["Zone", "Sales", None, "Profit", "Loss"], ["North", 12, None, 3.5, 1], ["South", 11, None, 2.5, 4]]
    assert tables(rows) == [["Zone | Sales | Profit | Loss", "North | 12 | 3.5 | 1", "South | 11 | 2.5 | 4"]]


def test_a_table_goes_on_below_a_blank_row() -> None:
    rows = [["Item", "Cost"], ["Paint", 5], [], ["Rope", 9], ["Net", 11], [], ["Total", 25]]
    assert tables(rows) == [["Item | Cost", "Paint | 5", "Rope | 9", "Net | 11", "Total | 25"]]


def test_a_table_that_goes_on_below_a_title_keeps_its_names() -> None:
    rows = [["Item", "Cost"], ["Paint", 5], [], ["Later"], ["Rope", 9], ["Net", 11]]
    assert tables(rows)[1:] == [["### Later"], ["Item | Cost", "Rope | 9", "Net | 11"]]


@pytest.mark.parametrize(
    ("head", "merged", "names"),
    [
        (
            [["Region", "Plan", None, "Actual", None], [None, "Q1", "Q2", "Q1", "Q2"]],
            [(0, 0, 1, 0), (0, 1, 0, 2), (0, 3, 0, 4)],
            "Region | Plan Q1 | Plan Q2 | Actual Q1 | Actual Q2",
        ),
        (
            [["Region", "Plan", None, "Actual", None], [None, "Q1", "Q2", "Q1", "Q2"]],
            [],
            "Region | Plan Q1 | Plan Q2 | Actual Q1 | Actual Q2",
        ),
        (
            [["Region", "Plan", None, "Actual", None], [None, 2024, 2025, 2024, 2025]],
            [],
            "Region | Plan 2024 | Plan 2025 | Actual 2024 | Actual 2025",
        ),
        (
            [[None, 2024, None, 2025, None], ["Region", "Plan", "Actual", "Plan", "Actual"]],
            [(0, 1, 0, 2), (0, 3, 0, 4)],
            "Region | 2024 Plan | 2024 Actual | 2025 Plan | 2025 Actual",
        ),
        ([["Region", 2021, 2022, 2023, 2024]], [], "Region | 2021 | 2022 | 2023 | 2024"),
        ([["In EUR", None, None, None, "2024"], [None, "a", "b", "c", "d"]], [], "In EUR | a | b | c | 2024 d"),
    ],
)
def test_heads_of_two_rows_become_one(head: Rows, merged: list[grid.Range], names: str) -> None:
    rows = [*head, ["North", 1, 2, 3, 4], ["South", 5, 6, 7, 8]]
    assert tables(rows, merged) == [[names, "North | 1 | 2 | 3 | 4", "South | 5 | 6 | 7 | 8"]]


def test_merged_cells_are_repeated_in_each_row_and_column() -> None:
    rows = [["Pier", "Mon", "Tue"], ["A", "closed", None], [None, "open", "late"]]
    assert tables(rows, [(1, 0, 2, 0), (1, 1, 1, 2)]) == [
        ["Pier | Mon | Tue", "A | closed | closed", "A | open | late"]
    ]


def test_labels_that_stand_once_for_a_group_are_repeated() -> None:
    rows = [["Land", "Town", "Kind"], ["DE", "Kiel", "x"], [None, None, "y"], [None, "Bonn", "x"], ["DK", "Ribe", "z"]]
    assert tables(rows)[0][1:] == ["DE | Kiel | x", "DE | Kiel | y", "DE | Bonn | x", "DK | Ribe | z"]


@pytest.mark.parametrize(
    "rows",
    [
        [["Post", "Net"], ["Paint", 200], ["Timber", 800], [None, 1000]],
        [["Done", "Task"], ["x", "a"], [None, "b"], ["x", "c"], [None, "d"]],
    ],
    ids=["a sum without a label", "marks"],
)
def test_blank_cells_that_are_no_labels_stay_blank(rows: Rows) -> None:
    assert tables(rows)[0][-1].startswith(" | ") or markdown(rows).split("\n")[-1].startswith("|  | ")


@pytest.mark.parametrize(("merged", "bold"), [([(1, 0, 1, 2), (3, 0, 3, 2)], []), ([], [1, 3])])
def test_a_label_in_a_row_of_its_own_heads_the_rows_below(merged: list[grid.Range], bold: list[int]) -> None:
    rows = [["Item", "Qty", "Price"], ["North"], ["Paint", 1, 2], ["South"], ["Rope", 5, 6]]
    head = "Item | Qty | Price"
    expected = [["### North"], [head, "Paint | 1 | 2"], ["### South"], [head, "Rope | 5 | 6"]]
    assert tables(rows, merged, bold) == expected


def test_titles_and_notes_stay_out_of_the_table() -> None:
    rows = [["Fees 2026"], ["Berth", "Fee"], ["B1", 410], [], ["All fees are in EUR."]]
    assert tables(rows) == [["### Fees 2026"], ["Berth | Fee", "B1 | 410"], ["All fees are in EUR."]]


def test_cells_far_apart_do_not_make_a_table_of_blanks() -> None:
    cells = {(number, number + beside): grid.Cell("x") for number in range(3000) for beside in (0, 1)}
    with pytest.raises(grid.TooSparseError):
        grid.to_markdown(cells, max_cells=10_000)


def test_a_range_may_cover_the_whole_sheet() -> None:
    assert markdown([["a", "b"], ["c", 1]], [(0, 0, 1 << 20, 1 << 14)]).startswith("| a | b |")
