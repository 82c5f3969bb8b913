"""Particulars: what two sentences must have in common for one to stand for both."""

from dataclasses import dataclass

from agents.engine.extractive.facts import find_facts
from agents.language.lexicon import LIMIT
from agents.language.numbers import NUMBER_WORDS, NUMERALS
from agents.language.stems import Vocabulary

# Those with a value equal the number in digits. A word that another language reads otherwise only keeps apart.
_NUMERALS_WITHOUT_VALUE = NUMERALS - NUMBER_WORDS.keys()


@dataclass(frozen=True)
class Particulars:
    """What two sentences must have in common for one to stand for both."""

    figures: frozenset[str]
    named: frozenset[str]
    """The stems of its names and dates."""
    stems: frozenset[str]
    denied: bool

    @classmethod
    def of(cls, text: str, vocabulary: Vocabulary) -> "Particulars":
        """Return the particulars of a sentence."""
        words = vocabulary.words(text)
        found = [fact for fact in find_facts(text, vocabulary.language) if fact.kind in ("name", "date")]
        named = {
            word.stem
            for word in words
            if not word.function and any(fact.start <= word.start and word.end <= fact.end for fact in found)
        }
        # The word that opens a sentence may be a name as well. In German every noun has a capital, which tells nothing.
        if words and words[0].text[0].isupper() and not words[0].function and vocabulary.language.name != "German":
            named.add(words[0].stem)
        spelled = {word.text.lower() for word in words} & _NUMERALS_WITHOUT_VALUE
        stems = frozenset(word.stem for word in words)
        return cls(frozenset(numbers(text, vocabulary) | spelled), frozenset(named), stems, negated(text, vocabulary))

    def agree(self, other: "Particulars") -> bool:
        """Whether neither sentence holds a figure, a date, a name or a negation that the other lacks."""
        if self.figures != other.figures or self.denied != other.denied:
            return False
        return self.named <= other.stems and other.named <= self.stems


def numbers(text: str, vocabulary: Vocabulary) -> set[str]:
    """Return the values of a text's numbers and its labels such as B2; a count written as a word is the same."""
    return {word.stem for word in vocabulary.words(text) if any(letter.isdigit() for letter in word.stem)}


def negated(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a sentence denies: an odd number of negations, "no more than" and the like left out."""
    return sum(word.negation for word in vocabulary.words(LIMIT.sub("", text))) % 2 == 1
