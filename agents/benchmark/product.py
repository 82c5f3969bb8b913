"""Measurements that every engine allows: documents, search, answers, overhead, server start, memory."""

import asyncio
import math
import statistics
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import TypeVar

import psutil

from agents.benchmark.made_documents import write_markdown, write_text
from agents.benchmark.metrics import percentile
from agents.benchmark.recording import RecordingEngine, ReplayEngine
from agents.benchmark.report import Figure
from agents.benchmark.server_start import measure_start
from agents.benchmark.workbench import SEED, Workbench, ask, count
from agents.documents.library import Library
from agents.engine.extractive_engine import ExtractiveEngine
from agents.schema import Document, Usage

MIB = 1024**2
MADE_PAGE_TOKENS = 800
"""Tokens of a made page, roughly."""
_AT_ONCE = 4
T = TypeVar("T")


async def timed(work: Awaitable[T]) -> tuple[float, T]:
    """Return the seconds that a piece of work takes, and its result."""
    started = time.perf_counter()
    result = await work
    return time.perf_counter() - started, result


async def measure_ingestion(bench: Workbench) -> AsyncIterator[Figure]:
    """Yield how fast documents are opened for the first time, and again."""
    paths = list(bench.documents) or _made_documents(bench)
    settings = bench.settings_for(bench.new_folder())
    library = Library(settings.documents, settings.data_dir)
    try:
        await library.open(str(_small_document(bench)))
        seconds: dict[Path, float] = {}
        documents: list[Document] = []
        for path in paths:
            bench.say(f"Opening {path.name}")
            seconds[path], document = await timed(library.open(str(path)))
            documents.append(document)
        for figure in _ingestion_figures(seconds, documents):
            yield figure
        slowest = max(paths, key=lambda path: seconds[path])
        again = [(await timed(library.open(str(slowest))))[0] for _ in range(5)]
    finally:
        await library.close()
    another = Library(settings.documents, settings.data_dir)
    try:
        stored, _ = await timed(another.open(str(slowest)))
    finally:
        await another.close()
    first, second = seconds[slowest], statistics.median(again)
    pages = len(documents[paths.index(slowest)].pages)
    what = f"{slowest.name}, {slowest.stat().st_size / MIB:.1f} MiB, {pages:,} pages"
    yield Figure(
        key="open_first_seconds",
        name="Opened for the first time",
        value=first,
        unit="s",
        how=f"{what}: parsed, indexed.",
    )
    yield Figure(
        key="open_second_seconds",
        name="Opened again",
        value=second,
        unit="s",
        how=f"{what}: median of 5, nothing parsed.",
    )
    yield Figure(
        key="open_stored_seconds",
        name="Opened by another process",
        value=stored,
        unit="s",
        how=f"{what}: from the stored library, nothing parsed.",
    )
    yield Figure(
        key="open_ratio",
        name="Opened again, times faster",
        value=first / second,
        unit="times",
        better="more",
        how="First over second opening.",
    )


def _ingestion_figures(seconds: dict[Path, float], documents: list[Document]) -> list[Figure]:
    total = sum(seconds.values())
    pages = sum(len(document.pages) for document in documents)
    characters = sum(len(document.text) for document in documents)
    how = f"{len(documents)} documents, {pages:,} pages, {characters:,} characters: read, parsed, cut, indexed, stored."
    rates = (
        ("ingest_mb_per_second", "Documents read, bytes", sum(path.stat().st_size for path in seconds) / 1e6, "MB/s"),
        ("ingest_pages_per_second", "Documents read, pages", pages, "pages/s"),
        ("ingest_characters_per_second", "Documents read, text", characters, "characters/s"),
    )
    return [
        Figure(key=key, name=name, value=amount / total, unit=unit, better="more", how=how)
        for key, name, amount, unit in rates
    ]


