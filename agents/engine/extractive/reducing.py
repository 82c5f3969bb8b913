"""Many points brought down to the few that matter, in the words of the points themselves.

Points are scored by their centrality, the reader's rank and the focus; near duplicates are merged unless they differ in
a figure, a date, a name or a negation. `select` chooses a summary's points, whatever engine noted them. `reduce`
computes Reduce: a comparison pairs the points of different documents that speak of the same thing, and says which
pairs agree. `overview` computes Overview.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

import numpy as np

from agents.engine.extractive.notes import Focus
from agents.engine.extractive.particulars import Particulars
from agents.engine.extractive.statements import Statement, chapter, shortened
from agents.engine.extractive.textrank import Matrix, cosine_similarity, pick, textrank
from agents.engine.tasks.reading import Overview, OverviewResult, PointToReduce, Reduce, ReducedPoint, ReduceResult
from agents.errors import EngineError
from agents.language.lexicon import ENGLISH, language_of
from agents.language.stems import Vocabulary

_MAX_POINTS = 24
_MIN_INTERMEDIATE, _MAX_INTERMEDIATE = 8, 24
_MAX_SOURCES = 4
_MAX_TEXT_CHARS, _MAX_SECTION_CHARS = 400, 80
_DUPLICATE = 0.75
_EVENLY = 0.4
"""Penalty on each point from the same group: a third of the best score, so that most groups get their turn, but not one
that says nothing."""
_OVERVIEW_POINTS = 3


def select(
    points: Sequence[PointToReduce], groups: Sequence[str], limit: int, focus: str | None = None
) -> list[tuple[int, ...]]:
    """Return the points that matter most, evenly from all groups, in their order.

    Args:
        points: In the order of the text.
        groups: The group of each, such as the part of the document that it stands in.
        limit: How many to return at most.
        focus: What the points should be about.

    Returns:
        The index of each point, followed by those of its duplicates.
    """
    scored = ScoredPoints.of(points, focus)
    similarity = scored.similarity_of_duplicates()
    own_groups = [groups[number - 1] for number in scored.numbers]
    chosen = pick(scored.scores, similarity, limit, own_groups, duplicate=_DUPLICATE, spread=_EVENLY)
    return [tuple(scored.numbers[each] - 1 for each in _with_duplicates(similarity, index)) for index in sorted(chosen)]


def reduce(task: Reduce) -> ReduceResult:
    """Compare the points of several documents; a step towards that keeps a third of them, none said twice.

    Sections, and the points in each, stay in the order in which they come in. A step keeps at least eight points.

    Raises:
        EngineError: There are no points.
    """
    if not task.points:
        raise EngineError("There are no points to reduce.", hint="Give Reduce at least one point.")
    scored = ScoredPoints.of(task.points, task.focus)
    if task.final and len({point.document for point in task.points}) > 1:
        return ReduceResult(points=Comparison(scored).points(_MAX_POINTS))
    intermediate = min(_MAX_INTERMEDIATE, max(_MIN_INTERMEDIATE, len(task.points) // 3))
    size = _MAX_POINTS if task.final else intermediate
    groups = [f"{point.document} {chapter(point.section)}" for point in scored.points]
    similarity = scored.similarity_of_duplicates()
    chosen = sorted(pick(scored.scores, similarity, size, groups, duplicate=_DUPLICATE))
    reduced = [_merged(scored, similarity, index) for index in chosen]
    sections = list(dict.fromkeys(point.section for point in reduced))
    return ReduceResult(points=tuple(sorted(reduced, key=lambda point: sections.index(point.section))))


def overview(task: Overview) -> OverviewResult:
    """Say what the most central points say, in their order and their own words.

    Raises:
        EngineError: There are no points.
    """
    if not task.points:
        raise EngineError("There are no points for an overview.", hint="Give Overview at least one point.")
    scored = ScoredPoints.of([PointToReduce(document="", text=text) for text in task.points], task.focus)
    chosen = pick(scored.scores, scored.similarity, _OVERVIEW_POINTS, [""] * len(scored.points), spread=0.0)
    return OverviewResult(overview="\n".join(scored.points[index].text for index in sorted(chosen)))


def _merged(scored: "ScoredPoints", similarity: Matrix, index: int) -> ReducedPoint:
    """Return a point with its duplicates as further sources."""
    point = scored.points[index]
    sources = tuple(scored.numbers[each] for each in _with_duplicates(similarity, index))
    text = shortened(point.text, _MAX_TEXT_CHARS)
    return ReducedPoint(section=point.section[:_MAX_SECTION_CHARS], text=text, sources=sources)


def _with_duplicates(similarity: Matrix, index: int) -> list[int]:
    """Return a point and its duplicates, the most similar first."""
    others = [other for other in range(len(similarity)) if other != index and similarity[index, other] >= _DUPLICATE]
    others.sort(key=lambda other: -float(similarity[index, other]))
    return [index, *others][:_MAX_SOURCES]


_MAX_COMPARED = 600
_CENTRAL, _RANK, _FOCUS = 0.5, 0.7, 1.2


@dataclass(frozen=True)
class ScoredPoints:
    """Points with their similarity to each other, and what each is worth."""

    points: Sequence[PointToReduce]
    numbers: Sequence[int]
    """The number of each among those that were given, from 1."""
    similarity: Matrix
    """Cosine similarity of every two."""
    scores: Sequence[float]

    @classmethod
    def of(cls, given: Sequence[PointToReduce], about: str | None) -> "ScoredPoints":
        """Score points by a focus, if any; of more than 600 only those with the highest rank."""
        order = sorted(range(len(given)), key=lambda index: (-given[index].rank, index))[:_MAX_COMPARED]
        order.sort()
        points = [given[index] for index in order]
        vocabulary = Vocabulary(language_of(" ".join(point.text for point in points[:40])))
        statements = [
            Statement(
                passage=0,
                start=0,
                end=len(point.text),
                text=point.text,
                form="sentence",
                section=point.section,
                stems=frozenset(vocabulary.terms(point.text)),
            )
            for point in points
        ]
        similarity = cosine_similarity([statement.stems for statement in statements])
        central = textrank(similarity)
        focus = Focus.of(about, vocabulary, statements)
        top = max((abs(point.rank) for point in points), default=0.0) or 1.0
        scores = [
            _CENTRAL * central[index] + _RANK * point.rank / top + _FOCUS * focus.match(statements[index])
            for index, point in enumerate(points)
        ]
        return cls(points, [index + 1 for index in order], similarity, scores)

    def similarity_of_duplicates(self) -> Matrix:
        """Return the similarities, those of points that differ in a figure, a date or a name below a duplicate's."""
        similarity = self.similarity.copy()
        pairs = [(int(one), int(other)) for one, other in np.argwhere(np.triu(similarity >= _DUPLICATE, 1))]
        texts = {index: self.points[index].text for pair in pairs for index in pair}
        vocabulary = Vocabulary(language_of(" ".join(list(texts.values())[:40])))
        particulars = {index: Particulars.of(text, vocabulary) for index, text in texts.items()}
        for one, other in pairs:
            if not particulars[one].agree(particulars[other]):
                similarity[one, other] = similarity[other, one] = _DUPLICATE - 0.01
        return similarity


