"""Calls to the real server, over stdio, while it reads a text of 1.2 million tokens: do they wait behind that work?

python -m benchmarks.beside_an_analysis [--pages 1650] [--mode detailed] [--seconds 90] [--name beside_an_analysis]
"""

import argparse
import asyncio
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult

from agents.benchmark.corpus import write_text
from agents.benchmark.workbench import SEED
from benchmarks.record import record

ASKS_ALONE = 20
AT_ONCE = 16
POLLS = (0.0, 1.0, 5.0)
"""Seconds that a poll of the analysis waits, in turn."""
MOST_TIMES_SLOWER = 3.0
MOST_SECONDS_LATE = 1.0


class Caller:
    """A client of the server, and a small document that it asks about.

    Args:
        server: Connected.
        small: The small document.
        questions: Of which no two are the same, so that none is answered from memory.
    """

    def __init__(self, server: Client, small: Path, questions: Iterator[str]) -> None:
        self._server = server
        self._small = small
        self._questions = questions

    async def ask(self) -> float:
        """Ask about the small document; return how many seconds the answer took."""
        arguments = {"question": next(self._questions), "documents": [str(self._small)]}
        started = time.perf_counter()
        result = await self._server.call_tool("ask", arguments)
        _check(result)
        return time.perf_counter() - started

    async def analyze(self, document: Path, mode: str, wait: float) -> tuple[float, bool]:
        """Start an analysis or poll it; return how many seconds the call took, and whether it has ended."""
        arguments = {"document": str(document), "mode": mode, "wait_seconds": wait}
        started = time.perf_counter()
        result = await self._server.call_tool("analyze_document", arguments)
        return time.perf_counter() - started, _check(result)["status"] == "complete"


def _check(result: CallToolResult) -> dict[str, Any]:
    if result.is_error:
        raise RuntimeError(str(result.content))
    return cast("dict[str, Any]", result.structured_content)


async def main(pages: int, mode: str, seconds: float, name: str) -> None:
    """Ask alone, then every second beside the analysis, whose polls must come back in time."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.txt"), Path(folder, "large.txt")
        facts = write_text(small, 8, SEED)
        write_text(large, pages, SEED + 1)
        questions = (f"{fact.question} ({number})" for number, fact in enumerate(itertools.cycle(facts)))
        async with Client(_server(Path(folder))) as server:
            caller = Caller(server, small, questions)
            # A client that has just started the server does not wait for its imports either.
            first, _ = await caller.analyze(small, "summary", POLLS[0])
            for _ in range(3):
                await caller.ask()
            alone = [await caller.ask() for _ in range(ASKS_ALONE)]
            one_by_one = sum([await caller.ask() for _ in range(AT_ONCE)])
            started = time.perf_counter()
            each = await asyncio.gather(*(caller.ask() for _ in range(AT_ONCE)))
            at_once = time.perf_counter() - started
            beside, late, took = await _beside(caller, large, mode, seconds)
    slower = statistics.median(beside) / statistics.median(alone)
    record(
        name,
        f"python -m benchmarks.beside_an_analysis --pages {pages} --mode {mode} --seconds {seconds:g}: a client over "
        f"stdio; asks on a document of 8 pages alone, then every second while a new text of {pages} pages is opened "
        f"and analysed, whose polls wait {', '.join(f'{wait:g}' for wait in POLLS)} and 45 s.",
        {
            "ask_alone_median_seconds": statistics.median(alone),
            "ask_alone_slowest_seconds": max(alone),
            "ask_beside_median_seconds": statistics.median(beside),
            "ask_beside_slowest_seconds": max(beside),
            "asks_beside": len(beside),
            "times_slower": slower,
            "latest_poll_seconds": max(late),
            "first_call_late_seconds": first - POLLS[0],
            "polls": len(late),
            "analysis_seconds": took,
            f"asks_one_by_one_{AT_ONCE}_seconds": one_by_one,
            f"asks_at_once_{AT_ONCE}_seconds": at_once,
            f"asks_at_once_{AT_ONCE}_median_seconds": statistics.median(each),
        },
        goal=f"an ask at most {MOST_TIMES_SLOWER:g} times slower beside an analysis (medians), and no poll later than "
        f"{MOST_SECONDS_LATE:g} s after its wait_seconds",
        met=slower <= MOST_TIMES_SLOWER and max(first, *late) <= MOST_SECONDS_LATE,
    )


async def _beside(
    caller: Caller, document: Path, mode: str, seconds: float
) -> tuple[list[float], list[float], float | None]:
    """Analyse a document and ask beside it until it is done or the time is over.

    Returns:
        The seconds that each ask took, by how many each poll outlasted its wait, and what the analysis took if it
        ended.
    """
    asked: list[float] = []
    late: list[float] = []
    started = time.perf_counter()
    ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def poll(waits: Iterator[float]) -> None:
        while not ended.done() and time.perf_counter() - started < seconds:
            wait = next(waits)
            took, complete = await caller.analyze(document, mode, wait)
            late.append(took - wait)
            if complete and not ended.done():
                ended.set_result(time.perf_counter() - started)

    polls = [asyncio.create_task(poll(itertools.cycle(waits))) for waits in (POLLS, (45.0,))]
    while not ended.done() and time.perf_counter() - started < seconds:
        asked.append(await caller.ask())
        await asyncio.sleep(1.0)
    await asyncio.gather(*polls)
    return asked, late, ended.result() if ended.done() else None


def _server(folder: Path) -> StdioServerParameters:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("READROOM_")},
        "READROOM_DATA_DIR": str(folder / "data"),
        "READROOM_ENGINE__KIND": "extractive",
    }
    arguments = ["-m", "mcp_server", "serve", "--root", str(folder)]
    return StdioServerParameters(command=sys.executable, args=arguments, env=environment)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1_650)
    parser.add_argument("--mode", choices=("summary", "detailed", "extraction"), default="detailed")
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--name", default="beside_an_analysis")
    options = parser.parse_args()
    asyncio.run(main(options.pages, options.mode, options.seconds, options.name))
