"""Finding documents by words of their names and titles, as people say them: "the verizon contract"."""

import difflib
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

from agents.language.lexicon import language_of

_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LEAST_PREFIX = 4
"""Letters from which on the beginning of a word stands for it: "info" for "information"."""
_SPELT_ALIKE = 0.8
"""Least likeness (difflib) of a misspelt word to the one that is meant: the strictest that finds 19 of 20 words with
one fault (benchmarks/results/file_names.json)."""


def rank_names(query: str, names: Sequence[str]) -> list[int]:
    """Return the positions of the names that a query means, best first; ties stay in their order.

    A word counts the more, the fewer names have it. What has less than half of what the best has is left out. A word
    that no name has is read as the one most like it, for it may be misspelt.

    Args:
        query: Some words of a name, in any order, with or without small words.
        names: File names, titles, or both in one.
    """
    words = [set(_words(name)) for name in names]
    scores: dict[int, float] = defaultdict(float)
    for wanted in _wanted(query):
        found = _having(wanted, words)
        for position in found:
            scores[position] += math.log1p(len(names) / len(found))
    best = max(scores.values(), default=0.0)
    return sorted((place for place in scores if scores[place] >= best / 2), key=lambda place: (-scores[place], place))


def _wanted(query: str) -> list[str]:
    """Return a query's words, each once, without small words unless there are no others."""
    words = list(dict.fromkeys(_words(query)))
    small = language_of(query).function_words
    return [word for word in words if word not in small] or words


def _having(wanted: str, names: Sequence[set[str]]) -> list[int]:
    """Return the positions of the names that have a word, or else the one that is most like it."""
    if found := [place for place, words in enumerate(names) if any(_is_meant(wanted, word) for word in words)]:
        return found
    near = difflib.get_close_matches(wanted, {word for words in names for word in words}, n=1, cutoff=_SPELT_ALIKE)
    return [place for place, words in enumerate(names) if near and near[0] in words]


def _is_meant(wanted: str, word: str) -> bool:
    """Whether a word of a query stands for a word of a name: one begins the other, or holds it where no spaces are."""
    if not wanted.isascii() and wanted in word:
        return True
    short, long = sorted((wanted, word), key=len)
    return wanted == word or (len(short) >= _LEAST_PREFIX and long.startswith(short) and short.isalpha())


def _words(text: str) -> list[str]:
    """Return the words and numbers of a name, without accents, in small letters: "TermsOfUse" has three."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return [word.casefold() for word in _WORD.findall(_HUMP.sub(" ", plain))]