def _made_documents(bench: Workbench) -> list[Path]:
    pages = 300 if bench.thorough else 100
    markdown, text = bench.folder / "made.md", bench.folder / "made.txt"
    write_markdown(markdown, pages, SEED + 1)
    write_text(text, pages, SEED + 2)
    return [bench.made_pdf(pages)[0], markdown, text]


def _small_document(bench: Workbench) -> Path:
    """Return a document that is used before the clock runs, so that no module's import is measured."""
    path = bench.folder / "warm-up.md"
    write_markdown(path, 1, SEED + 3)
    return path


async def measure_search(bench: Workbench) -> AsyncIterator[Figure]:
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
    for share, name in ((0.5, "p50"), (0.95, "p95")):
        value = percentile(seconds, share) * 1_000
        yield Figure(key=f"search_{name}_ms", name=f"Search, {name}", value=value, unit="ms", how=how)
    yield Figure(
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


async def measure_answers(bench: Workbench) -> AsyncIterator[Figure]:
    """Yield how long an answer takes from a document that is new, and from one that is known, and what it costs."""
    path, questions = await bench.reading_matter(pages=300 if bench.thorough else 100)
    more = 4 if bench.thorough or bench.engine.info.name == "extractive" else 1
    await _import_everything(bench)
    assistant = bench.new_assistant()
    try:
        bench.say(f"Asking about {path.name} for the first time")
        first, _ = await timed(ask(assistant, questions[0], [path]))
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
    for figure in usage_figures([answer.usage for _, answer in asked]):
        yield figure


async def _import_everything(bench: Workbench) -> None:
    """Have one question answered without a model: a server that runs has imported what an answer needs."""
    assistant = bench.new_assistant(ExtractiveEngine())
    try:
        await ask(assistant, "Which section is this?", [_small_document(bench)])
    finally:
        await assistant.close()


def usage_figures(usages: list[Usage]) -> list[Figure]:
    """Return what an answer costs the engine, beside a layout in which no prompt shares its beginning."""
    total = sum(usages, Usage())
    calls = total.engine_calls / len(usages)
    figures = [count("engine_calls_per_answer", "Engine calls for an answer", calls, "Counted by the agents.")]
    if total.prompt_tokens:
        computed = max(1, total.prompt_tokens - total.cached_tokens)
        each = total.prompt_tokens / len(usages)
        figures += [
            count("prompt_tokens_per_answer", "Prompt tokens for an answer", each, "As the engine counts them."),
            count(
                "prefilled_tokens_per_answer",
                "Prompt tokens really computed for an answer",
                computed / len(usages),
                "Prompt tokens that were not in the prefix cache.",
            ),
            Figure(
                key="prefix_sharing",
                name="Prompt tokens asked for, for each one computed",
                value=total.prompt_tokens / computed,
                unit="times",
                better="more",
                how="The naive layout computes all of them: each role's prompt begins in its own way.",
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


async def measure_server(bench: Workbench) -> AsyncIterator[Figure]:
    """Yield how long a client waits for the server's first answers."""
    bench.say("Starting the MCP server")
    starts = [await measure_start() for _ in range(5 if bench.thorough else 3)]
    how = f"Median of {len(starts)} starts of `python -m mcp_server` over stdio, from the process to the answer."
    yield Figure(
        key="server_initialize_seconds",
        name="Server start to `initialize`",
        value=statistics.median(start.initialize for start in starts),
        unit="s",
        how=how,
    )
    yield Figure(
        key="server_tools_seconds",
        name="Server start to `tools/list`",
        value=statistics.median(start.tools_list for start in starts),
        unit="s",
        how=how,
    )


async def measure_process(_: Workbench) -> AsyncIterator[Figure]:
    """Yield the memory of our own process."""
    resident = psutil.Process().memory_info().rss / MIB
    yield Figure(
        key="process_memory_mib",
        name="Memory of our process",
        value=resident,
        unit="MiB",
        how="Resident set after everything above, without parsing and engine processes.",
    )
