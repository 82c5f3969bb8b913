"""How long asks wait when so many users share so many GPUs: a simulation, fed by what was measured.

pip install simpy; python -m benchmarks.sizing [--asks-per-hour 10] [--summaries 0.05] [--p95 2]

Asks come as a Poisson process; one in twenty is a summary of a long report instead. Each goes to its user's replica. A
replica computes as vLLM does, step by step: a token for each request that answers, and new prompts as far as they fit.

What a step takes was measured (engine_CARD.json: Qwen3-4B in FP8), and so was what an ask is: calls and tokens of real
questions (quality_h100.json), and of asks about a report and its summary (long_text_h100.json; a model of 1.5 billion
parameters). The time beside the engine is that of the ask whose prompt was in the cache. All steps take longer by one
factor, with which a summary alone takes the time that was measured. That other asks alone take theirs is the test.
"""

import argparse
import itertools
import json
import random
import statistics
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import simpy

from benchmarks.record import RESULTS, record

Process = Generator[simpy.Event, Any, None]
CARDS = ("h100", "h200")
USERS = (10, 30, 100, 300, 1000)
ASKS = 10_000
"""Asks of one simulation: 500 are beyond its p95."""
ALONE = 30
"""Runs of which the mean is taken, where a piece of work is alone."""
PARALLEL_WINDOWS = 8
"""READROOM_SUPERVISOR__PARALLEL_WINDOWS."""
ANSWERED = 0.98
"""The share that must be answered by the time the last one comes."""
TOLERANCE = 0.25


def measured(name: str) -> Any:  # noqa: ANN401
    """Return what a file of results holds."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Call:
    """Mean tokens of a call: those that are computed of its prompt, and those of its answer."""

    prompt: int
    answer: int


@dataclass(frozen=True)
class Work:
    """What is asked of the engine, in turn or several at once, and the seconds that are not the engine's."""

    calls: float
    call: Call
    own_seconds: float
    at_once: int = 1


@dataclass(frozen=True)
class Speed:
    """How fast a GPU computes.

    Attributes:
        prefill: Prompt tokens a second.
        decode: Tokens a second of so many requests together.
        sequences: Requests that are computed at once.
        batch: Tokens that are computed in one step.
        drag: By which steps take longer than in the measurements of single speeds.
    """

    prefill: float
    decode: dict[int, float]
    sequences: int
    batch: int
    drag: float = 1.0

    def step_seconds(self, prompt: int, answering: int) -> float:
        """Return what a step takes that computes so many tokens of prompts, and one of each answer."""
        return self.drag * (prompt / self.prefill + self._decode_seconds(answering))

    def _decode_seconds(self, answering: int) -> float:
        """Interpolate between the numbers of requests that were measured."""
        if not answering:
            return 0.0
        low = max(count for count in self.decode if count <= answering)
        high = min(count for count in self.decode if count >= answering)
        first, last = (count / self.decode[count] for count in (low, high))
        return first + (last - first) * (answering - low) / max(1, high - low)


@dataclass(frozen=True)
class Load:
    """What users ask for.

    Attributes:
        ask: An ask.
        summary: A summary.
        asks_per_hour: How many of both come from a user.
        summaries: The summaries among them, as a share.
    """

    ask: Work
    summary: Work
    asks_per_hour: float
    summaries: float


@dataclass
class Request:
    """A call that waits or is computed."""

    prompt: int
    answer: int
    done: simpy.Event


class Replica:
    """A vLLM on one GPU.

    Args:
        world: The simulation.
        speed: How fast it computes.
    """

    def __init__(self, world: simpy.Environment, speed: Speed) -> None:
        self._world = world
        self._speed = speed
        self._waiting: deque[Request] = deque()
        self._running: list[Request] = []
        self._called = world.event()
        world.process(self._compute())

    def call(self, call: Call) -> simpy.Event:
        """Return what happens when the call is answered."""
        request = Request(call.prompt, call.answer, self._world.event())
        self._waiting.append(request)
        if not self._called.triggered:
            self._called.succeed()
        return request.done

    def _compute(self) -> Process:
        while True:
            while self._waiting and len(self._running) < self._speed.sequences:
                self._running.append(self._waiting.popleft())
            if not self._running:
                self._called = self._world.event()
                yield self._called
                continue
            answering = [each for each in self._running if not each.prompt]
            room = self._speed.batch - len(answering)
            prompts = 0
            for each in self._running:
                taken = min(each.prompt, room - prompts)
                each.prompt -= taken
                prompts += taken
            yield self._world.timeout(self._speed.step_seconds(prompts, len(answering)))
            for each in answering:
                each.answer -= 1
                if not each.answer:
                    each.done.succeed()
            self._running = [each for each in self._running if each.answer]


