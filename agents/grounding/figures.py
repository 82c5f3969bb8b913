"""Figures of a text, in digits and in words, and what can be computed from them."""

import re

from agents.language.lexicon import ENGLISH, LANGUAGES, alternatives, language_of
from agents.language.numbers import DIGIT_SCALES, fold_digits, number_value
from agents.language.unspaced import units

_FIGURE = re.compile(r"\d+(?:[.,:/-]\d+)*")
_SCALED_FIGURE = re.compile(rf"\d+(?:[.,:/-]\d+)*[{''.join(DIGIT_SCALES)}]?")
_THOUSANDS_COMMA = re.compile(r"(?<=\d),(?=\d{3}\b)")
_COMPUTING = re.compile(
    rf"[%=+\u00d7]|\b(?:{alternatives(each['computing'] for each in LANGUAGES.values() if not each.unspaced)})\b"
    # Where no spaces are written, a word has no edge.
    rf"|{alternatives(each['computing'] for each in LANGUAGES.values() if each.unspaced)}",
    re.IGNORECASE,
)
_NUMBER_WORD = "|".join(sorted(ENGLISH.numbers.keys() | ENGLISH.scales.keys(), key=len, reverse=True))
_IN_WORDS = re.compile(rf"\b(?:{_NUMBER_WORD})(?:(?:\s+and\s+|[\s-]+)(?:{_NUMBER_WORD}))*\b")
_LETTERS = re.compile(r"[^\W\d_]+")
_MOST_OPERANDS = 24
"""Figures of a quote that are combined with one another, the smallest first."""


def unsupported_figures(claim: str, quoted: str) -> set[str]:
    """Return the figures of a claim that neither stand in the quoted text nor follow from two of its figures.

    A figure counts as computed only where the claim says that it is: "together", "more", "percent".
    """
    known, values = figures(quoted), numbers(quoted)
    if says_computed(claim):
        values |= _computed(values)
    return {figure for plain, figure in figures(claim).items() if plain not in known and _value(plain) not in values}


def unsupported_counts(claim: str, quoted: str) -> set[float]:
    """Return the numbers written in words that neither stand in the quoted text nor are said to be computed."""
    return set() if says_computed(claim) else counts(claim) - numbers(quoted)


def says_computed(claim: str) -> bool:
    """Whether a claim says that it adds up or compares what its quotes say."""
    return bool(_COMPUTING.search(claim))


def figures(text: str) -> dict[str, str]:
    """Return the figures of a text as written, by their form without thousands separators: "1000" for "1,000".

    Digits of every script are the same, and 5万 is 50000.
    """
    text = fold_digits(text)
    return {_plain(figure): figure for figure in (_FIGURE if text.isascii() else _SCALED_FIGURE).findall(text)}


def _plain(figure: str) -> str:
    return number_value(figure) if figure[-1] in DIGIT_SCALES else _THOUSANDS_COMMA.sub("", figure)


def counts(text: str) -> set[float]:
    """Return the numbers that are written in words of the text's language, "one" left out: it mostly counts nothing."""
    language = language_of(text)
    if language is ENGLISH:
        in_words = {number_in_words(found) for found in _IN_WORDS.findall(text.casefold()) if found != "one"}
    else:
        in_words = {float(language.numbers.get(word, 1)) for word in _LETTERS.findall(text.casefold())} - {1.0}
    return in_words | (_east_asian_numbers(text) - {1.0})


def numbers(text: str) -> set[float]:
    """Return the values of a text's numbers, in digits or in words of any language: short texts do not tell theirs."""
    values = {value for plain in figures(text) if (value := _value(plain)) is not None}
    values |= {number_in_words(found) for found in _IN_WORDS.findall(text.casefold())}
    words = set(_LETTERS.findall(text.casefold()))
    values |= {float(each.numbers[word]) for each in LANGUAGES.values() for word in words & each.numbers.keys()}
    return values | _east_asian_numbers(text)


def number_in_words(words: str) -> float:
    """Return the value of an English number in words, in lower case: 250,000 for "two hundred and fifty thousand"."""
    whole = part = 0.0
    for word in re.split(r"[\s-]+", words):
        if word == "hundred":
            part = max(1.0, part) * 100
        elif word in ENGLISH.scales:
            whole, part = whole + max(1.0, part) * ENGLISH.scales[word], 0.0
        else:
            part += ENGLISH.numbers.get(word, 0)
    return whole + part


def _east_asian_numbers(text: str) -> set[float]:
    """Return the values of the numbers that are written in Chinese letters."""
    return set() if text.isascii() else {float(unit.text) for unit in units(text) if unit.kind == "number"}


def _value(plain: str) -> float | None:
    try:
        return float(plain)
    except ValueError:
        return None


def _computed(values: set[float]) -> set[float]:
    """Return sums, differences, products, ratios and percentages of any two figures."""
    few = sorted(values)[:_MOST_OPERANDS]
    results: set[float] = set()
    for a in few:
        for b in few:
            results |= {a + b, a - b, a * b}
            if b:
                results |= {round(a / b, digits) for digits in (0, 1, 2)}
                results |= {round(100 * a / b, digits) for digits in (0, 1)}
                results |= {round(100 * (a - b) / b, digits) for digits in (0, 1)}
    return results
