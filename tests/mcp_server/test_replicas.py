"""Two servers over HTTP and one database, of which either is killed at work."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcp import Client
from pydantic import SecretStr

from agents.benchmark.corpus import write_text
from agents.engine.vllm.processes import wait_until
from agents.schema import Analysis, Answer
from benchmarks.replicas import left, survive_kills, two_servers
from tests.support import postgres
from tests.support.processes import server_process

FACTS = "The pump holds 40 litres. The valve was made by Orlov in 1987."
PAGES = 40
KILLS = 3
"""`python -m benchmarks.replicas` kills fifty times, which takes an hour."""
PATIENCE = 60.0
"""Seconds after which the test has failed."""
WINDOWS = "SELECT key, created FROM readroom_results.results WHERE length(key) = 64"
"""A window's key is a hash; those of runs and of their progress begin with words."""


@contextmanager
def server(data_dir: Path, root: Path, database_url: SecretStr) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start a server over the database; yield its process and its address."""
    how = server_process(data_dir, "--root", str(root), "--transport", "http", "--port", "0")
    env = {**how.env, "READROOM_DATABASE_URL": database_url.get_secret_value()}
    with subprocess.Popen([how.command, *how.args], env=env, cwd=how.cwd, stderr=subprocess.PIPE, text=True) as process:
        yield process, next(line for line in process.stderr if line.startswith("Streamable HTTP: ")).split()[-1]
        process.kill()


async def ask(url: str, question: str, **arguments: object) -> Answer:
    async with Client(url) as client:
        result = await client.call_tool("ask", {"question": question, **arguments})
    return Answer.model_validate(result.structured_content)


async def analyse(url: str, document: Path, wait_seconds: float) -> Analysis:
    call = {"document": str(document), "mode": "extraction", "focus": "fees", "window_tokens": 2_000}
    async with Client(url) as client:
        result = await client.call_tool("analyze_document", {**call, "wait_seconds": wait_seconds})
    return Analysis.model_validate(result.structured_content)


def finished_windows(database_url: SecretStr) -> set[tuple[str, float]]:
    """Return which windows have been read, and when."""
    with postgres.connect(database_url) as connection:
        return set(connection.execute(WINDOWS).fetchall())


async def test_a_killed_server_loses_no_answered_turn_and_no_finished_window(
    empty_postgres: SecretStr, tmp_path: Path
) -> None:
    pump, report = tmp_path / "pump.txt", tmp_path / "report.txt"
    pump.write_text(FACTS)
    write_text(report, PAGES, seed=7)
    with (
        server(tmp_path / "1", tmp_path, empty_postgres) as (killed, its_address),
        server(tmp_path / "2", tmp_path, empty_postgres) as (_, other_address),
    ):
        first = await ask(its_address, "How many litres does the pump hold?", documents=[str(pump)])
        begun = await analyse(its_address, report, wait_seconds=0)
        waiting = asyncio.create_task(analyse(other_address, report, wait_seconds=300))
        assert await asyncio.to_thread(wait_until, lambda: bool(finished_windows(empty_postgres)), PATIENCE)
        before = finished_windows(empty_postgres)
        killed.kill()
        second = await ask(other_address, "Who made the valve?", session_id=first.session.session_id)
        analysis = await waiting

    assert (begun.status, analysis.status) == ("running", "complete")
    assert analysis.coverage.complete
    assert second.session.turns == 2
    assert "Orlov" in second.claims[0].text
    assert before <= finished_windows(empty_postgres)


async def test_servers_killed_at_random_moments_lose_no_acknowledged_turn_and_repeat_no_finished_window(
    empty_postgres: SecretStr, tmp_path: Path
) -> None:
    async with two_servers(tmp_path, empty_postgres) as servers:
        figures, turns = await survive_kills(servers, tmp_path, KILLS, longest=2.0, callers=2)
    kept = left(empty_postgres, turns)

    assert figures["kills"] == KILLS
    assert figures["calls_refused"] == 0
    assert figures["turns_acknowledged"] >= 4
    assert kept["windows_finished"] > 0
    assert (kept["turns_lost"], kept["windows_computed_twice"]) == (0, 0)
