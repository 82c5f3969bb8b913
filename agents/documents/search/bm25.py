"""Ranking passages by BM25: Lucene's variant, k1 = 1.2, b = 0.75, over stemmed words."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from agents.documents.passages import Terms
from agents.documents.terms import query_terms

_K1 = 1.2
_TERM_BYTES = 150
"""Of a term in the vocabulary, its number and its place in the dictionary."""
_SHARE_OF_EMBEDDINGS = 0.25
"""Of a passage's score, where there are embeddings: fitted by benchmarks/search_quality.py.

Five folds of documents up to 30 pages chose 0.25 to 0.4 by one another: 78.9 % of 76 questions have the right passage
first and 93.4 % among the first three, 75.0 and 89.5 % without embeddings. With 165 questions, where of long documents
only the 12 best passages by words were embedded, each fold chose 0.25: 74.5 and 90.9 %, without embeddings 72.7 and
86.1 %, with half 70.3 and 89.7 %.
"""


class Ranked(NamedTuple):
    """A passage and its score."""

    document: int
    """Its position among the indexed documents."""
    passage: int
    """Its position among the document's passages."""
    score: float


class PassageIndex:
    """A BM25 index over the passages of one or several documents.

    Args:
        documents: The terms of each document's passages.
        vectors: The embeddings of each document's passages, fused with BM25; none by default.
    """

    def __init__(self, documents: Sequence[Terms], vectors: Sequence[Any] | None = None) -> None:
        import numpy as np

        self._lengths = [len(terms.lengths) for terms in documents]
        self._starts = np.cumsum([0, *self._lengths])
        self._languages = tuple(dict.fromkeys(terms.language for terms in documents))
        self._vectors = None if vectors is None else np.concatenate(list(vectors))
        self._bm25, self._vocabulary = self._build(documents)

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        scores: dict[str, Any] = getattr(self._bm25, "scores", {})
        arrays: list[Any] = [*scores.values(), self._vectors]
        return sum(getattr(each, "nbytes", 0) for each in arrays) + len(self._vocabulary) * _TERM_BYTES

    def rank(self, query: str, limit: int, vector: Any = None) -> list[Ranked]:  # noqa: ANN401
        """Return the passages that match best, best first.

        Only passages that share a term with the query count. If none does, the first passages are returned with a
        score of 0, as a place to start reading.

        Args:
            query: A question or some words.
            limit: How many passages to return at most.
            vector: The query's embedding, where the index has embeddings.
        """
        import numpy as np

        scores = self._scores(query)
        if vector is not None and self._vectors is not None:
            likeness = _min_max(self._vectors @ vector)
            scores = (1 - _SHARE_OF_EMBEDDINGS) * _min_max(scores) + _SHARE_OF_EMBEDDINGS * likeness
        limit = max(0, min(limit, len(scores)))
        best = np.argsort(-scores, kind="stable")[:limit]
        if limit and scores[best[0]] > 0:
            best = [position for position in best if scores[position] > 0]
        documents = np.searchsorted(self._starts, best, side="right") - 1
        return [
            Ranked(int(document), int(position - self._starts[document]), float(scores[position]))
            for document, position in zip(documents, best, strict=True)
        ]

    def _scores(self, query: str) -> Any:  # noqa: ANN401
        """Return the score of every passage."""
        import numpy as np

        known = [self._vocabulary[term] for term in query_terms(query, self._languages) if term in self._vocabulary]
        if not known:
            return np.zeros(int(self._starts[-1]), dtype=np.float32)
        return self._bm25.get_scores_from_ids(known)

    @staticmethod
    def _build(documents: Sequence[Terms]) -> tuple[Any, dict[str, int]]:
        """Return the BM25 index over all passages, and its vocabulary."""
        # Where JAX is installed too, bm25s runs it when it is imported, and JAX takes three quarters of a GPU.
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import bm25s as untyped
        import numpy as np

        bm25s = cast("Any", untyped)
        vocabulary: dict[str, int] = {}
        # Tuples of numbers, unlike lists, are nothing to the garbage collector, for which every thread waits.
        passages: list[tuple[int, ...]] = []
        for terms in documents:
            numbers = [vocabulary.setdefault(term, len(vocabulary)) for term in terms.vocabulary]
            ids = np.array(numbers, dtype=np.int64)[np.asarray(terms.ids, dtype=np.int64)]
            start = 0
            for length in terms.lengths:
                passages.append(tuple(ids[start : start + length].tolist()))
                start += length
        bm25 = bm25s.BM25(k1=_K1)
        if vocabulary:
            bm25.index((passages, vocabulary), show_progress=False)
        return bm25, vocabulary


def _min_max(scores: Any) -> Any:  # noqa: ANN401
    """Return scores rescaled to lie between 0 and 1."""
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else scores * 0
