import pytest

from agents.engine.extractive.reducing import overview, reduce, select
from agents.engine.tasks.reading import Overview, PointToReduce, Reduce, ReducedPoint
from agents.errors import EngineError


def points(*texts: str, document: str = "Handbook", section: str = "") -> tuple[PointToReduce, ...]:
    return tuple(
        PointToReduce(document=document, section=section, text=text, rank=1 - place / len(texts))
        for place, text in enumerate(texts)
    )


THINGS = ["lamps", "boats", "gulls", "reefs", "ropes", "tides", "bells", "crabs", "masts", "sails", "oars", "piers"]
PAIRS = [(one, other) for one in THINGS for other in THINGS if one < other]


def many(count: int) -> tuple[PointToReduce, ...]:
    return tuple(
        PointToReduce(
            document="Handbook",
            section=f"Handbook > Chapter {number % 6} > Part {number}",
            text=f"Machine {number} mends {one} with {other}.",
            rank=1 - (number % 10) / 10,
        )
        for number, (one, other) in enumerate(PAIRS[:count])
    )


def reduced(
    given: tuple[PointToReduce, ...], *, focus: str | None = None, final: bool = True
) -> tuple[ReducedPoint, ...]:
    return reduce(Reduce(focus=focus, points=given, final=final)).points


def selected(given: tuple[PointToReduce, ...], limit: int = 10, focus: str | None = None) -> list[int]:
    return select(given, [point.section for point in given], limit, focus)


def test_as_many_points_are_selected_as_are_asked_for_in_their_order() -> None:
    chosen = selected(many(60), 10)

    assert len(chosen) == 10
    assert chosen == sorted(chosen)


