"""A summary of whole documents: an overview, then the points that matter, from all parts of the text.

The engine has noted points window by window, and writes the overview. The rest is code, as it does that as well: which
points stand by their quotes, which matter, which say the same, their order, and the sections they come under.
"""

import asyncio
from collections.abc import Iterable, Sequence

from agents.engine.tasks.reading import MAX_OVERVIEW_CHARACTERS, Overview, PointToReduce, whole_sentences
from agents.errors import EngineError
from agents.grounding.claims import MIN_QUOTE_WORDS, UncheckedClaim, ground
from agents.language.lexicon import language_of
from agents.language.sentences import is_whole_sentence
from agents.language.unspaced import word_spans
from agents.schema import Document, Mode, Support
from agents.supervisor.attribution import AttributableText
from agents.supervisor.document_form import LineForm
from agents.supervisor.points import Point, contradicted, distinct, language_to_name
from agents.supervisor.run import Run
from agents.supervisor.state import Routed

MAX_POINTS: dict[Mode, int] = {"summary": 10, "detailed": 24}
MAX_FACTS: dict[Mode, int] = {"summary": 8, "detailed": 24}
"""Rows of the table behind the points: figures, dates and names; a summary has one only where no model sums up."""
MORE_POINTS = 34
"""The best, less those of the summary itself: rows are made of these, so that none says again what a point says."""
PARTS = 4
"""Parts of a document, equally long, that points are taken from in turn."""
MAX_QUOTES = 3
"""Of one sentence of the overview."""


async def summarize(
    run: Run, routed: Routed, mode: Mode, focus: str | None, points: Sequence[Point]
) -> tuple[UncheckedClaim, ...]:
    """Return what the documents are, an overview, the points that matter, and the facts of a detailed analysis.

    Args:
        run: Whose engine writes the overview.
        routed: What is asked.
        mode: "summary" or "detailed".
        focus: What it is to be about above all.
        points: Of all windows, in the order of the text.
    """
    documents = run.request.documents
    # Of a page that the question names, the whole document's form says nothing.
    described = () if not run.request.mode and routed.named else documents
    forms = await asyncio.to_thread(lambda: [LineForm(document) for document in described])
    new = [point for point in points if not any(form.counts(quote) for form in forms for quote in point.quotes)]
    written = run.engine.info.generative
    noted = await asyncio.to_thread(_worth_noting, new, documents, written=written)
    chosen = await asyncio.to_thread(_choose, noted, documents, MAX_POINTS[mode], focus)
    facts = [point for point in new if point.kind != "point"]
    if mode == "summary" and not written:
        more = await asyncio.to_thread(_choose, noted, documents, MORE_POINTS, focus)
        facts = await asyncio.to_thread(_with_figures, [point for point in more if point not in chosen])
    facts = await asyncio.to_thread(_choose_facts, facts, documents, MAX_FACTS[mode])
    overview = await _overview(run, focus, chosen)
    said = " ".join(claim.text for claim in overview).casefold()
    # What the overview says word for word is not said again.
    listed = [point for point in chosen if point.text.casefold() not in said]
    sections = section_names(listed, documents)
    statements = [point.statement(section) for point, section in zip(listed, sections, strict=True)]
    return (
        *(claim for form in forms for claim in form.claims()),
        *overview,
        *statements,
        *(fact.statement() for fact in facts),
    )


def _worth_noting(points: Sequence[Point], documents: Sequence[Document], *, written: bool) -> list[Point]:
    """Return the points that say something and stand by their quotes; of those that a model has written, sentences.

    A small model copies halves of sentences, headings and rows; the rules choose what they take.
    """
    noted = [point for point in points if point.kind == "point"]
    if written:
        noted = [point for point in noted if is_whole_sentence(point.text)] or noted
    return _standing([point for point in noted if not _says_nothing(point, documents)] or noted, documents)


def _choose(standing: Sequence[Point], documents: Sequence[Document], limit: int, focus: str | None) -> list[Point]:
    """Return the points that matter most, evenly from all parts, in the order of the text."""
    # The rules load slowly, which is no part of starting.
    from agents.engine.extractive.reducing import select

    lengths = {document.title: len(document.text) for document in documents}
    parts = [f"{each.document} {PARTS * each.start // (lengths[each.document] or 1)}" for each in standing]
    given = [
        PointToReduce(document=each.document, section=each.section, text=each.text, rank=each.rank) for each in standing
    ]
    return [standing[index] for index in select(given, parts, limit, focus)] if given else []


