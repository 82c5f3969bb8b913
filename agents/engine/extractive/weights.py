"""How the engine without a model weighs what it measures: the output of a script, on a set of real questions.

    python -m benchmarks.quality.fit_ranking --set FOLDER

November 2026: 186 questions over 52 documents in eight languages, of which 21 are not answered. On documents left out
of the fit the best sentence stood on a gold page for 78 % of 165 questions.
"""

from collections.abc import Mapping
from types import MappingProxyType

MEASURES: Mapping[str, float] = MappingProxyType(
    {"sentence": 4.36, "beside": 2.45, "passage": 2.66, "neighbours": 1.08, "pairs": 3.14}
)
"""Of a sentence: its BM25; the share of the question's words in it and beside it; the BM25 of its passage, and of that
with its neighbours; the share of the question's neighbouring words that are neighbours in it."""
CONFIDENCE: Mapping[str, float] = MappingProxyType(
    {"bias": 2.28, "score": 0.12, "log_share": 0.43, "lacks_name": -0.76}
)
"""Log-odds that the best sentence answers, by `TextIndex.signs`."""
ANSWER_WEIGHT = 0.3
"""Of the same measures taken with the words of a model's answer, where its sources are looked for, beside those of the
question: fitted, as the next two, on what a model said, by benchmarks/quality/fit_answers.py. The first source was on
a gold page for 81 % of 165 questions, for 80 % with any weight from 0.1 to 1, and for 78 % by the question alone."""
ANSWERABLE: Mapping[str, float] = MappingProxyType({"bias": 0.28, "told": 1.31, "confidence": 0.57})
"""Log-odds that passages answer, by what a model tells (its log-odds) and by the confidence of the rules (theirs)."""
NOT_ANSWERED_BELOW = 1.2
"""Of these log-odds: on documents left out of the fit 6 % of 165 answered questions fell below, and 71 % of 21 others;
by what the model tells alone 7 % and 71 %."""
WEAK_BELOW, REFUSED_BELOW = 0.85, 0.45
"""Confidence below which an answer is called weak, and below which none is given. Left out of the fit, 18 % of the
questions that a document answers fell below the first, 67 % of those that it does not answer, and all that were asked
of another document than their own; below the second 1 %, 5 % and 75 %."""
