"""Pages whose layout matters: columns in any order of the file, tables, broken words, running heads, broken fonts."""

import pytest

from agents.documents.parsing import broken_words, running_heads, text_layer
from agents.documents.parsing.page_layout import Line, Segment, arrange

LEFT = (
    "Der Bericht über das Moor",
    "zählt einundvierzig Paare der",
    "Kiebitze im Frühjahr. Die",
    "nahe am Ufer standen",
)
RIGHT = (
    "18.600 Euro kostete und vom",
    "Kreis bezahlt wurde. Danach",
    "gingen nur zwei Nester",
    "im Mai unter Frau Dr. Vass.",
)
PITCH = 14


def drawn(words: tuple[str, ...], left: float, lines: range, down: float = 0.0) -> list[Segment]:
    """Return lines of text 10 points high and 5 points a letter."""
    return [
        Segment(left, 700 - PITCH * row - down, left + 5 * len(text), 710 - PITCH * row - down, text, line)
        for row, (text, line) in enumerate(zip(words, lines, strict=True))
    ]


def texts(segments: list[Segment]) -> list[str]:
    return [line.text for line in arrange(sorted(segments, key=lambda segment: segment.line)).lines]


@pytest.mark.parametrize("down", [0.0, 5.0])
def test_columns_are_read_one_after_the_other_in_whatever_order_they_are_drawn(down: float) -> None:
    orders = [
        (range(0, 8, 2), range(1, 8, 2)),  # row by row
        (range(4), range(4)),  # row by row, and taken for one line
        (range(4, 8), range(4)),  # the right one first
        (range(4), range(4, 8)),
    ]
    for left, right in orders:
        assert texts(drawn(LEFT, 60, left) + drawn(RIGHT, 260, right, down)) == [*LEFT, *RIGHT]


def test_a_table_is_rows_of_cells_under_its_head() -> None:
    rows = (("Item", "2023", "2022"), ("Sales", "1,200", "1,100"), ("Cost", "(300)", "(280)"), ("Tax", "90", "82"))
    for by_column in (False, True):
        cells = [
            Segment(
                60 + 90 * c,
                700 - 16 * r,
                60 + 90 * c + 5 * len(cell),
                710 - 16 * r,
                cell,
                10 * c + r if by_column else r,
            )
            for r, row in enumerate(rows)
            for c, cell in enumerate(row)
        ]
        assert texts(cells) == [
            "",
            "| Item | 2023 | 2022 |",
            "| --- | --- | --- |",
            *(f"| {' | '.join(r)} |" for r in rows[1:]),
            "",
        ]


def test_rows_of_figures_without_a_head_are_no_table() -> None:
    rows = (("Sales", "1,200"), ("Cost", "300"), ("Tax", "90"), ("Rent", "80"))
    cells = [
        Segment(60 + 90 * c, 700 - 16 * r, 80 + 90 * c, 710 - 16 * r, cell, r)
        for r, row in enumerate(rows)
        for c, cell in enumerate(row)
    ]
    assert texts(cells) == [" ".join(row) for row in rows]


def test_dots_may_lead_to_the_figures_of_a_table_but_to_the_pages_of_a_table_of_contents() -> None:
    dots = " ......"
    accounts = (("In thousands", "2023", "2022"), *((f"{name}{dots}", "12", "9") for name in ("Sales", "Cost", "Tax")))
    contents = (("Chapter", "Page"), *((f"{name}{dots}", "12") for name in ("Sales", "Cost", "Tax")))

    def page(rows: tuple[tuple[str, ...], ...]) -> list[str]:
        cells = [
            Segment(60 + 90 * c, 700 - 16 * r, 60 + 90 * c + 5 * len(cell), 710 - 16 * r, cell, r)
            for r, row in enumerate(rows)
            for c, cell in enumerate(row)
        ]
        return texts(cells)

    assert page(accounts)[3:6] == ["| Sales | 12 | 9 |", "| Cost | 12 | 9 |", "| Tax | 12 | 9 |"]
    assert page(contents)[1] == "Sales ...... 12"


def lockers(numbers: range, *, head: tuple[str, ...] = (), foot: str = "") -> list[Segment]:
    """Return a page with a table of lockers from top to bottom."""
    body = [(f"L{number}", f"Tenant {number}", f"{number}.50") for number in numbers]
    rows = [*([head] if head else []), *body]
    cells = [
        Segment(60 + 90 * c, 700 - 16 * r, 60 + 90 * c + 5 * len(cell), 710 - 16 * r, cell, r)
        for r, row in enumerate(rows)
        for c, cell in enumerate(row)
    ]
    return cells + ([Segment(300, 40, 300 + 5 * len(foot), 50, foot, len(rows))] if foot else [])


HEAD = ("Locker", "Tenant", "Rent")


