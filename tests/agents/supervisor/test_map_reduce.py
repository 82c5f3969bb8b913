import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine.tasks.reading import Reduce, WindowNotes
from agents.schema import Document, Page, Passage, SessionInfo
from agents.supervisor.answer import coverage, to_analysis
from agents.supervisor.map_reduce import cut_windows
from tests.agents.supervisor.conftest import RULES, Reading
from tests.support.fakes import FakeEngine

LONG = "\n\n".join(
    f"## Chapter {n}\n\nChapter {n} says that rule {n} holds for {n * 3} days. " + "It is written with care. " * 40
    for n in range(1, 41)
)


@pytest.mark.parametrize("mode", ["summary", "detailed", "extraction"])
async def test_an_analysis_reads_every_token(read: Reading, mode: str) -> None:
    completed = await read(FakeEngine(), text=LONG, mode=mode, settings={"window_tokens": 2_000})

    read_of = coverage(completed.run, completed.state["routed"])
    assert read_of.tokens_read == read_of.tokens_total
    assert read_of.windows > 1
    assert read_of.skipped == ()


async def test_an_analysis_is_made_of_claims_with_quotes_from_the_document(read: Reading) -> None:
    completed = await read(FakeEngine(), text=LONG, mode="summary", settings={"window_tokens": 2_000})

    analysis = to_analysis(completed, SessionInfo(session_id="s"))
    assert [claim for claim in analysis.claims if claim.kind == "point"]
    assert analysis.outline
    assert all(LONG[c.start : c.end] == c.quote for c in analysis.citations)


async def test_a_comparison_is_reduced_in_a_tree_that_stays_within_the_window(read: Reading) -> None:
    engine = FakeEngine()

    await read(engine, text=LONG * 6, mode="comparison", settings={"window_tokens": 1_024})

    reductions = [task for task in engine.tasks if isinstance(task, Reduce)]
    assert len(reductions) > 1
    assert [task.final for task in reductions].count(True) == 1
    assert all(engine.count_tokens(task.instruction()) < 1_024 for task in reductions)


async def test_windows_that_were_read_before_are_not_read_again(read: Reading) -> None:
    first, second = FakeEngine(), FakeEngine()

    await read(first, text=LONG, mode="summary", settings={"window_tokens": 2_000})
    completed = await read(second, text=LONG, mode="summary", settings={"window_tokens": 2_000})

    assert first.count(WindowNotes) > 1
    assert second.count(WindowNotes) == 0
    assert completed.run.ledger.everything_read


async def test_a_detailed_summary_reads_nothing_anew_after_a_summary(read: Reading) -> None:
    first, second = FakeEngine(), FakeEngine()

    await read(first, text=LONG, mode="summary")
    run = await read(second, text=LONG, mode="detailed")

    assert first.count(WindowNotes) > 1
    assert second.count(WindowNotes) == 0
    assert {claim.kind for claim in to_analysis(run, SessionInfo(session_id="s")).claims} > {"point"}


async def test_a_reader_that_fails_leaves_the_extractive_analysis(read: Reading) -> None:
    completed = await read(FakeEngine({WindowNotes: RuntimeError("No.")}), text=RULES, mode="summary")

    assert completed.run.engine.info.name == "extractive"
    assert completed.run.ledger.everything_read
    assert completed.state["judgement"].claims


async def test_windows_are_read_side_by_side(read: Reading) -> None:
    engine = FakeEngine(seconds=0.01)

    await read(engine, text=LONG, mode="summary", settings={"window_tokens": 2_000})

    assert engine.most_running > 1


def document_of(headings: list[str]) -> tuple[Document, list[Passage]]:
    document = Document(
        document_id="d",
        title="T",
        name="t.md",
        text="x" * len(headings),
        pages=(Page(number=1, start=0, end=len(headings)),),
    )
    passages = [
        Passage(document_id="d", title="T", index=i, start=i, end=i + 1, page=1, heading=heading, text="x")
        for i, heading in enumerate(headings)
    ]
    return document, passages


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 500)), max_size=60), st.integers(100, 1_000))
def test_windows_hold_every_passage_once_and_stay_within_the_limit(cut: list[tuple[str, int]], limit: int) -> None:
    document, passages = document_of([heading for heading, _ in cut])
    counts = [tokens for _, tokens in cut]

    windows = cut_windows(document, passages, counts, limit)

    assert [passage for window in windows for passage in window.passages] == passages
    assert sum(window.tokens for window in windows) == sum(counts)
    assert all(window.tokens <= limit or len(window.passages) == 1 for window in windows)


def test_a_window_ends_at_a_heading_near_its_end() -> None:
    document, passages = document_of(["A"] * 8 + ["B"] * 8)

    windows = cut_windows(document, passages, [100] * 16, 1_000)

    assert [len(window.passages) for window in windows] == [8, 8]


def test_without_a_limit_there_is_one_window() -> None:
    document, passages = document_of(["A", "B", "C"])

    assert len(cut_windows(document, passages, [10, 10, 10], None)) == 1
