"""Time to `initialize`: our server beside the same server that imports everything an answer needs at its start.

python -m benchmarks.startup [--rounds 7]
"""

import argparse
import asyncio
import statistics
import sys

from agents.benchmark.server_start import SERVER, measure_start
from benchmarks.record import record

NEEDED = (
    "agents.assistant",
    "agents.engine.extractive.answering",
    "langchain_openai",
    "langgraph_supervisor",
    "llama_index.core.memory",
    "bm25s",
)
"""What the first answer imports, on any engine."""
EAGER = (
    sys.executable,
    "-c",
    f"import {', '.join(NEEDED)}; import runpy; runpy.run_module('mcp_server', run_name='__main__')",
)


async def main(rounds: int) -> None:
    """Start both in turns, so that the machine's moods hit both, and compare their medians."""
    ours: list[float] = []
    eager: list[float] = []
    for _ in range(rounds):
        ours.append((await measure_start(SERVER)).initialize)
        eager.append((await measure_start(EAGER)).initialize)
    ratio = statistics.median(ours) / statistics.median(eager)
    record(
        "startup",
        f"python -m benchmarks.startup --rounds {rounds}: medians of as many starts of each over stdio, in turns.",
        {
            "initialize_seconds": statistics.median(ours),
            "initialize_seconds_fastest": min(ours),
            "eager_initialize_seconds": statistics.median(eager),
            "eager_initialize_seconds_fastest": min(eager),
            "ratio": ratio,
        },
        goal="at most 1/3 of a server that imports everything at its start",
        met=ratio <= 1 / 3,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    asyncio.run(main(parser.parse_args().rounds))
