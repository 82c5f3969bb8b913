"""Which units can answer a question for a quantity: a depth is not given in hours."""

import re
from functools import lru_cache

from agents.engine.extractive.patterns import labelled

# The question's words, behind them the units of an answer.
_ASKED = """
length       how (?:deep|high|tall|wide|thick|far|close|near)
length       how long is the (?:road|pipe|track|wall|bridge|pier|cable|tunnel|river|fence|rope)
length       (?:depth|height|width|thickness|distance|diameter|altitude|aperture|length)s?\\b
length       how many (?:kilomet|met|mile|feet|inch|centimet|millimet)
mass         how heavy|how many (?:kilo|tonnes|tons|grams|pounds of)|(?:weight|mass)\\b
temperature  how (?:hot|cold|warm|cool)|temperatures?\\b|how many degrees
speed        how fast (?:is|was|are|were)
speed        how fast .*\\b(?:runs?|go|goes|turns?|moves?|sails?|drives?|fl(?:y|ies)|spins?)\\b
speed        speeds?\\b|velocity
sound        how loud|noise level|decibel
pressure     pressures?\\b(?! loss)
voltage      voltages?\\b|how many volts
energy       how many kilowatt|how many watts
area         how many (?:hectares|acres|square)|surface area
"""
_UNITS = """
length       [kmcµμn]?m|(?:kilo|centi|milli)?met(?:er|re)s?|feet|foot|inch(?:es)?|miles?
mass         [kmµμ]?g|t|tonnes?|tons?|kilo(?:gram)?s?|grams?|pounds?|lbs?
temperature  °\\s?[CFK]|[CFK]|degrees?
speed        [mk]?m/[sh]|km/h|mph|knots?|kt|met(?:er|re)s? (?:per|a) (?:second|hour)|kilomet(?:er|re)s? (?:per|an) hour
sound        dB(?:\\(A\\))?|decibels?
pressure     m?bar|[kM]?Pa|psi|atmospheres?
voltage      [kmM]?V|volts?
energy       [kMG]?Wh?|kilowatts?|kilowatt-hours?|watts?
area         [kmc]?m²|hectares?|acres?|square \\w+
"""


def dimension_of(question: str) -> str:
    """Return what a question measures, or "" where any quantity may answer."""
    for dimension, pattern in _asked():
        if pattern.search(question):
            return dimension
    return ""


def measures(quantity: str, dimension: str) -> bool:
    """Whether a quantity is given in one of a dimension's units: "14 m" is a length."""
    return bool(_units()[dimension].search(quantity))


@lru_cache(maxsize=1)
def _asked() -> tuple[tuple[str, re.Pattern[str]], ...]:
    forms = labelled(_ASKED)
    return tuple((dimension, re.compile(rf"\b(?:{form})", re.IGNORECASE)) for dimension, form in forms)


@lru_cache(maxsize=1)
def _units() -> dict[str, re.Pattern[str]]:
    return {dimension: re.compile(rf"(?:^|[\d\s])(?:{form})$") for dimension, form in labelled(_UNITS)}
