"""Reading whole documents: notes from every window (map), brought down to an analysis (reduce).

The reduction is a tree: no step is given more than the window holds, however long the documents are.
"""

import asyncio
import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import Field

from agents.engine.engine import Task
from agents.engine.tasks.reading import MAX_NOTES, PointToReduce, Reduce, WindowNotes
from agents.grounding.claims import UncheckedClaim
from agents.grounding.quotes import is_verbatim
from agents.grounding.version_diff import MAX_CHANGES, asks_for_differences, find_changes
from agents.jobs.single_flight import job_key
from agents.language.sentences import split_sentences
from agents.schema import Document, Frozen, Mode, NoteKind, Passage
from agents.supervisor.context_budget import fits_one_pass
from agents.supervisor.run import Run
from agents.supervisor.state import Drafted, Routed

MAX_FACTS: dict[Mode, int] = {"summary": 8, "detailed": 24, "comparison": 0, "extraction": 0}
"""Figures, dates and names in the table beside the points."""
MAX_OUTLINE = 60
"""Entries."""
MAX_HALVINGS = 5
"""How often a window is halved that may hold more than its notes say: 4,096 tokens to 128."""
REDUCE_BATCH = 60
"""Points in one reduction; it returns at most half of them, so every level of the tree shrinks."""
MAX_POINTS = 24
MAX_POINT_CHARACTERS = 400
"""A model that ignores its schema must not outgrow the window that its points go into."""
MAX_QUOTES = 3
"""Of one point."""
ItemT = TypeVar("ItemT")


class Point(Frozen):
    """A note, or what several notes were reduced to, with its quotes."""

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

    def tokens(self, run: Run) -> int:
        """Return the tokens of the point in a prompt, without its quotes."""
        return run.engine.count_tokens(self.text) + run.engine.count_tokens(self.section)


