"""Summaries of whole documents: an overview, points from all parts with their own sources, and nothing twice."""

import re
from typing import Any

import pytest

from agents.engine.extractive.engine import ExtractiveEngine
from agents.engine.tasks.reading import NotesResult, Overview, OverviewResult, WindowNotes
from agents.errors import EngineError
from agents.schema import Document, Heading, Page
from agents.supervisor.answer import Completed
from agents.supervisor.points import Point
from agents.supervisor.summary import section_names
from tests.agents.supervisor.conftest import RULES, Reading
from tests.support.fakes import FakeEngine

THINGS = [
    *("lamp", "wick", "horn", "gull", "rope", "tide", "reef", "fog", "keel", "mast"),
    *("sail", "deck", "oar", "buoy", "pier", "quay", "dune", "cove", "bell", "crab"),
]
LONG = "\n\n".join(
    f"## Chapter {n}\n\nThe {thing} of chapter {n} was mended {n * 3} times by Ada. " + "It was done with care. " * 60
    for n, thing in enumerate(THINGS, 1)
)
CONTENTS = "Chapter 1 . . . . . . . . . . . . . . . . 3\n\nChapter 2 . . . . . . . . . . . . . . . . 9\n\n"


def noting(task: WindowNotes) -> NotesResult:
    """Note every sentence with a figure as a small model would: the text's words moved about."""
    text = "".join(passage.text for passage in task.evidence)
    found = re.findall(r"The (\w+) of chapter (\d+) was mended (\d+) times by Ada\.", text)
    notes = tuple(f"Ada mended the {thing} of chapter {chapter} {times} times." for thing, chapter, times in found)
    return NotesResult.of(notes[: task.most] or ["The text is about mending."])


def markdown(done: Completed) -> str:
    return done.state["judgement"].markdown


def points(done: Completed) -> list[Any]:
    return [claim for claim in done.state["judgement"].claims if claim.kind == "point"]


