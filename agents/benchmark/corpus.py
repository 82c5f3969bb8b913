"""Documents that the benchmark writes itself, and questions whose answers are known.

A made document is plain prose with one made-up fact on each page, the same for the same seed. Questions to a user's own
document are sentences with a figure or name left out, or facts planted in a copy of its text.
"""

import ctypes
import random
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import Field

from agents.language.sentences import split_sentences
from agents.schema import Document, Frozen

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

DEPTHS = (5, 25, 50, 75, 95)
"""Where in a document needles are looked for or planted, in percent."""
GAP = "____"
_SYLLABLES = str.split("bra dul fen gor hal irm kel lun mar nev osk pel rud sev tor vel")
_MONTHS = ("January", "March", "April", "May", "July", "August", "October", "November")
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
_LEAST_WORDS, _MOST_WORDS = 8, 45
_GAP_WORDS = 16
"""Words of the sentence that the question shows; the rest is left out."""
_NUMBER = re.compile(r"(?<![\w.,-])\d[\d.,:/]*\d(?![\w-])")
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][\w'’-]+(?: [A-Z][\w'’-]+){1,3}")
_FORBIDDEN = re.compile(r"^#|\|")


class Fact(Frozen):
    """Something that only its sentence says."""

    sentence: str
    question: str
    answer: str


class KnownQuestion(Frozen):
    """A question, its answer, and where the answer stands."""

    question: str
    answer: str | None = Field(description="None: no document says it, and saying so is the right answer.")
    document: str = Field(description="The file that is asked.")
    start: int = Field(default=0, description="First character of the needle in the document's text.")
    end: int = 0
    page: int = 1
    depth: int | None = Field(default=None, description="Where the needle was looked for, in percent.")
    length: int | None = Field(default=None, description="Tokens of the document where it was made for a length.")


def write_text(path: Path, pages: int, seed: int) -> list[Fact]:
    """Write plain text, and return the facts in it."""
    texts, facts = synthetic_pages(pages, seed)
    path.write_text("\n\n".join(texts), encoding="utf-8")
    return facts


def write_markdown(path: Path, pages: int, seed: int) -> list[Fact]:
    """Write Markdown with a heading for each page, and return the facts in it."""
    texts, facts = synthetic_pages(pages, seed)
    path.write_text("# Made report\n\n" + "\n\n".join(f"## {text}" for text in texts), encoding="utf-8")
    return facts


def write_pdf(path: Path, pages: int, seed: int) -> list[Fact]:
    """Write a PDF of so many pages in A4, and return the facts in it."""
    import pypdfium2

    texts, facts = synthetic_pages(pages, seed)
    pdf = pypdfium2.PdfDocument.new()
    try:
        for text in texts:
            _add_page(pdf, text)
        cast("Any", pdf).save(str(path))
    finally:
        pdf.close()
    return facts


