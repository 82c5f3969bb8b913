"""Runs that two servers share."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.errors import EngineError
from agents.jobs.shared_runs import SharedRuns
from agents.jobs.single_flight import ReportProgress
from agents.jobs.window_cache import WindowCache
from agents.schema import Frozen, Progress


class Text(Frozen):
    """What the runs result in."""

    text: str


class Server:
    """One of the servers, and the work that it does once it may."""

    def __init__(self, results: WindowCache, name: str) -> None:
        self._runs = SharedRuns(results)
        self._name = name
        self.heard: list[Progress] = []
        self.notes: list[str] = []
        self.hears = asyncio.Event()
        self.works = asyncio.Event()
        self.may_end = asyncio.Event()
        self.works_done = 0

    async def run(self, key: str = "key", error: Exception | None = None) -> str:
        async def work(report: ReportProgress) -> Text:
            self.works.set()
            report(Progress(fraction=0.5, message=f"Half done by {self._name}"), ("a note",))
            await self.may_end.wait()
            self.works_done += 1
            if error:
                raise error
            return Text(text=f"by {self._name}")

        return (await self._runs.run(key, Text, work, self._hear)).text

    def _hear(self, progress: Progress, notes: tuple[str, ...] = (), /) -> None:
        self.heard.append(progress)
        self.notes.extend(notes)
        self.hears.set()


@pytest.fixture
async def servers(empty_postgres: SecretStr, tmp_path: Path) -> AsyncIterator[tuple[Server, Server]]:
    one, other = (WindowCache(tmp_path, database_url=empty_postgres) for _ in range(2))
    yield Server(one, "one"), Server(other, "other")
    await one.close()
    await other.close()


async def test_a_run_under_way_is_found_and_told_of_at_another_server(servers: tuple[Server, Server]) -> None:
    one, other = servers
    computing = asyncio.create_task(one.run())
    await one.works.wait()
    waiting = asyncio.create_task(other.run())
    await other.hears.wait()
    one.may_end.set()

    assert await asyncio.gather(computing, waiting) == ["by one", "by one"]
    assert (other.works_done, [each.message for each in other.heard]) == (0, ["Half done by one"])
    assert one.notes == other.notes == ["a note"]


async def test_a_finished_run_is_had_at_another_server(servers: tuple[Server, Server]) -> None:
    one, other = servers
    one.may_end.set()
    other.may_end.set()
    assert (await one.run(), await other.run()) == ("by one", "by one")
    assert await other.run("another key") == "by other"


async def test_a_run_that_is_stopped_goes_on_at_another_server(servers: tuple[Server, Server]) -> None:
    one, other = servers
    computing = asyncio.create_task(one.run())
    await one.works.wait()
    waiting = asyncio.create_task(other.run())
    await other.hears.wait()
    computing.cancel()
    other.may_end.set()
    assert await waiting == "by other"


async def test_a_run_that_fails_is_tried_where_somebody_waits(servers: tuple[Server, Server]) -> None:
    one, other = servers
    one.may_end.set()
    other.may_end.set()
    with pytest.raises(EngineError):
        await one.run(error=EngineError("It broke.", hint=""))
    assert await other.run() == "by other"
