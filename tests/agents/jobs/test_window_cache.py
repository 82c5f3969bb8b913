"""Results that outlive a process."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.jobs.window_cache import WindowCache


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[WindowCache]:
    store = WindowCache(tmp_path, expire_seconds=100, max_bytes=1_000, clock=clock)
    yield store
    await store.close()


async def test_a_stored_result_outlives_the_store(store: WindowCache, tmp_path: Path, clock: Clock) -> None:
    await store.put("k", '{"a": "é"}')
    await store.put("k", '{"a": "ü"}')
    again = WindowCache(tmp_path, clock=clock)
    assert await again.get("k") == '{"a": "ü"}'
    assert await again.get("other") is None
    await again.close()


async def test_a_deleted_result_is_gone(store: WindowCache) -> None:
    await store.put("k", "1")
    await store.delete("k")
    assert await store.get("k") is None


async def test_a_result_expires(store: WindowCache, clock: Clock) -> None:
    await store.put("old", "1")
    clock.now += 100
    assert await store.get("old") == "1"
    clock.now += 1
    assert await store.get("old") is None


async def test_the_oldest_results_go_when_the_store_is_full(store: WindowCache) -> None:
    for number in range(12):
        await store.put(f"k{number}", "x" * 100)
    assert [await store.get(f"k{number}") is not None for number in range(12)] == [False] * 2 + [True] * 10


async def test_a_result_larger_than_the_store_is_not_kept(store: WindowCache) -> None:
    await store.put("big", "x" * 1_001)
    assert await store.get("big") is None


async def test_a_damaged_store_costs_time_and_not_the_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "runs.db").write_bytes(b"no database " * 100)
    store = WindowCache(tmp_path)
    await store.put("k", "1")
    assert await store.get("k") is None
    assert "cannot be read or written" in caplog.text
    await store.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from agents.jobs.window_cache import WindowCache

async def main():
    store = WindowCache(Path(sys.argv[1]))
    for number in range(25):
        await store.put(f"{sys.argv[2]}-{number}", str(number))
    await store.close()

asyncio.run(main())
"""


async def test_four_processes_put_into_one_store_at_once(tmp_path: Path) -> None:
    start = asyncio.create_subprocess_exec
    writers = [await start(sys.executable, "-c", WRITER, str(tmp_path), name) for name in "abcd"]
    assert [await writer.wait() for writer in writers] == [0, 0, 0, 0]
    store = WindowCache(tmp_path)
    for name in "abcd":
        assert [await store.get(f"{name}-{number}") for number in range(25)] == [str(number) for number in range(25)]
    await store.close()


async def test_a_result_is_read_while_another_process_writes(tmp_path: Path) -> None:
    store = WindowCache(tmp_path)
    await store.put("key", '{"a": 1}')
    writer = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")

    found = await store.get("key")

    writer.close()
    await store.close()
    assert found == '{"a": 1}'
