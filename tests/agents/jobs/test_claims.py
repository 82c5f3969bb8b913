"""Work that one of all who want it does."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.jobs.window_cache import WindowCache
from tests.support import postgres
from tests.support.postgres import Cluster, both, connect

Server = Callable[[], WindowCache]


@pytest.fixture
async def server(tmp_path: Path, database_url: SecretStr | None) -> AsyncIterator[Server]:
    """Makes what each server has of its own of one place for results."""
    made: list[WindowCache] = []

    def make() -> WindowCache:
        made.append(WindowCache(tmp_path, database_url=database_url))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@both
async def test_a_claim_is_had_once_and_again_when_it_is_given_up(server: Server) -> None:
    results = server()
    async with results.claim("a") as first, results.claim("a") as second, results.claim("b") as other:
        assert (first, second, other) == (True, False, True)
    async with results.claim("a") as again:
        assert again


async def test_a_claim_stands_against_other_servers(empty_postgres: SecretStr, tmp_path: Path) -> None:
    here, there = (WindowCache(tmp_path, database_url=empty_postgres) for _ in range(2))
    async with here.claim("a") as first, there.claim("a") as second, there.claim("b") as other:
        assert (first, second, other) == (True, False, True)
    async with there.claim("a") as again:
        assert again
    await here.close()
    await there.close()


@both
async def test_a_cancelled_claim_is_free(server: Server) -> None:
    results = server()
    held = asyncio.Event()

    async def hold() -> None:
        async with results.claim("a"):
            held.set()
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await held.wait()
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    async with results.claim("a") as claimed:
        assert claimed


HOLDER = """
import asyncio, sys
from pathlib import Path
from pydantic import SecretStr
from agents.jobs.window_cache import WindowCache

async def main():
    cache = WindowCache(Path(sys.argv[1]), database_url=SecretStr(sys.argv[2]))
    async with cache.claim("a") as claimed:
        print(claimed, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_what_a_killed_process_had_claimed_is_free(empty_postgres: SecretStr, tmp_path: Path) -> None:
    arguments = "-c", HOLDER, str(tmp_path), empty_postgres.get_secret_value()
    holder = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert holder.stdout
    assert await holder.stdout.readline() == b"True\n"
    here = WindowCache(tmp_path, database_url=empty_postgres)
    async with here.claim("a") as claimed:
        assert not claimed

    holder.kill()
    await holder.wait()
    with connect(empty_postgres) as connection:
        # Until the server has noticed.
        connection.execute("SELECT pg_advisory_lock(hashtextextended('a', 0))")
        connection.execute("SELECT pg_advisory_unlock_all()")

    async with here.claim("a") as claimed:
        assert claimed
    await here.close()


async def test_a_server_that_was_restarted_is_found_again(
    cluster: Cluster, empty_postgres: SecretStr, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = WindowCache(tmp_path, database_url=empty_postgres)
    await here.put("k", "1")
    async with here.claim("a"):
        cluster.stop()
        cluster.start()
    async with here.claim("a") as claimed:
        assert claimed
    assert await here.get("k") == "1"
    assert not caplog.records
    await here.close()


async def test_without_its_database_work_is_done_unclaimed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = SecretStr(f"postgresql+psycopg://{postgres.USER}@/none?host={tmp_path}")
    cache = WindowCache(tmp_path, database_url=url)
    async with cache.claim("a") as claimed:
        assert claimed
    assert "Work is done unclaimed" in caplog.text
    await cache.close()
