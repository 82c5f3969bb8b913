"""Particulars: what two sentences must have in common for one to stand for both."""

from dataclasses import dataclass

from agents.language.lexicon import ENGLISH, LIMIT
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
        language = vocabulary.language
        dates = {*language.months, *language.weekdays, *ENGLISH.months, *ENGLISH.weekdays}
        # In German every noun has a capital, which tells nothing but in a second one beside it: Martin Luther.
        pairs = zip([None, *words], words, strict=False)
        capital = {
            word.start
            for before, word in pairs
            if word.text[0].isupper()
            and (language.name != "German" or (before and before.text[0].isupper() and before.end + 1 == word.start))
        }
        named = {w.stem for w in words if not w.function and (w.start in capital or w.text.lower() in dates)}
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
