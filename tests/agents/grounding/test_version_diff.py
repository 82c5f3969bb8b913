"""What changed between two versions."""

import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agents.documents.library import Library
from agents.engine.engine import Engine
from agents.engine.extractive.engine import ExtractiveEngine
from agents.engine.tasks.reading import NotesResult, Reduce, WindowNotes
from agents.grounding.version_diff import asks_for_differences, find_changes
from agents.jobs.window_cache import WindowCache
from agents.schema import Document
from agents.settings import SupervisorSettings
from agents.supervisor.answer import Completed
from agents.supervisor.run import Request
from agents.supervisor.supervisor import Supervisor
from tests.support.fakes import FakeEngine
from tests.support.samples import as_document

Compare = Callable[..., Awaitable[Completed]]
KEPT = [f"{number}. The parties keep register number {number} for the whole term." for number in range(20, 30)]
OLD = ["1. The fee is 42,500 euros.", "2. Alcohol is not reimbursed.", "3. A contact is named.", *KEPT]


def version(title: str, *sentences: str, pages: int = 1) -> Document:
    text = "\n\n".join(sentences)
    starts = [len(text) * page // pages for page in range(pages)]
    return as_document(text, page_starts=starts).model_copy(update={"title": title, "document_id": title[:1] * 16})


def told(old: list[str], new: list[str]) -> list[str]:
    found = find_changes(version("Old", *old), version("New", *new))
    assert found is not None
    return [change.text for change in found]


def test_every_sentence_that_changed_is_told_in_both_versions() -> None:
    new = ["1. The fee is 47,900 euros.", "2. Alcohol is reimbursed.", *KEPT, "4. The code is kept in escrow."]

    assert told(OLD, new) == [
        "Old: 1. The fee is 42,500 euros. New: 1. The fee is 47,900 euros.",
        "Old: 2. Alcohol is not reimbursed. New: 2. Alcohol is reimbursed.",
        "Only in Old: 3. A contact is named.",
        "Only in New: 4. The code is kept in escrow.",
    ]


def test_a_change_quotes_both_versions_as_they_are() -> None:
    (change,) = find_changes(version("Old", *OLD), version("New", "1. The fee is 9 euros.", *OLD[1:])) or ()

    assert change.quotes == ("1. The fee is 42,500 euros.", "1. The fee is 9 euros.")
    assert change.titles == ("Old", "New")


def test_what_was_moved_or_numbered_anew_has_not_changed() -> None:
    assert told(OLD, ["7. A contact is named.", *OLD[:2], *KEPT]) == []


def test_heads_and_feet_of_pages_are_no_changes() -> None:
    pages = [sentence for page, each in enumerate(KEPT, 1) for sentence in (each, f"Confidential, page {page}")]
    text = "\n\n".join(pages)
    paged = as_document(text, page_starts=[text.index(each) for each in KEPT])

    assert find_changes(version("Old", *KEPT), paged) == ()


def test_the_title_of_a_version_is_no_change() -> None:
    assert told(["# Old", *OLD], ["# New", *OLD]) == []
    named = version("Contract 2024 (a.md)", "# Contract 2024", *OLD), version("Contract 2025", "# Contract 2025", *OLD)
    assert find_changes(*named) == ()


def test_a_minus_is_no_mark() -> None:
    assert told([*OLD, "5 points of margin."], [*OLD, "-5 points of margin."]) != []


def test_rows_that_differ_in_their_figures_alone_are_compared() -> None:
    fees = [f"The fee of year {year} is {year}00 euros." for year in range(1, 9)]
    raised = [*fees[:4], "The fee of year 5 is 900 euros.", *fees[5:]]

    assert told(fees, raised) == ["Old: The fee of year 5 is 500 euros. New: The fee of year 5 is 900 euros."]


def test_a_change_far_inside_a_long_sentence_is_shown_and_quoted() -> None:
    long = " ".join(f"word{number}" for number in range(200))
    (change,) = (
        find_changes(version("Old", *OLD, f"{long} ten {long}."), version("New", *OLD, f"{long} six {long}.")) or ()
    )

    assert " ten " in change.text
    assert " six " in change.text
    assert [" ten " in change.quotes[0], " six " in change.quotes[1]] == [True, True]
    assert all(len(quote.split()) <= 60 for quote in change.quotes)


def test_of_a_long_sentence_every_place_is_shown_where_it_changed() -> None:
    long = " ".join(f"word{number}" for number in range(80))
    found = told(
        [*OLD, f"The fee is 10 euros, {long}, the fine 50."], [*OLD, f"The fee is 12 euros, {long}, the fine 70."]
    )

    assert [("10" in text, "12" in text, "50." in text, "70." in text) for text in found] == [
        (True, True, False, False),
        (False, False, True, True),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("30 days' notice is required.", "60 days' notice is required."),
        ("- 30 days of leave", "- 25 days of leave"),
        ("42,500", "47,900"),
        ("3 months", "6 months"),
        ("7. Confidential.", "7. Public."),
        ("| 1 | 100 |", "| 1 | 900 |"),
    ],
)
def test_a_short_line_or_a_quantity_in_front_is_compared(old: str, new: str) -> None:
    assert told([*OLD, old], [*OLD, new]) != []


def test_one_of_two_equal_sentences_that_went_is_told() -> None:
    twice = "The fee is paid in advance by the customer."

    assert told([twice, *OLD, twice], [twice, *OLD]) == [f"Only in Old: {twice}"]


