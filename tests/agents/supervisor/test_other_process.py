"""Long documents are read in another process, and nobody waits behind that."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from pydantic import SecretStr

from agents.assistant import Assistant
from agents.benchmark.corpus import write_text
from agents.engine.engine import Outcome, Task
from agents.engine.extractive.engine import ExtractiveEngine
from agents.engine.tasks.reading import WindowNotes
from agents.jobs.processes import Processes
from agents.schema import Analysis, EngineInfo, Frozen
from agents.settings import DocumentsSettings, EngineSettings, Settings
from tests.support.postgres import both

ResultT = TypeVar("ResultT", bound=Frozen)
PAGES = 20
"""Of about 730 tokens each: long enough to be read elsewhere."""
PATIENCE = 60.0
"""Seconds after which a test has failed."""
PUMP = "The pump holds 40 litres. The valve was made by Orlov in 1987."


class SlowReader:
    """The engine without a model, but that it notes nothing of a window until it is let go."""

    def __init__(self) -> None:
        self._rules = ExtractiveEngine()
        self.reads = asyncio.Event()
        self.let_go = asyncio.Event()

    @property
    def info(self) -> EngineInfo:
        return self._rules.info

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        if isinstance(task, WindowNotes):
            self.reads.set()
            await self.let_go.wait()
        return await self._rules.run(task)

    def count_tokens(self, text: str) -> int:
        return self._rules.count_tokens(text)

    async def close(self) -> None: ...


@pytest.fixture
def settings(tmp_path: Path, database_url: SecretStr | None) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        documents=DocumentsSettings(roots=(tmp_path,)),
        engine=EngineSettings(kind="extractive"),
    )


@pytest.fixture
def report(tmp_path: Path) -> str:
    path = tmp_path / "report.txt"
    write_text(path, PAGES, seed=7)
    return str(path)


@pytest.fixture
def reader() -> SlowReader:
    return SlowReader()


@pytest.fixture
async def assistant(settings: Settings, reader: SlowReader) -> AsyncIterator[Assistant]:
    assistant = Assistant(settings, reader, Processes())
    yield assistant
    await assistant.close()


def readers() -> list[psutil.Process]:
    """Return the processes that read for this one."""
    return [child for child in psutil.Process().children() if any("jobs.processes" in word for word in child.cmdline())]


def told(analysis: Analysis) -> Analysis:
    """Return an analysis without what differs from one call to the next."""
    agents = tuple(step.model_copy(update={"seconds": 0.0}) for step in analysis.route.agents)
    route = analysis.route.model_copy(update={"agents": agents})
    usage = analysis.usage.model_copy(update={"seconds": 0.0})
    return analysis.model_copy(update={"route": route, "usage": usage, "session": None, "documents": ()})


@both
async def test_a_long_document_read_in_another_process_gives_the_same_analysis(
    settings: Settings, report: str, tmp_path: Path
) -> None:
    elsewhere = Assistant(settings, processes=Processes())
    here = Assistant(settings.model_copy(update={"data_dir": tmp_path / "another", "database_url": None}))
    try:
        first = await elsewhere.analyze(report, "detailed")
        assert readers()
        again = await elsewhere.ask("Summarise the document.", [report], first.session.session_id)
        second = await here.analyze(report, "detailed")
    finally:
        await elsewhere.close()
        await here.close()

    assert told(first) == told(second)
    assert first.coverage.tokens_read == first.coverage.tokens_total
    assert again.route.kind == "whole_document"
    assert again.session.turns == 2
    assert not readers()


@both
async def test_beside_an_analysis_asks_are_answered_and_polls_return_and_a_killed_reader_is_replaced(
    assistant: Assistant, reader: SlowReader, report: str, write: Callable[[str, str], str]
) -> None:
    analysis = asyncio.create_task(assistant.analyze(report))
    await asyncio.wait_for(reader.reads.wait(), PATIENCE)
    answer = await assistant.ask("How many litres does the pump hold?", [write("pump.txt", PUMP)])
    poll = await assistant.analyze(report, wait_seconds=0.0)
    for process in readers():
        process.kill()
    reader.let_go.set()
    done = await analysis

    assert "40 litres" in answer.markdown
    assert poll.status == "running"
    assert done.status == "complete"
    assert done.citations


async def test_a_cancelled_analysis_ends_the_process_that_reads(
    assistant: Assistant, reader: SlowReader, report: str
) -> None:
    analysis = asyncio.create_task(assistant.analyze(report))
    await asyncio.wait_for(reader.reads.wait(), PATIENCE)
    assert readers()
    analysis.cancel()
    with pytest.raises(asyncio.CancelledError):
        await analysis
    await assistant.close()

    assert not readers()


async def test_a_short_document_is_read_where_it_is(
    assistant: Assistant, reader: SlowReader, write: Callable[[str, str], str]
) -> None:
    reader.let_go.set()
    await assistant.analyze(write("pump.txt", PUMP))

    assert not readers()
