"""Many points brought down to the few that matter, in the words of the points themselves.

`select` chooses a summary's points, whatever engine noted them. `reduce` computes Reduce: a comparison pairs the points
of different documents that speak of the same thing, and says which pairs agree. `overview` computes Overview.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from agents.engine.extractive.notes import Focus, kinds_of
from agents.engine.extractive.particulars import Particulars
from agents.engine.extractive.salience import Vector, centrality, pick, similarity, vectors
from agents.engine.extractive.statements import chapter, shortened
from agents.engine.tasks.reading import Overview, OverviewResult, PointToReduce, Reduce, ReducedPoint, ReduceResult
from agents.errors import EngineError
from agents.language.sentences import split_sentences
from agents.language.stems import Vocabulary

_MAX_POINTS, _MIN_INTERMEDIATE = 24, 8
_MAX_SOURCES = 4
_MAX_TEXT_CHARACTERS, _MAX_SECTION_CHARACTERS = 400, 80
_DUPLICATE = 0.75
"""Similarity from which a point is another's source, where their figures, names and negations agree."""
_EVENLY = 0.4
"""Penalty on each point from the same group: a third of the best score, so that most groups get their turn, but not one
that says nothing."""
_OVERVIEW_POINTS = 3


def select(points: Sequence[PointToReduce], groups: Sequence[str], limit: int, focus: str | None = None) -> list[int]:
    """Return the indexes of the points that matter most, evenly from all groups, in their order.

    Args:
        points: In the order of the text.
        groups: The group of each, such as the part of the document that it stands in.
        limit: How many to return at most.
        focus: What the points should be about.
    """
    weighed = WeighedPoints(points, focus)
    return sorted(pick(weighed.scores, weighed.vectors, limit, groups, spread=_EVENLY))