def synthetic_pages(pages: int, seed: int) -> tuple[list[str], list[Fact]]:
    """Return the text of pages, some 600 words each, and the facts in them: one for each page, in order."""
    sentences, facts = prose(seed), list(islice(synthetic_facts(seed), pages))
    texts: list[str] = []
    for number, fact in enumerate(facts, 1):
        paragraphs = [list(islice(sentences, _PARAGRAPH_SENTENCES)) for _ in range(_PAGE_PARAGRAPHS)]
        paragraphs[number % _PAGE_PARAGRAPHS].insert(_PARAGRAPH_SENTENCES // 2, fact.sentence)
        texts.append("\n\n".join([f"Section {number}", *(" ".join(paragraph) for paragraph in paragraphs)]))
    return texts, facts


def prose(seed: int) -> Iterator[str]:
    """Yield plain sentences without end, the same for the same seed."""
    source = random.Random(seed)  # noqa: S311 - reproducible, nothing is secret
    while True:
        subject, verb, thing, ending = (source.choice(words) for words in (_SUBJECTS, _VERBS, _OBJECTS, _ENDINGS))
        yield f"{subject} {verb} {thing} {ending} on day {source.randint(1, 365)} of year {source.randint(1, 40)}."


def synthetic_facts(seed: int) -> Iterator[Fact]:
    """Yield made-up facts without end, the same for the same seed; no name comes twice."""
    source = random.Random(seed)  # noqa: S311 - reproducible, nothing is secret
    names = _names(source)
    while True:
        for sentence, question, make_answer in _FACTS:
            place = next(names)
            answer = make_answer(source, names)
            yield Fact(
                sentence=sentence.format(place=place, answer=answer),
                question=question.format(place=place),
                answer=answer,
            )


def _names(source: random.Random) -> Iterator[str]:
    """Yield invented names that nobody bears: four syllables, so that 65,536 are there."""
    used: set[str] = set()
    while True:
        name = "".join(source.choices(_SYLLABLES, k=4)).capitalize()
        if name not in used:
            used.add(name)
            yield name


_FACTS: tuple[tuple[str, str, Callable[[random.Random, Iterator[str]], str]], ...] = (
    (
        "The {place} sluice was last inspected by {answer} of the northern office.",
        "Who last inspected the {place} sluice?",
        lambda _, names: f"{next(names)} {next(names)}",
    ),
    (
        "When it is full, the reserve tank of the {place} annex holds {answer} litres.",
        "How many litres does the reserve tank of the {place} annex hold?",
        lambda source, _: f"{source.randint(1_000, 9_999):,}",
    ),
    (
        "Unless both sides renew it, the {place} ferry contract ends on {answer}.",
        "When does the {place} ferry contract end?",
        lambda source, _: f"{source.randint(1, 28)} {source.choice(_MONTHS)} {source.randint(2031, 2069)}",
    ),
    (
        "The spare keys of the {place} tower are kept in cabinet {answer} beside the stairs.",
        "In which cabinet are the spare keys of the {place} tower kept?",
        lambda source, _: f"{source.choice('BDFHKMRT')}-{source.randint(100, 999)}",
    ),
)
"""Sentence, question, and what makes the answer."""


def _add_page(pdf: "PdfDocument", text: str) -> None:
    """Add a page with a text object for each line: PDF knows no paragraphs."""
    import pypdfium2.raw

    opened, pdfium = cast("Any", pdf), cast("Any", pypdfium2.raw)
    page = opened.new_page(*_A4_POINTS)
    font = pdfium.FPDFText_LoadStandardFont(opened.raw, b"Helvetica")
    lines = [line for paragraph in text.split("\n") for line in textwrap.wrap(paragraph, _LINE_CHARACTERS) or [" "]]
    for number, line in enumerate(lines):
        drawn = pdfium.FPDFPageObj_CreateTextObj(opened.raw, font, ctypes.c_float(_FONT_POINTS))
        characters = ctypes.create_string_buffer(line.encode("utf-16-le") + b"\0\0")
        pdfium.FPDFText_SetText(drawn, ctypes.cast(characters, ctypes.POINTER(ctypes.c_ushort)))
        pdfium.FPDFPageObj_Transform(drawn, 1, 0, 0, 1, 50, _A4_POINTS[1] - 40 - number * _LINE_POINTS)
        pdfium.FPDFPage_InsertObject(page.raw, drawn)
    pdfium.FPDFFont_Close(font)
    page.gen_content()
    page.close()


def cloze_questions(document: Document, path: str, depths: Sequence[int] = DEPTHS) -> list[KnownQuestion]:
    """Return questions from a document's own sentences: one figure or name left out of a sentence at each depth.

    Only sentences whose figure or name the document holds no second time are taken, so the answer is known.
    """
    sentences = split_sentences(document.text)
    found: list[KnownQuestion] = []
    for depth in depths:
        wanted = len(document.text) * depth // 100
        for start, end in sorted(sentences, key=lambda span: abs(span[0] - wanted)):
            answer = _gap(document.text, start, end)
            if answer and not any(known.start == start for known in found):
                found.append(
                    KnownQuestion(
                        question=_cloze(document.text[start:end], answer),
                        answer=answer,
                        document=path,
                        start=start,
                        end=end,
                        page=document.page_at(start),
                        depth=depth,
                    )
                )
                break
    return found


def _gap(text: str, start: int, end: int) -> str | None:
    """Return a figure or name of a sentence that stands nowhere else in the text."""
    sentence = text[start:end]
    if not _LEAST_WORDS <= len(sentence.split()) <= _MOST_WORDS or _FORBIDDEN.search(sentence):
        return None
    candidates = [match.group() for pattern in (_NUMBER, _NAME) for match in pattern.finditer(sentence)]
    return next((answer for answer in candidates if text.count(answer) == 1), None)


def _cloze(sentence: str, answer: str) -> str:
    """Ask for what was left out, showing the words around it."""
    before, _, after = (" ".join(part.split()) for part in sentence.partition(answer))
    words = [*before.split(), GAP, *after.split()]
    at = words.index(GAP)
    first = max(0, min(at - _GAP_WORDS // 2, len(words) - _GAP_WORDS))
    return f"What stands in the gap: “{' '.join(words[first : first + _GAP_WORDS])}”?"


def plant_facts(text: str, depths: Sequence[int], seed: int) -> tuple[str, list[tuple[int, Fact]]]:
    """Plant a made-up fact at each depth of a text, between two sentences; return the text and what was planted."""
    ends = [end for _, end in split_sentences(text)] or [len(text)]
    facts = list(islice(unmentioned_facts(text, seed), len(depths)))
    places = [min(ends, key=lambda end: abs(end - len(text) * depth // 100)) for depth in depths]
    for place, fact in sorted(zip(places, facts, strict=True), key=lambda each: each[0], reverse=True):
        text = f"{text[:place]} {fact.sentence}{text[place:]}"
    return text, list(zip(depths, facts, strict=True))


def unmentioned_facts(text: str, seed: int) -> Iterator[Fact]:
    """Yield made-up facts whose names the text does not hold."""
    words = Counter(re.findall(r"\w+", text.casefold()))
    for fact in synthetic_facts(seed):
        names = re.findall(r"[A-Z]\w{7,}", fact.sentence)
        if not any(words[name.casefold()] for name in names) and fact.answer not in text:
            yield fact
