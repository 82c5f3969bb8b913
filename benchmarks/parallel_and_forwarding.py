"""What three of the supervisor's settings save: parallel hand-offs, forwarded messages, adaptive routing.

READROOM_ENGINE__KIND=vllm READROOM_ENGINE__MODEL=... python -m benchmarks.parallel_and_forwarding [--seconds 1]

Each is asked for on and off, with a scripted engine: three sub-questions that take a second each, one after another or
side by side; the last message forwarded or written anew; plain questions taken the short way or planned. Then a vLLM is
set three sub-questions, and says by its own metrics how many requests it computes at once.
"""

import argparse
import asyncio
import math
import tempfile
import time
from pathlib import Path
from typing import TypeVar

from typing_extensions import override

from agents.assistant import Assistant
from agents.benchmark.completion_client import CompletionClient
from agents.benchmark.served import find_served
from agents.engine.engine import Engine, Outcome, Task
from agents.engine.tasks.answering import Answerable
from agents.language.tokens import estimate_tokens
from agents.schema import Answer, Frozen, Usage
from agents.settings import DocumentsSettings, Settings, SupervisorSettings, load_settings
from benchmarks.record import record
from benchmarks.scripted_engine import ScriptedEngine

ResultT = TypeVar("ResultT", bound=Frozen)
RULES = """# Rules of the reading room

The reading room opens at 9 in the morning and closes at 17 on weekdays. On Saturdays it closes at noon.

A reader may borrow 5 volumes for 28 days. Atlases are never lent. Maria Holm signs every loan.

A late volume costs 2 euros a day, and no more than 40 euros in all. The fine is waived for illness.
"""
SIMPLE = "When does it open?"
COMPLEX = "When does it open, how long is a loan and what does a late volume cost?"
PARTS = 3
"""Of the complex question."""
POLL_SECONDS = 0.002
ASKED_AGAIN = 30
"""A fast engine may have answered before it is looked at: so often it is asked, until all parts are seen at once."""
GOAL_RATIO = 0.6
"""Of the wall time one after another."""


class CountingEngine(ScriptedEngine):
    """Counts what it writes as tokens, and notes when it is asked whether passages answer a sub-question."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(seconds=seconds)
        self.looked_up: list[tuple[float, float]] = []

    @override
    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        started = time.perf_counter()
        outcome = await super().run(task)
        if isinstance(task, Answerable):
            self.looked_up.append((started, time.perf_counter()))
        written = estimate_tokens(outcome.result.model_dump_json())
        return Outcome(outcome.result, Usage(engine_calls=1, completion_tokens=written))

    @property
    def seconds_looking_up(self) -> float:
        """From the beginning of the first sub-question to the end of the last."""
        return max(end for _, end in self.looked_up) - min(start for start, _ in self.looked_up)


async def answered(engine: Engine, folder: Path, question: str, **switches: bool) -> tuple[Answer, float]:
    """Ask one question with the supervisor's settings; return the answer and its wall time in seconds."""
    path = folder / "rules.md"
    path.write_text(RULES)
    settings = Settings(
        data_dir=folder / "data",
        documents=DocumentsSettings(roots=(folder,)),
        supervisor=SupervisorSettings(**switches),
    )
    assistant = Assistant(settings, engine=engine)
    try:
        # Opened and imported before the clock runs.
        await assistant.library.open(str(path))
        started = time.perf_counter()
        answer = await assistant.ask(question, [str(path)], wait_seconds=math.inf)
        return answer, time.perf_counter() - started
    finally:
        await assistant.close()


