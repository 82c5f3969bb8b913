"""Opening a 300-page PDF: our library beside the bare parser, and the second time beside the first.

python -m benchmarks.ingestion [--pages 300] [--rounds 5]

The bare parser takes the same PDF library in this very process: no limits, no pages joined, no passages, no
index, nothing kept.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from agents.benchmark.made_documents import write_pdf
from agents.benchmark.workbench import timed
from agents.documents.library import Library
from agents.settings import DocumentsSettings
from benchmarks.record import record

SECOND_OPENINGS = 50


def parse_bare(path: Path) -> float:
    """Return the seconds that taking the text of every page takes."""
    import pypdfium2

    started = time.perf_counter()
    pdf = cast("Any", pypdfium2).PdfDocument(path)
    for page in pdf:
        page.get_textpage().get_text_range()
    pdf.close()
    return time.perf_counter() - started


def processor_seconds() -> float:
    """Return the processor time that this process and the children that ended have taken."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


async def open_twice(path: Path, folder: Path) -> tuple[float, float, float, float]:
    """Return the seconds of the first opening, of later ones, of one by a library that starts anew.

    The last value is the first opening's processor time.
    """
    settings = DocumentsSettings(roots=(path.parent,))
    library = Library(settings, folder)
    before = processor_seconds()
    first, _ = await timed(library.open(str(path)))
    taken = processor_seconds() - before
    again = [(await timed(library.open(str(path))))[0] for _ in range(SECOND_OPENINGS)]
    await library.close()
    anew = Library(settings, folder)
    stored, _ = await timed(anew.open(str(path)))
    await anew.close()
    return first, statistics.median(again), stored, taken


async def main(pages: int, rounds: int) -> None:
    """Measure both in turns and compare their medians."""
    bare: list[float] = []
    bare_processor: list[float] = []
    opened: list[tuple[float, float, float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "made.pdf"
        write_pdf(path, pages, seed=1)
        parse_bare(path)
        for number in range(rounds):
            before = processor_seconds()
            bare.append(parse_bare(path))
            bare_processor.append(processor_seconds() - before)
            opened.append(await open_twice(path, folder / f"library-{number}"))
    first, second, stored, processor = (statistics.median(column) for column in zip(*opened, strict=True))
    to_bare, faster = first / statistics.median(bare), first / second
    record(
        "ingestion",
        f"python -m benchmarks.ingestion --pages {pages} --rounds {rounds}: medians, in turns; a made PDF of some 600 "
        "words a page; opening is parsing in a process of its own, cutting, indexing and storing.",
        {
            "pages": pages,
            "bare_parser_seconds": statistics.median(bare),
            "first_open_seconds": first,
            "second_open_seconds": second,
            "open_in_a_new_process_seconds": stored,
            "first_open_to_bare_parser": to_bare,
            "first_open_to_bare_parser_processor_time": processor / statistics.median(bare_processor),
            "first_to_second_open": faster,
        },
        goal="first at most 1.5 times the bare parser; second at least 100 times faster than the first",
        met=to_bare <= 1.5 and faster >= 100,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    asyncio.run(main(asked.pages, asked.rounds))
