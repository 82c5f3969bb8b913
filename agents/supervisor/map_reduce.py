"""Reading whole documents: notes from every window (map), brought down to an analysis (reduce).

An engine notes what a window says; code finds the sentences that each note rests on. The reduction of a comparison is a
tree: no step is given more than the window holds, however long the documents are.
"""

import asyncio
import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from agents.engine.engine import Task
from agents.engine.tasks.reading import ANY_FACT, DIFFERENCES, MAX_NOTES, Mentions, PointToReduce, Reduce, WindowNotes
from agents.errors import EngineError
from agents.grounding.claims import UncheckedClaim
from agents.grounding.quotes import is_verbatim
from agents.grounding.version_diff import MAX_CHANGES, asks_for_differences, find_changes
from agents.jobs.claims import RETRY_SECONDS
from agents.jobs.single_flight import job_key
from agents.language.sentences import split_sentences
from agents.schema import Document, Frozen, Mode, NoteKind, Passage
from agents.supervisor.attribution import AttributableText
from agents.supervisor.context_budget import fits_one_pass
from agents.supervisor.points import Point, contradicted, distinct, language_to_name
from agents.supervisor.run import Run
from agents.supervisor.state import Drafted, Routed
from agents.supervisor.summary import summarize

SUMMARY_WINDOW_TOKENS = 2_000
"""Of a window that a language model summarises. Of 2,000 tokens Qwen2.5-Coder-1.5B says 3.7 things that stand, of 4,000
5.5, of 8,000 5.2: 1.6, 1.2 and 0.6 for 1,000 tokens read (193 windows of ten documents)."""
MAX_SUMMARY_WINDOWS = 64
"""Windows that are summarised, as long as the setting allows larger ones: a summary gains nothing from more."""
SUMMARY_NOTES = 24
"""Notes that a detailed summary needs of all windows, and as many facts."""
MIN_WINDOW_NOTES, MAX_WINDOW_NOTES = 6, 10
"""Of one window for a summary: a small model says no more of it that stands."""
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


class WindowReading(Frozen):
    """The notes from one window, as the window cache stores them."""

    topic: str
    points: tuple[Point, ...]
    full: bool = False
    """Whether the engine noted as much as it may: there may be more."""


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
        claims = await _compare(run, routed, reader.focus, points)
    elif reader.mode == "extraction":
        if points and not run.engine.info.generative:
            run.warn("Without a language model a row is a sentence with words of what was asked for: more may fit.")
        claims = tuple(point.statement() for point in distinct(points))
    else:
        claims = await summarize(run, routed, reader.mode, reader.focus, points)
    return Drafted(claims, outline=outline)


