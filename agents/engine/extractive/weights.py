"""How the engine without a model weighs what it measures: the output of a script, on a set of real questions.

    python -m benchmarks.quality.fit_ranking --set FOLDER

November 2026: 186 questions over 52 documents in eight languages, of which 21 are not answered. On documents left out
of the fit the best sentence stood on a gold page for FIRST of 165 questions.
"""

from collections.abc import Mapping
from types import MappingProxyType

MEASURES: Mapping[str, float] = MappingProxyType(
    {"sentence": 4.23, "beside": 2.46, "passage": 2.51, "neighbours": 0.84, "pairs": 3.18}
)
"""Of a sentence: its BM25; the share of the question's words in it and beside it; the BM25 of its passage, and of that
with its neighbours; the share of the question's neighbouring words that are neighbours in it."""
CONFIDENCE: Mapping[str, float] = MappingProxyType(
    {"bias": 1.91, "score": 0.16, "log_share": 0.35, "lacks_name": -0.84}
)
"""Log-odds that the best sentence answers, by `TextIndex.signs`."""
WEAK_BELOW, REFUSED_BELOW = 0.8, 0.4
"""Confidence below which an answer is called weak, and below which none is given. Left out of the fit, 10 % of the
questions that a document answers were weak and 52 % of those that it does not answer; 2 % were refused, and 45 % of
questions asked of another document than their own."""
