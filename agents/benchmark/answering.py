"""Engines that watch and repeat another: to tell the engine's time from the agents' own."""
# MERGED """Measuring whole answers: how long they take, what they cost the engine, and what the agents add."""

import math
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

from agents.benchmark.corpus import write_markdown
from agents.benchmark.report import Measurement
from agents.benchmark.serving import percentile
from agents.benchmark.workbench import SEED, Workbench, ask, count, timed
from agents.engine.engine import Engine, Outcome, ResultT, Task
from agents.engine.extractive.engine import ExtractiveEngine
from agents.schema import EngineInfo, Usage


class RecordingEngine:
    """Passes tasks on to an engine, and keeps what they were and what came back.

    Args:
        engine: Who computes; closing it stays with whoever opened it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.outcomes: list[tuple[Task[Any], Outcome[Any]]] = []

    @property
    def info(self) -> EngineInfo:
        """What the engine is."""
        return self._engine.info

    def count_tokens(self, text: str) -> int:
        """Count as the engine does."""
        return self._engine.count_tokens(text)

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Have the engine compute the task."""
        outcome = await self._engine.run(task)
        self.outcomes.append((task, outcome))
        return outcome

    async def close(self) -> None:
        """Do nothing: the engine is not ours."""


class ReplayEngine:
    """Answers at once what an engine answered before: to each kind of task its results in their order, over and over.

    Args:
        recording: A recording of the same kind of request; a task of a kind it does not hold goes to its engine.
    """

    def __init__(self, recording: RecordingEngine) -> None:
        self._recording = recording
        self._known: dict[type[Task[Any]], list[Outcome[Any]]] = defaultdict(list)
        self._taken: dict[type[Task[Any]], int] = defaultdict(int)
        for task, outcome in recording.outcomes:
            self._known[type(task)].append(outcome)

    @property
    def info(self) -> EngineInfo:
        """What the recorded engine is."""
        return self._recording.info

    def count_tokens(self, text: str) -> int:
        """Count as the recorded engine does."""
        return self._recording.count_tokens(text)

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Return the next recorded outcome of this kind of task."""
        kind = type(task)
        known = self._known.get(kind)
        if not known:
            return await self._recording.run(task)
        self._taken[kind] += 1
        return cast("Outcome[ResultT]", known[(self._taken[kind] - 1) % len(known)])

    async def close(self) -> None:
        """Do nothing: the engine is not ours."""


MADE_PAGE_TOKENS = 730
"""Tokens of a made page, roughly."""


async def measure_answers(bench: Workbench) -> AsyncIterator[Measurement]:
    """Yield how long an answer takes from a document that is new, and from one that is known, and what it costs."""
    path, questions = await bench.reading_matter(pages=300 if bench.thorough else 100)
    more = 4 if bench.thorough or not bench.engine.info.generative else 1
    await _import_everything(bench)
    assistant = bench.new_assistant()
    try:
        bench.say(f"Asking about {path.name} for the first time")
        first, answered = await timed(ask(assistant, questions[0], [path]))
        yield Measurement(
            key="answer_first_seconds",
            name="First answer from a new document",
            value=first,
            unit="s",
            how=f"{path.name}: opened, indexed, answered, quotes checked.",
        )
        bench.say(f"Asking about {path.name} again")
        asked = [await timed(ask(assistant, question, [path])) for question in questions[1 : 1 + more] or questions[:1]]
    finally:
        await assistant.close()
    yield Measurement(
        key="answer_second_seconds",
        name="Next answer from the same document",
        value=statistics.median(seconds for seconds, _ in asked),
        unit="s",
        how=f"{path.name}: median of {len(asked)} other questions, a new session each.",
    )
    for figure in usage_figures("first", [answered.usage]) + usage_figures(
        "next", [answer.usage for _, answer in asked]
    ):
        yield figure


async def _import_everything(bench: Workbench) -> None:
    """Have one question answered without a model: a server that runs has imported what an answer needs."""
    assistant = bench.new_assistant(ExtractiveEngine())
    try:
        await ask(assistant, "Which section is this?", [bench.small_document()])
    finally:
        await assistant.close()


def usage_figures(which: str, usages: list[Usage]) -> list[Measurement]:
    """Return what an answer costs the engine, beside a layout in which no prompt shares its beginning.

    Args:
        which: "first" or "next": whether the document had been read before.
        usages: What each answer cost.
    """
    total, answers = sum(usages, Usage()), len(usages)
    calls = f"engine_calls_{which}_answer", f"Engine calls, {which} answer", total.engine_calls / answers
    figures = [count(*calls, "Counted by the agents.")]
    if total.prompt_tokens:
        asked, computed = total.prompt_tokens, max(1, total.prompt_tokens - total.cached_tokens)
        how = f"{computed / answers:,.0f} of {asked / answers:,.0f} prompt tokens were computed, the rest was cached."
        figures += [
            count(f"prompt_tokens_{which}_answer", f"Prompt tokens, {which} answer", asked / answers, how),
            count(
                f"prefilled_tokens_{which}_answer", f"Prompt tokens computed, {which} answer", computed / answers, how
            ),
            Measurement(
                key=f"prefix_sharing_{which}_answer",
                name=f"Prompt tokens for each one computed, {which} answer",
                value=asked / computed,
                unit="times",
                better="more",
                how=f"{how} A layout in which each role's prompt begins in its own way computes all of them.",
            ),
        ]
    return figures


async def measure_overhead(bench: Workbench) -> AsyncIterator[Measurement]:
    """Yield the time of an answer that is not the engine's: routing, hand-offs, search, quote checking, session."""
    path, questions = await bench.reading_matter(pages=100)
    both = f"{questions[0]} And {questions[-1]}"
    slowest: list[Measurement] = []
    for name, question in (("simple", questions[0]), ("complex", both)):
        bench.say(f"Measuring the overhead of a {name} question")
        seconds, kind = await _replayed(bench, path, question)
        how = f"{len(seconds)} whole answers ({kind}) in new sessions, the engine replaced by its recorded results."
        p95 = percentile(seconds, 0.95) * 1_000
        slowest.append(
            Measurement(key="overhead_p95_ms", name="Coordination overhead, p95", value=p95, unit="ms", how=how)
        )
        for share in (50, 95):
            yield Measurement(
                key=f"overhead_{name}_p{share}_ms",
                name=f"Coordination overhead, {name} question, p{share}",
                value=percentile(seconds, share / 100) * 1_000,
                unit="ms",
                how=how,
            )
    yield max(slowest, key=lambda figure: figure.value)


