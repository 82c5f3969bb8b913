"""Results that outlive a process."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.jobs.window_cache import WindowCache
from tests.support import postgres
from tests.support.postgres import both


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
async def cache(tmp_path: Path, clock: Clock, database_url: SecretStr | None) -> AsyncIterator[WindowCache]:
    cache = WindowCache(tmp_path, expire_seconds=100, max_bytes=1_000, clock=clock, database_url=database_url)
    yield cache
    await cache.close()


@both
async def test_a_stored_result_outlives_the_store(
    cache: WindowCache, tmp_path: Path, clock: Clock, database_url: SecretStr | None
) -> None:
    await cache.put("k", '{"a": "é"}')
    await cache.put("k", '{"a": "ü"}')
    again = WindowCache(tmp_path, clock=clock, database_url=database_url)
    assert await again.get("k") == '{"a": "ü"}'
    assert await again.get("other") is None
    await again.close()


@both
async def test_a_result_expires(cache: WindowCache, clock: Clock) -> None:
    await cache.put("old", "1")
    clock.now += 100
    assert await cache.get("old") == "1"
    clock.now += 1
    assert await cache.get("old") is None


@both
async def test_the_oldest_results_go_when_the_store_is_full(cache: WindowCache) -> None:
    for number in range(12):
        await cache.put(f"k{number}", "x" * 100)
    assert [await cache.get(f"k{number}") is not None for number in range(12)] == [False] * 2 + [True] * 10


@both
async def test_a_result_larger_than_the_store_is_not_kept(cache: WindowCache) -> None:
    await cache.put("big", "x" * 1_001)
    assert await cache.get("big") is None


async def test_a_damaged_store_costs_time_and_not_the_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "runs.db").write_bytes(b"no database " * 100)
    cache = WindowCache(tmp_path)
    await cache.put("k", "1")
    assert await cache.get("k") is None
    assert "cannot be read or written" in caplog.text
    await cache.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from pydantic import SecretStr
from agents.jobs.window_cache import WindowCache

async def main():
    url = SecretStr(sys.argv[3]) if sys.argv[3:] else None
    cache = WindowCache(Path(sys.argv[1]), database_url=url)
    for number in range(25):
        await cache.put(f"{sys.argv[2]}-{number}", str(number))
    await cache.close()

asyncio.run(main())
"""


@both
async def test_four_processes_put_into_one_store_at_once(tmp_path: Path, database_url: SecretStr | None) -> None:
    start = asyncio.create_subprocess_exec
    address = [database_url.get_secret_value()] if database_url else []
    writers = [await start(sys.executable, "-c", WRITER, str(tmp_path), name, *address) for name in "abcd"]
    assert [await writer.wait() for writer in writers] == [0, 0, 0, 0]
    cache = WindowCache(tmp_path, database_url=database_url)
    for name in "abcd":
        assert [await cache.get(f"{name}-{number}") for number in range(25)] == [str(number) for number in range(25)]
    await cache.close()


@both
async def test_a_result_is_read_while_another_process_writes(tmp_path: Path, database_url: SecretStr | None) -> None:
    cache = WindowCache(tmp_path, database_url=database_url)
    await cache.put("key", '{"a": 1}')
    if database_url:
        writer = postgres.connect(database_url)
        writer.execute("BEGIN")
        writer.execute("UPDATE readroom_results.results SET json = ''")
    else:
        writer = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")

    found = await cache.get("key")

    writer.close()
    await cache.close()
    assert found == '{"a": 1}'
