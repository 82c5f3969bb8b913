"""Asks about a known document of 300 pages without a model, beside an older checkout's or on PostgreSQL, in turns.

    python -m benchmarks.ask_latency [--asks 40] [--rounds 3] [--before CHECKOUT | --database-url URL]

Every round is a process of its own, whose first ask reads and indexes the document; the others find the index kept.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from agents.assistant import Assistant
from agents.benchmark.corpus import write_pdf
from agents.benchmark.workbench import ask, percentile, timed
from agents.settings import DocumentsSettings, EngineSettings, Settings
from benchmarks.record import record

PAGES = 300
LIMIT_MS = 150
POSTGRES_MS = 20
"""What PostgreSQL may add."""


async def ask_often(folder: Path, asks: int, database: str) -> list[float]:
    """Return the seconds of each ask, in a new session each, about a document that the library knows."""
    path = folder / "made.pdf"
    facts = write_pdf(path, PAGES, seed=1)
    # An older checkout knows of no such setting.
    more: dict[str, Any] = {"database_url": database} if database else {}
    assistant = Assistant(
        Settings(
            data_dir=folder / "data",
            documents=DocumentsSettings(roots=(folder,)),
            engine=EngineSettings(kind="extractive"),
            **more,
        )
    )
    try:
        await assistant.library.open(str(path))
        # The number makes each a question of its own, or the answer would be the one before; the database keeps those.
        first = time.time_ns()
        questions = [f"({first + number}) {facts[number % PAGES].question}" for number in range(asks)]
        return [(await timed(ask(assistant, question, [path])))[0] for question in questions]
    finally:
        await assistant.close()


def in_checkout(checkout: Path, asks: int, database: str) -> list[float]:
    """Return the seconds of each ask in a process that runs a checkout's agents, on SQLite if no database is named."""
    command = [
        sys.executable,
        str(Path(__file__).resolve()),
        "--alone",
        "--asks",
        str(asks),
        "--database-url",
        database,
    ]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, env=environment, cwd=checkout, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    """Read the command line, and measure."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--asks", type=int, default=40)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--before", type=Path, help="an older checkout of this repository")
    asked.add_argument("--database-url", default="", help="a PostgreSQL, beside SQLite")
    asked.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.alone:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(asyncio.run(ask_often(Path(folder), options.asks, options.database_url))))
        return
    here = Path(__file__).resolve().parents[1]
    sides = {"after": (here, "")}
    if options.before:
        sides["before"] = options.before.resolve(), ""
    if options.database_url:
        sides["postgres"] = here, options.database_url
    rounds = [
        {name: in_checkout(path, options.asks, url) for name, (path, url) in sides.items()}
        for _ in range(options.rounds)
    ]
    figures: dict[str, float | int] = {"asks": options.asks, "rounds": options.rounds}
    for name in sides:
        later = [seconds for each in rounds for seconds in each[name][1:]]
        figures |= {
            f"{name}_first_ms": percentile([each[name][0] for each in rounds], 0.5) * 1_000,
            f"{name}_p50_ms": percentile(later, 0.5) * 1_000,
            f"{name}_p95_ms": percentile(later, 0.95) * 1_000,
        }
    if options.before:
        figures |= {
            f"{key}_ratio": figures[f"after_{key}_ms"] / figures[f"before_{key}_ms"] for key in ("first", "p50", "p95")
        }
    if options.database_url:
        figures["postgres_more_p95_ms"] = figures["postgres_p95_ms"] - figures["after_p95_ms"]
        record(
            "ask_latency_postgres",
            f"python -m benchmarks.ask_latency --asks {options.asks} --rounds {options.rounds} --database-url URL: "
            f"whole asks about a known document of {PAGES} pages without a model, a new session each, in a process a "
            "round, on SQLite and on a PostgreSQL of this machine in turns; the first of each is apart.",
            figures,
            goal=f"at most {POSTGRES_MS} ms more at p95",
            met=figures["postgres_more_p95_ms"] <= POSTGRES_MS,
        )
        return
    record(
        "ask_latency",
        f"python -m benchmarks.ask_latency --asks {options.asks} --rounds {options.rounds} --before CHECKOUT: whole "
        f"asks about a known document of {PAGES} pages without a model, a new session each, in a process a round; the "
        "first of each is apart. Before: an older checkout's, in turns.",
        figures,
        goal=f"p95 under {LIMIT_MS} ms",
        met=figures["after_p95_ms"] < LIMIT_MS,
    )


if __name__ == "__main__":
    main()
