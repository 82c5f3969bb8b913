"""Reduce: many points brought down to the few that matter, in the words of the points themselves."""

from collections.abc import Sequence

import numpy as np

from agents.engine.extractive.agreement import Particulars
from agents.engine.extractive.comparing import Gathered, compare
from agents.engine.extractive.focus import Focus
from agents.engine.extractive.statements import Statement, shortened
from agents.engine.extractive.textrank import Matrix, centrality, likeness, pick
from agents.engine.tasks.reading import PointToReduce, Reduce, ReducedPoint, ReduceResult
from agents.errors import EngineError
from agents.language.lexicon import language_of
from agents.language.stems import Vocabulary
from agents.schema import Mode

_MOST_POINTS = 24
_MOST_COMPARED = 600
_MOST_SOURCES = 4
_SAME, _NOT_SAME = 0.75, 0.74
_CENTRAL, _RANK, _FOCUS = 0.5, 0.7, 1.2
_LONGEST_SECTION, _LONGEST_TEXT = 80, 400
_SIZES: dict[Mode, int] = {"summary": 8, "detailed": 24, "comparison": 24, "extraction": 24}


def reduce_points(task: Reduce) -> ReduceResult:
    """Keep the weightiest points, none said twice, spread over the sections and grouped by them.

    Sections and the points in each stay in the order in which they come in.

    Raises:
        EngineError: There are no points.
    """
    if not task.points:
        raise EngineError("There are no points to reduce.", hint="Give Reduce at least one point.")
    gathered = _gather(task)
    if task.mode == "comparison" and task.final and len({point.document for point in task.points}) > 1:
        return ReduceResult(points=compare(gathered, _MOST_POINTS))
    size = _SIZES[task.mode] if task.final else _shorter(len(task.points))
    groups = [f"{point.document} {_chapter(point.section)}" for point in gathered.points]
    alike = _kept_apart(gathered)
    chosen = pick(gathered.scores, alike, size, groups, same=_SAME)
    reduced = [_reduced(gathered, alike, index, task.final) for index in sorted(chosen)]
    sections = list(dict.fromkeys(point.section for point in reduced))
    return ReduceResult(points=tuple(sorted(reduced, key=lambda point: sections.index(point.section))))


def _shorter(count: int) -> int:
    """Return how many points a step towards the analysis keeps: a third, at least eight."""
    return min(_MOST_POINTS, max(8, count // 3))


def _gather(task: Reduce) -> Gathered:
    """Weigh the points; of more than 600 the highest ranked are looked at."""
    order = sorted(range(len(task.points)), key=lambda index: (-task.points[index].rank, index))[:_MOST_COMPARED]
    order.sort()
    points = [task.points[index] for index in order]
    vocabulary = Vocabulary(language_of(" ".join(point.text for point in points[:40])))
    stems = [frozenset(vocabulary.terms(point.text)) for point in points]
    alike = likeness(stems)
    central = centrality(alike)
    fits = _fits(task, points, vocabulary)
    top = max((abs(point.rank) for point in points), default=0.0) or 1.0
    scores = [
        _CENTRAL * central[index] + _RANK * point.rank / top + _FOCUS * fits[index]
        for index, point in enumerate(points)
    ]
    return Gathered(points, [index + 1 for index in order], alike, scores)


def _fits(task: Reduce, points: Sequence[PointToReduce], vocabulary: Vocabulary) -> list[float]:
    if not task.focus:
        return [0.0] * len(points)
    statements = [_as_statement(point, vocabulary) for point in points]
    focus = Focus.of(task.focus, vocabulary, statements)
    return [focus.match(statement) for statement in statements]


def _as_statement(point: PointToReduce, vocabulary: Vocabulary) -> Statement:
    words = vocabulary.words(point.text)
    stems = frozenset(word.stem for word in words if not word.function)
    return Statement(0, 0, len(point.text), point.text, "sentence", point.section, words=words, stems=stems)


def _kept_apart(gathered: Gathered) -> Matrix:
    """Return how alike the points are, those that differ in a figure, a date or a name being less than the same."""
    alike = gathered.alike.copy()
    pairs = [(int(one), int(other)) for one, other in np.argwhere(np.triu(alike >= _SAME, 1))]
    texts = {index: gathered.points[index].text for pair in pairs for index in pair}
    vocabulary = Vocabulary(language_of(" ".join(list(texts.values())[:40])))
    particulars = {index: Particulars.of(text, vocabulary) for index, text in texts.items()}
    for one, other in pairs:
        if not particulars[one].agree(particulars[other]):
            alike[one, other] = alike[other, one] = _NOT_SAME
    return alike


def _reduced(gathered: Gathered, alike: Matrix, index: int, final: bool) -> ReducedPoint:
    """Return a point with what says the same as its further sources."""
    point = gathered.points[index]
    same = [other for other in range(len(gathered.points)) if other != index and alike[index, other] >= _SAME]
    same.sort(key=lambda other: -float(alike[index, other]))
    sources = (gathered.numbers[index], *(gathered.numbers[other] for other in same[: _MOST_SOURCES - 1]))
    section = _heading(point.section) if final else point.section
    return ReducedPoint(section=section[:_LONGEST_SECTION], text=shortened(point.text, _LONGEST_TEXT), sources=sources)


def _chapter(section: str) -> str:
    return section.rpartition(" > ")[0] or section


def _heading(section: str) -> str:
    """Return the heading to show: the chapter's, the document's own title left out."""
    parts = [part for part in section.split(" > ") if part]
    return parts[1] if len(parts) > 2 else parts[-1] if parts else ""
