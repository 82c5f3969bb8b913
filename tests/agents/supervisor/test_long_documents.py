"""Documents far longer than any window: read whole, in bounded memory, and never twice."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from pydantic import SecretStr

from agents.documents.library import Library
from agents.engine.engine import Outcome, Task
from agents.engine.extractive.engine import ExtractiveEngine
from agents.engine.tasks.reading import WindowNotes
from agents.jobs.single_flight import ReportProgress
from agents.jobs.window_cache import WindowCache
from agents.schema import Document, Frozen, Progress, SessionInfo
from agents.settings import DocumentsSettings, SupervisorSettings
from agents.supervisor.answer import Completed, to_analysis
from agents.supervisor.run import Request, ignore_progress
from agents.supervisor.supervisor import Supervisor
from tests.agents.supervisor.conftest import Reading
from tests.support import postgres
from tests.support.fakes import FakeEngine
from tests.support.long_reader import long_text
from tests.support.postgres import both

ResultT = TypeVar("ResultT", bound=Frozen)
TOKENS = 150_000
WINDOW_TOKENS = 2_048
LONGEST_TOKENS, MOST_MIB = 2_000_000, 1_536
"""What a document of so many tokens may take. The longest takes minutes, so two short ones tell how memory grows."""
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the long document, in which it is parsed but once."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "log.md").write_text(long_text(TOKENS))
    return folder


@pytest.fixture
async def document(folder: Path) -> AsyncIterator[tuple[Library, Document]]:
    library = Library(DocumentsSettings(roots=(folder,)), folder / "library")
    yield library, await library.open(str(folder / "log.md"))
    await library.close()


@pytest.fixture
async def store(tmp_path: Path, database_url: SecretStr | None) -> AsyncIterator[WindowCache]:
    store = WindowCache(tmp_path, database_url=database_url)
    yield store
    await store.close()


async def read_whole(
    document: tuple[Library, Document],
    store: WindowCache,
    engine: FakeEngine,
    on_progress: ReportProgress = ignore_progress,
) -> Completed:
    library, held = document
    supervisor = Supervisor(library, store, SupervisorSettings(window_tokens=WINDOW_TOKENS))
    return await supervisor.run(Request("Analyse it.", (held,), mode="summary"), engine, on_progress)


def read_spans(engine: FakeEngine) -> set[tuple[int, int]]:
    windows = [task.evidence for task in engine.tasks if isinstance(task, WindowNotes)]
    return {(window[0].start, window[-1].end) for window in windows}


class Stopping(FakeEngine):
    """An engine that lets so many windows be noted, and holds all others for ever."""

    def __init__(self, windows: int) -> None:
        super().__init__()
        self.windows = windows

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        if self.windows == 0:
            await asyncio.Event().wait()
        self.windows -= 1
        return await super().run(task)


@both
async def test_a_long_document_is_read_whole_in_windows_that_fit(
    document: tuple[Library, Document], store: WindowCache
) -> None:
    engine = FakeEngine()

    completed = await read_whole(document, store, engine)

    analysis = to_analysis(completed, SessionInfo(session_id="s"))
    assert 0.97 * TOKENS < analysis.coverage.tokens_total == analysis.coverage.tokens_read
    assert analysis.coverage.windows == engine.count(WindowNotes) > 50
    assert analysis.coverage.skipped == ()
    windows = [task.evidence for task in engine.tasks if isinstance(task, WindowNotes)]
    assert all(sum(engine.count_tokens(passage.text) for passage in window) <= WINDOW_TOKENS for window in windows)
    text = document[1].text
    assert "".join(passage.text for window in sorted(windows, key=lambda w: w[0].start) for passage in window) == text
    assert "lines of the kind" in analysis.markdown
    assert analysis.citations
    assert all(text[citation.start : citation.end] == citation.quote for citation in analysis.citations)


@both
async def test_a_run_cancelled_half_way_repeats_no_finished_window(
    document: tuple[Library, Document], store: WindowCache
) -> None:
    stopping = Stopping(windows=30)
    stored = asyncio.Event()

    def tell(progress: Progress, _notes: tuple[str, ...] = (), /) -> None:
        if progress.message.startswith("Read window 30 of"):
            stored.set()

    first = asyncio.create_task(read_whole(document, store, stopping, tell))
    await stored.wait()
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first

    engine = FakeEngine()
    ledger = (await read_whole(document, store, engine)).run.ledger

    assert len(read_spans(stopping)) == 30
    assert not read_spans(stopping) & read_spans(engine)
    assert len(read_spans(engine)) == ledger.windows - 30
    assert ledger.everything_read


async def test_two_servers_that_read_one_document_at_once_read_each_window_once(
    document: tuple[Library, Document], empty_postgres: SecretStr, tmp_path: Path
) -> None:
    stores = [WindowCache(tmp_path, database_url=empty_postgres) for _ in range(2)]
    engines = FakeEngine(), FakeEngine()

    both_read = await asyncio.gather(
        *(read_whole(document, store, engine) for store, engine in zip(stores, engines, strict=True))
    )

    read = [read_spans(engine) for engine in engines]
    assert not read[0] & read[1]
    assert all(len(spans) > 10 for spans in read)
    assert sum(engine.count(WindowNotes) for engine in engines) == both_read[0].run.ledger.windows
    assert all(completed.run.ledger.everything_read for completed in both_read)
    for store in stores:
        await store.close()


def reader(folder: Path, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "tests.support.long_reader",
        str(folder / "data"),
        str(folder / "log.md"),
        *more,
    ]


def analysed(folder: Path, *more: str, **variables: str) -> dict[str, Any]:
    done = subprocess.run(
        reader(folder, *more), cwd=REPOSITORY, env=os.environ | variables, capture_output=True, check=True, timeout=300
    )
    return json.loads(done.stdout)


def test_two_million_tokens_would_stay_within_a_gigabyte_and_a_half(tmp_path: Path) -> None:
    taken: list[dict[str, Any]] = []
    for tokens in (20_000, 220_000):
        (folder := tmp_path / str(tokens)).mkdir()
        (folder / "log.md").write_text(long_text(tokens))
        taken.append(analysed(folder, "32768"))
    short, long = taken

    assert long["tokens_read"] == long["tokens_total"] > 210_000
    assert long["citations_elsewhere"] == 0
    for peak in ("peak_mib", "parser_peak_mib"):
        growth = (long[peak] - short[peak]) / (long["tokens_total"] - short["tokens_total"])
        assert short[peak] + growth * LONGEST_TOKENS < MOST_MIB


def finished_windows(folder: Path, database_url: SecretStr | None) -> int:
    if database_url:
        with suppress(psycopg.errors.UndefinedTable), postgres.connect(database_url) as connection:
            return connection.execute("SELECT COUNT(*) FROM readroom_results.results").fetchone()[0]
        return 0
    path = folder / "data" / "runs.db"
    if not path.exists():
        return 0
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path, timeout=30)) as connection:
        return connection.execute("SELECT COUNT(*) FROM results").fetchone()[0]
    return 0


@both
def test_a_process_killed_half_way_is_continued_by_the_next_one(tmp_path: Path, database_url: SecretStr | None) -> None:
    variables = {"READROOM_DATABASE_URL": database_url.get_secret_value()} if database_url else {}
    (tmp_path / "log.md").write_text(long_text(45_000))
    killed = subprocess.Popen(
        reader(tmp_path, "1024", "0.2"), cwd=REPOSITORY, env=os.environ | variables, stdout=subprocess.DEVNULL
    )
    while finished_windows(tmp_path, database_url) < 20 and killed.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            killed.wait(0.05)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    finished = finished_windows(tmp_path, database_url)

    taken = analysed(tmp_path, "1024", **variables)

    assert 20 <= finished < taken["windows"]
    assert taken["windows_noted"] == taken["windows"] - finished
    assert taken["tokens_read"] == taken["tokens_total"]


async def test_of_a_text_of_over_a_million_characters_every_question_ranks_all(read: Reading) -> None:
    entry = (
        "## Entry {n}\n\nThe keeper of lamp {n} wrote: the wick was trimmed. " + "The night was long. " * 15 + "\n\n"
    )
    text = "".join(entry.format(n=n) for n in range(3_200))

    completed = await read(ExtractiveEngine(), "Who wrote of lamp 1187?", text)

    run = completed.run
    assert len(text) > 1_000_000
    assert len(run.texts.all_passages) > 3_000
    assert run.ledger.everything_read
    assert "lamp 1187" in completed.state["judgement"].claims[0].text
