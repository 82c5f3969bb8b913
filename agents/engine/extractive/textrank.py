"""Which sentences stand for the others: TextRank over the likeness of their words."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

# PageRank's own damping (Brin and Page, 1998), as TextRank uses it (Mihalcea and Tarau, 2004).
_DAMPING = 0.85
_MOST_ROUNDS = 60
_CLOSE_ENOUGH = 1e-6
_UNLIKE = 0.1


def cosine_similarity(stems: Sequence[Collection[str]]) -> Matrix:
    """Return the cosine of every two sets of words, weighted by how rare each word is."""
    counts = Counter(stem for words in stems for stem in set(words))
    shared = {stem: column for column, stem in enumerate(sorted(stem for stem, count in counts.items() if count > 1))}
    vectors = np.zeros((len(stems), max(1, len(shared))), dtype=np.float32)
    norms = np.ones(len(stems), dtype=np.float32)
    for row, words in enumerate(stems):
        weights = {stem: math.log(1.0 + len(stems) / counts[stem]) for stem in set(words)}
        norms[row] = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        for stem in weights.keys() & shared.keys():
            vectors[row, shared[stem]] = weights[stem]
    vectors /= norms[:, None]
    return vectors @ vectors.T


def textrank(alike: Matrix, wanted: Sequence[float] | None = None) -> list[float]:
    """Return the PageRank of each sentence in the graph of likeness, the highest being 1.

    Args:
        alike: The likeness of every two sentences.
        wanted: How much each sentence is wanted; the walk begins anew there (biased TextRank).
    """
    size = len(alike)
    if size == 0:
        return []
    weights = np.where(alike >= _UNLIKE, alike, 0.0).astype(np.float64)
    np.fill_diagonal(weights, 0.0)
    sums = weights.sum(axis=1, keepdims=True)
    steps = np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0)
    start = np.full(size, 1.0 / size)
    if wanted is not None and sum(wanted) > 0:
        start = np.asarray(wanted, dtype=np.float64) / sum(wanted)
    rank = start.copy()
    for _ in range(_MOST_ROUNDS):
        # What stands on sentences like no other goes back to the start.
        lost = rank[sums[:, 0] == 0].sum()
        new = (1 - _DAMPING) * start + _DAMPING * (rank @ steps + lost * start)
        if np.abs(new - rank).sum() < _CLOSE_ENOUGH:
            break
        rank = new
    top = float(rank.max()) or 1.0
    return [float(value) / top for value in rank]


def pick(
    scores: Sequence[float],
    alike: Matrix,
    limit: int,
    groups: Sequence[str],
    *,
    same: float = 0.6,
    repeated: float = 0.5,
    spread: float = 0.12,
) -> list[int]:
    """Return the indexes of the best, best first, none like another and spread over the groups.

    Maximal marginal relevance (Carbonell and Goldstein, 1998).

    Args:
        scores: What each is worth, 0 to about 1.
        alike: The likeness of every two.
        limit: How many to return at most.
        groups: The group, such as a section, of each.
        same: Likeness from which two count as the same.
        repeated: What likeness to one already picked costs.
        spread: What each one already picked from the same group costs.
    """
    chosen: list[int] = []
    nearest = [0.0] * len(scores)
    from_group: Counter[str] = Counter()
    left = set(range(len(scores)))
    while left and len(chosen) < limit:
        best = max(left, key=lambda i: (scores[i] - repeated * nearest[i] - spread * from_group[groups[i]], -i))
        left.discard(best)
        if nearest[best] >= same:
            continue
        chosen.append(best)
        from_group[groups[best]] += 1
        for index in left:
            nearest[index] = max(nearest[index], float(alike[best, index]))
    return chosen


def key_words(stems: Iterable[Collection[str]], spelled: Mapping[str, str], limit: int) -> list[str]:
    """Return the words that most of the texts hold, as they are spelled."""
    counts = Counter(stem for words in stems for stem in set(words) if stem in spelled)
    return [spelled[stem] for stem, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]]
