from collections.abc import Callable, Iterable

import pytest

from agents.engine.extractive.notes import window_notes
from agents.engine.tasks.reading import NotesResult, WindowNotes
from agents.schema import Mode, Passage


def note(evidence: Iterable[Passage], mode: Mode = "summary", focus: str | None = None) -> NotesResult:
    return window_notes(WindowNotes(evidence=tuple(evidence), mode=mode, focus=focus))


@pytest.mark.parametrize("mode", ["summary", "detailed", "comparison", "extraction"])
def test_every_quote_is_an_exact_slice_of_the_window(observatory: tuple[Passage, ...], mode: Mode) -> None:
    notes = note(observatory, mode, "prices" if mode == "extraction" else None).notes

    assert 0 < len(notes) <= 16
    assert all(any(found.quote in passage.text for passage in observatory) for found in notes)
    assert all(5 <= len(found.quote.split()) <= 60 for found in notes)


def test_points_come_from_many_sections_and_none_is_said_twice(observatory: tuple[Passage, ...]) -> None:
    points = [found for found in note(observatory).notes if found.kind == "point"]
    sections = {passage.heading for point in points for passage in observatory if point.quote in passage.text}

    assert len(sections) >= 6
    assert len({point.text for point in points}) == len(points)


def test_figures_dates_and_names_stand_beside_the_points(observatory: tuple[Passage, ...]) -> None:
    assert {found.kind for found in note(observatory).notes} == {"point", "figure", "date", "name"}


def test_a_comparison_is_given_points_only(observatory: tuple[Passage, ...]) -> None:
    assert {found.kind for found in note(observatory, "comparison").notes} == {"point"}


def test_a_kind_of_thing_nobody_speaks_of_is_not_any_thing_of_the_kind(observatory: tuple[Passage, ...]) -> None:
    assert note(observatory, "extraction", "submarine numbers").notes == ()
    assert note(observatory, "extraction", "numbers").notes != ()


def test_a_focus_steers_what_is_noted(observatory: tuple[Passage, ...]) -> None:
    points = [found.text for found in note(observatory, focus="visitors and admission").notes if found.kind == "point"]
    assert sum("visitor" in text.lower() or "admission" in text.lower() for text in points[:4]) >= 3


@pytest.mark.parametrize(
    ("focus", "wanted", "unwanted"),
    [
        ("prices", "Admission costs 14 crowns", "Snow covers the summit"),
        ("all dates", "14 May 1871", "The tube weighs almost two tonnes"),
        ("names of people", "Mikael Ostrander", "Snow covers the summit"),
        ("obligations", "They must pass a test", "Snow covers the summit"),
        ("admission numbers", "Admission costs 14 crowns", "The tube weighs almost two tonnes"),
    ],
)
def test_an_extraction_finds_what_its_focus_names(
    observatory: tuple[Passage, ...], focus: str, wanted: str, unwanted: str
) -> None:
    quotes = " ".join(found.quote for found in note(observatory, "extraction", focus).notes)

    assert wanted in quotes
    assert unwanted not in quotes


def test_an_extraction_of_what_is_not_there_is_empty(observatory: tuple[Passage, ...]) -> None:
    assert note(observatory, "extraction", "submarines").notes == ()


def test_the_topic_is_the_heading_above_most_of_the_window(observatory: tuple[Passage, ...]) -> None:
    assert note(observatory).topic.startswith("Marrick Observatory")
    assert note(observatory[:2]).topic == "History"


def test_without_headings_the_topic_is_made_of_frequent_words(passage: Callable[..., Passage]) -> None:
    text = "The pump moves water. The pump moves brine. A pump may fail. Water is pumped at night."
    assert "pump" in note([passage(text)]).topic


def test_page_furniture_is_never_noted(passage: Callable[..., Passage]) -> None:
    furniture = "1.1 Site . . . . . . . . . . 5\n\nHandbook of the Northern Station Page 12"
    text = f"{furniture}\n\nThe station stands on a rock above the sea."
    assert [found.text for found in note([passage(text)]).notes] == ["The station stands on a rock above the sea."]


def test_a_window_of_thirty_thousand_words_is_read(passage: Callable[..., Passage]) -> None:
    sentences = (f"Shelf {n} of the library holds {n * 7 % 613} volumes about subject {n % 89}." for n in range(2_500))
    windows = [passage(" ".join(sentences), heading="Library")]

    assert len(note(windows).notes) == 10


def test_an_empty_window_has_no_notes(passage: Callable[..., Passage]) -> None:
    assert note([]).notes == ()
    assert note([passage("  \n 😀😀 \n")]).notes == ()
