"""What Readroom itself does, on any engine: opens documents, searches and answers from them, reads them whole."""

import asyncio
import math
import statistics
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from agents.benchmark.corpus import write_markdown, write_text
from agents.benchmark.engines import RecordingEngine, ReplayEngine
from agents.benchmark.report import Measurement
from agents.benchmark.workbench import SEED, Workbench, ask, percentile, timed
from agents.documents.library import Library
from agents.schema import Document, Usage

MIB = 1024**2
_AT_ONCE = 4
_PAGE_TOKENS = 730
"""Tokens of a page of `write_markdown`, as `estimate_tokens` counts them."""


async def measure_ingestion(bench: Workbench) -> AsyncIterator[Measurement]:
    """Yield how fast documents are opened for the first time, and again."""
    settings = bench.settings_for(bench.new_folder())
    library = Library(settings.documents, settings.data_dir)
    opened: list[tuple[Path, float, Document]] = []
    try:
        await library.open(str(bench.small_document()))
        for path in bench.documents or bench.synthetic_documents(300 if bench.thorough else 100):
            bench.say(f"Opening {path.name}")
            opened.append((path, *await timed(library.open(str(path)))))
        for figure in _ingestion_rates(opened):
            yield figure
        path, first, document = max(opened, key=lambda each: each[1])
        again = [(await timed(library.open(str(path))))[0] for _ in range(5)]
    finally:
        await library.close()
    another = Library(settings.documents, settings.data_dir)
    try:
        stored, _ = await timed(another.open(str(path)))
    finally:
        await another.close()
    second = statistics.median(again)
    what = f"{path.name}, {path.stat().st_size / MIB:.1f} MiB, {len(document.pages):,} pages"
    for key, name, value, how in (
        ("open_first_seconds", "Opened for the first time", first, "parsed, cut, indexed, stored"),
        ("open_second_seconds", "Opened again", second, "median of 5, nothing parsed"),
        ("open_stored_seconds", "Opened by another process", stored, "from the stored library, nothing parsed"),
    ):
        yield Measurement(key=key, name=name, value=value, unit="s", how=f"{what}: {how}.")
    yield Measurement(
        key="open_ratio",
        name="Opened again, times faster",
        value=first / second,
        unit="times",
        better="more",
        how=f"{what}: first over second opening.",
    )


def _ingestion_rates(opened: list[tuple[Path, float, Document]]) -> list[Measurement]:
    """Return how much was read in a second, by bytes, pages and characters."""
    total = sum(seconds for _, seconds, _ in opened)
    megabytes = sum(path.stat().st_size for path, _, _ in opened) / 1e6
    pages = sum(len(document.pages) for _, _, document in opened)
    characters = sum(len(document.text) for _, _, document in opened)
    how = f"{len(opened)} documents, {pages:,} pages, {characters:,} characters: read, parsed, cut, indexed, stored."
    rates = (
        ("ingest_mb_per_second", "Documents read, bytes", megabytes, "MB/s"),
        ("ingest_pages_per_second", "Documents read, pages", pages, "pages/s"),
        ("ingest_characters_per_second", "Documents read, text", characters, "characters/s"),
    )
    return [
        Measurement(key=key, name=name, value=amount / total, unit=unit, better="more", how=how)
        for key, name, amount, unit in rates
    ]


