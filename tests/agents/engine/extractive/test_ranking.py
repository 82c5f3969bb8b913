"""The index of a text's sentences: made once, and kept within bounds of memory."""

import tracemalloc
from collections.abc import Callable

import pytest

from agents.engine.extractive.ranking import TextIndex, text_index
from agents.schema import Passage

Passages = tuple[Passage, ...]


@pytest.fixture
def entries(passage: Callable[..., Passage]) -> Callable[[int, str], Passages]:
    """Make so many passages of some 400 characters each."""

    def make(count: int, what: str) -> Passages:
        entry = "Entry {n} is about the {what}, which was trimmed and lit again on evening {n} of the year. "
        return tuple(passage(4 * entry.format(n=n, what=what), n) for n in range(count))

    return make


def test_the_index_of_a_text_of_over_a_million_characters_is_kept(entries: Callable[[int, str], Passages]) -> None:
    passages = entries(3_500, "lamp")
    assert sum(len(each.text) for each in passages) > 1_000_000

    index = text_index(passages)

    assert text_index(tuple(passages)) is index
    assert index.rank("Which entry is about evening 3499?").sentences[0].passage is passages[3_499]


def test_an_index_tells_the_memory_that_it_takes(entries: Callable[[int, str], Passages]) -> None:
    text_index(entries(1, "first use of every library"))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        index = TextIndex(entries(2_000, "keeper"))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 0.9 * index.size < after - before < 1.1 * index.size