async def _replayed(bench: Workbench, path: Path, question: str) -> tuple[list[float], str]:
    """Ask once on the engine, then again and again on its recorded results; return the seconds and the route."""
    recording = RecordingEngine(bench.engine)
    assistant = bench.new_assistant(recording)
    try:
        answer = await ask(assistant, question, [path])
    finally:
        await assistant.close()
    replaying = bench.new_assistant(ReplayEngine(recording))
    try:
        await ask(replaying, f"(0) {question}", [path])
        # The number makes each a question of its own, or the answer would be the one before.
        asked = [
            await timed(ask(replaying, f"({number}) {question}", [path]))
            for number in range(1, 41 if bench.thorough else 21)
        ]
    finally:
        await replaying.close()
    return [seconds for seconds, _ in asked], answer.route.kind if answer.route else "unknown"


async def measure_analysis(bench: Workbench, lengths: tuple[int, ...]) -> AsyncIterator[Measurement]:
    """Yield how long it takes to read a whole document of so many tokens, window by window."""
    await _import_everything(bench)
    for length in lengths:
        path = bench.folder / f"read-{length}.md"
        write_markdown(path, max(1, length // MADE_PAGE_TOKENS), SEED + length)
        bench.say(f"Reading a document of about {length:,} tokens")
        assistant = bench.new_assistant()
        try:
            seconds, analysis = await timed(assistant.analyze(str(path), wait_seconds=math.inf))
        finally:
            await assistant.close()
        coverage = analysis.coverage
        yield Measurement(
            key="analysis_seconds",
            name="A whole document read and summarised, tokens",
            at=coverage.tokens_total,
            value=seconds,
            unit="s",
            how=f"{coverage.windows} windows, {coverage.tokens_read:,} of {coverage.tokens_total:,} tokens read, "
            f"opening included.",
        )