def test_a_table_that_goes_on_over_pages_has_its_head_on_each() -> None:
    first = arrange(lockers(range(10, 15), head=HEAD, foot="Page 1"))
    second = arrange(lockers(range(15, 20), foot="Page 2"), first.table)
    third = arrange(lockers(range(20, 21), foot="Page 3"), second.table)

    for page, row in ((second, "| L15 | Tenant 15 | 15.50 |"), (third, "| L20 | Tenant 20 | 20.50 |")):
        assert [line.text for line in page.lines][:4] == ["", "| Locker | Tenant | Rent |", "| --- | --- | --- |", row]


def test_another_table_on_the_next_page_has_no_head_of_this_one() -> None:
    table = arrange(lockers(range(10, 15), head=HEAD)).table
    titled = [*drawn(("Boats on the shore",), 60, range(1), -20), *lockers(range(15, 20))]
    named = lockers(range(15, 20), head=("Boat", "Owner", "Fee"))
    followed = [*lockers(range(10, 15), head=HEAD), *drawn(("The club thanks all.",), 60, range(90, 91), 300)]

    assert "| Locker | Tenant | Rent |" not in [line.text for line in arrange(titled, table).lines]
    assert [line.text for line in arrange(named, table).lines][1] == "| Boat | Owner | Fee |"
    assert "| Locker | Tenant | Rent |" not in [
        line.text for line in arrange(lockers(range(15, 20)), arrange(followed).table).lines
    ]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("the firm of Anders-\nson, which won", "the firm of Andersson,\nwhich won"),
        ("beim Hafen-\nmeister in", "beim Hafenmeister\nin"),
        ("MR ANDER-\nSON said", "MR ANDERSON\nsaid"),
        ("an ex-\nNavy boat", "an ex-Navy\nboat"),
        ("an EU-\nwide rule", "an EU-wide\nrule"),
        ("die Vor-\nund Nachteile", "die Vor- und\nNachteile"),
        ("state-of-the-\nart pumps", "state-of-the-art\npumps"),
        ("a well-known man, and a well-\nknown one", "a well-known man, and a well-known\none"),
        ("a co\u00adoperative", "a cooperative"),
        ("the com-\nmittee", "the committee"),
    ],
)
def test_a_broken_word_is_whole_on_its_first_line(text: str, whole: str) -> None:
    assert broken_words.Hyphenation([broken_words.Vocabulary(text)]).join(text) == whole


def page(*words: str) -> list[Line]:
    return [Line(text, 800.0 - 20 * at, 810.0 - 20 * at, 10.0) for at, text in enumerate(words)]


def test_what_runs_on_pages_stays_out_of_sentences_and_numbers_of_pages_stay_out() -> None:
    pages = [
        page("Mill Trust 2025", text, "Page", f"- {number} -")
        for number, text in enumerate(("The mill", "burnt down.", "It rained."), 6)
    ]
    kept = [[line.text for line in each.lines] for each in running_heads.without_running(pages)]
    assert kept == [["Mill Trust 2025", "The mill"], ["burnt down.", "Page"], ["Mill Trust 2025", "It rained.", "Page"]]


def test_feet_and_heads_that_come_again_are_no_headings_but_chapters_are() -> None:
    pages = [
        page(head, text, "Filed in 2025") for head, text in (("Mill", "It rained."), ("Mill", "On."), ("Dam", "It"))
    ]
    chapters = [page(f"Chapter {number}", text, "End") for number, text in enumerate(("It rained.", "On.", "Then"), 1)]

    assert [each.running for each in running_heads.without_running(pages)] == [
        {"Filed in 2025"},
        {"Filed in 2025", "Mill"},
        {"Filed in 2025"},
    ]
    assert not any("Chapter 2" in each.running for each in running_heads.without_running(chapters))


def test_lines_that_differ_in_numbers_other_than_the_pages_do_not_run() -> None:
    pages = [page(f"Entry {33 * number} of the diary", "It rained on the mill") for number in range(1, 4)]
    assert running_heads.running_lines(pages, 1).heads == set()


@pytest.mark.parametrize("shift", [1, 3, 13])
def test_letters_as_wide_as_others_are_noticed(shift: int) -> None:
    text = "the north basin is emptied in september and each worker gets water from the foreman " * 3
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    shifted = text.translate(str.maketrans(alphabet, alphabet[shift:] + alphabet[:shift]))

    def width_at(position: int) -> float:
        return text_layer._WIDTHS[text[position]] / 1000

    assert text_layer.is_doubtful(shifted, width_at)
    assert not text_layer.is_doubtful(text, width_at)


def test_bytes_that_were_taken_for_letters_cannot_be_the_text() -> None:
    taken = ("Ждём " * 3).encode().replace(b" ", b"\0 ").decode("utf-16-be")
    assert text_layer.is_doubtful(taken, lambda _: 1.0)
    assert not text_layer.is_doubtful("약관상 재해보험금의 입원 및 사망담보 적용여부", lambda _: 1.0)