async def measure_search(bench: Workbench) -> AsyncIterator[Measurement]:
    """Yield how long a search over many documents takes, and how often it finds what was asked for."""
    wanted = 1_000 if bench.thorough else 100
    library = bench.new_library()
    try:
        bench.say(f"Making and opening {wanted:,} documents to search")
        opened = await _open_many(library, bench, wanted)
        ids = [document_id for document_id, _ in opened]
        asked = opened[:: max(1, len(opened) // 50)]
        await library.search("warm up", ids, limit=8)
        seconds: list[float] = []
        found = 0
        for document_id, question in asked:
            taken, hits = await timed(library.search(question, ids, limit=8))
            seconds.append(taken)
            found += any(hit.passage.document_id == document_id for hit in hits)
    finally:
        await library.close()
    how = f"{len(asked)} questions over {len(ids):,} documents, 8 passages each, index in memory."
    for share in (50, 95):
        value = percentile(seconds, share / 100) * 1_000
        yield Measurement(key=f"search_p{share}_ms", name=f"Search, p{share}", value=value, unit="ms", how=how)
    yield Measurement(
        key="search_found_percent",
        name="Search, right document among the passages",
        value=100 * found / len(asked),
        unit="%",
        better="more",
        how=how,
    )


async def _open_many(library: Library, bench: Workbench, wanted: int) -> list[tuple[str, str]]:
    """Open that many made documents, each with one question that only it answers."""
    folder, gate = bench.new_folder(), asyncio.Semaphore(_AT_ONCE)

    async def open_one(number: int) -> tuple[str, str]:
        path = folder / f"{number}.txt"
        (fact,) = write_text(path, 1, SEED + 100 + number)
        async with gate:
            return (await library.open(str(path))).document_id, fact.question

    return await asyncio.gather(*(open_one(number) for number in range(wanted)))


async def measure_answers(bench: Workbench) -> AsyncIterator[Measurement]:
    """Yield how long answers from a new and from a known document take, and what they cost the engine."""
    path, questions = await bench.document_and_questions(pages=300 if bench.thorough else 100)
    more = 4 if bench.thorough or not bench.engine.info.generative else 1
    await bench.import_everything()
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
    for which, answers in (("first", [answered]), ("next", [answer for _, answer in asked])):
        for figure in usage_figures(which, [answer.usage for answer in answers]):
            yield figure


def usage_figures(which: str, usages: list[Usage]) -> list[Measurement]:
    """Return what an answer costs the engine, beside a layout in which no prompt shares its beginning.

    Args:
        which: "first" or "next": whether the document had been read before.
        usages: What each answer cost.
    """
    total, answers = sum(usages, Usage()), len(usages)
    calls = total.engine_calls / answers
    figures = [
        _count(f"engine_calls_{which}_answer", f"Engine calls, {which} answer", calls, "Counted by the agents."),
    ]
    if total.prompt_tokens:
        asked, computed = total.prompt_tokens, max(1, total.prompt_tokens - total.cached_tokens)
        how = f"{computed / answers:,.0f} of {asked / answers:,.0f} prompt tokens were computed, the rest was cached."
        figures += [
            _count(f"prompt_tokens_{which}_answer", f"Prompt tokens, {which} answer", asked / answers, how),
            _count(
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


def _count(key: str, name: str, value: float, how: str) -> Measurement:
    """Return a figure that is neither better when larger nor when smaller."""
    return Measurement(key=key, name=name, value=value, unit="", how=how, better="neither")


async def measure_overhead(bench: Workbench) -> AsyncIterator[Measurement]:
    """Yield the time of an answer that is not the engine's: routing, hand-offs, search, quote checking, session."""
    path, questions = await bench.document_and_questions(pages=100)
    both = f"{questions[0]} And {questions[-1]}"
    slowest = (0.0, "")
    for name, question in (("simple", questions[0]), ("complex", both)):
        bench.say(f"Measuring the overhead of a {name} question")
        seconds, kind = await _replayed(bench, path, question)
        how = f"{len(seconds)} whole answers ({kind}) in new sessions, the engine replaced by its recorded results."
        p50, p95 = (percentile(seconds, share) * 1_000 for share in (0.5, 0.95))
        for share, value in ((50, p50), (95, p95)):
            yield Measurement(
                key=f"overhead_{name}_p{share}_ms",
                name=f"Coordination overhead, {name} question, p{share}",
                value=value,
                unit="ms",
                how=how,
            )
        slowest = max(slowest, (p95, how))
    p95, how = slowest
    yield Measurement(key="overhead_p95_ms", name="Coordination overhead, p95", value=p95, unit="ms", how=how)


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
    await bench.import_everything()
    for length in lengths:
        path = bench.folder / f"read-{length}.md"
        write_markdown(path, max(1, length // _PAGE_TOKENS), SEED + length)
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


async def measure_process() -> AsyncIterator[Measurement]:
    """Yield the memory of our own process."""
    resident = psutil.Process().memory_info().rss / MIB
    yield Measurement(
        key="process_memory_mib",
        name="Memory of our process",
        value=resident,
        unit="MiB",
        how="Resident set after everything above, without parsing and engine processes.",
    )
