"""Words of a text as stems with offsets; a number's stem is its value, however it is written.

In scripts without spaces, units (agents/language/unspaced.py) stand for words.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from agents.language.language import Language
from agents.language.lexicon import language_of
from agents.language.numbers import DIGIT_SCALES, fold_digits, number_value
from agents.language.unspaced import UNSPACED, holds_unspaced, is_unspaced, units

_SCALES = "".join(DIGIT_SCALES)
_WORD = re.compile(rf"\d+(?:[.,:'’]\d+)*(?:st|nd|rd|th|[{_SCALES}])?|[^\W_]+")
# Behind digits, a letter that multiplies them belongs to the number: 5万.
_UNSPACED_RUN = re.compile(rf"(?:(?<!\d)|(?![{_SCALES}]))[{UNSPACED}]+")
_SCALE_BEHIND_DIGITS = re.compile(rf"(?<=\d)[{_SCALES}]")
_SHORTENED_NOT = re.compile(r"(?<=n)['’]t\b", re.IGNORECASE)
# Capitals that make a function word a name: train A, in May, the IT staff, T-004.
_LABEL = re.compile(r"(?<=[\w,][ \u00a0/-])(?:May|[A-HJ-Z]|[A-Z]{2,3})(?!\w)|[A-Z]+(?=-\d)")
_LONGEST_WORD = 40


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it stands."""

    text: str
    stem: str
    start: int
    end: int
    function: bool
    """Whether it carries grammar rather than content."""
    negation: bool
    """Whether it negates, as "not" does and the "isn" of "isn't"."""


class Vocabulary:
    """Stems the words of one language; not shared between threads, as Snowball's stemmers must not be."""

    def __init__(self, language: Language) -> None:
        import Stemmer

        self.language = language
        self._negations = frozenset(language["negations"])
        self._stem_word = cast("Callable[[str], str]", cast("Any", Stemmer).Stemmer(language.stemmer).stemWord)
        self._stems: dict[str, str] = {}

    @classmethod
    def of(cls, text: str) -> "Vocabulary":
        """Return the vocabulary of a text's language."""
        return cls(language_of(text))

    def stem(self, word: str) -> str:
        """Return the stem of a word, or the normal form of a number."""
        if word not in self._stems:
            self._stems[word] = self._compute_stem(word)
        return self._stems[word]

    def words(self, text: str) -> list[Word]:
        """Return every word of a text in order."""
        text = fold_digits(text)
        if not holds_unspaced(text):
            return self._spaced_words(text)
        spaced = self._spaced_words(_UNSPACED_RUN.sub(lambda run: " " * len(run.group()), text))
        unspaced = [
            Word(text, text, start, end, kind in ("function", "negation"), kind == "negation")
            for text, start, end, kind in units(_SCALE_BEHIND_DIGITS.sub(" ", text))
        ]
        return sorted(spaced + unspaced, key=lambda word: word.start)

    def _spaced_words(self, text: str) -> list[Word]:
        """Return the words that spaces and marks part, in order."""
        words: list[Word] = []
        for match in _WORD.finditer(text):
            word, start, end = match.group(), *match.span()
            lowered = word.lower()
            shortened = _SHORTENED_NOT.match(text, end) is not None
            negation = shortened or lowered in self._negations
            function = shortened or (lowered in self.language.function_words and not _LABEL.match(text, start))
            words.append(Word(word, self.stem(word), start, end, function, negation))
        return words

    def terms(self, text: str) -> list[str]:
        """Return the stems of a text's content words in order, repetitions included."""
        return [word.stem for word in self.words(text) if not word.function]

    def _compute_stem(self, word: str) -> str:
        # "¹" is a digit, too, but a note's mark and no number.
        if word[0].isdecimal():
            return number_value(word)
        if len(word) == 1 or is_unspaced(word):
            return word
        lowered = word.lower()[:_LONGEST_WORD]
        if lowered in self.language.numbers:
            return str(self.language.numbers[lowered])
        return self._stem_word(lowered)
