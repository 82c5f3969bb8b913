"""What the agents add to an answer: whole asks with an engine that answers at once.

python -m benchmarks.coordination [--asks 60] [--profile]

Everything but the engine's work is in it: session, documents, routing, hand-offs, search, quotes located, turn stored.
"""

import argparse
import asyncio
import cProfile
import pstats
import statistics
import tempfile
from pathlib import Path

from agents.assistant import Assistant
from agents.benchmark.corpus import write_pdf
from agents.benchmark.workbench import ask, percentile, timed
from agents.schema import Answer
from agents.settings import DocumentsSettings, Settings
from benchmarks.record import record
from benchmarks.scripted_engine import ScriptedEngine

PAGES = 100


async def ask_often(kind: str, folder: Path, asks: int) -> tuple[list[float], list[Answer]]:
    """Ask different questions of one kind about one document, in a new session each."""
    path = folder / "made.pdf"
    facts = write_pdf(path, PAGES, seed=1)
    settings = Settings(data_dir=folder / f"data-{kind}", documents=DocumentsSettings(roots=(folder,)))
    assistant = Assistant(settings, engine=ScriptedEngine())
    # The number makes each a question of its own, or the answer would be the one before.
    questions = [f"({number}) {facts[number % PAGES].question}" for number in range(asks)]
    if kind == "complex":
        questions = [f"{question} {facts[(number + 1) % PAGES].question}" for number, question in enumerate(questions)]
    try:
        for fact in facts[:3]:
            await ask(assistant, fact.question, [path])
        asked = [await timed(ask(assistant, question, [path])) for question in questions]
    finally:
        await assistant.close()
    if others := {answer.route.kind for _, answer in asked if answer.route} - {kind}:
        raise SystemExit(f"Some of the {kind} questions took the way of: {', '.join(others)}")
    return [seconds for seconds, _ in asked], [answer for _, answer in asked]


async def main(asks: int) -> None:
    """Measure simple and complex questions."""
    figures: dict[str, float | int] = {"asks": asks}
    met = True
    for kind, limit in (("simple", 60), ("complex", 200)):
        with tempfile.TemporaryDirectory() as name:
            seconds, answers = await ask_often(kind, Path(name), asks)
        p95 = percentile(seconds, 0.95) * 1_000
        turns = [answer.route.agents for answer in answers if answer.route]
        figures |= {
            f"{kind}_p50_ms": percentile(seconds, 0.5) * 1_000,
            f"{kind}_p95_ms": p95,
            f"{kind}_agent_turns": statistics.mean(len(agents) for agents in turns),
            f"{kind}_inside_agents_ms": statistics.mean(sum(turn.seconds for turn in agents) for agents in turns)
            * 1_000,
            f"{kind}_engine_calls": statistics.mean(answer.usage.engine_calls for answer in answers),
        }
        met = met and p95 < limit
    record(
        "coordination",
        f"python -m benchmarks.coordination --asks {asks}: whole asks about a known document of {PAGES} pages, one "
        "after another, a new session each, with a scripted engine that answers at once.",
        figures,
        goal="95 of 100 answers within 60 ms (simple) and 200 ms (complex)",
        met=met,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--asks", type=int, default=60)
    parser.add_argument("--profile", action="store_true", help="also print where the time goes")
    asked = parser.parse_args()
    profile = cProfile.Profile()
    if asked.profile:
        profile.enable()
    asyncio.run(main(asked.asks))
    if asked.profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("cumulative").print_stats(60)
