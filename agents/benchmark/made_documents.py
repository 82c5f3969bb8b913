"""Documents that the benchmark writes itself, the same ones every time: facts amid plain prose."""

import ctypes
import random
import textwrap
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from agents.benchmark.facts import Fact, made_facts

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_PARAGRAPH_SENTENCES = 7
_PAGE_PARAGRAPHS = 5
_LINE_CHARACTERS = 95
_A4_POINTS = (595.0, 842.0)
_FONT_POINTS = 10
_LINE_POINTS = 15
_SUBJECTS = ("The crew", "The night shift", "An engineer", "The supplier", "The office", "A visitor", "The council")
_VERBS = ("checked", "described", "measured", "repaired", "reported", "ordered", "repainted", "discussed", "cleaned")
_OBJECTS = ("the feed pump", "the inlet valve", "the old gate", "a broken sensor", "the water level", "two invoices")
_ENDINGS = (
    "before the end of the week",
    "while the river was high",
    "and noted nothing unusual",
    "after a long delay",
    "as the manual asks",
    "in the presence of two witnesses",
)


def prose(seed: int) -> Iterator[str]:
    """Yield plain sentences without end, the same for the same seed."""
    source = random.Random(seed)  # noqa: S311 - reproducible, nothing is secret
    while True:
        subject, verb, thing, ending = (source.choice(words) for words in (_SUBJECTS, _VERBS, _OBJECTS, _ENDINGS))
        yield f"{subject} {verb} {thing} {ending} on day {source.randint(1, 365)} of year {source.randint(1, 40)}."


def made_pages(pages: int, seed: int) -> tuple[list[str], list[Fact]]:
    """Return the text of pages, some 500 words each, and the facts in them: one for each page, in order."""
    sentences, facts = prose(seed), list(islice(made_facts(seed), pages))
    return [_page(number, fact, sentences) for number, fact in enumerate(facts, 1)], facts


def _page(number: int, fact: Fact, sentences: Iterator[str]) -> str:
    paragraphs = [list(islice(sentences, _PARAGRAPH_SENTENCES)) for _ in range(_PAGE_PARAGRAPHS)]
    paragraphs[number % _PAGE_PARAGRAPHS].insert(_PARAGRAPH_SENTENCES // 2, fact.sentence)
    return "\n\n".join([f"Section {number}", *(" ".join(paragraph) for paragraph in paragraphs)])


def write_text(path: Path, pages: int, seed: int) -> list[Fact]:
    """Write plain text, and return the facts in it."""
    texts, facts = made_pages(pages, seed)
    path.write_text("\n\n".join(texts), encoding="utf-8")
    return facts


def write_markdown(path: Path, pages: int, seed: int) -> list[Fact]:
    """Write Markdown with a heading for each page, and return the facts in it."""
    texts, facts = made_pages(pages, seed)
    path.write_text("# Made report\n\n" + "\n\n".join(f"## {text}" for text in texts), encoding="utf-8")
    return facts


def write_pdf(path: Path, pages: int, seed: int) -> list[Fact]:
    """Write a PDF of so many pages in A4, and return the facts in it."""
    import pypdfium2

    texts, facts = made_pages(pages, seed)
    pdf = pypdfium2.PdfDocument.new()
    try:
        for text in texts:
            _add_page(pdf, text)
        cast("Any", pdf).save(str(path))
    finally:
        pdf.close()
    return facts


def _add_page(pdf: "PdfDocument", text: str) -> None:
    """Add one page: a text object for each line, since PDF itself knows no paragraphs."""
    import pypdfium2.raw

    opened, pdfium = cast("Any", pdf), cast("Any", pypdfium2.raw)
    page = opened.new_page(*_A4_POINTS)
    font = pdfium.FPDFText_LoadStandardFont(opened.raw, b"Helvetica")
    for number, line in enumerate(_lines(text)):
        drawn = pdfium.FPDFPageObj_CreateTextObj(opened.raw, font, ctypes.c_float(_FONT_POINTS))
        characters = ctypes.create_string_buffer(line.encode("utf-16-le") + b"\0\0")
        pdfium.FPDFText_SetText(drawn, ctypes.cast(characters, ctypes.POINTER(ctypes.c_ushort)))
        pdfium.FPDFPageObj_Transform(drawn, 1, 0, 0, 1, 50, _A4_POINTS[1] - 40 - number * _LINE_POINTS)
        pdfium.FPDFPage_InsertObject(page.raw, drawn)
    pdfium.FPDFFont_Close(font)
    page.gen_content()
    page.close()


def _lines(text: str) -> list[str]:
    return [line for paragraph in text.split("\n") for line in textwrap.wrap(paragraph, _LINE_CHARACTERS) or [" "]]
