"""Two servers over HTTP and one database, of which either is killed at work."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mcp import Client
from pydantic import SecretStr

from agents.benchmark.corpus import write_text
from agents.engine.vllm.processes import wait_until
from agents.schema import Analysis, Answer
from tests.support import postgres
from tests.support.processes import server_process

FACTS = "The pump holds 40 litres. The valve was made by Orlov in 1987."
PAGES = 40
KILLS = 2
"""Of each server one; `python -m benchmarks.replicas` kills fifty times, at random moments, in half an hour."""
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


async def test_servers_killed_in_turn_lose_no_answered_turn_and_no_finished_window(
    empty_postgres: SecretStr, tmp_path: Path
) -> None:
    pump = tmp_path / "pump.txt"
    pump.write_text(FACTS)
    with ExitStack() as stack:

        def start(number: int) -> tuple["subprocess.Popen[str]", str]:
            return stack.enter_context(server(tmp_path / str(number), tmp_path, empty_postgres))

        servers = [start(0), start(1)]
        first = await ask(servers[0][1], "How many litres does the pump hold?", documents=[str(pump)])
        session = first.session.session_id
        for kill in range(KILLS):
            (killed, its_address), (_, other_address) = servers[kill % 2], servers[1 - kill % 2]
            report = tmp_path / f"report-{kill}.txt"
            write_text(report, PAGES, seed=kill)
            begun = await analyse(its_address, report, wait_seconds=0)
            waiting = asyncio.create_task(analyse(other_address, report, wait_seconds=300))
            known = finished_windows(empty_postgres)
            assert await asyncio.to_thread(wait_until, lambda k=known: finished_windows(empty_postgres) > k, PATIENCE)
            before = finished_windows(empty_postgres)
            turn = await ask(its_address, "Who made the valve?", session_id=session)
            killed.kill()
            follow_up = await ask(other_address, "How many litres does the pump hold?", session_id=session)
            analysis = await waiting
            servers[kill % 2] = await asyncio.to_thread(start, kill % 2)

            assert (begun.status, analysis.status) == ("running", "complete")
            assert analysis.coverage.complete
            assert "Orlov" in turn.claims[0].text
            assert "40 litres" in follow_up.claims[0].text
            assert (turn.session.turns, follow_up.session.turns) == (2 * kill + 2, 2 * kill + 3)
            assert before <= finished_windows(empty_postgres)
