"""Two servers and one PostgreSQL: kills at random moments, and many sessions over both.

    python -m benchmarks.replicas --database-url postgresql+psycopg://... [--kills 50] [--longest 12] [--sessions 100]

The database is one of its own, and empty. Callers ask and analyse over Streamable HTTP in its stateless form, each call
and each poll at either server. At random moments one of the servers is killed and started anew; whoever waited for it
makes the same call again. All analyse the same documents at once, so that both servers want the same windows; a trigger
counts how often each was stored. There is no model.
"""

import argparse
import asyncio
import os
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from mcp import Client
from pydantic import SecretStr

from agents.settings import Settings
from agents.storage import postgres_url
from agents.stored_data import migrate
from benchmarks.growing_files import sentences
from benchmarks.record import record

DOCUMENT_SENTENCES = 1_200
WINDOW_TOKENS = 2_000
ANSWER_SECONDS = 60.0
"""A call that has no answer after so long is made again."""
TURNS = 4
"""Of a session that is followed over both servers."""
AT_ONCE = 8
_REPOSITORY = Path(__file__).parents[1]
_COUNT_STORED = """
    CREATE TABLE readroom_results.stored (key TEXT);
    CREATE FUNCTION readroom_results.count_stored() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO readroom_results.stored VALUES (new.key); RETURN NULL; END';
    CREATE TRIGGER count_stored AFTER INSERT OR UPDATE ON readroom_results.results
        FOR EACH ROW EXECUTE FUNCTION readroom_results.count_stored();
"""
# A window's key is a hash; those of runs and of their progress begin with words.
_WINDOWS = "FROM readroom_results.stored WHERE length(key) = 64"


NO_MODEL = {"READROOM_ENGINE__KIND": "extractive"}