def answer(world: simpy.Environment, replica: Replica, work: Work, chance: random.Random, took: list[float]) -> Process:
    """Do a piece of work: as many calls as the mean says, with answers whose lengths fall off exponentially."""
    began = world.now
    yield world.timeout(work.own_seconds)
    whole, part = divmod(work.calls, 1)
    left = int(whole) + (chance.random() < part)

    def ask_in_turn() -> Process:
        nonlocal left
        while left > 0:
            left -= 1
            length = max(1, round(chance.expovariate(1 / work.call.answer)))
            yield replica.call(replace(work.call, answer=length))

    yield world.all_of([world.process(ask_in_turn()) for _ in range(work.at_once)])
    took.append(world.now - began)


def alone(work: Work, speed: Speed) -> float:
    """Return the mean seconds of work that nobody else disturbs."""
    took: list[float] = []
    for seed in range(ALONE):
        world = simpy.Environment()
        whole = replace(work, calls=round(work.calls))
        world.process(answer(world, Replica(world, speed), whole, random.Random(seed), took))
        world.run(until=3600)
    return statistics.mean(took)


def crowd(users: int, replicas: int, speed: Speed, load: Load) -> tuple[list[float], list[float]]:
    """Return the seconds that asks and summaries took, of those that were answered before the last one came."""
    world, chance = simpy.Environment(), random.Random(19)
    served = [Replica(world, speed) for _ in range(replicas)]
    asks: list[float] = []
    summaries: list[float] = []

    def come() -> Process:
        for _ in range(ASKS):
            yield world.timeout(chance.expovariate(users * load.asks_per_hour / 3600))
            replica = served[chance.randrange(users) % replicas]
            whole = chance.random() < load.summaries
            work, took = (load.summary, summaries) if whole else (load.ask, asks)
            world.process(answer(world, replica, work, chance, took))

    world.run(until=world.process(come()))
    return asks, summaries


def fewest(users: int, p95: float, speed: Speed, load: Load) -> dict[str, Any]:
    """Return with how many replicas 95 in 100 asks take at most `p95` seconds, and what they take then."""
    for replicas in itertools.count(1):
        asks, summaries = crowd(users, replicas, speed, load)
        # Where more come than can be answered, those that still wait are the slow ones.
        answered = (len(asks) + len(summaries)) / ASKS
        if answered > ANSWERED and percentile(asks, 95) <= p95:
            break
    return {
        "users": users,
        "replicas": replicas,
        "ask_p50_seconds": round(percentile(asks, 50), 2),
        "ask_p95_seconds": round(percentile(asks, 95), 2),
        "summary_p50_seconds": round(percentile(summaries, 50), 1),
        "summary_p95_seconds": round(percentile(summaries, 95), 1),
    }


def percentile(values: list[float], percent: int) -> float:
    """Return the value below which so many of a hundred lie."""
    return statistics.quantiles(values, n=100)[percent - 1]


def speed_of(card: str) -> Speed:
    """Return the speed of a GPU as it was measured."""
    engine = measured(f"engine_{card}")["engines"]["fp8_e5m2"]
    decode = engine["steps"]["decode_short"]
    return Speed(
        prefill=engine["steps"]["prefill_medium"]["tokens_per_second"],
        decode={count: decode[f"{count}_streams"]["tokens_per_second"] for count in (1, 4, 8)},
        sequences=engine["settings"]["max_num_seqs"],
        batch=engine["settings"]["max_num_batched_tokens"],
    )