async def _compare(run: Run, routed: Routed, focus: str | None, noted: Sequence[Point]) -> tuple[UncheckedClaim, ...]:
    """Return what documents share and where they differ; of two versions of one text, all that code finds to differ.

    A reader's own differences between versions are left out: it notes only some of what each says.
    """
    changed = await asyncio.to_thread(_changes, run)
    if not noted:
        return changed or ()
    reduced = await reduce_points(run, Reduce(focus=focus, points=(), language=routed.language), noted)
    if changed is None:
        return tuple(point.statement() for point in reduced)
    # A point whose quotes are all among the changes says no more than these do.
    quoted = {quote for change in changed for quote in change.quotes}
    shared = (point for point in reduced if point.section != DIFFERENCES and not quoted.issuperset(point.quotes))
    return (*(point.statement() for point in shared), *changed)


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
        few = self.mode == "summary" and run.engine.info.generative
        self._most = MAX_WINDOW_NOTES if few else MAX_NOTES
        self._languages = {each.document_id: language_to_name(each) for each in run.request.documents}
        self._failed: list[EngineError] = []
        self._without_model = 0

    @property
    def summarizes(self) -> bool:
        """Whether a few points are chosen from what is noted."""
        return self.mode in ("summary", "detailed")

    @property
    def _size_is_set(self) -> bool:
        """Whether the caller or the settings name the size of a window."""
        return "window_tokens" in self._run.settings.model_fields_set

    @property
    def window_tokens(self) -> int:
        """The size of a window, in tokens; one that the caller or the settings name is kept to, but in an extraction.

        A window yields a bounded number of notes, so an extraction, which may leave nothing out, reads smaller ones. A
        language model notes little of a large window, and most of that from its beginning.
        """
        run, tokens = self._run, self._run.window_tokens
        if self.mode == "extraction":
            return min(tokens, max(1_024, tokens // 8))
        if self.summarizes and run.engine.info.generative and not self._size_is_set:
            return min(tokens, max(SUMMARY_WINDOW_TOKENS, run.texts.total_tokens // MAX_SUMMARY_WINDOWS))
        return tokens

    async def read_everything(self) -> tuple[list[Point], tuple[str, ...]]:
        """Return the points of all windows, in the order of the text, and the outline.

        Raises:
            EngineError: The engine failed in every window.
        """
        run = self._run
        windows = await asyncio.to_thread(reading_windows, run, self._routed, self._task(), self.window_tokens)
        share = math.ceil(SUMMARY_NOTES / max(1, len(windows)))
        if self.summarizes and run.engine.info.generative:
            most = MAX_NOTES if self._size_is_set else MAX_WINDOW_NOTES
            self._most = min(most, max(MIN_WINDOW_NOTES, share))
        readings = await asyncio.gather(*(self._read(window, len(windows)) for window in windows))
        if self._failed and len(self._failed) == len(windows):
            raise self._failed[0]
        if self._without_model:
            why = self._failed[0].message if self._failed else "what it noted does not stand in the text."
            run.warn(f"{self._without_model} of {len(windows)} windows were noted without the model: {why}")
        headings = [heading for document in run.request.documents for heading in document.headings]
        upper = sorted({heading.level for heading in headings})[:2]
        titles = [heading.text for heading in headings if heading.level in upper]
        outline = tuple(dict.fromkeys(titles))[:MAX_OUTLINE]
        points = [point for reading in readings for point in reading.points]
        if self.mode == "detailed":
            points += await asyncio.to_thread(self._facts, windows, [point.text for point in points], share)
        return points, outline

    def _facts(self, windows: Sequence[Window], noted: Sequence[str], most: int) -> list[Point]:
        """Return the figures, dates and names that code finds in each window beside its notes."""
        from agents.engine.extractive.notes import window_facts

        facts: list[Point] = []
        for window in windows:
            found = window_facts(window.passages, noted, most)
            points = [self._point(window, fact.text, (fact.quote,), fact.kind, 0.0) for fact in found]
            facts.extend(sorted(points, key=lambda point: point.start))
        return facts

    async def _read(self, window: Window, total: int) -> WindowReading:
        run = self._run
        halvings = MAX_HALVINGS if self.mode == "extraction" else None
        reading = await self._read_closely(window, halvings)
        run.ledger.mark_read(window.passages)
        run.ledger.windows += 1
        noted = [point.text for point in reading.points[:2]]
        run.report(
            0.1 + 0.6 * run.ledger.windows / total,
            f"Read window {run.ledger.windows} of {total}: {reading.topic}",
            *noted,
        )
        return reading

    async def _read_closely(self, window: Window, halvings: int | None) -> WindowReading:
        """Read a window, and its halves too where it gave as many notes as it may: there may be more.

        Args:
            window: What to read.
            halvings: How often it may be halved; None reads it once, however much it holds.
        """
        reading = await self._read_once(window)
        if halvings is None or not reading.full or len(halves := window.halves()) == 1:
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
        run, title, task = self._run, window.document.title, self._task(window)
        key = job_key(
            document=window.document.document_id,
            start=window.passages[0].start,
            end=window.passages[-1].end,
            # Says what is to be noted, how much, and in which language; another version of it would note otherwise.
            instruction=task.instruction(),
            engine=(run.engine.info.name, run.engine.info.model),
        )
        cache = run.window_cache
        while (stored := await cache.get(key)) is None:
            async with self._slots, cache.claim(key) as claimed:
                # Whoever had the claim before may have stored it.
                if claimed and (stored := await cache.get(key)) is None:
                    reading, by_engine = await self._note(window, task)
                    if by_engine:
                        await cache.put(key, reading.model_dump_json())
                    return reading
            if stored is None:
                await asyncio.sleep(RETRY_SECONDS)
        run.ledger.cached_windows += 1
        reading = WindowReading.model_validate_json(stored)
        # The same document may have another title in this run.
        points = tuple(point.model_copy(update={"document": title}) for point in reading.points)
        return reading.model_copy(update={"points": points})

    async def _note(self, window: Window, task: WindowNotes) -> tuple[WindowReading, bool]:
        """Have the engine note what matters; return the notes in the order of the text, and whether they are its own.

        Where a summary's window fails, or nothing that was noted can be found in it, it is noted without a model: one
        window must not cost the others their summary.
        """
        if not (self.summarizes and self._run.engine.info.generative):
            held = self.mode != "extraction" or await self._mentions(window)
            notes = (await self._run.ask(task)).texts[: self._most] if held else ()
            return await asyncio.to_thread(self._reading, window, notes), True
        try:
            notes = (await self._run.ask(task)).sentences(MAX_NOTES)
        except EngineError as error:
            notes = ()
            self._failed.append(error)
        reading = await asyncio.to_thread(self._reading, window, notes)
        if reading.points:
            return reading, True
        self._without_model += 1
        return await asyncio.to_thread(self._reading_without_model, window, task), False

    async def _mentions(self, window: Window) -> bool:
        """Return whether a window holds anything to extract, in a model's view; without one, its notes tell."""
        if not self._run.engine.info.generative:
            return True
        log_odds = (await self._run.ask(Mentions(evidence=window.passages, focus=self.focus or ANY_FACT))).log_odds
        return log_odds is None or log_odds >= 0.0

    def _reading_without_model(self, window: Window, task: WindowNotes) -> WindowReading:
        from agents.engine.extractive.notes import window_notes

        return self._reading(window, window_notes(task).texts)

    def _reading(self, window: Window, notes: Sequence[str]) -> WindowReading:
        topic = window.outline[0] if window.outline else f"page {window.passages[0].page}"
        points = tuple(self._points(window, notes))
        return WindowReading(topic=topic.rpartition(" > ")[2], points=points, full=len(notes) >= self._most)

    def _points(self, window: Window, notes: Sequence[str]) -> list[Point]:
        """Return the notes whose sentences are found in the window, in its order."""
        source = AttributableText.of_passages(window.passages)
        kind = "item" if self.mode == "extraction" else "point"
        points: list[Point] = []
        for place, text in enumerate(notes):
            quotes = source.quotes(text)
            if contradicted(text, quotes):
                quotes = source.quotes(text, most=1)
            if quotes:
                # A model notes in the order of the text, the extractive engine the best first.
                rank = 1.0 if self._run.engine.info.generative else 1.0 - place / len(notes)
                points.append(self._point(window, text, quotes, kind, rank))
        return sorted(points, key=lambda point: point.start)

    def _point(self, window: Window, text: str, quotes: tuple[str, ...], kind: NoteKind, rank: float) -> Point:
        headings = window.document.headings
        start = min(window.offset(quote) for quote in quotes)
        above = bisect.bisect_right([heading.start for heading in headings], start)
        return Point(
            document=window.document.title,
            section=headings[above - 1].text if above else "",
            text=text,
            kind=kind,
            quotes=quotes,
            rank=rank,
            start=start,
        )

    def _task(self, window: Window | None = None) -> WindowNotes:
        return WindowNotes(
            evidence=window.passages if window else (),
            mode=self.mode,
            focus=self.focus,
            most=self._most,
            language=self._languages[window.document.document_id] if window else "",
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
    """Reduce points, level by level, until one reduction can write the comparison of them and their copies.

    Args:
        run: Whose engine reduces.
        task: What kind of analysis it is, without points.
        points: Of all windows, in the order of the text.
    """

    def tokens(point: Point) -> int:
        return run.engine.count_tokens(point.text) + run.engine.count_tokens(point.section)

    def batches(level: Sequence[Point]) -> list[list[Point]]:
        return pack(level, tokens, run.window_tokens // 2, REDUCE_BATCH)

    async def with_copies(level: list[Point]) -> list[Point]:
        return level + await asyncio.to_thread(shared_points, level, run.request.documents)

    level = list(points)
    # The copies are made of what is left, and not before that fits: each quote is looked for in every document.
    while len(batches(level)) > 1 or len(batches(both := await with_copies(level))) > 1:
        run.report(0.75, f"Reducing {len(level)} notes")
        shorter = await asyncio.gather(
            *(_reduce(run, task.model_copy(update={"final": False}), batch) for batch in batches(level))
        )
        level = [point for batch in shorter for point in batch]
    return await _reduce(run, task, both)


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
    numbered = tuple(PointToReduce(document=p.document, section=p.section, text=p.text, rank=p.rank) for p in points)
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


def _changes(run: Run) -> tuple[UncheckedClaim, ...] | None:
    """Return all that differs between two versions of one text, and warn where that is nothing or too much to show.

    None where these are no such versions.
    """
    documents = list(run.request.documents)
    if len(documents) > 2:
        return None
    if len(documents) == 1:
        run.warn("Both are the same file, byte for byte.")
    found = find_changes(documents[0], documents[-1])
    if found == () and len(documents) == 2:
        run.warn(f"No sentence of {documents[0].title} differs from {documents[-1].title}.")
    if found and len(found) > MAX_CHANGES:
        run.warn(f"{len(found) - MAX_CHANGES:,} more sentences differ than are shown.")
    return found and found[:MAX_CHANGES]
