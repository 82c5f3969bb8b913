from hypothesis import given
from hypothesis import strategies as st

from agents.schema import Document, Page, Passage
from agents.supervisor.map_reduce import cut_windows


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
