"""A text's search terms: its words, stemmed, without stop words; numbers and codes whole."""

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from agents.documents.passages import Span
from agents.schema import Document

ENGLISH = "english"

# Codes and numbers are one word: WO-1043, 7.2, 12:30, 28,000.
_WORD = re.compile(r"\w+(?:[-./:]\w+|,\d{3}(?!\d))*")
# Chinese, Japanese and Korean are written without spaces.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_JOINT = re.compile(r"[-./:]")
_BROKEN = re.compile(r"([^\W\d_]+)(?:-\n|\u00ad\n?)[ \t]*([^\W\d_]+)")
_YEAR = 4
_SAMPLE = 20_000

_ENGLISH_STOPS = (
    "a about above after again all also am an and any are as at be because been before being below between both but "
    "by can cannot could d did do does doing done down during each either few for from further had has have having "
    "he her here hers him his how i if in into is it its itself just ll m may me might more most must my nor not now "
    "of off on once only or other our ours out over own re s same shall she should so some such t than that the "
    "their theirs them then there these they this those through thus to too under until up upon us ve very was we "
    "were what when where whether which while who whom whose why will with would yet you your yours"
)
# Enough of each language's commonest words to tell it by; they are its stop words too.
_FUNCTION_WORDS = {
    ENGLISH: "the of and to is was for that with are this from be by which have has were not it",
    "german": "der die das und ist nicht ein eine den dem des zu mit von auf für im sich wird sind bei als auch oder",
    "french": "le la les des est et une un du dans que qui pour par sur pas ce sont au aux avec il elle ne se",
    "spanish": "el la los las de que y en un una es por con para del se no su al como más fue son lo",
    "italian": "il di che la e un una per non è in con del della le gli dei nel sono da si al come anche",
    "portuguese": "o a os as de que e do da em um uma para com não por no na dos das se foi são ao mais",
    "dutch": "de het een en van is dat op te niet in zijn met voor aan er door die wordt bij ook als of naar",
    "swedish": "och att det som en är av för på med den till inte har ett om de kan vid var eller ska från",
    "danish": "og at det er en af til på for med den ikke som har et kan der de eller ved skal fra om",
    "norwegian": "og det er som en av til på for med ikke den har et kan de eller ved skal fra om å hos",
    "finnish": "ja on ei se että oli joka ovat myös tai kun niin mutta ole sen hän jos kuin ovat",
    "russian": "и в не на что с по для как это из к от у за или его при также но был",  # noqa: RUF001
    "turkish": "ve bir bu için ile da de olarak olan en gibi daha çok değil ya her kadar sonra veya",
}


@dataclass(frozen=True)
class Terms:
    """The terms of a document's passages."""

    language: str
    vocabulary: tuple[str, ...]
    lengths: "array[int]"
    """The number of terms in each passage."""
    ids: "array[int]"
    """The terms of all passages in order, as positions in the vocabulary."""


def document_terms(document: Document, spans: Iterable[Span]) -> Terms:
    """Return the terms of a document's passages, each with the headings above it."""
    texts = (f"{span.heading}\n{document.text[span.start : span.end]}" for span in spans)
    return extract_terms(texts, detect_language(document.text))


def extract_terms(texts: Iterable[str], language: str) -> Terms:
    """Return the terms of texts in one language."""
    vocabulary = _Vocabulary(language)
    lengths, ids = array("I"), array("I")
    for text in texts:
        before = len(ids)
        ids.extend(chain.from_iterable(map(vocabulary.__getitem__, _chunks(text))))
        lengths.append(len(ids) - before)
    return Terms(language, tuple(vocabulary.numbers), lengths, ids)


def query_terms(query: str, languages: Iterable[str]) -> list[str]:
    """Return a query's terms, each once, stemmed as each of the languages does."""
    found: dict[str, None] = {}
    for language in languages:
        vocabulary = _Vocabulary(language)
        for chunk in _chunks(query):
            vocabulary[chunk]
        found.update(dict.fromkeys(vocabulary.numbers))
    return list(found)


def detect_language(text: str) -> str:
    """Return the language, of those that can be stemmed, whose commonest words are most frequent; else English."""
    words = _WORD.findall(text[:_SAMPLE].lower())
    shares = {
        language: sum(map(frozenset(common.split()).__contains__, words))
        for language, common in _FUNCTION_WORDS.items()
    }
    best = max(shares, key=lambda language: shares[language])
    return best if shares[best] > shares[ENGLISH] * 1.2 else ENGLISH


class _Vocabulary(dict[str, tuple[int, ...]]):
    """Maps a word with its punctuation to the numbers of its terms."""

    def __init__(self, language: str) -> None:
        super().__init__()
        import Stemmer as Snowball

        self.numbers: dict[str, int] = {}
        self._stem = cast("Callable[[str], str]", cast("Any", Snowball).Stemmer(language).stemWord)
        self._stops = frozenset((_ENGLISH_STOPS if language == ENGLISH else _FUNCTION_WORDS[language]).split())

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        parts = (part for word in _WORD.findall(chunk) for part in _parts(word) if part not in self._stops)
        terms = map(self._stem, parts)
        numbers = tuple(self.numbers.setdefault(term, len(self.numbers)) for term in terms)
        self[chunk] = numbers
        return numbers


def _chunks(text: str) -> list[str]:
    """Return a text's words with their punctuation, in lower case; hyphenated line breaks also as whole words."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text.lower()
    chunks = text.split()
    if "-\n" in text or "\u00ad" in text:
        chunks += [first + second for first, second in _BROKEN.findall(text)]
    return chunks


def _parts(word: str) -> list[str]:
    """Return the terms of a word: `wo-1043`, `wo` and `1043`; but only `7.2`."""
    if not word.isascii() and (runs := _UNSPACED.findall(word)):
        pairs = [run[index : index + 2] for run in runs for index in range(max(1, len(run) - 1))]
        return pairs + _UNSPACED.sub(" ", word).split()
    if "," in word:
        return [word.replace(",", "")]
    parts = _JOINT.split(word)
    if len(parts) == 1:
        return parts
    if all(map(str.isdigit, parts)):
        return [word, *(part for part in parts if len(part) >= _YEAR)]
    return [word, *parts]
