"""Opening a 300-page PDF: our library beside the bare parser, and the second time beside the first.

python -m benchmarks.ingestion [--pages 300] [--rounds 5] [--before FILE]

The bare parser takes the same PDF library in this very process: no limits, no pages joined, no passages, no
index, nothing kept. It takes the text alone, and once more with the place of each word, without which nobody can tell
columns and tables from prose. A server starts the process that parsing is forked from before the first document
comes; what a library takes that had no time for that (the command line's) is measured beside it.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from agents.benchmark.corpus import write_pdf, write_text
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


def parse_with_places(path: Path) -> None:
    """Take the text of every page and where each of its words begins and ends."""
    import pypdfium2
    import pypdfium2.raw as untyped

    pdfium = cast("Any", untyped)
    box = pdfium.FS_RECTF()
    pdf = cast("Any", pypdfium2).PdfDocument(path)
    for page in pdf:
        text_page = page.get_textpage()
        for word in re.finditer(r"\S+", text_page.get_text_range()):
            for position in (word.start(), word.end() - 1):
                pdfium.FPDFText_GetLooseCharBox(text_page, position, box)
    pdf.close()


def processor_seconds() -> float:
    """Return the processor time that this process and the children that ended have taken."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


async def processor_of(settings: DocumentsSettings, folder: Path, files: Sequence[Path]) -> float:
    """Return the processor time that a new library takes to open files, from its start to its end."""
    began = processor_seconds()
    library = Library(settings, folder)
    for file in files:
        await library.open(str(file))
    await library.close()
    return processor_seconds() - began


class Opened(NamedTuple):
    """Seconds."""

    unprepared: float
    """The first opening by a library that was made for it."""
    first: float
    """The first opening by a library that has parsed another document."""
    processor: float
    """The processor time of that."""
    second: float
    stored: float
    """The opening of a known document by a library that starts anew."""


async def open_twice(path: Path, small: Path, folder: Path) -> Opened:
    """Measure the openings of one document, in new libraries below a folder."""
    settings = DocumentsSettings(roots=(path.parent,))
    unprepared = Library(settings, folder / "unprepared")
    cold, _ = await timed(unprepared.open(str(path)))
    await unprepared.close()
    library = Library(settings, folder / "prepared")
    library.warm_up()
    await library.open(str(small))
    first, _ = await timed(library.open(str(path)))
    again = [(await timed(library.open(str(path))))[0] for _ in range(SECOND_OPENINGS)]
    await library.close()
    # The processor time of children counts once they have ended, that of their start with it.
    one, both = [await processor_of(settings, folder / str(len(files)), files) for files in ((small,), (small, path))]
    anew = Library(settings, folder / "prepared")
    stored, _ = await timed(anew.open(str(path)))
    await anew.close()
    return Opened(cold, first, both - one, statistics.median(again), stored)


def figures_of(result: Path) -> dict[str, Any]:
    """Return the figures of an earlier result."""
    return json.loads(result.read_text(encoding="utf-8"))["figures"]


async def main(pages: int, rounds: int, before: Path | None) -> None:
    """Measure both in turns and compare their medians; put the figures of an earlier result beside them."""
    bare: list[float] = []
    bare_processor: list[float] = []
    with_places: list[float] = []
    opened: list[Opened] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, small = folder / "made.pdf", folder / "small.txt"
        write_pdf(path, pages, seed=1)
        write_text(small, 1, seed=2)
        parse_bare(path)
        for number in range(rounds):
            began = processor_seconds()
            bare.append(parse_bare(path))
            bare_processor.append(processor_seconds() - began)
            began = processor_seconds()
            parse_with_places(path)
            with_places.append(processor_seconds() - began)
            opened.append(await open_twice(path, small, folder / f"library-{number}"))
    median = Opened(*(statistics.median(column) for column in zip(*opened, strict=True)))
    parser = statistics.median(bare)
    processor, processor_with_places = statistics.median(bare_processor), statistics.median(with_places)
    to_bare, faster = median.first / parser, median.first / median.second
    record(
        "ingestion",
        f"python -m benchmarks.ingestion --pages {pages} --rounds {rounds}: medians, in turns; a made PDF of some 600 "
        "words a page; opening is parsing in a process of its own, cutting, indexing and storing. The server has that "
        "process's origin ready; `unprepared` starts it within the measured time.",
        {
            "pages": pages,
            "bare_parser_seconds": parser,
            "first_open_seconds": median.first,
            "unprepared_first_open_seconds": median.unprepared,
            "second_open_seconds": median.second,
            "open_in_a_new_process_seconds": median.stored,
            "first_open_to_bare_parser": to_bare,
            "unprepared_first_open_to_bare_parser": median.unprepared / parser,
            "bare_parser_processor_seconds": processor,
            "bare_parser_with_places_processor_seconds": processor_with_places,
            "first_open_processor_seconds": median.processor,
            "first_open_to_bare_parser_processor_time": median.processor / processor,
            "first_open_to_bare_parser_with_places_processor_time": median.processor / processor_with_places,
            "first_to_second_open": faster,
        }
        | ({"before": figures_of(before)} if before else {}),
        goal="first at most 1.5 times the bare parser; second at least 100 times faster than the first",
        met=to_bare <= 1.5 and faster >= 100,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", type=Path, help="an earlier result of this benchmark, to stand beside")
    asked = parser.parse_args()
    asyncio.run(main(asked.pages, asked.rounds, asked.before))