class WindowReading(Frozen):
    """The notes from one window, as the window cache stores them."""

    topic: str
    points: tuple[Point, ...]


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

    def offset(self, quote: str) -> int:
        """Return the offset of a quote in the document, or the window's end where it is not there word for word."""
        found = ((passage.start, passage.text.find(quote)) for passage in self.passages)
        return next((start + place for start, place in found if place >= 0), self.passages[-1].end)

    def halves(self) -> list["Window"]:
        """Split the window between passages, a single passage between sentences; a single sentence stays whole."""
        parts = [self.passages[: len(self.passages) // 2], self.passages[len(self.passages) // 2 :]]
        if len(self.passages) == 1:
            whole = self.passages[0]
            sentences = split_sentences(whole.text)
            if len(sentences) < 2:
                return [self]
            middle, _ = sentences[len(sentences) // 2]
            first = whole.model_copy(update={"end": whole.start + middle, "text": whole.text[:middle]})
            parts = [(first,), (whole.model_copy(update={"start": first.end, "text": whole.text[middle:]}),)]
        return [replace(self, passages=part, tokens=self.tokens // 2) for part in parts]


async def analyze(run: Run, routed: Routed) -> Drafted:
    """Read every window, reduce the notes, and return the analysis as statements with quotes."""
    reader = WindowReader(run, routed)
    points, outline = await reader.read_everything()
    if reader.mode == "comparison":
        points += await asyncio.to_thread(shared_points, points, run.request.documents)
    changed = await asyncio.to_thread(_changes, run) if reader.mode == "comparison" else ()
    if not points:
        return Drafted(changed, outline=outline)
    facts = _distinct([point for point in points if point.kind != "point"])
    if reader.mode == "extraction":
        return Drafted(_statements(facts or _distinct(points)), outline=outline)
    task = Reduce(mode=reader.mode, focus=reader.focus, points=(), language=routed.language)
    reduced = await reduce_points(run, task, [point for point in points if point.kind == "point"] or points)
    statements = _statements([*reduced, *facts[: MAX_FACTS[reader.mode]]])
    # A point whose quotes are all among the changes says no more than these do.
    quoted = {quote for change in changed for quote in change.quotes}
    points_beside = (each for each in statements if not (each.quotes and quoted.issuperset(each.quotes)))
    return Drafted((*points_beside, *changed), outline=outline)


class WindowReader:
    """Reads a run's documents window by window, several windows concurrently.

    Args:
        run: What is read, and with which engine.
        routed: What is asked.
    """

    def __init__(self, run: Run, routed: Routed) -> None:
        self._run = run
        self._routed = routed
        self._slots = asyncio.Semaphore(run.parallel_windows)
        self.focus = run.request.focus if run.request.mode else routed.question
        """What the notes are to be about."""
        compared = len(run.request.documents) > 1 and asks_for_differences(routed.question)
        # A page or a section that is asked for by its number is short enough for all of its details.
        of_question: Mode = "comparison" if compared else "detailed" if routed.named else "summary"
        self.mode: Mode = run.request.mode or of_question

    @property
    def window_tokens(self) -> int:
        """The size of a window, in tokens.

        A window yields a bounded number of notes, so an extraction, which may leave nothing out, reads smaller ones.
        """
        tokens = self._run.window_tokens
        return min(tokens, max(1_024, tokens // 8)) if self.mode == "extraction" else tokens

    async def read_everything(self) -> tuple[list[Point], tuple[str, ...]]:
        """Return the points of all windows, in the order of the text, and the outline."""
        run = self._run
        windows = await asyncio.to_thread(reading_windows, run, self._routed, self._task(), self.window_tokens)
        readings = await asyncio.gather(*(self._read(window, len(windows)) for window in windows))
        headings = [heading for document in run.request.documents for heading in document.headings]
        upper = sorted({heading.level for heading in headings})[:2]
        titles = [heading.text for heading in headings if heading.level in upper]
        topics = [reading.topic for reading in readings]
        outline = tuple(dict.fromkeys(titles or topics))[:MAX_OUTLINE]
        return [point for reading in readings for point in reading.points], outline

    async def _read(self, window: Window, total: int) -> WindowReading:
        run = self._run
        halvings = MAX_HALVINGS if self.mode == "extraction" else None
        reading = await self._read_closely(window, halvings)
        run.ledger.mark_read(window.passages)
        run.ledger.windows += 1
        done = run.ledger.windows
        noted = [point.text for point in reading.points[:2]]
        run.report(0.1 + 0.6 * done / total, f"Read window {done} of {total}: {reading.topic}", *noted)
        return reading

    async def _read_closely(self, window: Window, halvings: int | None) -> WindowReading:
        """Read a window, and its halves too where it gave as many notes as it may: there may be more.

        Args:
            window: What to read.
            halvings: How often it may be halved; None reads it once, however much it holds.
        """
        reading = await self._read_once(window)
        if halvings is None or len(reading.points) < MAX_NOTES or len(halves := window.halves()) == 1:
            return reading
        if not halvings:
            page, title = window.passages[0].page, window.document.title
            self._run.warn(f"Page {page} of {title} may hold more than was noted.")
            return reading
        closer = await asyncio.gather(*(self._read_closely(half, halvings - 1) for half in halves))
        points = [point for half in closer for point in half.points]
        quoted = {point.quotes for point in points}
        missed = [point for point in reading.points if point.quotes not in quoted]
        return WindowReading(topic=reading.topic, points=(*points, *missed))

    async def _read_once(self, window: Window) -> WindowReading:
        """Read one window, or load the notes that an earlier run, finished or not, has stored of it."""
        run, title = self._run, window.document.title
        key = job_key(
            document=window.document.document_id,
            start=window.passages[0].start,
            end=window.passages[-1].end,
            mode=self.mode,
            focus=self.focus,
            engine=(run.engine.info.name, run.engine.info.model),
        )
        stored = await run.window_cache.get(key)
        if stored is None:
            async with self._slots:
                reading = await self._note(window)
            await run.window_cache.put(key, reading.model_dump_json())
            return reading
        run.ledger.cached_windows += 1
        reading = WindowReading.model_validate_json(stored)
        # The same document may have another title in this run.
        points = tuple(point.model_copy(update={"document": title}) for point in reading.points)
        return WindowReading(topic=reading.topic, points=points)

    async def _note(self, window: Window) -> WindowReading:
        """Have the engine note what matters: its notes come best first, and are returned in the order of the text."""
        result = await self._run.ask(self._task(window))
        headings = window.document.headings
        starts = [heading.start for heading in headings]
        placed: list[tuple[int, Point]] = []
        for place, note in enumerate(result.notes):
            offset = window.offset(note.quote)
            above = bisect.bisect_right(starts, offset)
            point = Point(
                document=window.document.title,
                section=(headings[above - 1].text if above else "") or result.topic,
                text=note.text,
                kind=note.kind,
                quotes=(note.quote,),
                rank=1.0 - place / len(result.notes),
            )
            placed.append((offset, point))
        placed.sort(key=lambda each: each[0])
        return WindowReading(topic=result.topic, points=tuple(point for _, point in placed))

    def _task(self, window: Window | None = None) -> WindowNotes:
        return WindowNotes(
            evidence=window.passages if window else (),
            mode=self.mode,
            focus=self.focus,
            outline=window.outline if window else (),
            language=self._routed.language,
        )


def reading_windows(run: Run, routed: Routed, task: Task[Any], limit: int | None) -> tuple[Window, ...]:
    """Cut the run's documents into windows of at most `limit` tokens; what fits whole beside the task stays whole.

    Where the question names pages or sections, only these are read.
    """
    named = () if run.request.mode else routed.named
    windows: list[Window] = []
    for document in run.request.documents:
        key = document.document_id
        passages = [each for each in named if each.document_id == key] if named else run.texts.passages[key]
        counts = [run.texts.tokens[key][passage.index] for passage in passages]
        whole = limit == run.window_tokens and fits_one_pass(run, task, [document])
        windows.extend(cut_windows(document, passages, counts, None if whole else limit))
    return tuple(windows)


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
        end = len(passages) if limit is None else _window_end(passages, counts, start, limit)
        windows.append(Window(document, len(windows) + 1, tuple(passages[start:end]), sum(counts[start:end])))
        start = end
    return tuple(windows)


def _window_end(passages: Sequence[Passage], counts: Sequence[int], start: int, limit: int) -> int:
    """Return the end of the window that begins at `start`."""
    end, tokens, at_heading = start, 0, None
    while end < len(passages) and (end == start or tokens + counts[end] <= limit):
        if end > start and passages[end].heading != passages[end - 1].heading and tokens >= 0.7 * limit:
            at_heading = end
        tokens += counts[end]
        end += 1
    return end if end == len(passages) or at_heading is None else at_heading


async def reduce_points(run: Run, task: Reduce, points: Sequence[Point]) -> list[Point]:
    """Reduce points, level by level, until one reduction can write the analysis.

    Args:
        run: Whose engine reduces.
        task: What kind of analysis it is, without points.
        points: Of all windows, in the order of the text.
    """
    level, limit = list(points), run.window_tokens // 2
    while len(batches := pack(level, lambda point: point.tokens(run), limit, REDUCE_BATCH)) > 1:
        run.report(0.75, f"Reducing {len(level)} notes")
        shorter = await asyncio.gather(
            *(_reduce(run, task.model_copy(update={"final": False}), batch) for batch in batches)
        )
        level = [point for batch in shorter for point in batch]
    return await _reduce(run, task, level)


def pack(
    items: Sequence[ItemT], tokens: Callable[[ItemT], int], limit: int, most: int | None = None
) -> list[list[ItemT]]:
    """Pack items, in order, into batches of at most `limit` tokens and `most` items, but of two at least.

    With fewer than two in a batch, a level of a reduction might be no shorter than the one before it.
    """
    batches: list[list[ItemT]] = [[]]
    filled = 0
    for item in items:
        cost = tokens(item)
        if len(batches[-1]) > 1 and (filled + cost > limit or len(batches[-1]) == most):
            batches.append([])
            filled = 0
        batches[-1].append(item)
        filled += cost
    return batches


async def _reduce(run: Run, task: Reduce, points: Sequence[Point]) -> list[Point]:
    """Run one reduction; each point gets the quotes of the points it was made of."""
    numbered = tuple(
        PointToReduce(document=p.document, section=p.section, text=p.text, kind=p.kind, rank=p.rank) for p in points
    )
    limit = MAX_POINTS if task.final else max(1, len(points) // 2)
    reduced: list[Point] = []
    for point in (await run.ask(task.model_copy(update={"points": numbered}))).points[:limit]:
        sources = [points[number - 1] for number in point.sources if 0 < number <= len(points)]
        if sources:
            quotes, titles = zip(*dict.fromkeys(each for source in sources for each in source.sources()), strict=True)
            changed = {"text": point.text[:MAX_POINT_CHARACTERS], "section": point.section}
            reduced.append(
                sources[0].model_copy(update=changed | {"quotes": quotes[:MAX_QUOTES], "titles": titles[:MAX_QUOTES]})
            )
    return reduced


def shared_points(points: Sequence[Point], documents: Sequence[Document]) -> list[Point]:
    """Return a copy of each point for every other document that has its quotes word for word.

    A reader notes only some of what a document says: what was noted in one document alone is not yet a difference.
    """
    noted = {(point.document, quote) for point in points for quote in point.quotes}
    return [
        point.model_copy(update={"document": document.title})
        for point in points
        for document in documents
        if not any((document.title, quote) in noted for quote in point.quotes)
        and all(is_verbatim(quote, document) for quote in point.quotes)
    ]


def _changes(run: Run) -> tuple[UncheckedClaim, ...]:
    """Return all that differs between two versions of one text, and warn where that is nothing or too much to show."""
    documents = list(run.request.documents)
    if len(documents) > 2:
        return ()
    if len(documents) == 1:
        run.warn("Both are the same file, byte for byte.")
    found = find_changes(documents[0], documents[-1])
    if found == () and len(documents) == 2:
        run.warn(f"No sentence of {documents[0].title} differs from {documents[-1].title}.")
    if found and len(found) > MAX_CHANGES:
        run.warn(f"{len(found) - MAX_CHANGES:,} more sentences differ than are shown.")
    return (found or ())[:MAX_CHANGES]


def _distinct(points: Sequence[Point]) -> list[Point]:
    """Return the points without those whose text another has, of which the first stays in the last one's place."""
    return list({" ".join(point.text.casefold().split()): point for point in reversed(points)}.values())[::-1]


def _statements(points: Sequence[Point]) -> tuple[UncheckedClaim, ...]:
    return tuple(
        UncheckedClaim(
            point.text, point.quotes, point.section, point.kind, tuple(title for _, title in point.sources())
        )
        for point in points
    )
