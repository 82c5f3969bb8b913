"""Measuring whole answers: how long they take, what they cost the engine, and what the agents add."""

import math
import statistics
from collections.abc import AsyncIterator
from pathlib import Path

from agents.benchmark.made_documents import write_markdown
from agents.benchmark.metrics import percentile
from agents.benchmark.recording import RecordingEngine, ReplayEngine
from agents.benchmark.report import Figure
from agents.benchmark.workbench import SEED, Workbench, ask, count, timed
from agents.engine.extractive.engine import ExtractiveEngine
from agents.schema import Usage

MADE_PAGE_TOKENS = 730
"""Tokens of a made page, roughly."""


async def measure_answers(bench: Workbench) -> AsyncIterator[Figure]:
    """Yield how long an answer takes from a document that is new, and from one that is known, and what it costs."""
    path, questions = await bench.reading_matter(pages=300 if bench.thorough else 100)
    more = 4 if bench.thorough or bench.engine.info.name == "extractive" else 1
    await _import_everything(bench)
    assistant = bench.new_assistant()
    try:
        bench.say(f"Asking about {path.name} for the first time")
        first, answered = await timed(ask(assistant, questions[0], [path]))
        yield Figure(
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
    yield Figure(
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


def usage_figures(which: str, usages: list[Usage]) -> list[Figure]:
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
            Figure(
                key=f"prefix_sharing_{which}_answer",
                name=f"Prompt tokens for each one computed, {which} answer",
                value=asked / computed,
                unit="times",
                better="more",
                how=f"{how} A layout in which each role's prompt begins in its own way computes all of them.",
            ),
        ]
    return figures


async def measure_overhead(bench: Workbench) -> AsyncIterator[Figure]:
    """Yield the time of an answer that is not the engine's: routing, hand-offs, search, quote checking, session."""
    path, questions = await bench.reading_matter(pages=100)
    both = f"{questions[0]} And {questions[-1]}"
    slowest: list[Figure] = []
    for name, question in (("simple", questions[0]), ("complex", both)):
        bench.say(f"Measuring the overhead of a {name} question")
        seconds, kind = await _replayed(bench, path, question)
        how = f"{len(seconds)} whole answers ({kind}) in new sessions, the engine replaced by its recorded results."
        p95 = percentile(seconds, 0.95) * 1_000
        slowest.append(Figure(key="overhead_p95_ms", name="Coordination overhead, p95", value=p95, unit="ms", how=how))
        for share in (50, 95):
            yield Figure(
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


async def measure_analysis(bench: Workbench, lengths: tuple[int, ...]) -> AsyncIterator[Figure]:
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
        yield Figure(
            key="analysis_seconds",
            name="A whole document read and summarised, tokens",
            at=coverage.tokens_total,
            value=seconds,
            unit="s",
            how=f"{coverage.windows} windows, {coverage.tokens_read:,} of {coverage.tokens_total:,} tokens read, "
            f"opening included.",
        )
