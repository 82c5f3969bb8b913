"""Many points brought down to the few that an analysis shows, in a tree that never exceeds the window."""

import asyncio
from collections.abc import Sequence

from pydantic import Field

from agents.engine.tasks.reading import NoteKind, PointToReduce, Reduce
from agents.schema import Frozen
from agents.supervisor.run import Run

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
