"""Which of many passages to look into for an answer."""

import math
import re
from collections.abc import Sequence

from agents.engine.extractive.questions import Question
from agents.engine.extractive.synonyms import matching_stems
from agents.language.stems import Vocabulary
from agents.schema import Passage

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_MOST_TERMS = 24


def best_passages(
    passages: Sequence[Passage], question: Question, vocabulary: Vocabulary, limit: int
) -> tuple[Passage, ...]:
    """Return the passages that hold most of a question's words, best first; rare words count for more.

    Takes time linear in the text: every distinct word is looked at once.
    """
    stems = [_stems(passage, vocabulary) for passage in passages]
    known = frozenset[str]().union(*stems)
    scores = [0.0] * len(passages)
    for term in question.terms[:_MOST_TERMS]:
        found = matching_stems(term.stem, known)
        held = [max((value for stem, value in found.items() if stem in own), default=0.0) for own in stems]
        weight = term.weight * math.log(1.0 + len(passages) / (1.0 + sum(value > 0.0 for value in held)))
        scores = [score + weight * value for score, value in zip(scores, held, strict=True)]
    order = sorted(range(len(passages)), key=lambda index: (-scores[index], index))
    return tuple(passages[index] for index in order[:limit])


def _stems(passage: Passage, vocabulary: Vocabulary) -> frozenset[str]:
    words = set(_WORD.findall(f"{passage.heading} {passage.text}"))
    return frozenset(vocabulary.stem(word) for word in words)