def test_points_are_selected_evenly_from_all_groups() -> None:
    given = many(60)
    thirds = [str(number // 20) for number in range(60)]
    chosen = select(given, thirds, 9)

    assert [sum(number // 20 == third for number in chosen) for third in range(3)] == [3, 3, 3]


def test_of_points_that_differ_in_their_figures_alone_one_is_selected() -> None:
    texts = ("The pump of the old mill runs at 5 bar.", "The hall is red.", "The pump of the old mill runs at 7 bar.")

    assert selected(points(*texts)) == [0, 1]


def test_rows_of_a_table_that_differ_in_their_figures_alone_are_all_selected() -> None:
    assert selected(points("Part: P-1; Price: 5", "Part: P-2; Price: 7", "Part: P-3; Price: 9")) == [0, 1, 2]


def test_a_focus_decides_what_is_selected() -> None:
    texts = [f"Room {number} is painted in colour {number * 7}." for number in range(40)]
    given = points(*texts, "A late delivery costs a penalty of 90 euros.")

    assert 40 in selected(given, focus="penalties")


def test_an_overview_without_a_model_is_made_of_the_points_own_words() -> None:
    texts = tuple(f"Shelf {number} of the library holds {number * 7} volumes about shelf marks." for number in range(9))
    text = overview(Overview(titles=("Library",), points=texts)).overview

    assert text.splitlines() == [point for point in texts if point in text]
    assert 1 <= sum(point in text for point in texts) <= 3


def test_a_step_towards_the_comparison_shortens() -> None:
    assert len(reduced(many(60), final=False)) == 20


def test_every_point_is_in_the_words_of_a_source() -> None:
    given = many(60)
    for point in reduced(given):
        assert point.text == given[point.sources[0] - 1].text


def test_what_says_the_same_is_merged_and_names_all_its_sources() -> None:
    given = points("The pump runs at 5 bar.", "The hall is red and large.", "The pump runs at 5 bar.")
    kept = reduced(given)

    assert [(point.text, point.sources) for point in kept] == [
        ("The pump runs at 5 bar.", (1, 3)),
        ("The hall is red and large.", (2,)),
    ]


NEARLY_THE_SAME = [
    ("The tenancy contract for the old hall and its garden ends, unless renewed, on {}.", "31 May 2030", "31 May 2028"),
    ("The central heating of the old hall failed on {} days last winter.", "11", "12"),
    ("Either party may end the tenancy of the old hall with {} months' written notice.", "three", "six"),
    ("Of the households asked in the village, {} per cent wanted the old hall kept open.", "seventy", "eighty"),
    ("The spare key of the old hall is kept at the branch library, in a locked drawer, by {}.", "Ana", "Ben"),
    ("{} keeps the spare key of the old hall at the branch library in a locked drawer.", "Ana", "Ben"),
    ("Tenants {} keep pets in the rooms of the hall.", "may", "may not"),
]


@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize(("text", "one", "other"), NEARLY_THE_SAME)
def test_points_that_differ_in_a_figure_or_a_name_are_never_merged(
    final: bool, text: str, one: str, other: str
) -> None:
    kept = reduced(points(text.format(one), text.format(other)), final=final)

    assert [(point.text, point.sources) for point in kept] == [(text.format(one), (1,)), (text.format(other), (2,))]


@pytest.mark.parametrize(("text", "one", "other"), NEARLY_THE_SAME)
def test_documents_that_differ_in_a_figure_or_a_name_never_share_a_point(text: str, one: str, other: str) -> None:
    given = points(text.format(one), document="Old") + points(text.format(other), document="New")

    steps = reduced(given, final=False)
    assert [point.sources for point in steps] == [(1,), (2,)]
    assert {point.section for point in reduced(given)} == {"Differences"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The notice period is 3 months.", "The notice period is three months."),
        ("Repairs cost £1,150 in all.", "The repairs cost £1150 in all."),
        ("The heating failed on 3 May 2023.", "On 3 May 2023 the heating failed."),
    ],
)
def test_the_same_figures_written_otherwise_are_merged(one: str, other: str) -> None:
    assert [point.sources for point in reduced(points(one, other))] == [(1, 2)]


def test_a_comparison_lines_up_what_is_shared_and_what_differs() -> None:
    old = points("The notice period is 30 days.", "Rent is due on the first.", "Pets are allowed.", document="Old")
    new = points("The notice period is 60 days.", "Rent is due on the first.", "Pets are not allowed.", document="New")
    found = {(point.section, point.text, point.sources) for point in reduced(old + new)}

    assert found == {
        ("Shared", "Rent is due on the first.", (2, 5)),
        ("Differences", "Old: The notice period is 30 days. New: The notice period is 60 days.", (1, 4)),
        ("Differences", "Old: Pets are allowed. New: Pets are not allowed.", (3, 6)),
    }


def test_what_only_one_document_says_is_a_difference_of_its_own() -> None:
    given = points("The deposit is two rents.", document="Old") + points("Walls are painted yearly.", document="New")
    found = reduced(given)

    assert [(point.section, point.text) for point in found] == [
        ("Differences", "Old: The deposit is two rents."),
        ("Differences", "New: Walls are painted yearly."),
    ]


def test_of_three_documents_a_comparison_says_which_two_share_a_point() -> None:
    said = "Rent is due on the first."
    given = points(said, document="Old") + points("Walls are painted yearly.", document="New")
    found = reduced(given + points(said, document="Other"))

    assert ("Shared", "Old and Other: Rent is due on the first.") in [(point.section, point.text) for point in found]


def test_two_versions_with_one_title_keep_their_files_names_and_their_whole_sides() -> None:
    title, end = (
        "Supply Agreement for Membranes and Filter Elements",
        "as long as the parties have not agreed otherwise",
    )
    versions = [(f"{title} (v{n}.docx)", f"The notice period is {n}0 days, {end} in writing.") for n in (3, 6)]
    (found,) = reduced(tuple(p for name, text in versions for p in points(text, document=name)))

    assert found.text == " ".join(
        f"Supply Agreement for Membranes and… (v{n}.docx): {text}"
        for n, (_, text) in zip((3, 6), versions, strict=True)
    )


def test_nothing_to_reduce_is_an_error() -> None:
    with pytest.raises(EngineError, match="no points"):
        reduce(Reduce(points=()))
