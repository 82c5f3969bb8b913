"""How the engine without a model weighs what it measures: the output of a script, on a set of real questions.

    python -m benchmarks.quality.fit_ranking --set FOLDER

November 2026: 186 questions over 52 documents in eight languages, of which 21 are not answered. On documents left out
of the fit the best sentence stood on a gold page for 79 % of 165 questions. Since then a table's row is ranked with the
words of its head, and a sentence beside those of its passage alone: the script now gives 78 %, and weights that differ
by up to 0.43, with which every figure of benchmarks/results/quality_without_a_model.json's part "work" is the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

MEASURES: Mapping[str, float] = MappingProxyType(
    {"sentence": 4.26, "beside": 2.41, "passage": 2.31, "page": 1.66, "pairs": 3.04}
)
"""Of a sentence: its BM25; the share of the question's words in it and beside it; the BM25 of its passage, and of its
page; the share of the question's neighbouring words that are neighbours in it."""
CONFIDENCE: Mapping[str, float] = MappingProxyType({"bias": 3.97, "log_share": 0.81, "unknown_number": -1.91})
"""Log-odds that the best sentence answers, by `TextIndex.signs`."""
ANSWER_WEIGHT = 0.3
"""Of the same measures taken with the words of a model's answer, where its sources are looked for, beside those of the
question: fitted on what a model said, by benchmarks/quality/fit_answers.py. The first source was on
a gold page for 81 % of 165 questions whose documents were left out of the fit, for 79 % by the question alone."""
WEAK_BELOW, REFUSED_BELOW = 0.87, 0.42
"""Confidence below which an answer is called weak, and below which none is given. Left out of the fit, 16 % of the
questions that a document answers fell below the first, 67 % of those that it does not answer, and 98 % of those asked
of another document; of texts of three passages 13 %, 38 % and 93 %; below the second 2 %, 14 % and 57 %."""
MAX_CLAIMS, LEAST_SHARE = 5, 0.7
"""Sentences of an answer, and the share of the best one's score that each needs: benchmarks/quality/fit_excerpts.py.
Of 165 gold answers these hold 67.9 % in 94 words; six 68.5 % in 107, four 65.5 % in 82, with a share of 0.9 60 %."""
