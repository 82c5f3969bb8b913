"""Kills at random moments: what was acknowledged and is lost, what was finished and is computed twice.

python -m benchmarks.kills [--kills 100] [--longest 12] [--vllm .venv-vllm/bin/vllm]

A worker asks and analyses in turns, as a server does, and prints each answer's session and number of turns as soon as
it has it. The worker, or one of its processes that read and parse, is killed at a random moment; the next worker goes
on with the same call. A trigger in runs.db counts how often a window's result was stored. Without --vllm there is
no model; with it a resident vLLM computes, on a CPU with tests/support/vllm_cpu.py, whose tiny model is random: it
answers in the right form and without sense.
"""

import argparse
import asyncio
import json
import math
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TextIO

import psutil

from agents.assistant import Assistant
from agents.benchmark.checkpoints import write_tiny
from agents.engine.vllm import lifecycle
from agents.errors import ReadroomError
from agents.jobs.processes import Processes
from agents.settings import DocumentsSettings, EngineSettings, Settings
from benchmarks.growing_files import sentences
from benchmarks.record import record

DOCUMENT_SENTENCES = 1_200
WINDOW_TOKENS = 2_000
_TRIGGER = """
    CREATE TABLE IF NOT EXISTS stored (key TEXT);
    CREATE TRIGGER IF NOT EXISTS count_stored AFTER INSERT ON results BEGIN INSERT INTO stored VALUES (new.key); END;
    CREATE TRIGGER IF NOT EXISTS count_again AFTER UPDATE ON results BEGIN INSERT INTO stored VALUES (new.key); END;
"""


def settings_of(room: Path, vllm: str | None) -> Settings:
    """Return the settings of every worker."""
    engine = EngineSettings(kind="extractive")
    if vllm:
        engine = EngineSettings(
            kind="vllm",
            model=str(room / "model"),
            vllm_command=vllm,
            extra_args=("--enforce-eager",),
            max_model_len=16_384,
            check_reading=False,
            idle_sleep_seconds=0,
        )
    return Settings(data_dir=room / "data", documents=DocumentsSettings(roots=(room,)), engine=engine)


async def work(room: Path, settings: Settings) -> None:
    """Ask and analyse until killed; the documents that are analysed to the end are left behind."""
    assistant = Assistant(settings, processes=Processes())
    sessions = await assistant.stored()
    session_id = sessions.sessions[0].session_id if sessions.sessions else None
    while True:
        path = await asyncio.to_thread(next_document, room)
        with suppress(ReadroomError):
            answer = await assistant.ask("What is the tide's fee?", [str(path)], session_id, math.inf)
            session_id = acknowledge(answer.session.session_id, answer.session.turns)
            await assistant.analyze(
                str(path),
                "extraction",
                "fees",
                window_tokens=WINDOW_TOKENS,
                session_id=session_id,
                wait_seconds=math.inf,
            )
            acknowledge(session_id, answer.session.turns + 1)
            await asyncio.to_thread(path.unlink)


def next_document(room: Path) -> Path:
    """Return the document that is not analysed yet, or write one that nobody has read."""
    if left_over := sorted(room.glob("*.txt")):
        return left_over[0]
    path = room / f"{time.time_ns()}.txt"
    part = path.with_suffix(".part")
    part.write_text("\n".join(sentences(DOCUMENT_SENTENCES, seed=time.time_ns())), encoding="utf-8")
    return part.rename(path)


def acknowledge(session_id: str, turns: int) -> str:
    """Say that a turn is kept, and return the session."""
    print(json.dumps([session_id, turns]), flush=True)
    return session_id


def start(command: list[str], out: TextIO) -> "subprocess.Popen[str]":
    """Start a worker that writes what it acknowledges to a file."""
    return subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, text=True)


def kill_one(worker: "subprocess.Popen[str]", chance: random.Random) -> str:
    """Kill the worker or one of the processes below it; return which."""
    process = psutil.Process(worker.pid)
    below = process.children(recursive=True)
    if below and chance.random() < 1 / 2:
        with suppress(psutil.NoSuchProcess):
            chance.choice(below).kill()
        return "children"
    process.kill()
    return "workers"


