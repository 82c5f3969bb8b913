"""Figures of a text, in digits and in words, and what can be computed from them."""

import re

_FIGURE = re.compile(r"\d+(?:[.,:/-]\d+)*")
_COMPUTING = re.compile(
    r"[%=+\u00d7]|\b(?:together|totals?|sum|altogether|combined|in all|further|leaves|left|remain(?:s|ing)?|twice|times"
    r"|double[sd]?|triple[sd]?|half|halves|percent|per cent|percentage|ratio|average|mean|more|less|fewer|longer"
    r"|shorter|higher|lower|older|younger|later|earlier|between|difference|differs?|rose|rises?|rising|grew|grows?"
    r"|increase[sd]?|fell|falls?|drop(?:s|ped)?|decrease[sd]?|zusammen|insgesamt|mehr|weniger|prozent|unterschied|differenz"
    r"|doppelt|total|ensemble|somme|plus|moins|différence|pour cent|juntos|suma|más|menos|diferencia|por ciento)\b",
    re.IGNORECASE,
)
_UNITS: dict[str, float] = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9}
_NUMBER_WORD = "|".join(sorted([*_UNITS, *_SCALES, "hundred"], key=len, reverse=True))
_IN_WORDS = re.compile(rf"\b(?:{_NUMBER_WORD})(?:(?:\s+and\s+|[\s-]+)(?:{_NUMBER_WORD}))*\b")


def unsupported_figures(claim: str, quoted: str) -> set[str]:
    """Return the figures of a claim that neither stand in the quoted text nor follow from two of its figures.

    A figure counts as computed only where the claim says that it is: "together", "more", "percent".
    """
    given, held = figures(quoted), numbers(quoted)
    missing = figures(claim).keys() - given.keys()
    if says_computed(claim):
        held |= _computed(held)
    return {figure for plain, figure in figures(claim).items() if plain in missing and _value(plain) not in held}


def uncounted(claim: str, quoted: str) -> set[float]:
    """Return the numbers written in words that neither stand in the quoted text nor are said to be computed."""
    return set() if says_computed(claim) else counts(claim) - numbers(quoted)


def says_computed(claim: str) -> bool:
    """Whether a claim says that it adds up or compares what its quotes say."""
    return bool(_COMPUTING.search(claim))


def figures(text: str) -> dict[str, str]:
    """Return the figures of a text: in plain digits, and as they stand there."""
    return {_plain(figure): figure for figure in _FIGURE.findall(text)}


def counts(text: str) -> set[float]:
    """Return the numbers that are written in words, "one" left out: it mostly counts nothing."""
    return {_number_in_words(found) for found in _IN_WORDS.findall(text.casefold()) if found != "one"}


def numbers(text: str) -> set[float]:
    """Return the values of a text's numbers, in digits or in words."""
    values = {value for plain in figures(text) if (value := _value(plain)) is not None}
    return values | {_number_in_words(found) for found in _IN_WORDS.findall(text.casefold())}


def _number_in_words(words: str) -> float:
    whole = part = 0.0
    for word in re.split(r"[\s-]+", words):
        if word == "hundred":
            part = max(1.0, part) * 100
        elif word in _SCALES:
            whole, part = whole + max(1.0, part) * _SCALES[word], 0.0
        else:
            part += _UNITS.get(word, 0.0)
    return whole + part


def _plain(figure: str) -> str:
    """Write a figure without thousands separators: 1,000 and 1000 are the same."""
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", figure)


def _value(plain: str) -> float | None:
    try:
        return float(plain)
    except ValueError:
        return None


def _computed(values: set[float]) -> set[float]:
    """Return sums, differences, products, ratios and percentages of any two figures."""
    few = sorted(values)[:24]
    results: set[float] = set()
    for a in few:
        for b in few:
            results |= {a + b, a - b, a * b}
            if b:
                results |= {round(a / b, digits) for digits in (0, 1, 2)}
                results |= {round(100 * a / b, digits) for digits in (0, 1)}
                results |= {round(100 * (a - b) / b, digits) for digits in (0, 1)}
    return results