def test_figures_that_changed_places_are_told() -> None:
    found = told(
        ["Anna pays", "10 euros", *OLD, "Ben pays", "20 euros"], ["Anna pays", "20 euros", *OLD, "Ben pays", "10 euros"]
    )

    assert any("Old: 10 euros" in text or "Only in Old: 10 euros" in text for text in found)


def test_the_most_alike_are_set_beside_each_other() -> None:
    old = ["The Basic plan costs 10 euros a month.", "The Pro plan costs 20 euros a month."]

    assert told([*OLD, *old], [*OLD, "The Pro plan costs 25 euros a month."]) == [
        f"Only in Old: {old[0]}",
        f"Old: {old[1]} New: The Pro plan costs 25 euros a month.",
    ]


def test_how_a_line_is_wrapped_and_quoted_is_no_change() -> None:
    old, new = 'The "Supplier" shall co-\noperate with it.', "The “Supplier” shall cooperate with it."

    assert told([*OLD, old], [*OLD, new]) == []


def test_long_lists_of_changed_prices_are_compared_in_their_order() -> None:
    old = [f"Article number {number} costs {number} euros." for number in range(400)]
    new = [f"Article number {number} costs {number + 1} euros." for number in range(400)]

    assert len(told([*KEPT * 60, *old], [*KEPT * 60, *new])) == 400


def test_two_texts_that_have_little_in_common_are_no_versions() -> None:
    assert find_changes(version("Old", *OLD), version("New", "Whales sleep upright.", "Squids do not sleep.")) is None


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("What are the differences between the two versions?", True),
        ("Compare the contracts", True),
        ("What has changed between both documents?", True),
        ("Was sind die Unterschiede zwischen den beiden Fassungen?", True),
        ("What has changed?", True),
        ("Compare the old version with the new one", True),
        ("What is the difference between gross and net?", False),
        ("What is the difference between the two pumps?", False),
        ("Compare the prices of both pumps", False),
        ("Who pays?", False),
    ],
)
def test_a_question_asks_for_the_differences_of_documents(question: str, asked: bool) -> None:
    assert asks_for_differences(question) is asked


@pytest.fixture
def compare(library: Library, store: WindowCache, tmp_path: Path) -> Compare:
    """Compare two texts, by an analysis or by a question."""

    async def run(engine: Engine, old: list[str], new: list[str], question: str = "", **settings: int) -> Completed:
        documents: list[Document] = []
        for name, sentences in (("old_v1.txt", old), ("new_v2.txt", new)):
            (tmp_path / name).write_text("\n\n".join(sentences))
            documents.append(await library.open(str(tmp_path / name)))
        asked = Request(question, tuple(documents), mode=None if question else "comparison")
        supervisor = Supervisor(library, store, SupervisorSettings(**settings))
        return await supervisor.run(asked, engine)

    return run


@pytest.mark.parametrize("question", ["", "What are the differences between the two documents?"])
async def test_a_comparison_holds_every_change_whatever_its_readers_note(compare: Compare, question: str) -> None:
    new = ["1. The fee is 47,900 euros.", *OLD[1:]]
    completed = await compare(FakeEngine(), OLD, new, question)
    (change,) = [claim for claim in completed.state["judgement"].claims if claim.section == "Differences"]
    assert change.text == "old_v1: 1. The fee is 42,500 euros. new_v2: 1. The fee is 47,900 euros."
    assert change.support == "supported"
    assert [quote.document.name for quote in change.quotes] == ["old_v1.txt", "new_v2.txt"]


async def test_a_change_is_found_and_told_without_the_engine(compare: Compare) -> None:
    def first_line(task: WindowNotes) -> NotesResult:
        return NotesResult.of([task.evidence[0].text.splitlines()[0]])

    engine = FakeEngine({WindowNotes: first_line})
    completed = await compare(engine, OLD, ["1. The fee is 47,900 euros.", *OLD[1:]])

    assert any("47,900" in claim.text for claim in completed.state["judgement"].claims)
    assert {type(task) for task in engine.tasks} == {WindowNotes, Reduce}
    reduced = [point.text for task in engine.tasks if isinstance(task, Reduce) for point in task.points]
    assert not any("47,900" in text and "42,500" in text for text in reduced)


async def test_versions_without_a_change_are_said_to_be_alike(compare: Compare) -> None:
    completed = await compare(ExtractiveEngine(), OLD, [*OLD[3:], *OLD[:3]])

    assert "No sentence of old_v1 differs from new_v2." in completed.run.ledger.warnings


async def test_of_long_versions_nothing_but_the_change_is_told_as_a_difference(compare: Compare) -> None:
    who, what = ("buyer", "seller", "carrier", "agent", "bank"), ("pays", "delivers", "inspects", "insures", "stores")
    goods = ("the pumps", "the spare parts", "the drawings", "the samples", "the cables", "the tools", "the licences")
    old = [
        f"{number}.1 The {one} {two} {three} within {number + 3} days of the notice under clause {number}."
        for number, (one, two, three) in enumerate(itertools.product(who, what, goods), 1)
    ]
    new = [text.replace("within 93 days", "within 39 days") for text in old]

    completed = await compare(ExtractiveEngine(), old, new, window_tokens=1_024)

    claims = completed.state["judgement"].claims
    (change,) = [claim for claim in claims if claim.section == "Differences"]
    assert [quote.located.quote for quote in change.quotes] == [old[89], new[89]]
    shared = [claim for claim in claims if claim.section == "Shared"]
    assert shared
    assert all({quote.document.name for quote in claim.quotes} == {"old_v1.txt", "new_v2.txt"} for claim in shared)