def acknowledged(log: Path) -> dict[str, int]:
    """Return the turns of each session that a worker has printed; a line may break off."""
    turns: dict[str, int] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            session_id, count = json.loads(line)
            turns[session_id] = max(turns.get(session_id, 0), count)
    return turns


async def main(kills: int, longest: float, seed: int, vllm: str | None) -> None:
    """Kill as often as is asked, then look at what is left."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        room = Path(name)
        settings = settings_of(room, vllm)
        await prepare(settings)
        log = room / "log"
        command = [sys.executable, "-m", "benchmarks.kills", "--work", str(room), *(["--vllm", vllm] if vllm else [])]
        if vllm:
            write_tiny(room / "model", fp8_format=True)
            await lifecycle.start(settings.engine, settings.data_dir, print)
        killed = {"workers": 0, "children": 0}
        worker: subprocess.Popen[str] | None = None
        with log.open("a", encoding="utf-8") as out:
            for _ in range(kills):
                if worker is None or worker.poll() is not None:
                    worker = start(command, out)
                await asyncio.sleep(chance.uniform(0.1, longest))
                which = kill_one(worker, chance)
                killed[which] += 1
                if which == "workers":
                    worker.wait()
            if worker is not None:
                worker.kill()
                worker.wait()
        if vllm:
            await lifecycle.stop(settings.data_dir)
        figures = {
            "kills": kills,
            **{f"killed_{which}": count for which, count in killed.items()},
            **left(settings, log),
        }
    bad = ("turns_lost", "windows_computed_twice", "corrupt_databases")
    record(
        f"kills_{'vllm_cpu' if vllm else 'without_a_model'}",
        f"python -m benchmarks.kills --kills {kills} --longest {longest:g}{' --vllm' if vllm else ''}: "
        "a worker that asks and analyses, or a process of its, is killed.",
        figures,
        goal="nothing acknowledged is lost, no finished window is computed twice, no database is corrupt",
        met=not any(figures[each] for each in bad) and bool(figures["turns_acknowledged"]),
    )


async def prepare(settings: Settings) -> None:
    """Make the window cache and have it count what is stored."""
    assistant = Assistant(settings)
    await assistant._window_cache.get("")  # noqa: SLF001 - makes the file
    await assistant.close()
    with closing(sqlite3.connect(settings.data_dir / "runs.db")) as runs:
        runs.executescript(_TRIGGER)


def left(settings: Settings, log: Path) -> dict[str, int]:
    """Return what the databases hold of what was acknowledged."""
    promised = acknowledged(log)
    lost = 0
    with closing(sqlite3.connect(settings.data_dir / "sessions.db")) as sessions:
        for session_id, turns in promised.items():
            query = "SELECT COUNT(*) / 2 FROM messages WHERE key = ?"
            lost += max(0, turns - sessions.execute(query, (session_id,)).fetchone()[0])
    with closing(sqlite3.connect(settings.data_dir / "runs.db")) as runs:
        # A window's key is a hash; others begin with words.
        (windows,) = runs.execute("SELECT COUNT(*) FROM results WHERE length(key) = 64").fetchone()
        (twice,) = runs.execute("SELECT COUNT(*) - COUNT(DISTINCT key) FROM stored WHERE length(key) = 64").fetchone()
    corrupt = 0
    for file in settings.data_dir.glob("*.*"):
        if file.suffix in (".db", ".sqlite3"):
            with closing(sqlite3.connect(file)) as database:
                corrupt += database.execute("PRAGMA integrity_check").fetchone() != ("ok",)
    return {
        "turns_acknowledged": sum(promised.values()),
        "turns_lost": lost,
        "windows_finished": windows,
        "windows_computed_twice": twice,
        "corrupt_databases": corrupt,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument(
        "--longest", type=float, default=12.0, help="seconds until a kill, at most; a worker's start takes some four"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vllm", help="how to call vLLM")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        asyncio.run(work(asked.work, settings_of(asked.work, asked.vllm)))
    else:
        asyncio.run(main(asked.kills, asked.longest, asked.seed, asked.vllm))
