"""Numbers as texts write them, in digits and in words."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from agents.language.lexicon import word_set

_THOUSANDS = re.compile(r"\d{1,3}(?:[.,'’]\d{3})+(?![\d.,])")
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety hundred"
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth"

NUMBER_WORDS: Mapping[str, int] = MappingProxyType(
    {word: value for value, word in enumerate(_UNITS.split())}
    | {word: value * 10 for value, word in enumerate(_TENS.split(), 2)}
)
"""English words and the numbers they stand for."""
SCALES: Mapping[str, int] = MappingProxyType({"thousand": 10**3, "million": 10**6, "billion": 10**9})
"""English words that multiply the number before them."""
ORDINAL_WORDS: Mapping[str, int] = MappingProxyType({word: place for place, word in enumerate(_ORDINALS.split(), 1)})
NUMERALS = (
    word_set(
        """
        hundreds thousands millions billions trillion half quarter dozen dozens once twice thrice double triple
        zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig
        deux trois quatre cinq sept huit neuf dix onze douze quinze vingt trente
        dos tres cuatro cinco seis siete ocho nueve diez doce veinte treinta
        due tre quattro cinque sei sette otto nove dieci undici dodici venti trenta
        dois duas três quatro sete oito dez doze vinte trinta twee vijf zes zeven negen tien twaalf twintig dertig
        """
    )
    | NUMBER_WORDS.keys()
    | SCALES.keys()
    | ORDINAL_WORDS.keys()
)
"""Words of every language that say how many, how often or which: no text says the same as another with other ones."""


def number_value(written: str) -> str:
    """Return the normal form of a number in digits: "1,150" and "1150" are the same, so are "0,5" and "0.50"."""
    if written[-1].isalpha():
        written = written[:-2]
    if ":" in written:
        return written
    if _THOUSANDS.fullmatch(written):
        return re.sub(r"\D", "", written)
    value = re.sub("[,'’]", ".", written)
    return value.rstrip("0").rstrip(".") if value.count(".") == 1 else value


def number_in_words(words: str) -> float:
    """Return the value of an English number in words, in lower case: 250,000 for "two hundred and fifty thousand"."""
    whole = part = 0.0
    for word in re.split(r"[\s-]+", words):
        if word == "hundred":
            part = max(1.0, part) * 100
        elif word in SCALES:
            whole, part = whole + max(1.0, part) * SCALES[word], 0.0
        else:
            part += NUMBER_WORDS.get(word, 0)
    return whole + part
