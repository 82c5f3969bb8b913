"""A text's search terms: its words, stemmed, without stop words; numbers and codes whole.

In scripts without spaces, units (agents/language/unspaced.py) stand for words.
"""

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, cast

from agents.documents.passages import Span, Terms
from agents.language.lexicon import LANGUAGES, language_of
from agents.language.numbers import fold_digits
from agents.language.unspaced import UNSPACED, units
from agents.schema import Document

# Codes and numbers are one word: WO-1043, 7.2, 12:30, 28,000.
_WORD = re.compile(r"\w+(?:[-./:]\w+|,\d{3}(?!\d))*")
_UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")
_JOINT = re.compile(r"[-./:]")
_BROKEN = re.compile(r"([^\W\d_]+)(?:-\n|\u00ad\n?)[ \t]*([^\W\d_]+)")
_YEAR = 4


def document_terms(document: Document, spans: Iterable[Span]) -> Terms:
    """Return the terms of a document's passages, each with the headings above it."""
    texts = (f"{span.heading}\n{document.text[span.start : span.end]}" for span in spans)
    return extract_terms(texts, language_of(document.text).stemmer)


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


class _Vocabulary(dict[str, tuple[int, ...]]):
    """Maps a word with its punctuation to the numbers of its terms."""

    def __init__(self, language: str) -> None:
        super().__init__()
        import Stemmer as Snowball

        self.numbers: dict[str, int] = {}
        self._stem = cast("Callable[[str], str]", cast("Any", Snowball).Stemmer(language).stemWord)
        self._stops = LANGUAGES[language.title()].function_words

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        terms: list[str] = []
        if not chunk.isascii() and _UNSPACED_RUN.search(chunk):
            chunk = fold_digits(chunk)
            terms = [unit.text for unit in units(chunk) if unit.kind in ("pair", "number")]
            chunk = _UNSPACED_RUN.sub(" ", chunk)
        parts = (part for word in _WORD.findall(chunk) for part in _parts(word) if part not in self._stops)
        terms += map(self._stem, parts)
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
    if "," in word:
        return [word.replace(",", "")]
    parts = _JOINT.split(word)
    if len(parts) == 1:
        return parts
    if all(map(str.isdigit, parts)):
        return [word, *(part for part in parts if len(part) >= _YEAR)]
    return [word, *parts]