class Servers:
    """Two servers over one database, each with a data folder of its own.

    Args:
        room: The folder of the documents and of theirs.
        database: That they share.
        engine: The settings of their engine.
    """

    def __init__(self, room: Path, database: SecretStr, engine: Mapping[str, str]) -> None:
        self._room = room
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("READROOM_")},
            "PYTHONPATH": str(_REPOSITORY),
            **engine,
            "READROOM_DATABASE_URL": database.get_secret_value(),
            "READROOM_SERVER__WAIT_SECONDS": "2",
            "READROOM_LOG_LEVEL": "ERROR",
        }
        self._ports = [free_port() for _ in range(2)]
        self._processes = [self._start(number) for number in range(2)]

    @property
    def addresses(self) -> list[str]:
        """Where they are reached."""
        return [f"http://127.0.0.1:{port}/mcp" for port in self._ports]

    def kill(self, number: int) -> None:
        """Kill one of them and start it anew."""
        self._processes[number].kill()
        self._processes[number].wait()
        self._processes[number] = self._start(number)

    async def answering(self) -> None:
        """Wait until both accept connections."""
        for port in self._ports:
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.1)
                else:
                    writer.close()
                    break

    def end(self) -> None:
        """Kill both."""
        for process in self._processes:
            process.kill()
            process.wait()

    def _start(self, number: int) -> "subprocess.Popen[bytes]":
        serve = "serve", "--transport", "http", "--port", str(self._ports[number]), "--root", str(self._room)
        return subprocess.Popen(
            [sys.executable, "-m", "mcp_server", *serve],
            env={**self._environment, "READROOM_DATA_DIR": str(self._room / f"data-{number}")},
            cwd=_REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@asynccontextmanager
async def two_servers(room: Path, database: SecretStr, engine: Mapping[str, str] = NO_MODEL) -> AsyncGenerator[Servers]:
    """Yield two servers over an empty database, which counts the windows that are stored."""
    await migrate(Settings(data_dir=room / "data", database_url=database))
    with _connect(database) as connection:
        connection.execute(_COUNT_STORED)
    servers = Servers(room, database, engine)
    try:
        yield servers
    finally:
        servers.end()


@dataclass
class Caller:
    """A client that makes each call, and each poll of it, at either server until it is answered."""

    addresses: list[str]
    chance: random.Random
    turns: dict[str, int] = field(default_factory=dict[str, int])
    """The turns that were acknowledged, by session."""
    refused: list[str] = field(default_factory=list[str])
    broken: int = 0
    """Calls that a kill has cut off."""
    at_other_servers: int = 0
    """Polls at another server than the one that was asked first."""

    async def call(self, tool: str, arguments: Mapping[str, object]) -> dict[str, Any]:
        """Make a call until its work is done; return the result."""
        given = dict(arguments)
        first = ""
        while True:
            address = self.chance.choice(self.addresses)
            try:
                async with Client(address, read_timeout_seconds=ANSWER_SECONDS) as client:
                    result = await client.call_tool(tool, given)
            except Exception:
                self.broken += 1
                await asyncio.sleep(0.2)
                continue
            if result.is_error:
                self.refused.append(str(result.content))
                return {}
            answer: dict[str, Any] = result.structured_content or {}
            session: dict[str, Any] = answer["session"]
            given["session_id"] = session["session_id"]
            self.at_other_servers += bool(first) and address != first
            first = first or address
            if answer["status"] != "running":
                self.turns[session["session_id"]] = session["turns"]
                return answer


async def survive_kills(
    servers: Servers, room: Path, kills: int, longest: float, callers: int = 4, seed: int = 1
) -> tuple[dict[str, int], dict[str, int]]:
    """Kill servers at random moments while callers ask and analyse.

    Return what became of the calls, and the turns of each session that were acknowledged.

    Args:
        servers: Of `two_servers`.
        room: The folder of the documents.
        kills: How many.
        longest: Seconds until the next, at most, once both servers accept connections.
        callers: How many.
        seed: Of the moments.
    """
    chance = random.Random(seed)
    calling = [Caller(servers.addresses, random.Random(seed * 1_000 + number)) for number in range(callers)]
    working = [asyncio.create_task(_work(caller, room)) for caller in calling]
    for _ in range(kills):
        await servers.answering()
        await asyncio.sleep(chance.uniform(0.0, longest))
        await asyncio.to_thread(servers.kill, chance.randrange(2))
    # Until each has asked and analysed with the servers that were started last.
    answered = [sum(caller.turns.values()) for caller in calling]
    while any(sum(caller.turns.values()) < before + 2 for caller, before in zip(calling, answered, strict=True)):
        if ended := [task for task in working if task.done()]:
            await ended[0]
        await asyncio.sleep(0.2)
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    for caller in calling:
        for refusal in caller.refused:
            print(refusal, file=sys.stderr)
    turns = {key: value for caller in calling for key, value in caller.turns.items()}
    figures = {
        "kills": kills,
        "calls_cut_off": sum(caller.broken for caller in calling),
        "polls_at_another_server": sum(caller.at_other_servers for caller in calling),
        "calls_refused": sum(len(caller.refused) for caller in calling),
        "turns_acknowledged": sum(turns.values()),
    }
    return figures, turns


async def _work(caller: Caller, room: Path) -> None:
    """Ask about a document and analyse it, then the next one."""
    session_id = None
    number = 0
    while True:
        number += 1
        path = room / f"{number}.txt"
        if not path.exists():
            text = "\n".join(sentences(DOCUMENT_SENTENCES, seed=number))
            await asyncio.to_thread(path.write_text, text, encoding="utf-8")
        asked = {"question": "What is the tide's fee?", "documents": [str(path)], "session_id": session_id}
        analysed = {"document": str(path), "mode": "extraction", "focus": "fees", "window_tokens": WINDOW_TOKENS}
        answer = await caller.call("ask", asked)
        session_id = answer["session"]["session_id"] if answer else None
        await caller.call("analyze_document", {**analysed, "session_id": session_id})


def left(database: SecretStr, turns: Mapping[str, int]) -> dict[str, int]:
    """Return what the database holds of the acknowledged turns, and how often windows were stored."""
    lost = 0
    with _connect(database) as connection:
        for session_id, acknowledged in turns.items():
            count = "SELECT count(*) / 2 FROM readroom_sessions.messages WHERE key = %s"
            lost += max(0, acknowledged - _number(connection, count, session_id))
        windows = _number(connection, f"SELECT count(DISTINCT key) {_WINDOWS}")
        twice = _number(connection, f"SELECT count(*) - count(DISTINCT key) {_WINDOWS}")
    return {"turns_lost": lost, "windows_finished": windows, "windows_computed_twice": twice}


async def follow_sessions(addresses: list[str], room: Path, sessions: int, seed: int = 1) -> dict[str, int]:
    """Hold sessions over both servers at once, each about a document of its own; count what one heard of another."""
    gate = asyncio.Semaphore(AT_ONCE)
    chance = random.Random(seed)
    callers = [Caller(addresses, random.Random(chance.random())) for _ in range(sessions)]

    async def hold(number: int) -> int:
        path = room / f"gate-{number}.md"
        await asyncio.to_thread(path.write_text, f"# Gate {number}\n\nThe keeper's code is {_code(number)}.\n")
        arguments: dict[str, object] = {"question": "What is the keeper's code?", "documents": [str(path)]}
        foreign = 0
        for _ in range(TURNS):
            async with gate:
                answer = await callers[number].call("ask", arguments)
            said = str(answer)
            foreign += _code(number) not in said
            foreign += any(_code(other) in said for other in range(sessions) if other != number)
            arguments = {"question": "And what is the code?", "session_id": answer["session"]["session_id"]}
        return foreign

    foreign = sum(await asyncio.gather(*(hold(number) for number in range(sessions))))
    held = [turns for caller in callers for turns in caller.turns.values()]
    return {"sessions": len(held), "turns_each": min(held), "answers_of_another_session": foreign}


def _code(number: int) -> str:
    return f"K{7_919 * (number + 1):07}X"


def _connect(database: SecretStr) -> "psycopg.Connection[tuple[Any, ...]]":
    url = postgres_url(database).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def _number(connection: "psycopg.Connection[tuple[Any, ...]]", query: str, *values: object) -> int:
    row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else 0


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return bound.getsockname()[1]


async def main(database: SecretStr, kills: int, longest: float, sessions: int) -> None:
    """Measure, and keep what was found."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        room = Path(name)
        async with two_servers(room, database) as servers:
            followed = await follow_sessions(servers.addresses, room, sessions)
            figures, turns = await survive_kills(servers, room, kills, longest)
        figures |= left(database, turns)
    figures |= followed
    record(
        "replicas",
        f"python -m benchmarks.replicas --kills {kills} --longest {longest:g} --sessions {sessions} "
        "--database-url URL: two servers and one PostgreSQL; either is killed at random moments, and sessions go over "
        "both.",
        figures,
        goal="nothing acknowledged is lost, no finished window is computed twice, no session hears of another",
        met=not any(figures[each] for each in ("turns_lost", "windows_computed_twice", "answers_of_another_session"))
        and figures["sessions"] == sessions,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--database-url", type=SecretStr, required=True, help="of a database of its own, which is empty"
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument(
        "--longest", type=float, default=12.0, help="seconds until a kill, at most, of servers that answer"
    )
    parser.add_argument("--sessions", type=int, default=100)
    asked = parser.parse_args()
    asyncio.run(main(asked.database_url, asked.kills, asked.longest, asked.sessions))
