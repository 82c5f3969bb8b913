"""Lining up what several documents say: what they share, and where they differ."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from agents.engine.extractive.agreement import Particulars
from agents.engine.extractive.statements import shortened
from agents.engine.extractive.textrank import Matrix
from agents.engine.tasks.reading import PointToReduce, ReducedPoint
from agents.language.lexicon import ENGLISH
from agents.language.stems import Vocabulary

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