def work_of(step: dict[str, Any], own_seconds: float, at_once: int = 1) -> Work:
    """Return the work of a measured step."""
    calls = step["calls"]
    computed = step["prompt_tokens"] - step["cached_tokens"]
    call = Call(prompt=round(computed / calls), answer=max(1, round(step["completion_tokens"] / calls)))
    return Work(calls, call, own_seconds, at_once)


def kv_figures(question_tokens: float, document_tokens: int) -> dict[str, Any]:
    """Return the tokens that a GPU's KV cache holds, and how many a user needs there."""
    engine = measured("engine_h100")["engines"]["fp8_e5m2"]
    start, settings = engine["steps"]["start"], engine["settings"]
    given = start["arguments"]
    kv_bytes = int(given[given.index("--kv-cache-memory-bytes") + 1])
    token_bytes = kv_bytes / start["kv_tokens"]
    beside = settings["vram_budget_gib"] * 2**30 - kv_bytes
    budgets = (settings["vram_budget_gib"], 40.0, 70.0)
    return {
        "kv_bytes_a_token": round(token_bytes),
        "kv_tokens_a_question": round(question_tokens),
        "kv_tokens_a_document_read_whole": document_tokens,
        "kv_tokens_by_budget_gib": {f"{gib:g}": round((gib * 2**30 - beside) / token_bytes) for gib in budgets},
    }


def main() -> None:
    """Simulate and keep what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--asks-per-hour", type=float, default=10.0, help="of each user")
    parser.add_argument("--summaries", type=float, default=0.05, help="the share of asks that are summaries instead")
    parser.add_argument("--p95", type=float, default=2.0, help="seconds that 95 in 100 asks may take")
    given = parser.parse_args()

    steps = {step["step"]: step for step in measured("long_text_h100")["steps"]}
    asked = [step for name, step in steps.items() if "?" in name and name.endswith("(windows)")]
    known = min(asked, key=lambda step: step["prompt_tokens"] - step["cached_tokens"])
    asked.remove(known)
    own = known["seconds"]
    answers = measured("quality_h100")["figures"]["all"]["readroom"]
    cached = sum(step["cached_tokens"] for step in asked) / sum(step["prompt_tokens"] for step in asked)
    ask = work_of({**answers, "cached_tokens": cached * answers["prompt_tokens"]}, own)
    summary = work_of(steps["summary, windows"], own, PARALLEL_WINDOWS)

    plain = speed_of("h100")
    drag = (steps["summary, windows"]["seconds"] - own) / (alone(summary, plain) - own)
    checked = [alone(work_of(step, own), replace(plain, drag=drag)) / step["seconds"] for step in asked]
    load = Load(ask, summary, given.asks_per_hour, given.summaries)
    tables = {
        card: [fewest(users, given.p95, replace(speed_of(card), drag=drag), load) for users in USERS] for card in CARDS
    }
    record(
        "sizing",
        "python -m benchmarks.sizing: a simulation, whose figures come from engine_h100, engine_h200, quality_h100 "
        "and long_text_h100; the machine and the versions are those of the simulation.",
        {
            "asks_a_user_and_hour": given.asks_per_hour,
            "share_of_summaries": given.summaries,
            "p95_seconds_at_most": given.p95,
            "ask_calls": ask.calls,
            "ask_prompt_tokens": answers["prompt_tokens"],
            "ask_cached_share": round(cached, 3),
            "ask_answer_tokens": answers["completion_tokens"],
            "own_seconds": own,
            "summary_document_tokens": steps["summary, windows"]["tokens_total"],
            "summary_calls": summary.calls,
            "drag": round(drag, 3),
            "ask_alone_simulated_to_measured": [round(ratio, 2) for ratio in checked],
            **kv_figures(answers["prompt_tokens"] / answers["calls"], steps["summary, windows"]["tokens_total"]),
            "tables": tables,
        },
        goal=f"asks alone, to which nothing was fitted, take what was measured, within {TOLERANCE:.0%}",
        met=all(abs(ratio - 1) <= TOLERANCE for ratio in checked),
    )


if __name__ == "__main__":
    main()
