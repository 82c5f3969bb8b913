"""A conversation of 300 turns and 200,000 tokens: how long each ask takes, beside the first.

python -m benchmarks.long_conversation [--turns 300] [--words 700]

Whole asks in one session with a scripted engine, which answers at once and at length. What grows is the history: in
the store, in the summary of what was archived, and in the prompts. The goal is judged by the processor time of our
process, which a busy machine does not lengthen; the clock's times stand beside it.
"""

import argparse
import asyncio
import itertools
import math
import tempfile
import time
from pathlib import Path

from agents.assistant import Assistant
from agents.benchmark.corpus import write_markdown
from agents.benchmark.workbench import ask, percentile, timed
from agents.engine.tasks.answering import MAX_QUOTES, Draft, DraftResult
from agents.language.tokens import estimate_tokens
from agents.settings import DocumentsSettings, Settings
from benchmarks.record import record
from benchmarks.scripted_engine import ScriptedEngine, first_words

QUOTED_WORDS = 40
GOAL_RATIO = 10


def at_length(words: int) -> ScriptedEngine:
    """Return an engine whose answers have so many words: what they quote, said again and again."""

    def draft(task: Draft) -> DraftResult:
        quotes = tuple(first_words(passage.text, QUOTED_WORDS) for passage in task.evidence[:MAX_QUOTES])
        said = itertools.cycle(" ".join(quotes).split())
        return DraftResult(quotes=quotes, answer=" ".join(itertools.islice(said, words)))

    return ScriptedEngine({Draft: draft})


async def converse(folder: Path, turns: int, words: int) -> dict[str, float]:
    """Hold the conversation; return what each turn took, and what is held of it."""
    path = folder / "made.md"
    facts = write_markdown(path, 20, seed=5)
    settings = Settings(data_dir=folder / "data", documents=DocumentsSettings(roots=(folder,)))
    assistant = Assistant(settings, engine=at_length(words))
    try:
        # Everything is imported and the document parsed before the clock runs.
        await ask(assistant, facts[0].question, [path])
        seconds, worked, session, answer = list[float](), list[float](), None, None
        for turn in range(turns):
            question = f"({turn}) {facts[turn % len(facts)].question}"
            call = assistant.ask(question, [] if session else [str(path)], session, wait_seconds=math.inf)
            began = time.process_time()
            taken, answer = await timed(call)
            seconds.append(taken)
            worked.append(time.process_time() - began)
            session = answer.session.session_id
        transcript = await assistant.transcript(session or "")
    finally:
        await assistant.close()
    held = answer.session if answer else None
    return {
        "turns": turns,
        "tokens_in_the_transcript": estimate_tokens(transcript),
        "tokens_held": held.tokens if held else 0,
        "archived_turns": held.archived_turns if held else 0,
        **_compared("", seconds),
        **_compared("processor_", worked),
    }


def _compared(kind: str, seconds: list[float]) -> dict[str, float]:
    first, median, slowest = seconds[0], percentile(seconds, 0.5), max(seconds)
    return {
        f"{kind}first_ms": first * 1_000,
        f"{kind}median_ms": median * 1_000,
        f"{kind}slowest_ms": slowest * 1_000,
        f"{kind}median_to_first": median / first,
        f"{kind}slowest_to_first": slowest / first,
    }


async def main(turns: int, words: int) -> None:
    """Measure and keep the ratios."""
    with tempfile.TemporaryDirectory() as name:
        figures = await converse(Path(name), turns, words)
    record(
        "long_conversation",
        f"python -m benchmarks.long_conversation --turns {turns} --words {words}: asks in one session about a made "
        "document of 20 pages, with a scripted engine that answers at once.",
        figures,
        goal="no ask of 300, with 200,000 tokens of turns, takes ten times as long as the first",
        met=figures["processor_slowest_to_first"] <= GOAL_RATIO and figures["tokens_in_the_transcript"] >= 200_000,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=300)
    parser.add_argument("--words", type=int, default=700)
    asked = parser.parse_args()
    asyncio.run(main(asked.turns, asked.words))
