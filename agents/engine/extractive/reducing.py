"""Lining up what several documents say: what they share, and where they differ."""
# MERGED """Reduce: many points brought down to the few that matter, in the words of the points themselves."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

import numpy as np

from agents.engine.extractive.judging import Particulars
from agents.engine.extractive.notes import Focus
from agents.engine.extractive.statements import Statement, shortened
from agents.engine.extractive.textrank import Matrix, cosine_similarity, pick, textrank
from agents.engine.tasks.reading import PointToReduce, Reduce, ReducedPoint, ReduceResult
from agents.errors import EngineError
from agents.language.lexicon import ENGLISH, language_of
from agents.language.stems import Vocabulary
from agents.schema import Mode

_SAME_TOPIC, _SAME_SENSE = 0.3, 0.5
_MOST_ALONE = 12
_LONGEST_ALONE = 340
_LONGEST_TITLE, _LONGEST_TEXT = 40, 400
_NAME = re.compile(r" \([^()]{1,60}\)$")
SHARED, DIFFERENCES = "Shared", "Differences"


@dataclass(frozen=True)
class Gathered:
    """Points with their words, how alike every two of them are, and what each is worth."""

    points: Sequence[PointToReduce]
    numbers: Sequence[int]
    """The number of each in the task, from 1."""
    alike: Matrix
    scores: Sequence[float]


@dataclass(frozen=True)
class _Pair:
    one: int
    other: int
    alike: float


def compare(gathered: Gathered, limit: int) -> tuple[ReducedPoint, ...]:
    """Return shared points and differences, each naming the documents it is about."""
    pairs = _pairs(gathered)
    paired = {index for pair in pairs for index in (pair.one, pair.other)}
    shared = [_shared(gathered, pair) for pair in pairs if _agree(gathered, pair)]
    differing = [_differing(gathered, pair) for pair in pairs if not _agree(gathered, pair)]
    alone = sorted(
        (index for index in range(len(gathered.points)) if index not in paired), key=lambda i: -gathered.scores[i]
    )
    room = min(_MOST_ALONE, limit - len(shared[: limit // 3]) - len(differing[: limit // 2]))
    single = [_alone(gathered, index) for index in _in_turn(gathered, alone, room)]
    return tuple([*shared[: limit // 3], *differing[: limit // 2], *single][:limit])


def _pairs(gathered: Gathered) -> list[_Pair]:
    """Match points of different documents that speak of the same thing, the most alike first, each at most once."""
    points = gathered.points
    found = [
        _Pair(one, other, float(gathered.alike[one, other]))
        for one in range(len(points))
        for other in range(one + 1, len(points))
        if points[one].document != points[other].document and gathered.alike[one, other] >= _SAME_TOPIC
    ]
    found.sort(key=lambda pair: (-pair.alike, pair.one, pair.other))
    taken: set[int] = set()
    pairs: list[_Pair] = []
    for pair in found:
        if pair.one not in taken and pair.other not in taken:
            taken |= {pair.one, pair.other}
            pairs.append(pair)
    return sorted(pairs, key=lambda pair: pair.one)


def _agree(gathered: Gathered, pair: _Pair) -> bool:
    """Whether two points say the same: alike in words, with the same figures, dates, names and negations."""
    one, other = gathered.points[pair.one].text, gathered.points[pair.other].text
    vocabulary = Vocabulary.of(f"{one} {other}")
    agree = Particulars.of(one, vocabulary).agree(Particulars.of(other, vocabulary))
    return pair.alike >= _SAME_SENSE and agree


def _shared(gathered: Gathered, pair: _Pair) -> ReducedPoint:
    one, other = gathered.points[pair.one], gathered.points[pair.other]
    text = one.text if len(one.text) <= len(other.text) else other.text
    sources = (gathered.numbers[pair.one], gathered.numbers[pair.other])
    # Of two documents it is plain which ones share it.
    several = len({point.document for point in gathered.points}) > 2
    label = f"{_title(one)} and {_title(other)}: " if several else ""
    return ReducedPoint(section=SHARED, text=shortened(f"{label}{text}", _LONGEST_TEXT), sources=sources)


def _differing(gathered: Gathered, pair: _Pair) -> ReducedPoint:
    one, other = gathered.points[pair.one], gathered.points[pair.other]
    # Both sides fit beside their titles, so that neither is cut off with its figure.
    length = (_LONGEST_TEXT - len(f"{_title(one)}:  {_title(other)}: ")) // 2
    text = f"{_title(one)}: {_side(one, length)} {_title(other)}: {_side(other, length)}"
    return ReducedPoint(
        section=DIFFERENCES, text=text, sources=(gathered.numbers[pair.one], gathered.numbers[pair.other])
    )


def _alone(gathered: Gathered, index: int) -> ReducedPoint:
    point = gathered.points[index]
    text = f"{_title(point)}: {_side(point, _LONGEST_ALONE)}"
    return ReducedPoint(section=DIFFERENCES, text=text, sources=(gathered.numbers[index],))


def _in_turn(gathered: Gathered, indexes: Sequence[int], room: int) -> Iterator[int]:
    """Yield points of one document after the other, so that none crowds out the rest."""
    by_document: dict[str, list[int]] = {}
    for index in indexes:
        by_document.setdefault(gathered.points[index].document, []).append(index)
    rounds = zip_longest(*by_document.values())
    yield from islice((index for turn in rounds for index in turn if index is not None), room)


def _title(point: PointToReduce) -> str:
    """Return a document's title as the label of a side: short, with no colon but its own, and the file's name if any.

    The name in brackets behind a title tells two versions apart that are called the same.
    """
    plain = re.sub(r"[.;](?=\s)", "", point.document[: 4 * _LONGEST_TITLE].replace(":", " –"))
    named = _NAME.search(plain)
    words = plain[: named.start() if named else None].split() or ["One", "document"]
    whole = len(words)
    while len(words) > 1 and (
        len(" ".join(words)) > _LONGEST_TITLE or (len(words) < whole and words[-1].lower() in ENGLISH.function_words)
    ):
        words.pop()
    return " ".join(words).rstrip(" ,;-–") + (named[0] if named else "")


def _side(point: PointToReduce, length: int) -> str:
    return shortened(point.text, length)


_MOST_POINTS = 24
_MOST_COMPARED = 600
_MOST_SOURCES = 4
_SAME, _NOT_SAME = 0.75, 0.74
_CENTRAL, _RANK, _FOCUS = 0.5, 0.7, 1.2
_LONGEST_SECTION = 80
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
    alike = cosine_similarity(stems)
    central = textrank(alike)
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
