"""Many points brought down to the few that matter, in the words of the points themselves.

`select` chooses a summary's points, whatever engine noted them. `reduce` computes Reduce: a comparison pairs the points
of different documents that speak of the same thing, and says which pairs agree. `overview` computes Overview.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import combinations, zip_longest

from agents.engine.extractive.notes import fit, read_focus
from agents.engine.extractive.salience import DUPLICATE, Vector, centrality, pick, similarity, vectors
from agents.engine.extractive.statements import shortened
from agents.engine.tasks.reading import (
    DIFFERENCES,
    SHARED,
    Overview,
    OverviewResult,
    PointToReduce,
    Reduce,
    ReducedPoint,
    ReduceResult,
)
from agents.errors import EngineError
from agents.language.sentences import split_sentences
from agents.language.stems import Vocabulary

_MAX_POINTS, _MIN_INTERMEDIATE = 24, 8
_MAX_TEXT_CHARACTERS, _MAX_SECTION_CHARACTERS = 400, 80
_MAX_SOURCES, _OVERVIEW_POINTS = 4, 3


def select(points: Sequence[PointToReduce], groups: Sequence[str], limit: int, focus: str | None = None) -> list[int]:
    """Return the indexes of the points that matter most, evenly from all groups, in their order.

    Args:
        points: In the order of the text.
        groups: The group of each, such as the part of the document that it stands in.
        limit: How many to return at most.
        focus: What the points should be about.
    """
    weighed = WeighedPoints(points, focus)
    return sorted(pick(weighed.scores, weighed.vectors, limit, groups))


def overview(task: Overview) -> OverviewResult:
    """Say what the points say that name the title or are the most central, in their order and their own words.

    Raises:
        EngineError: There are no points.
    """
    if not task.points:
        raise EngineError("There are no points for an overview.", hint="Give Overview at least one point.")
    weighed = WeighedPoints([PointToReduce(document="", text=text) for text in task.points], task.focus)
    # What has the title's words says what the document is. A clause behind its own title is two sentences, not one.
    named = frozenset(weighed.vocabulary.terms(" ".join(task.titles)))
    scores = [
        score + len(named & stems) / (len(named) or 1) - (len(split_sentences(text)) > 1)
        for score, stems, text in zip(weighed.scores, weighed.stems, task.points, strict=True)
    ]
    chosen = pick(scores, weighed.vectors, _OVERVIEW_POINTS)
    return OverviewResult(overview="\n".join(task.points[index] for index in sorted(chosen)))


def reduce(task: Reduce) -> ReduceResult:
    """Compare the points of several documents; a step towards that keeps a third of them, none said twice.

    Sections, and the points in each, stay in the order in which they come in. A step keeps at least eight points.

    Raises:
        EngineError: There are no points.
    """
    if not task.points:
        raise EngineError("There are no points to reduce.", hint="Give Reduce at least one point.")
    weighed = WeighedPoints(task.points, task.focus)
    if task.final and len({point.document for point in task.points}) > 1:
        return ReduceResult(points=_compare(weighed))
    size = _MAX_POINTS if task.final else min(_MAX_POINTS, max(_MIN_INTERMEDIATE, len(task.points) // 3))
    groups = [f"{point.document} {point.section.rpartition(' > ')[0] or point.section}" for point in task.points]
    chosen = pick(weighed.scores, weighed.vectors, size, groups, same=weighed.agree)
    sections = list(dict.fromkeys(task.points[index].section for index in sorted(chosen)))
    chosen.sort(key=lambda index: (sections.index(task.points[index].section), index))
    return ReduceResult(points=tuple(map(weighed.merged, chosen)))


class WeighedPoints:
    """Points, how similar they are, and what each is worth.

    Args:
        points: In the order of the text.
        focus: What they should be about.
    """

    def __init__(self, points: Sequence[PointToReduce], focus: str | None) -> None:
        self.points = points
        self.vocabulary = Vocabulary.of("\n".join(point.text for point in points))
        self.stems = [frozenset(self.vocabulary.terms(point.text)) for point in points]
        self.vectors: list[Vector] = vectors(self.stems)
        top = max((abs(point.rank) for point in points), default=0.0) or 1.0
        sought, language = read_focus(focus or "", self.vocabulary, self.stems), self.vocabulary.language
        self.scores = [
            central
            + point.rank / top
            + 2 * fit(sought, own.union(self.vocabulary.terms(point.section)), point.text, language)
            for central, point, own in zip(centrality(self.vectors), points, self.stems, strict=True)
        ]

    def agree(self, one: int, other: int) -> bool:
        """Whether two points say the same: nearly in the same words, with the same figures, names and negations."""
        (figures, names, words, denied), (others, named, held, denied_too) = self._said[one], self._said[other]
        same = figures == others and names <= held and named <= words and denied == denied_too
        return same and similarity(self.vectors[one], self.vectors[other]) >= DUPLICATE

    @cached_property
    def _said(self) -> list[tuple[set[str], set[str], set[str], bool]]:
        """The figures, names and words of each point, and whether it has an odd number of negations."""
        return [
            (
                {word.stem for word in words if any(map(str.isdigit, word.stem))},
                {word.stem for word in words if word.text[0].isupper() and not word.function},
                {word.stem for word in words},
                sum(word.negation for word in words) % 2 == 1,
            )
            for words in (self.vocabulary.words(point.text) for point in self.points)
        ]

    def merged(self, index: int) -> ReducedPoint:
        """Return a point with those that say the same as further sources."""
        same = [other for other in range(len(self.points)) if other != index and self.agree(index, other)]
        return self.point(self.points[index].section, self.points[index].text, index, *same[: _MAX_SOURCES - 1])

    def point(self, section: str, text: str, *sources: int) -> ReducedPoint:
        """Return a point that rests on others, by their indexes."""
        text, section = shortened(text, _MAX_TEXT_CHARACTERS), section[:_MAX_SECTION_CHARACTERS]
        return ReducedPoint(section=section, text=text, sources=tuple(index + 1 for index in sources))


def _compare(weighed: WeighedPoints) -> tuple[ReducedPoint, ...]:
    """Return what two documents share, where they differ, and what one alone says, each naming its documents."""
    points, given = weighed.points, weighed.vectors
    related = [
        (-near, one, other)
        for one, other in combinations(range(len(points)), 2)
        if points[one].document != points[other].document
        and (near := similarity(given[one], given[other])) >= DUPLICATE / 2
    ]
    # The most similar first, each point at most once.
    pairs: dict[tuple[int, int], bool] = {}
    paired: set[int] = set()
    for _, one, other in sorted(related):
        if paired.isdisjoint((one, other)):
            paired |= {one, other}
            pairs[one, other] = weighed.agree(one, other)
    shared = [_shared(weighed, pair) for pair in sorted(pairs) if pairs[pair]][: _MAX_POINTS // 3]
    differing = [_differing(weighed, pair) for pair in sorted(pairs) if not pairs[pair]][: _MAX_POINTS // 2]
    # The best of each document, then the second best of each, and so on.
    alone: dict[str, list[int]] = {}
    for index in sorted(set(range(len(points))) - paired, key=lambda index: -weighed.scores[index]):
        alone.setdefault(points[index].document, []).append(index)
    turns = [index for turn in zip_longest(*alone.values()) for index in turn if index is not None]
    singles = [_differing(weighed, (index,)) for index in turns]
    return (*shared, *differing, *singles)[:_MAX_POINTS]


def _shared(weighed: WeighedPoints, pair: tuple[int, int]) -> ReducedPoint:
    text = min((weighed.points[index].text for index in pair), key=len)
    # Of two documents it is plain which ones share it.
    several = len({point.document for point in weighed.points}) > 2
    label = " and ".join(short_title(weighed.points[index].document) for index in pair) + ": " if several else ""
    return weighed.point(SHARED, label + text, *pair)


def _differing(weighed: WeighedPoints, indexes: Sequence[int]) -> ReducedPoint:
    titles = [short_title(weighed.points[index].document) for index in indexes]
    # All sides fit beside their titles, so that none is cut off with its figure.
    length = _MAX_TEXT_CHARACTERS // len(indexes) - max(map(len, titles)) - len(":  ")
    sides = (f"{title}: {shortened(weighed.points[i].text, length)}" for title, i in zip(titles, indexes, strict=True))
    return weighed.point(DIFFERENCES, " ".join(sides), *indexes)


_MAX_TITLE_CHARACTERS = 40
_FILE_NAME = re.compile(r"(?: \([^()]{1,60}\))?$")


def short_title(title: str) -> str:
    """Return a title as a label before a colon, with no colon of its own; a file's name in brackets stays whole.

    It tells two versions with the same title apart.
    """
    named = _FILE_NAME.search(title)
    whole = title[: named.start()] if named else title
    return shortened(whole.replace(":", " –"), _MAX_TITLE_CHARACTERS) + (named[0] if named else "")
