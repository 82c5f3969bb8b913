from collections.abc import Callable, Iterable

import pytest

from agents.engine.extractive.attribution import AttributableText
from agents.engine.extractive.notes import window_facts, window_notes, window_topic
from agents.engine.tasks.reading import WindowNotes
from agents.schema import Mode, Passage


def note(evidence: Iterable[Passage], mode: Mode = "summary", focus: str | None = None) -> tuple[str, ...]:
    return window_notes(WindowNotes(evidence=tuple(evidence), mode=mode, focus=focus)).texts


@pytest.mark.parametrize("mode", ["summary", "detailed", "comparison", "extraction"])
def test_every_note_is_a_sentence_of_the_window(observatory: tuple[Passage, ...], mode: Mode) -> None:
    notes = note(observatory, mode, "prices" if mode == "extraction" else None)
    source = AttributableText.of_passages(observatory)

    assert 0 < len(notes) <= 16
    for text in notes:
        (quote,) = source.quotes(text)
        assert any(quote in passage.text for passage in observatory)
        assert 5 <= len(quote.split()) <= 60


def test_notes_come_from_many_sections_and_none_is_said_twice(observatory: tuple[Passage, ...]) -> None:
    notes, source = note(observatory), AttributableText.of_passages(observatory)
    quotes = [quote for text in notes for quote in source.quotes(text)]

    assert len({passage.heading for quote in quotes for passage in observatory if quote in passage.text}) >= 6
    assert len(set(notes)) == len(notes)


def test_figures_dates_and_names_are_found_beside_the_notes(observatory: tuple[Passage, ...]) -> None:
    noted = note(observatory)
    facts = window_facts(observatory, noted, 6)

    assert {fact.kind for fact in facts} == {"figure", "date", "name"}
    assert all(any(fact.quote in passage.text for passage in observatory) for fact in facts)
    assert not {fact.text for fact in facts} & set(noted)


def test_a_kind_of_thing_nobody_speaks_of_is_not_any_thing_of_the_kind(observatory: tuple[Passage, ...]) -> None:
    assert note(observatory, "extraction", "submarine numbers") == ()
    assert note(observatory, "extraction", "numbers") != ()


def test_a_focus_steers_what_is_noted(observatory: tuple[Passage, ...]) -> None:
    notes = note(observatory, focus="visitors and admission")
    assert sum("visitor" in text.lower() or "admission" in text.lower() for text in notes[:4]) >= 3


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
    notes = " ".join(note(observatory, "extraction", focus))

    assert wanted in notes
    assert unwanted not in notes


def test_an_extraction_of_what_is_not_there_is_empty(observatory: tuple[Passage, ...]) -> None:
    assert note(observatory, "extraction", "submarines") == ()


def test_the_topic_is_the_heading_above_most_of_the_window(observatory: tuple[Passage, ...]) -> None:
    assert window_topic(observatory).startswith("Marrick Observatory")
    assert window_topic(observatory[:2]) == "History"


def test_without_headings_the_topic_is_made_of_frequent_words(passage: Callable[..., Passage]) -> None:
    text = "The pump moves water. The pump moves brine. A pump may fail. Water is pumped at night."
    assert "pump" in window_topic([passage(text)])


def test_page_furniture_is_never_noted(passage: Callable[..., Passage]) -> None:
    furniture = "1.1 Site . . . . . . . . . . 5\n\nHandbook of the Northern Station Page 12"
    text = f"{furniture}\n\nThe station stands on a rock above the sea."
    assert note([passage(text)]) == ("The station stands on a rock above the sea.",)


def test_a_window_of_thirty_thousand_words_is_read(passage: Callable[..., Passage]) -> None:
    sentences = (f"Shelf {n} of the library holds {n * 7 % 613} volumes about subject {n % 89}." for n in range(2_500))
    windows = [passage(" ".join(sentences), heading="Library")]

    assert len(note(windows)) == 16


def test_an_empty_window_has_no_notes(passage: Callable[..., Passage]) -> None:
    assert note([]) == ()
    assert note([passage("  \n 😀😀 \n")]) == ()
