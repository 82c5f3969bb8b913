"""Choosing the sentences that stand for the others.

Sentences are vertices, the cosine similarity of their words weighs the edges, and PageRank over that graph says how
central each sentence is. `pick` then takes the best, none of which repeats another.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

# PageRank's own damping (Brin and Page, 1998), as TextRank uses it (Mihalcea and Tarau, 2004).
_DAMPING = 0.85
_MAX_ITERATIONS = 60
_TOLERANCE = 1e-6
_MIN_EDGE = 0.1


def textrank(similarity: Matrix, bias: Sequence[float] | None = None) -> list[float]:
    """Return the PageRank of each sentence, scaled so that the highest is 1.

    Args:
        similarity: Cosine similarity of every two sentences.
        bias: Where the random walk restarts, one weight a sentence (biased TextRank); evenly by default.
    """
    size = len(similarity)
    if size == 0:
        return []
    weights = np.where(similarity >= _MIN_EDGE, similarity, 0.0).astype(np.float64)
    np.fill_diagonal(weights, 0.0)
    sums = weights.sum(axis=1, keepdims=True)
    transitions = np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0)
    restart = np.full(size, 1.0 / size)
    if bias is not None and sum(bias) > 0:
        restart = np.asarray(bias, dtype=np.float64) / sum(bias)
    rank = restart.copy()
    for _ in range(_MAX_ITERATIONS):
        # A sentence without edges sends its rank back to the restart distribution.
        dangling = rank[sums[:, 0] == 0].sum()
        following = (1 - _DAMPING) * restart + _DAMPING * (rank @ transitions + dangling * restart)
        if np.abs(following - rank).sum() < _TOLERANCE:
            break
        rank = following
    top = float(rank.max()) or 1.0
    return [float(value) / top for value in rank]


def cosine_similarity(stems: Sequence[Collection[str]]) -> Matrix:
    """Return the cosine similarity of every two sets of words, each word weighted by its rarity (IDF)."""
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


def pick(
    scores: Sequence[float],
    similarity: Matrix,
    limit: int,
    groups: Sequence[str],
    *,
    duplicate: float = 0.6,
    redundancy: float = 0.5,
    spread: float = 0.12,
) -> list[int]:
    """Return the indexes of the best, best first, without duplicates and spread over the groups.

    Maximal marginal relevance (Carbonell and Goldstein, 1998).

    Args:
        scores: What each is worth, 0 to about 1.
        similarity: Cosine similarity of every two.
        limit: How many to return at most.
        groups: The group of each, such as its section.
        duplicate: Similarity from which two count as the same.
        redundancy: Penalty on the similarity to one already picked.
        spread: Penalty on each one already picked from the same group.
    """
    chosen: list[int] = []
    nearest = [0.0] * len(scores)
    from_group: Counter[str] = Counter()
    left = set(range(len(scores)))
    while left and len(chosen) < limit:
        best = max(left, key=lambda i: (scores[i] - redundancy * nearest[i] - spread * from_group[groups[i]], -i))
        left.discard(best)
        if nearest[best] >= duplicate:
            continue
        chosen.append(best)
        from_group[groups[best]] += 1
        for index in left:
            nearest[index] = max(nearest[index], float(similarity[best, index]))
    return chosen


def key_words(stems: Iterable[Collection[str]], spelling: Mapping[str, str], limit: int) -> list[str]:
    """Return the words that most of the texts contain, spelled as `spelling` says for their stems."""
    counts = Counter(stem for words in stems for stem in set(words) if stem in spelling)
    return [spelling[stem] for stem, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]]
