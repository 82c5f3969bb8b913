"""What stands for a text: sentences near its centroid, the best first, none of which repeats another.

A sentence is a vector of its words' stems, each weighed by its rarity (IDF); the centroid is the mean of all. It chose
as well as PageRank over the sentences' similarities (benchmarks/extracts.py), and takes time linear in the text.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

Vector = Mapping[str, float]
_FEW_WORDS = 4
DUPLICATE = 0.6
"""Similarity from which two have nearly the same words."""


def vectors(stems: Sequence[Collection[str]]) -> list[Vector]:
    """Return each set of words as a vector of length 1, in which rare words weigh more.

    Numbers are left out, for of ten sentences that differ in their figures alone one stands for all; but not of what
    says little else, such as a row of a table.
    """
    words = [sorted(stem for stem in set(each) if not stem[0].isdigit()) for each in stems]
    words = [
        each if len(each) >= _FEW_WORDS else sorted(set(all_of)) for each, all_of in zip(words, stems, strict=True)
    ]
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
    groups: Sequence[str] | None = None,
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
        groups: The group of each, such as its section.
        same: Whether two with nearly the same words say the same.
    """
    chosen: list[int] = []
    nearest = [0.0] * len(scores)
    from_group: Counter[str] = Counter()
    left: set[int] = set(range(len(scores)))
    while left and len(chosen) < limit:
        best = max(left, key=lambda i: (scores[i] - 0.5 * (nearest[i] + (from_group[groups[i]] if groups else 0)), -i))
        chosen.append(best)
        from_group.update(groups[best : best + 1] if groups else ())
        near: dict[int, float] = {index: similarity(given[best], given[index]) for index in left if index != best}
        left = {index for index, each in near.items() if each < DUPLICATE or not same(best, index)}
        for index in left:
            nearest[index] = max(nearest[index], near[index])
    return chosen