def overview(task: Overview) -> OverviewResult:
    """Say what the points say that name the title or are the most central, in their order and their own words.

    Raises:
        EngineError: There are no points.
    """
    if not task.points:
        raise EngineError("There are no points for an overview.", hint="Give Overview at least one point.")
    weighed = WeighedPoints([PointToReduce(document="", text=text) for text in task.points], task.focus)
    # What has the title's words says what the document is. A clause behind its own title is two sentences, not one.
    titles = " ".join(task.titles)
    scores = [
        score + weighed.share_of(titles, index) - (len(split_sentences(text)) > 1)
        for index, (score, text) in enumerate(zip(weighed.scores, task.points, strict=True))
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
        return ReduceResult(points=Comparison(weighed).points(_MAX_POINTS))
    size = _MAX_POINTS if task.final else min(_MAX_POINTS, max(_MIN_INTERMEDIATE, len(task.points) // 3))
    groups = [f"{point.document} {chapter(point.section)}" for point in task.points]
    chosen = pick(weighed.scores, weighed.vectors, size, groups, spread=0.12, duplicate=_DUPLICATE, same=weighed.agree)
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
        self._vocabulary = Vocabulary.of("\n".join(point.text for point in points))
        stems = [frozenset(self._vocabulary.terms(point.text)) for point in points]
        self.vectors: list[Vector] = vectors(stems)
        top = max((abs(point.rank) for point in points), default=0.0) or 1.0
        sought = Focus.of(focus, self._vocabulary, stems) if focus else None
        self.scores = [
            0.5 * central + 0.7 * point.rank / top + (1.2 * self._fit(sought, point, own) if sought else 0.0)
            for central, point, own in zip(centrality(self.vectors), points, stems, strict=True)
        ]

    def _fit(self, focus: Focus, point: PointToReduce, stems: frozenset[str]) -> float:
        kinds = kinds_of(point.text, self._vocabulary.language)
        return focus.match(stems, self._vocabulary.terms(point.section), kinds)

    def share_of(self, text: str, index: int) -> float:
        """Return the share of a text's words of content that a point has."""
        words = set(self._vocabulary.terms(text))
        return len(words & set(self._vocabulary.terms(self.points[index].text))) / (len(words) or 1)

    def similarity(self, one: int, other: int) -> float:
        """Return the cosine similarity of two points."""
        return similarity(self.vectors[one], self.vectors[other])

    def agree(self, one: int, other: int) -> bool:
        """Whether two points have the same figures, dates, names and negations."""
        return self._particulars[one].agree(self._particulars[other])

    @cached_property
    def _particulars(self) -> list[Particulars]:
        return [Particulars.of(point.text, self._vocabulary) for point in self.points]

    def merged(self, index: int) -> ReducedPoint:
        """Return a point with its duplicates as further sources, the most similar first."""
        near = [(-self.similarity(index, other), other) for other in range(len(self.points)) if other != index]
        same = sorted(each for each in near if each[0] <= -_DUPLICATE and self.agree(index, each[1]))
        sources = [index, *(other for _, other in same)][:_MAX_SOURCES]
        return self.point(self.points[index].section, self.points[index].text, *sources)

    def point(self, section: str, text: str, *sources: int) -> ReducedPoint:
        """Return a point that rests on others, by their indexes."""
        text, section = shortened(text, _MAX_TEXT_CHARACTERS), section[:_MAX_SECTION_CHARACTERS]
        return ReducedPoint(section=section, text=text, sources=tuple(index + 1 for index in sources))


SHARED, DIFFERENCES = "Shared", "Differences"
_SAME_TOPIC, _SAME_SENSE = 0.3, 0.5
_MAX_UNPAIRED, _MAX_UNPAIRED_CHARACTERS = 12, 340


class Comparison:
    """The points of several documents, paired where two of them speak of the same thing."""

    def __init__(self, weighed: WeighedPoints) -> None:
        self._weighed, self._points = weighed, weighed.points
        numbers = range(len(self._points))
        related = [
            (-near, one, other)
            for one in numbers
            for other in numbers[one + 1 :]
            if self._points[one].document != self._points[other].document
            and (near := weighed.similarity(one, other)) >= _SAME_TOPIC
        ]
        self._pairs: list[tuple[int, int]] = []
        # The most similar first, each point at most once.
        paired: set[int] = set()
        for _, one, other in sorted(related):
            if paired.isdisjoint((one, other)):
                paired |= {one, other}
                self._pairs.append((one, other))
        self._pairs.sort()
        self._unpaired = [index for index in numbers if index not in paired]

    def points(self, limit: int) -> tuple[ReducedPoint, ...]:
        """Return shared points, differences, and points of one document alone, each naming its documents."""
        agreeing = {
            pair
            for pair in self._pairs
            if self._weighed.similarity(*pair) >= _SAME_SENSE and self._weighed.agree(*pair)
        }
        shared = [self._shared(*pair) for pair in self._pairs if pair in agreeing][: limit // 3]
        differing = [self._differing(*pair) for pair in self._pairs if pair not in agreeing][: limit // 2]
        room = min(_MAX_UNPAIRED, limit - len(shared) - len(differing))
        return (*shared, *differing, *map(self._single, self._unpaired_in_turn()[:room]))

    def _shared(self, *pair: int) -> ReducedPoint:
        text = min((self._points[index].text for index in pair), key=len)
        # Of two documents it is plain which ones share it.
        several = len({point.document for point in self._points}) > 2
        label = " and ".join(short_title(self._points[index].document) for index in pair) + ": " if several else ""
        return self._weighed.point(SHARED, label + text, *pair)

    def _differing(self, *pair: int) -> ReducedPoint:
        titles = [short_title(self._points[index].document) for index in pair]
        # Both sides fit beside their titles, so that neither is cut off with its figure.
        length = (_MAX_TEXT_CHARACTERS - len(":  : ".join(titles))) // 2
        sides = [
            f"{title}: {shortened(self._points[index].text, length)}" for title, index in zip(titles, pair, strict=True)
        ]
        return self._weighed.point(DIFFERENCES, " ".join(sides), *pair)

    def _single(self, index: int) -> ReducedPoint:
        point = self._points[index]
        text = f"{short_title(point.document)}: {shortened(point.text, _MAX_UNPAIRED_CHARACTERS)}"
        return self._weighed.point(DIFFERENCES, text, index)

    def _unpaired_in_turn(self) -> list[int]:
        """Return the unpaired points, the best of each document, then the second best of each, and so on."""
        turns: Counter[str] = Counter()
        found: list[tuple[int, int]] = []
        for index in sorted(self._unpaired, key=lambda index: -self._weighed.scores[index]):
            found.append((turns[self._points[index].document], index))
            turns[self._points[index].document] += 1
        return [index for _, index in sorted(found, key=lambda each: each[0])]


_MAX_TITLE_CHARACTERS = 40
_FILE_NAME = re.compile(r"(?: \([^()]{1,60}\))?$")


def short_title(title: str) -> str:
    """Return a title as a label before a colon, with no colon of its own; a file's name in brackets stays whole.

    It tells two versions with the same title apart.
    """
    named = _FILE_NAME.search(title)
    whole = title[: named.start()] if named else title
    return shortened(whole.replace(":", " –"), _MAX_TITLE_CHARACTERS) + (named[0] if named else "")
