"""Words of a text as stems with offsets; numbers are compared by value, not by how they are written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol, cast

from agents.language.lexicon import ENGLISH, Language, language_of

_WORD = re.compile(r"\d+(?:[.,:'’]\d+)*(?:st|nd|rd|th)?|[^\W_]+")
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,'’]\d{3})+(?![\d.,])")
_LONGEST_WORD = 40

_POSITIONS = "first second third fourth fifth sixth seventh eighth ninth tenth"
_COUNTED = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
NUMBER_WORDS: Mapping[str, str] = MappingProxyType(
    {word: str(value) for value, word in enumerate(_COUNTED.split())}
    | {"twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "ninety": "90", "hundred": "100"}
)
ORDINAL_WORDS: Mapping[str, int] = MappingProxyType(
    {word: position for position, word in enumerate(_POSITIONS.split(), 1)}
)
# Forms of irregular English verbs and nouns that Snowball leaves apart, behind their base form.
_IRREGULAR = """
be been|become became|begin began begun|break broke broken|bring brought|build built|buy bought|catch caught
choose chose chosen|come came|cut cut|do done did|draw drew drawn|drink drank drunk|drive drove driven|eat ate eaten
fall fell fallen|feel felt|fight fought|find found|fly flew flown|forbid forbade forbidden|forget forgot forgotten
freeze froze frozen|get got gotten|give gave given|go went gone|grind ground|grow grew grown|hear heard
hide hid hidden|hold held|keep kept|know knew known|lay laid|lead led|leave left|lend lent|light lit|lose lost
make made|mean meant|meet met|pay paid|ride rode ridden|ring rang rung|rise rose risen|run ran|say said|see saw seen
seek sought|sell sold|send sent|shine shone|sing sang sung|sink sank sunk|sit sat|sleep slept|speak spoke spoken
spend spent|stand stood|steal stole stolen|stick stuck|strike struck|swear swore sworn|swim swam swum
take took taken|teach taught|tear tore torn|tell told|think thought|throw threw thrown|understand understood
wear wore worn|win won|write wrote written|withdraw withdrew withdrawn|overcome overcame
undertake undertook undertaken|child children|man men|woman women|foot feet|tooth teeth|mouse mice|person people
century centuries|analysis analyses|index indices
"""


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it stands."""

    text: str
    stem: str
    start: int
    end: int
    function: bool
    """Whether it carries grammar rather than content."""


class _Stems(Protocol):
    def stemWord(self, word: str, /) -> str: ...  # noqa: N802 - Snowball's own name


class _Snowball(Protocol):
    def Stemmer(self, language: str, /) -> _Stems: ...  # noqa: N802 - Snowball's own name


class Vocabulary:
    """Stems the words of one language; not shared between threads, as Snowball's stemmers must not be."""

    def __init__(self, language: Language) -> None:
        import Stemmer

        self.language = language
        self._snowball = cast("_Snowball", Stemmer).Stemmer(language.stemmer)
        self._stems: dict[str, str] = {}

    @classmethod
    def of(cls, text: str) -> "Vocabulary":
        """Return the vocabulary of a text's language."""
        return cls(language_of(text))

    def stem(self, word: str) -> str:
        """Return the stem of a word, or the normal form of a number."""
        found = self._stems.get(word)
        if found is None:
            found = self._stems[word] = self._make_stem(word)
        return found

    def words(self, text: str) -> list[Word]:
        """Return every word of a text in order."""
        words: list[Word] = []
        for match in _WORD.finditer(text):
            word, start = match.group(), match.start()
            function = word.lower() in self.language.function_words and not _is_label(text, word, start)
            words.append(Word(word, self.stem(word), start, match.end(), function))
        return words

    def terms(self, text: str) -> list[str]:
        """Return the stems of a text's content words in order, repetitions included."""
        return [word.stem for word in self.words(text) if not word.function]

    def _make_stem(self, word: str) -> str:
        if word[0].isdigit():
            return number_value(word)
        if len(word) == 1:
            return word
        lowered = word.lower()[:_LONGEST_WORD]
        if self.language is ENGLISH:
            lowered = _base_forms().get(lowered, lowered)
        return NUMBER_WORDS.get(lowered) or self._snowball.stemWord(lowered)


@lru_cache(maxsize=1)
def _base_forms() -> Mapping[str, str]:
    forms: dict[str, str] = {}
    for entry in _IRREGULAR.replace("\n", "|").split("|"):
        base, *others = entry.split() or [""]
        forms.update(dict.fromkeys(others, base))
    return MappingProxyType(forms)


def number_value(written: str) -> str:
    """Return a number's normal form: "1,150" and "1150" are the same, so are "0,5" and "0.50"."""
    if written[-1].isalpha():
        written = written[:-2]
    if ":" in written:
        return written
    if _THOUSANDS.fullmatch(written):
        return re.sub(r"\D", "", written)
    value = re.sub("[,'’]", ".", written)
    return value.rstrip("0").rstrip(".") if value.count(".") == 1 else value


def _is_label(text: str, word: str, start: int) -> bool:
    """Whether capitals make a function word a name: "train A", "in May", "the IT staff"."""
    if not word[0].isupper() or word == "I" or start < 2:
        return False
    inside = text[start - 1] in "-/" or (
        text[start - 1] in " \u00a0" and (text[start - 2].isalnum() or text[start - 2] == ",")
    )
    if len(word) == 1 or word == "May":
        return inside
    return len(word) <= 3 and word.isupper() and not text[max(0, start - 12) : start + 12].isupper()
