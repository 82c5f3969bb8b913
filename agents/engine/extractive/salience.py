"""What stands for a text: sentences near its centroid, the best first, none of which repeats another.

A sentence is a vector of its words' stems, each weighed by its rarity (IDF); the centroid is the mean of all. It chose
as well as PageRank over the sentences' similarities (benchmarks/extracts.py), and takes time linear in the text.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set

Vector = Mapping[str, float]
_FEW_WORDS = 4
DUPLICATE = 0.6
"""Similarity from which two have nearly the same words."""


def vectors(stems: Sequence[Set[str]]) -> list[Vector]:
    """Return each set of words as a vector of length 1, in which rare words weigh more.

    Numbers are left out, for of ten sentences that differ in their figures alone one stands for all; but not of what
    says little else, such as a row of a table.
    """
    without = (sorted(stem for stem in each if not stem[0].isdigit()) for each in stems)
    words = [each if len(each) >= _FEW_WORDS else sorted(all_of) for each, all_of in zip(without, stems, strict=True)]
    held = Counter(stem for each in words for stem in each)
    found: list[Vector] = []
    for each in words:
        weights = {stem: math.log(1.0 + len(stems) / held[stem]) for stem in each}
        norm = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        found.append({stem: weight / norm for stem, weight in weights.items()})
    return found


def similarity(one: Vector, other: Vector) -> float:
    """Return the cosine of two vectors of length 1."""
    if len(one) > len(other):
        one, other = other, one
    return sum(weight * other[stem] for stem, weight in one.items() if stem in other)


def centrality(given: Sequence[Vector]) -> list[float]:
    """Return how near each vector is to the centroid of all, scaled so that the nearest has 1."""
    centroid: dict[str, float] = {}
    for vector in given:
        for stem, weight in vector.items():
            centroid[stem] = centroid.get(stem, 0.0) + weight
    near = [sum(weight * centroid[stem] for stem, weight in vector.items()) for vector in given]
    highest = max(near, default=0.0) or 1.0
    return [each / highest for each in near]


def pick(
    scores: Sequence[float],
    given: Sequence[Vector],
    limit: int,
    groups: Sequence[object] = (),
    *,
    same: Callable[[int, int], bool] = lambda _one, _other: True,
) -> list[int]:
    """Return the indexes of the best, best first, without duplicates and spread over the groups.

    Maximal marginal relevance (Carbonell and Goldstein, 1998), with their even weights for relevance and novelty: each
    one already picked from the same group counts as one with the same words.

    Args:
        scores: What each is worth, up to about 1.
        given: The vector of each.
        limit: How many to return at most.
        groups: The group of each, such as its section; none: each is one by itself.
        same: Whether two with nearly the same words say the same.
    """
    chosen: list[int] = []
    nearest: dict[int, float] = dict.fromkeys(range(len(scores)), 0.0)
    """Of those that are left, in order: how near each is to what is chosen."""
    groups = groups or range(len(scores))
    from_group = Counter[object]()
    while nearest and len(chosen) < limit:
        # Of equals the first.
        best = max(nearest, key=lambda index: scores[index] - 0.5 * (nearest[index] + from_group[groups[index]]))
        chosen.append(best)
        from_group[groups[best]] += 1
        near = {index: similarity(given[best], given[index]) for index in nearest if index != best}
        nearest = {
            index: max(nearest[index], each)
            for index, each in near.items()
            if each < DUPLICATE or not same(best, index)
        }
    return chosen
