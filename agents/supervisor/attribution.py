"""Attribution: the sentences of a text that a statement about it rests on.

A model sums a text up better than it copies from it, so it writes statements only, and code finds what each rests on:
the sentences that hold most of its words, each word weighed by its rarity in the text.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.engine.extractive.statements import read_statements, vocabulary_of
from agents.language.stems import Vocabulary
from agents.schema import Passage

MIN_COVERAGE = 0.6
"""Share of a statement's words, weighed, that its sentences hold."""
_WORTH_ADDING = 0.2
"""Coverage that a further sentence must add."""
_LENGTH_PENALTY = 0.002
"""Coverage that a word of a sentence costs: of two that hold the same words, the shorter is meant."""


@dataclass(frozen=True)
class Candidate:
    """A sentence that statements may rest on."""

    quote: str
    text: str
    stems: frozenset[str]


class AttributableText:
    """The sentences of a text, for finding those that a statement rests on.

    Args:
        candidates: The sentences, in order.
        vocabulary: Of the text's language.
    """

    def __init__(self, candidates: Iterable[Candidate], vocabulary: Vocabulary) -> None:
        self._candidates = list(candidates)
        self._vocabulary = vocabulary
        self._held = Counter(stem for candidate in self._candidates for stem in candidate.stems)
        self._verbatim = {each.text: number for number, each in reversed(list(enumerate(self._candidates)))}

    @classmethod
    def of_passages(cls, passages: Sequence[Passage]) -> "AttributableText":
        """Cut passages into sentences; headings, contents and page furniture are none."""
        vocabulary = vocabulary_of(passages)
        titles = {passage.title for passage in passages}
        candidates = (
            Candidate(each.quote, each.text, each.stems)
            for each in read_statements(passages, vocabulary)
            # A page's head, and what only leads to the next sentence.
            if each.text not in titles and not each.text.endswith((":", "—"))
        )
        return cls(candidates, vocabulary)

    @classmethod
    def of_texts(cls, texts: Sequence[str]) -> "AttributableText":
        """Take each text as a sentence."""
        vocabulary = Vocabulary.of(" ".join(texts))
        return cls((Candidate(text, text, frozenset(vocabulary.terms(text))) for text in texts), vocabulary)

    def sources(self, statement: str, most: int = 2) -> tuple[int, ...]:
        """Return the numbers, from 0, of the sentences that a statement rests on; none where too few words are held."""
        if (verbatim := self._verbatim.get(statement)) is not None:
            return (verbatim,)
        words = {
            stem: math.log(1.0 + len(self._candidates) / max(1, self._held[stem]))
            for stem in dict.fromkeys(self._vocabulary.terms(statement))
        }
        total = sum(words.values())
        chosen: list[int] = []
        covered = 0.0
        while total and len(chosen) < most:
            added, number = max(
                ((self._weight(number, words) / total, -number) for number in range(len(self._candidates))),
                default=(0.0, 0),
            )
            if added < (_WORTH_ADDING if chosen else _LENGTH_PENALTY):
                break
            chosen.append(-number)
            held = [stem for stem in words if stem in self._candidates[-number].stems]
            covered += sum(words.pop(stem) for stem in held) / total
        return tuple(sorted(chosen)) if covered >= MIN_COVERAGE else ()

    def quotes(self, statement: str, most: int = 2) -> tuple[str, ...]:
        """Return the sentences that a statement rests on, as they stand in the text."""
        return tuple(self._candidates[number].quote for number in self.sources(statement, most))

    def _weight(self, number: int, words: dict[str, float]) -> float:
        stems = self._candidates[number].stems
        held = sum(weight for stem, weight in words.items() if stem in stems)
        return held - _LENGTH_PENALTY * len(stems) * sum(words.values()) if held else 0.0
