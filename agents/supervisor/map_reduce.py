"""Cutting documents into reading windows."""
# MERGED """Many points brought down to the few that an analysis shows, in a tree that never exceeds the window."""
# MERGED """Reading whole documents: notes from every window, reduced to an analysis."""

import asyncio
import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field

from agents.engine.engine import Task
from agents.engine.tasks.reading import MOST_NOTES, PointToReduce, Reduce, WindowNotes
from agents.grounding.claims import UncheckedClaim
from agents.grounding.quotes import stands_in
from agents.grounding.version_diff import MOST_CHANGES, asks_for_differences, changes
from agents.jobs.single_flight import job_key
from agents.language.sentences import split_sentences
from agents.schema import Document, Frozen, Mode, NoteKind, Passage
from agents.supervisor.context_budget import fits_one_pass
from agents.supervisor.run import Run
from agents.supervisor.scope import scope


@dataclass(frozen=True)
class Window:
    """Contiguous passages of one document that are read in one go."""

    document: Document
    number: int
    passages: tuple[Passage, ...]
    tokens: int

    @property
    def outline(self) -> tuple[str, ...]:
        """The headings in this window, in order."""
        return tuple(dict.fromkeys(passage.heading for passage in self.passages if passage.heading))


def cut_windows(
    document: Document, passages: Sequence[Passage], counts: Sequence[int], limit: int | None
) -> tuple[Window, ...]:
    """Cut a document into windows of at most `limit` tokens, at a heading where one is near the end.

    Args:
        document: The document.
        passages: All of its passages, in order.
        counts: The tokens of each passage.
        limit: Tokens of a window; None puts everything into one. A single larger passage stands alone.
    """
    windows: list[Window] = []
    start = 0
    while start < len(passages):
        end = _fill(passages, counts, start, limit)
        windows.append(Window(document, len(windows) + 1, tuple(passages[start:end]), sum(counts[start:end])))
        start = end
    return tuple(windows)


def _fill(passages: Sequence[Passage], counts: Sequence[int], start: int, limit: int | None) -> int:
    """Return the end of the window that begins at `start`."""
    if limit is None:
        return len(passages)
    end, tokens, at_heading = start, 0, None
    while end < len(passages) and (end == start or tokens + counts[end] <= limit):
        if end > start and passages[end].heading != passages[end - 1].heading and tokens >= 0.7 * limit:
            at_heading = end
        tokens += counts[end]
        end += 1
    return end if end == len(passages) or at_heading is None else at_heading


POINTS_AT_ONCE = 60
"""Points that one reduction is given; it returns at most half of them, so every level shrinks."""
MOST_POINTS = 24
LONGEST_POINT = 400
"""Characters; a model that does not keep to its schema must not outgrow the window that its points go into."""
MOST_QUOTES = 3
"""Under one point."""


class Point(Frozen):
    """A note, or what several notes were reduced to, with the quotes it rests on."""

    document: str
    section: str
    text: str
    kind: NoteKind = "point"
    quotes: tuple[str, ...]
    titles: tuple[str, ...] = Field(
        default=(), description="Of the documents that the quotes are from; empty where all are from `document`."
    )
    rank: float = 0.0

    def sources(self) -> tuple[tuple[str, str], ...]:
        """Return each quote with the title of its document."""
        return tuple(zip(self.quotes, self.titles or (self.document,) * len(self.quotes), strict=True))


async def reduce_points(run: Run, bare: Reduce, points: Sequence[Point]) -> list[Point]:
    """Reduce points, level by level, until one reduction can write the analysis.

    Args:
        run: Whose engine reduces.
        bare: What kind of analysis it is, without points.
        points: Of all windows, in the order of the text.
    """
    level = list(points)
    while len(batches := _batches(run, level)) > 1:
        run.report(0.75, f"Reducing {len(level)} notes")
        shorter = await asyncio.gather(
            *(_reduce(run, bare.model_copy(update={"final": False}), batch) for batch in batches)
        )
        level = [point for batch in shorter for point in batch]
    return await _reduce(run, bare, level)