async def test_points_come_from_all_thirds_of_the_document(read: Reading) -> None:
    done = await read(FakeEngine({WindowNotes: noting}), text=LONG, mode="summary")

    (document,) = done.run.request.documents
    thirds = [3 * quote.located.start // len(document.text) for point in points(done) for quote in point.quotes]
    assert 6 <= len(points(done)) <= 10
    assert set(thirds) == {0, 1, 2}


async def test_each_point_has_the_sentence_that_it_rests_on_and_no_other(read: Reading) -> None:
    done = await read(FakeEngine({WindowNotes: noting}), text=LONG, mode="summary")

    for point in points(done):
        (quote,) = point.quotes
        (chapter,) = re.findall(r"chapter (\d+)", point.text)
        assert f"of chapter {chapter} was mended" in quote.located.quote


async def test_a_language_model_reads_small_windows_and_few_of_a_very_long_text(read: Reading) -> None:
    engine = FakeEngine()

    done = await read(engine, text=LONG * 2, mode="summary")

    windows = [task.evidence for task in engine.tasks if isinstance(task, WindowNotes)]
    assert len(windows) > 4
    assert all(sum(engine.count_tokens(passage.text) for passage in window) <= 2_000 for window in windows)
    assert done.run.ledger.everything_read


@pytest.mark.parametrize("size", [{"window_tokens": 32_768}, {"settings": {"window_tokens": 32_768}}])
async def test_a_window_that_the_caller_or_the_settings_ask_for_is_kept_to(read: Reading, size: Any) -> None:
    engine = FakeEngine()

    await read(engine, text=LONG * 2, mode="summary", **size)

    assert engine.count(WindowNotes) == 1


@pytest.mark.parametrize(
    "wrong", ["The lamp of chapter 1 was mended 6 times by Ada.", "The lamp of chapter 1 was mended 57 times by Ada."]
)
async def test_a_figure_of_another_sentence_does_not_make_a_wrong_one_right(read: Reading, wrong: str) -> None:
    engine = FakeEngine({WindowNotes: NotesResult.of([wrong]), Overview: OverviewResult(overview=wrong)})

    done = await read(engine, text=LONG, mode="detailed", window_tokens=32_768)

    assert wrong not in markdown(done)


async def test_the_overview_comes_first_and_rests_on_the_points_quotes(read: Reading) -> None:
    def overview(_task: Overview) -> OverviewResult:
        return OverviewResult(overview="Ada mended the lamp, the wick and the horn. The moon is made of 42 cheeses.")

    done = await read(FakeEngine({WindowNotes: noting, Overview: overview}), text=LONG, mode="detailed")

    text = markdown(done)
    assert text.index("Ada mended the lamp, the wick and the horn. [") < text.index("\n- ")
    assert "cheeses" not in text


async def test_what_the_overview_says_word_for_word_is_not_said_again(read: Reading) -> None:
    first = "Ada mended the lamp of chapter 1 3 times."
    engine = FakeEngine({WindowNotes: noting, Overview: OverviewResult(overview=first)})

    done = await read(engine, text=LONG, mode="detailed")

    assert markdown(done).count(first) == 1


async def test_a_point_that_is_noted_in_two_windows_is_said_once(read: Reading) -> None:
    said = "Maria Holm signs every loan."
    done = await read(FakeEngine({WindowNotes: NotesResult.of([said, f"{said} {said}"])}), text=RULES, mode="summary")

    assert markdown(done).partition("**Sources**")[0].count(said) == 1


async def test_a_note_of_several_sentences_is_several_points_without_the_one_that_was_cut_off(read: Reading) -> None:
    whole = ["A reader may borrow 5 volumes for 28 days.", "Maria Holm signs every loan."]
    note = " ".join([*whole, "A late volume costs 2 euros " * 9])[:300]
    done = await read(FakeEngine({WindowNotes: NotesResult.of([note])}), text=RULES, mode="detailed")

    assert sorted(each.text for each in done.state["judgement"].claims if each.kind in ("overview", "point")) == whole


@pytest.mark.parametrize("placeholder", ["text", "..."])
async def test_a_placeholder_that_a_model_copies_is_no_point_and_no_heading(read: Reading, placeholder: str) -> None:
    engine = FakeEngine({WindowNotes: NotesResult.of([placeholder]), Overview: OverviewResult(overview=placeholder)})

    done = await read(engine, text=RULES, mode="summary")

    assert points(done)
    assert not re.search(r"^(## |- )?(text|\.\.\.)", markdown(done), re.MULTILINE)
    assert any("1 of 1 windows were noted without the model" in warning for warning in done.run.ledger.warnings)


async def test_a_line_of_the_contents_is_never_quoted(read: Reading) -> None:
    engine = FakeEngine({WindowNotes: NotesResult.of(["Chapter 1 is on page 3.", "Maria Holm signs every loan."])})

    done = await read(engine, text=CONTENTS + RULES, mode="summary")

    assert points(done)
    assert ". . ." not in markdown(done)


async def test_one_window_that_fails_does_not_cost_the_summary(read: Reading) -> None:
    def failing(task: WindowNotes) -> NotesResult:
        if any("Chapter 1\n" in passage.text for passage in task.evidence):
            raise EngineError("It was cut.", hint="Ask again.")
        return noting(task)

    engine = FakeEngine({WindowNotes: failing})
    done = await read(engine, text=LONG, mode="summary")

    assert done.run.engine is engine
    assert points(done)
    assert any("windows were noted without the model: It was cut." in warning for warning in done.run.ledger.warnings)


async def test_an_overview_that_fails_leaves_the_points(read: Reading) -> None:
    engine = FakeEngine({WindowNotes: noting, Overview: EngineError("It was cut.", hint="Ask again.")})

    done = await read(engine, text=LONG, mode="summary")

    assert points(done)
    assert "There is no overview: It was cut." in done.run.ledger.warnings


async def test_a_log_gets_a_summary_that_says_what_it_is(read: Reading) -> None:
    log = "\n".join(f"2026-03-01 10:{n // 60:02d}:{n % 60:02d} INFO beat {n}" for n in range(400))

    done = await read(FakeEngine({WindowNotes: NotesResult.of(["It beats."])}), text=log, mode="summary")

    assert "400 of the 400 lines" in markdown(done)
    assert "does not say" not in markdown(done)


async def test_without_a_model_the_figures_that_are_no_points_make_a_table(read: Reading) -> None:
    things = "".join(
        f"The {thing} of the harbour was bought for {n} euros in spring.\n\n" for n, thing in enumerate(THINGS)
    )

    done = await read(ExtractiveEngine(), text=f"# The harbour\n\n{things}", mode="summary")

    claims = done.state["judgement"].claims
    said = [claim.text for claim in claims]
    assert {claim.kind for claim in claims} == {"overview", "point", "figure"}
    assert len(set(said)) == len(said) == 16
    assert "| Where | What | Source |" in markdown(done)


async def test_where_nothing_fits_an_extraction_says_so_and_not_that_the_document_does_not_say(read: Reading) -> None:
    done = await read(FakeEngine({WindowNotes: NotesResult.of(["None."])}), mode="extraction", focus="submarines\nat")

    assert markdown(done).startswith("Nothing was found that fits “submarines at”")
    assert "language model" not in markdown(done)


async def test_without_a_model_an_extraction_says_that_more_may_fit(read: Reading) -> None:
    text = "The pump runs at 4 bar.\n\nThe valve is closed within 30 days."
    found = await read(ExtractiveEngine(), text=text, mode="extraction", focus="pump")
    nothing = await read(ExtractiveEngine(), text=text, mode="extraction", focus="submarines")

    assert "more may fit" in " ".join(found.run.ledger.warnings)
    assert "Without a language model only the document's own words fit." in markdown(nothing)


def document_with(*headings: tuple[int, str, int]) -> Document:
    return Document(
        document_id="d",
        title="T",
        name="t.md",
        text="x" * 1_000,
        pages=(Page(number=1, start=0, end=1_000),),
        headings=tuple(Heading(level=level, text=text, start=start) for level, text, start in headings),
    )


def points_at(*starts: int) -> list[Point]:
    return [Point(document="T", section="", text=f"Point {start}.", quotes=("x",), start=start) for start in starts]


def test_points_come_under_the_deepest_headings_that_gather_them() -> None:
    document = document_with((1, "T", 0), (2, "A", 10), (3, "A1", 20), (3, "A2", 40), (2, "B", 100), (3, "B1", 110))

    assert section_names(points_at(25, 45, 115, 120), [document]) == ["A", "A", "B", "B"]


def test_headings_that_gather_no_points_are_left_out() -> None:
    document = document_with((1, "A", 0), (1, "B", 100), (1, "C", 200))

    assert section_names(points_at(10, 110, 210), [document]) == ["", "", ""]