SHARED, DIFFERENCES = "Shared", "Differences"
_SAME_TOPIC, _SAME_SENSE = 0.3, 0.5
_MAX_UNPAIRED, _MAX_UNPAIRED_CHARS = 12, 340


class Comparison:
    """The points of several documents, paired where two of them speak of the same thing."""

    def __init__(self, scored: ScoredPoints) -> None:
        self._scored = scored
        points, similarity = scored.points, scored.similarity
        related = [
            (one, other)
            for one in range(len(points))
            for other in range(one + 1, len(points))
            if points[one].document != points[other].document and similarity[one, other] >= _SAME_TOPIC
        ]
        self._pairs: list[tuple[int, int]] = []
        # The most similar first, each point at most once.
        paired: set[int] = set()
        for one, other in sorted(related, key=lambda pair: (-float(similarity[pair]), pair)):
            if paired.isdisjoint((one, other)):
                paired |= {one, other}
                self._pairs.append((one, other))
        self._pairs.sort()
        self._unpaired = [index for index in range(len(points)) if index not in paired]

    def points(self, limit: int) -> tuple[ReducedPoint, ...]:
        """Return shared points, differences, and points of one document alone, each naming its documents."""
        agreeing = {pair for pair in self._pairs if self._agree(*pair)}
        shared = [self._shared(*pair) for pair in self._pairs if pair in agreeing][: limit // 3]
        differing = [self._differing(*pair) for pair in self._pairs if pair not in agreeing][: limit // 2]
        room = min(_MAX_UNPAIRED, limit - len(shared) - len(differing))
        single = [self._single(index) for index in islice(self._unpaired_in_turn(), room)]
        return tuple([*shared, *differing, *single][:limit])

    def _agree(self, one: int, other: int) -> bool:
        """Whether two points say the same: similar words, with the same figures, dates, names and negations."""
        texts = self._scored.points[one].text, self._scored.points[other].text
        vocabulary = Vocabulary.of(" ".join(texts))
        first, second = (Particulars.of(text, vocabulary) for text in texts)
        return self._scored.similarity[one, other] >= _SAME_SENSE and first.agree(second)

    def _shared(self, one: int, other: int) -> ReducedPoint:
        first, second = self._scored.points[one], self._scored.points[other]
        text = first.text if len(first.text) <= len(second.text) else second.text
        # Of two documents it is plain which ones share it.
        several = len({point.document for point in self._scored.points}) > 2
        label = f"{short_title(first.document)} and {short_title(second.document)}: " if several else ""
        return self._point(SHARED, shortened(f"{label}{text}", _MAX_TEXT_CHARS), one, other)

    def _differing(self, one: int, other: int) -> ReducedPoint:
        first, second = self._scored.points[one], self._scored.points[other]
        titles = short_title(first.document), short_title(second.document)
        # Both sides fit beside their titles, so that neither is cut off with its figure.
        length = (_MAX_TEXT_CHARS - len(f"{titles[0]}:  {titles[1]}: ")) // 2
        sides = f"{titles[0]}: {shortened(first.text, length)} {titles[1]}: {shortened(second.text, length)}"
        return self._point(DIFFERENCES, sides, one, other)

    def _single(self, index: int) -> ReducedPoint:
        point = self._scored.points[index]
        text = f"{short_title(point.document)}: {shortened(point.text, _MAX_UNPAIRED_CHARS)}"
        return self._point(DIFFERENCES, text, index)

    def _point(self, section: str, text: str, *indexes: int) -> ReducedPoint:
        sources = tuple(self._scored.numbers[index] for index in indexes)
        return ReducedPoint(section=section, text=text, sources=sources)

    def _unpaired_in_turn(self) -> Iterator[int]:
        """Yield the unpaired points, the best of each document, then the second best of each, and so on."""
        by_document: dict[str, list[int]] = {}
        for index in sorted(self._unpaired, key=lambda index: -self._scored.scores[index]):
            by_document.setdefault(self._scored.points[index].document, []).append(index)
        for turn in zip_longest(*by_document.values()):
            yield from (index for index in turn if index is not None)


_MAX_TITLE_CHARS = 40
_FILE_NAME = re.compile(r" \([^()]{1,60}\)$")


def short_title(title: str) -> str:
    """Return a document's title as a label before a colon: at most 40 characters, with no colon of its own.

    A file's name in brackets stays, for it disambiguates two versions with the same title.
    """
    plain = re.sub(r"[.;](?=\s)", "", title[: 4 * _MAX_TITLE_CHARS].replace(":", " –"))
    named = _FILE_NAME.search(plain)
    words = plain[: named.start() if named else None].split() or ["One", "document"]
    whole = len(words)
    while len(words) > 1 and (
        len(" ".join(words)) > _MAX_TITLE_CHARS or (len(words) < whole and words[-1].lower() in ENGLISH.function_words)
    ):
        words.pop()
    return " ".join(words).rstrip(" ,;-–") + (named[0] if named else "")
