"""Measuring the library: documents opened for the first time and again, and searched."""

import asyncio
import statistics
from collections.abc import AsyncIterator
from pathlib import Path

from agents.benchmark.corpus import write_markdown, write_text
from agents.benchmark.report import Measurement
from agents.benchmark.serving import percentile
from agents.benchmark.workbench import SEED, Workbench, timed
from agents.documents.library import Library
from agents.schema import Document

MIB = 1024**2
_AT_ONCE = 4


async def measure_ingestion(bench: Workbench) -> AsyncIterator[Measurement]:
    """Yield how fast documents are opened for the first time, and again."""
    settings = bench.settings_for(bench.new_folder())
    library = Library(settings.documents, settings.data_dir)
    opened: list[tuple[Path, float, Document]] = []
    try:
        await library.open(str(bench.small_document()))
        for path in bench.documents or _made_documents(bench):
            bench.say(f"Opening {path.name}")
            opened.append((path, *await timed(library.open(str(path)))))
        for figure in _ingestion_figures(opened):
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
    what = f"{path.name}, {path.stat().st_size / MIB:.1f} MiB, {len(document.pages):,} pages"
    for figure in _opening_figures(what, first, statistics.median(again), stored):
        yield figure


def _opening_figures(what: str, first: float, second: float, stored: float) -> list[Measurement]:
    times = (
        ("open_first_seconds", "Opened for the first time", first, "parsed, cut, indexed, stored"),
        ("open_second_seconds", "Opened again", second, "median of 5, nothing parsed"),
        ("open_stored_seconds", "Opened by another process", stored, "from the stored library, nothing parsed"),
    )
    ratio = Measurement(
        key="open_ratio",
        name="Opened again, times faster",
        value=first / second,
        unit="times",
        better="more",
        how=f"{what}: first over second opening.",
    )
    return [
        *(
            Measurement(key=key, name=name, value=value, unit="s", how=f"{what}: {how}.")
            for key, name, value, how in times
        ),
        ratio,
    ]


def _ingestion_figures(opened: list[tuple[Path, float, Document]]) -> list[Measurement]:
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


def _made_documents(bench: Workbench) -> list[Path]:
    pages = 300 if bench.thorough else 100
    markdown, text = bench.folder / "made.md", bench.folder / "made.txt"
    write_markdown(markdown, pages, SEED + 1)
    write_text(text, pages, SEED + 2)
    return [bench.made_pdf(pages)[0], markdown, text]


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
    for share, name in ((0.5, "p50"), (0.95, "p95")):
        value = percentile(seconds, share) * 1_000
        yield Measurement(key=f"search_{name}_ms", name=f"Search, {name}", value=value, unit="ms", how=how)
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