def _batches(run: Run, points: Sequence[Point]) -> list[list[Point]]:
    """Cut points into contiguous batches that fit one reduction in number and in tokens."""
    batches: list[list[Point]] = [[]]
    tokens = 0
    for point in points:
        cost = run.engine.count_tokens(point.text) + run.engine.count_tokens(point.section)
        full = len(batches[-1]) >= POINTS_AT_ONCE or tokens + cost > run.window_tokens // 2
        # Two at least, or a level might be no shorter than the one before it.
        if full and len(batches[-1]) > 1:
            batches.append([])
            tokens = 0
        batches[-1].append(point)
        tokens += cost
    return batches


async def _reduce(run: Run, bare: Reduce, points: Sequence[Point]) -> list[Point]:
    numbered = tuple(
        PointToReduce(document=p.document, section=p.section, text=p.text, kind=p.kind, rank=p.rank) for p in points
    )
    reduced: list[Point] = []
    kept = MOST_POINTS if bare.final else max(1, len(points) // 2)
    for point in (await run.ask(bare.model_copy(update={"points": numbered}))).points[:kept]:
        sources = [points[number - 1] for number in point.sources if 0 < number <= len(points)]
        if sources:
            quotes, titles = zip(*dict.fromkeys(each for source in sources for each in source.sources()), strict=True)
            changed = {"text": point.text[:LONGEST_POINT], "section": point.section}
            reduced.append(
                sources[0].model_copy(update=changed | {"quotes": quotes[:MOST_QUOTES], "titles": titles[:MOST_QUOTES]})
            )
    return reduced


HALVINGS = 5
"""How often a window is halved that may hold more than the notes it gave: 4,096 tokens to 128."""
FACTS: dict[Mode, int] = {"summary": 8, "detailed": 24, "comparison": 0, "extraction": 0}
"""Figures, dates and names that stand in the table beside the points."""


class WindowReading(Frozen):
    """What one window gave; stored as soon as it is there."""

    topic: str
    points: tuple[Point, ...]


async def analyze(run: Run) -> tuple[UncheckedClaim, ...]:
    """Read every window, reduce the notes, and return the analysis as statements with quotes."""
    windows = await asyncio.to_thread(reading_windows, run, _task(run), window_tokens(run))
    limit = asyncio.Semaphore(run.parallel_windows)
    readings = await asyncio.gather(*(_read(run, window, len(windows), limit) for window in windows))
    points = [point for reading in readings for point in reading.points]
    if mode(run) == "comparison":
        points += await asyncio.to_thread(echoes, points, run.request.documents)
    run.outline = _outline(run, readings)
    changed = await asyncio.to_thread(_changes, run)
    if not points:
        return changed
    if mode(run) == "extraction":
        return _statements(_distinct([point for point in points if point.kind != "point"] or points))
    bare = Reduce(mode=mode(run), focus=focus(run), points=(), language=run.language)
    reduced = await reduce_points(run, bare, [point for point in points if point.kind == "point"] or points)
    facts = _distinct([point for point in points if point.kind != "point"])[: FACTS[mode(run)]]
    return _with_changes(_statements([*reduced, *facts]), changed)


def _changes(run: Run) -> tuple[UncheckedClaim, ...]:
    """Return all that differs between two versions of one text, and say where that is nothing or too much."""
    documents = list(run.request.documents)
    if mode(run) != "comparison" or len(documents) > 2:
        return ()
    if len(documents) == 1:
        run.warnings.append("Both are the same file, byte for byte.")
    found = changes(documents[0], documents[-1])
    if found == () and len(documents) == 2:
        run.warnings.append(f"No sentence of {documents[0].title} differs from {documents[-1].title}.")
    if found and len(found) > MOST_CHANGES:
        run.warnings.append(f"{len(found) - MOST_CHANGES:,} more sentences differ than are shown.")
    return (found or ())[:MOST_CHANGES]


def _with_changes(told: Sequence[UncheckedClaim], changed: Sequence[UncheckedClaim]) -> tuple[UncheckedClaim, ...]:
    """Return the points and every change, those left out of the points that say no more than the changes do."""
    quoted = {quote for change in changed for quote in change.quotes}
    return (*(each for each in told if not (each.quotes and quoted.issuperset(each.quotes))), *changed)


def echoes(points: Sequence[Point], documents: Sequence[Document]) -> list[Point]:
    """Return points once more for each other document that says their quotes word for word.

    A reader notes only some of what a document says: what was noted in one document alone is not yet a difference.
    """
    noted = {(point.document, quote) for point in points for quote in point.quotes}
    return [
        point.model_copy(update={"document": document.title})
        for point in points
        for document in documents
        if not any((document.title, quote) in noted for quote in point.quotes)
        and all(stands_in(quote, document) for quote in point.quotes)
    ]


def reading_windows(run: Run, task: Task[Any], limit: int | None) -> tuple[Window, ...]:
    """Cut the run's documents into windows of at most `limit` tokens; what fits whole beside the task stays whole.

    A question that names pages or sections is about these alone.
    """
    named = () if run.request.mode else scope(run, run.question)

    def cut(document: Document) -> tuple[Window, ...]:
        whole = limit == run.window_tokens and fits_one_pass(run, task, [document])
        key = document.document_id
        passages = [each for each in named if each.document_id == key] if named else run.passages[key]
        counts = [run.tokens[key][passage.index] for passage in passages]
        return cut_windows(document, passages, counts, None if whole else limit)

    return tuple(window for document in run.request.documents for window in cut(document))


def window_tokens(run: Run) -> int:
    """Return the size of a reading window, in tokens.

    A window yields a bounded number of notes, so an extraction, which may leave nothing out, reads smaller ones.
    """
    whole = run.window_tokens
    return min(whole, max(1_024, whole // 8)) if mode(run) == "extraction" else whole


def mode(run: Run) -> Mode:
    """Return the mode of the reading; a question about whole documents compares them, or sums them up."""
    compared = len(run.request.documents) > 1 and asks_for_differences(run.question)
    # A page or a section is told of closely: it is short, and was asked for by its number.
    return run.request.mode or ("comparison" if compared else "detailed" if scope(run, run.question) else "summary")


def focus(run: Run) -> str | None:
    """Return what the reading looks for above all."""
    return run.request.focus if run.request.mode else run.question


async def _read(run: Run, window: Window, total: int, limit: asyncio.Semaphore) -> WindowReading:
    """Read one window and tell how far the run has come; an extraction reads it so closely that nothing is left out."""
    closely = mode(run) == "extraction"
    reading = await (_read_closely(run, window, limit, HALVINGS) if closely else _read_once(run, window, limit))
    run.mark_read(window.passages)
    run.windows += 1
    noted = [point.text for point in reading.points[:2]]
    run.report(0.1 + 0.6 * run.windows / total, f"Read window {run.windows} of {total}: {reading.topic}", *noted)
    return reading


async def _read_closely(run: Run, window: Window, limit: asyncio.Semaphore, halvings: int) -> WindowReading:
    """Read a window, and its halves too where it gave as many notes as it may: there may be more."""
    reading = await _read_once(run, window, limit)
    halves = _halves(window)
    if len(reading.points) < MOST_NOTES or len(halves) == 1:
        return reading
    if not halvings:
        run.warnings.append(f"Page {window.passages[0].page} of {window.document.title} may hold more than was noted.")
        return reading
    closer = await asyncio.gather(*(_read_closely(run, half, limit, halvings - 1) for half in halves))
    points = [point for half in closer for point in half.points]
    quoted = {point.quotes for point in points}
    missed = [point for point in reading.points if point.quotes not in quoted]
    return WindowReading(topic=reading.topic, points=(*points, *missed))


def _halves(window: Window) -> list[Window]:
    """Cut a window between its passages, a single passage between its sentences; itself where there is one sentence."""
    parts = [window.passages[: len(window.passages) // 2], window.passages[len(window.passages) // 2 :]]
    if len(window.passages) == 1:
        whole = window.passages[0]
        sentences = split_sentences(whole.text)
        if len(sentences) < 2:
            return [window]
        middle, _ = sentences[len(sentences) // 2]
        first = whole.model_copy(update={"end": whole.start + middle, "text": whole.text[:middle]})
        parts = [(first,), (whole.model_copy(update={"start": first.end, "text": whole.text[middle:]}),)]
    return [replace(window, passages=part, tokens=window.tokens // 2) for part in parts]


async def _read_once(run: Run, window: Window, limit: asyncio.Semaphore) -> WindowReading:
    """Read one window, or take what an earlier run, finished or not, has stored of it."""
    key = job_key(
        document=window.document.document_id,
        start=window.passages[0].start,
        end=window.passages[-1].end,
        mode=mode(run),
        focus=focus(run),
        engine=(run.engine.info.name, run.engine.info.model),
    )
    stored = await run.store.get(key)
    if stored is not None:
        reading = _titled(WindowReading.model_validate_json(stored), window.document.title)
        run.windows_from_store += 1
    else:
        async with limit:
            reading = await _note(run, window)
        await run.store.put(key, reading.model_dump_json())
    return reading


def _titled(reading: WindowReading, title: str) -> WindowReading:
    """Return a stored reading under the name that its document has in this run."""
    points = tuple(point.model_copy(update={"document": title}) for point in reading.points)
    return WindowReading(topic=reading.topic, points=points)


async def _note(run: Run, window: Window) -> WindowReading:
    """Read one window; notes come best first and are kept in the order of the text, with their rank."""
    result = await run.ask(_task(run, window))
    placed: list[tuple[int, Point]] = []
    for place, note in enumerate(result.notes):
        offset = _offset(window, note.quote)
        point = Point(
            document=window.document.title,
            section=_heading_at(window.document, offset) or result.topic,
            text=note.text,
            kind=note.kind,
            quotes=(note.quote,),
            rank=1.0 - place / len(result.notes),
        )
        placed.append((offset, point))
    placed.sort(key=lambda each: each[0])
    return WindowReading(topic=result.topic, points=tuple(point for _, point in placed))


def _task(run: Run, window: Window | None = None) -> WindowNotes:
    return WindowNotes(
        evidence=window.passages if window else (),
        mode=mode(run),
        focus=focus(run),
        outline=window.outline if window else (),
        language=run.language,
    )


def _offset(window: Window, quote: str) -> int:
    """Return where a quote stands in its document; the window's end where it is not there word for word."""
    found = ((passage.start, passage.text.find(quote)) for passage in window.passages)
    return next((start + place for start, place in found if place >= 0), window.passages[-1].end)


def _heading_at(document: Document, offset: int) -> str:
    """Return the nearest heading above an offset."""
    above = bisect.bisect_right([heading.start for heading in document.headings], offset)
    return document.headings[above - 1].text if above else ""


def _outline(run: Run, readings: Sequence[WindowReading]) -> tuple[str, ...]:
    """Return the documents' upper headings, or the windows' topics where they have none."""
    headings = [heading for document in run.request.documents for heading in document.headings]
    upper = sorted({heading.level for heading in headings})[:2]
    titles = [heading.text for heading in headings if heading.level in upper]
    return tuple(dict.fromkeys(titles or [reading.topic for reading in readings]))[:60]


def _distinct(points: Sequence[Point]) -> list[Point]:
    return list({" ".join(point.text.casefold().split()): point for point in reversed(points)}.values())[::-1]


def _statements(points: Sequence[Point]) -> tuple[UncheckedClaim, ...]:
    return tuple(
        UncheckedClaim(
            point.text, point.quotes, point.section, point.kind, tuple(title for _, title in point.sources())
        )
        for point in points
    )