async def measure(seconds: float, folder: Path) -> dict[str, float]:
    """Ask everything on and off; return ratios of on to off, and what they are made of."""
    await answered(CountingEngine(), folder, "Is everything imported?")
    several, single = (CountingEngine(seconds) for _ in range(2))
    _, wall_on = await answered(several, folder, COMPLEX, parallel_tool_calls=True)
    _, wall_off = await answered(single, folder, COMPLEX, parallel_tool_calls=False)
    forwarded, _ = await answered(CountingEngine(), folder, COMPLEX, message_forwarding=True)
    rewritten, _ = await answered(CountingEngine(), folder, COMPLEX, message_forwarding=False)
    routed, _ = await answered(CountingEngine(), folder, SIMPLE, adaptive_routing=True)
    planned, _ = await answered(CountingEngine(), folder, SIMPLE, adaptive_routing=False)
    return {
        "seconds_of_a_task": seconds,
        "parallel_sub_questions_at_once": several.most_running,
        "parallel_sub_questions_wall_ratio": several.seconds_looking_up / single.seconds_looking_up,
        "parallel_whole_answer_wall_ratio": wall_on / wall_off,
        "forwarding_completion_tokens_ratio": forwarded.usage.completion_tokens / rewritten.usage.completion_tokens,
        "forwarding_completion_tokens_saved": rewritten.usage.completion_tokens - forwarded.usage.completion_tokens,
        "forwarding_final_message_tokens": estimate_tokens(forwarded.markdown),
        "adaptive_routing_agent_turns": turns(routed),
        "adaptive_routing_off_agent_turns": turns(planned),
        "adaptive_routing_engine_calls": routed.usage.engine_calls,
        "adaptive_routing_off_engine_calls": planned.usage.engine_calls,
    }


def turns(answer: Answer) -> int:
    """Return how many turns the agents took."""
    return len(answer.route.agents) if answer.route else 0


async def most_running(client: CompletionClient, engine: Engine, folder: Path, **switches: bool) -> int:
    """Ask a question of three parts; return how many requests the engine had under way at once, as it says itself."""
    most = 0
    for _ in range(ASKED_AGAIN):
        if most >= PARTS:
            break
        asking = asyncio.create_task(answered(engine, folder, COMPLEX, **switches))
        while not asking.done():
            most = max(most, int((await client.metrics()).total("vllm:num_requests_running") or 0))
            await asyncio.sleep(POLL_SECONDS)
        await asking
    return most


async def overlap(settings: Settings, folder: Path) -> dict[str, float]:
    """Return how many sub-questions a real vLLM computes at once, with parallel calls and without."""
    user = Assistant(settings)
    opened = await user.engine(lambda progress: print(progress.message, flush=True))
    served = await find_served(settings, opened.engine.info)
    if served is None:
        raise SystemExit(f"This needs a vLLM, and {opened.engine.info.name} answers. {opened.warning or ''}")
    client = CompletionClient(served.endpoint)
    try:
        return {
            "vllm_requests_running_at_once": await most_running(client, opened.engine, folder),
            "vllm_requests_running_at_once_without_parallel_calls": await most_running(
                client, opened.engine, folder, parallel_tool_calls=False
            ),
        }
    finally:
        await client.close()
        await user.close()


async def main(seconds: float) -> None:
    """Measure, print and keep the ratios."""
    with tempfile.TemporaryDirectory() as name:
        figures = await measure(seconds, Path(name)) | await overlap(load_settings(), Path(name))
    record(
        "parallel_and_forwarding",
        f"python -m benchmarks.parallel_and_forwarding --seconds {seconds:g}: whole asks about a small document with "
        "a scripted engine, ratios of a setting on to the same setting off; and by a real vLLM with random weights.",
        figures,
        goal="three sub-questions run at once in vLLM and take under 60 % of their time one after another, forwarding "
        "saves the final message's tokens, and routing saves a turn",
        met=figures["parallel_sub_questions_wall_ratio"] < GOAL_RATIO
        and figures["forwarding_completion_tokens_saved"] >= figures["forwarding_final_message_tokens"]
        and figures["adaptive_routing_agent_turns"] < figures["adaptive_routing_off_agent_turns"]
        and figures["vllm_requests_running_at_once"] == PARTS,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="how long every task takes")
    asyncio.run(main(parser.parse_args().seconds))