def _says_nothing(point: Point, documents: Sequence[Document]) -> bool:
    """Whether a point says nothing itself: a title, a heading, an address of something else."""
    titles = {title for document in documents for title in (document.title, *(each.text for each in document.headings))}
    short = len(word_spans(point.text)) < MIN_QUOTE_WORDS
    return short or " ".join(point.text.split()) in titles or any("://" in quote for quote in point.quotes)


def _with_figures(points: Sequence[Point]) -> list[Point]:
    """Return the points that hold a figure, as facts, or where there are none, those that hold a date."""
    from agents.engine.extractive.notes import kinds_of

    language = language_of("\n".join(point.text for point in points))
    held = [(point, kinds_of(point.text, language)) for point in points]
    found: list[list[Point]] = [
        [point.model_copy(update={"kind": kind}) for point, kinds in held if kind in kinds]
        for kind in ("figure", "date")
    ]
    return found[0] or found[1]


def _choose_facts(points: Sequence[Point], documents: Sequence[Document], limit: int) -> list[Point]:
    """Return facts from all over the text."""
    facts = distinct(points)
    step = max(1.0, len(facts) / limit)
    chosen = [facts[int(number * step)] for number in range(min(limit, len(facts)))]
    return _standing(chosen, documents)


def _standing(points: Iterable[Point], documents: Sequence[Document]) -> list[Point]:
    """Return the points that their quotes support; where they support none in full, those supported in part.

    Of those that rest on the same words, and so say the same, the first.
    """
    checked: dict[Support, dict[tuple[str, ...], Point]] = {"supported": {}, "partly": {}, "not": {}}
    for point in points:
        for claim in ground([point.statement()], documents, {}):
            checked[claim.support].setdefault(point.quotes, point)
    return list((checked["supported"] or checked["partly"]).values())


async def _overview(run: Run, focus: str | None, points: Sequence[Point]) -> list[UncheckedClaim]:
    """Have the engine write the overview; return the sentences of it that the points' own quotes support."""
    if len(points) < 2:
        return []
    documents = run.request.documents
    titles = tuple(document.title for document in documents)
    task = Overview(
        titles=titles,
        focus=focus,
        points=tuple(point.text for point in points),
        language=language_to_name(documents[0]),
    )
    try:
        text = (await run.ask(task)).overview
    except EngineError as error:
        run.warn(f"There is no overview: {error.message}")
        return []
    return await asyncio.to_thread(_traced, text, points, documents)


def _traced(text: str, points: Sequence[Point], documents: Sequence[Document]) -> list[UncheckedClaim]:
    """Return the sentences of an overview with the quotes of the points that they rest on, up to an unsupported one.

    What follows a sentence that is left out would lean on it: "It also explains ...".
    """
    source = AttributableText.of_texts([point.text for point in points])
    claims: list[UncheckedClaim] = []
    for sentence in whole_sentences(text, MAX_OVERVIEW_CHARACTERS):
        resting_on = [points[number] for number in source.sources(sentence, most=MAX_QUOTES)]
        sources = [(quote, title) for point in resting_on for quote, title in point.sources()]
        quotes, titles = (tuple(side) for side in zip(*dict.fromkeys(sources), strict=True)) if sources else ((), ())
        claim = UncheckedClaim(sentence, quotes, kind="overview", titles=titles)
        grounded = ground([claim], documents, {})
        if contradicted(sentence, quotes) or not any(each.support == "supported" for each in grounded):
            break
        claims.append(claim)
    return list({claim.text: claim for claim in claims}.values())


def section_names(points: Sequence[Point], documents: Sequence[Document]) -> list[str]:
    """Return the section of each point: its document, or the deepest headings that hold two points on average.

    Where no level of headings gathers points, there are no sections: a heading above each point says too little.
    """
    if len(documents) > 1:
        return [point.document for point in points]
    headings = documents[0].headings
    for level in sorted({heading.level for heading in headings}, reverse=True):
        upper = [heading for heading in headings if heading.level <= level]
        names = [next((h.text for h in reversed(upper) if h.start <= point.start), "") for point in points]
        if 1 < len(set(names)) <= len(points) / 2:
            return names
    return [""] * len(points)
