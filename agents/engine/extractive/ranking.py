"""Which sentences of a text answer a question, and how likely any of them does.

A sentence is ranked by five measures of the words that it and its surroundings share with the question; rare words
count for more. How the measures are weighed, and what they tell of whether the question is answered at all, is fitted
on real questions (agents/engine/extractive/weights.py).
"""

import itertools
import math
import re
import sys
import unicodedata
from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from threading import Condition
from typing import Any

from cachetools import LRUCache, cached

from agents.engine.extractive.statements import vocabulary_of
from agents.engine.extractive.weights import ANSWER_WEIGHT, CONFIDENCE, MEASURES
from agents.language.lexicon import language_of
from agents.language.sentences import split_sentences
from agents.language.stems import Vocabulary
from agents.language.unspaced import join_lines
from agents.schema import Passage

_KEPT_BYTES = 64 * 1024**2
"""Of the indexes that are kept: of texts of some 17 million characters together."""
_STEM_BYTES, _PASSAGE_BYTES = 150, 1_200
"""Of a stem and its number, and of a passage without its text, as tracemalloc counts 20,000 of each."""
_MAX_RANKED = 200
_SENTENCES_ELSEWHERE = 100
"""So that the best sentence of a short text is not taken for an answer for want of others: of texts of three passages
told as many answering from silent ones with 20 to 200, fewer without."""
_RULE = re.compile(r"\|[ |:-]+")
"""What stands between a table's head and its rows."""
_K1, _B, _B_OF_SENTENCES = 1.2, 0.75, 0.4
"""Of BM25; the first two are Lucene's. What is short among sentences is a heading or a cell, and no better for it."""


@dataclass(frozen=True)
class Ranked:
    """A sentence, `passage.text[start:end]`, and how well it answers."""

    passage: Passage
    start: int
    end: int
    score: float
    page: int
    """The number of its page among all that were ranked; of its passage where its document has no pages."""


@dataclass(frozen=True)
class Ranking:
    """What a text has to say to a question."""

    sentences: tuple[Ranked, ...] = ()
    """The best of those that share words with the question, or stand beside one that does, best first."""
    opening: Ranked | None = None
    """The best of the first page of the best sentence's document; where none shares a word, the text's first."""
    confidence: float = 0.0
    """How likely the text answers the question, 0 to 1."""
    unknown: tuple[str, ...] = ()
    """The question's words that stand nowhere in the text."""
    stems: frozenset[str] = frozenset()
    """Of all of the question's words."""


class TextIndex:
    """The words of passages, sentence by sentence, to be ranked for any question.

    Args:
        passages: Of one or several documents, in any order.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        import numpy as np

        self.passages = sorted(passages, key=lambda passage: (passage.document_id, passage.start))
        vocabulary = vocabulary_of(self.passages)
        self._language = vocabulary.language
        spans, heads = array("i"), array("i")
        for number, passage in enumerate(self.passages):
            head, first = -1, len(heads)
            for start, end in split_sentences(passage.text):
                if not passage.text.startswith("|", start):
                    head = -1
                elif len(heads) > first and _RULE.fullmatch(passage.text, start, end):
                    head = len(heads) - 1
                    heads[head] = -1
                heads.append(head)
                spans.extend((number, start, end))
        self.spans: Any = np.array(spans).reshape(-1, 3)
        """Of each sentence: the number of its passage, and where it starts and ends in its text."""
        self._passage_of = self.spans[:, 0]
        heads = np.array(heads)
        self._rows = np.flatnonzero(heads >= 0)
        """The sentences that are rows of a table whose head stands in the same passage."""
        self._head_of = heads[self._rows]
        stems = _StemNumbers(vocabulary)
        of_each = zip(spans[::3], spans[1::3], spans[2::3], strict=True)
        self._sentences = _Tokens(stems.of(self.passages[number].text[start:end]) for number, start, end in of_each)
        self._headings = _Tokens(stems.of(passage.heading) for passage in self.passages)
        self._known = stems.known
        paged = {each.document_id for each in self.passages if each.page > 1}
        pages = [(each.document_id, each.page if each.document_id in paged else each.start) for each in self.passages]
        numbers = {page: number for number, page in enumerate(dict.fromkeys(pages))}
        self._page_of = np.array([numbers[page] for page in pages], dtype=np.int64)

    @property
    def size(self) -> int:
        """Bytes that it takes, its passages included."""
        texts = sum(sys.getsizeof(passage.text) + _PASSAGE_BYTES for passage in self.passages)
        arrays = self.spans.nbytes + self._sentences.nbytes + self._headings.nbytes
        return texts + arrays + len(self._known) * _STEM_BYTES

    def rank(self, text: str, answer: str = "") -> Ranking:
        """Rank the sentences for a question, or as sources of an answer to it.

        Args:
            text: The question.
            answer: What a model answers. A sentence that shares its words, too, is the likelier source, and the surer.
        """
        import numpy as np

        question = self.question(text)
        if not question or not len(self.spans):
            return Ranking()
        unknown = tuple(word for stem, word in question.items() if stem not in self._known)
        weights = np.array(list(MEASURES.values()))
        scores = self.measure(question) @ weights
        if answer and (said := self.question(answer)):
            scores = scores + ANSWER_WEIGHT * (self.measure(said) @ weights)
        signs = self.signs(question, scores)
        order = [place for place in np.argsort(-scores, kind="stable")[:_MAX_RANKED] if scores[place] > 0.0]
        if not order:
            return Ranking(opening=self._ranked(0, scores), unknown=unknown)
        log_odds = CONFIDENCE["bias"] + sum(CONFIDENCE[name] * value for name, value in signs.items())
        ranked = tuple(self._ranked(place, scores) for place in order)
        begins = next(n for n, each in enumerate(self.passages) if each.document_id == ranked[0].passage.document_id)
        on_first = (self._page_of == self._page_of[begins])[self._passage_of]
        opening = self._ranked(int(np.argmax(np.where(on_first, scores, -1.0))), scores)
        return Ranking(ranked, opening, 1.0 / (1.0 + math.exp(-log_odds)), unknown, frozenset(question))

    def _ranked(self, place: int, scores: Any) -> Ranked:  # noqa: ANN401
        number, start, end = map(int, self.spans[place])
        return Ranked(self.passages[number], start, end, float(scores[place]), int(self._page_of[number]))

    def question(self, text: str) -> dict[str, str]:
        """Return a question's content words, each once, by their stems; it may be in another language than the text."""
        small = language_of(text).function_words
        found: dict[str, str] = {}
        for word in Vocabulary(self._language).words(unicodedata.normalize("NFKC", text)):
            if not word.function and word.text.lower() not in small:
                found.setdefault(word.stem, word.text)
        return found

    def measure(self, question: Collection[str]) -> Any:  # noqa: ANN401
        """Return each sentence's measures, in the order of `MEASURES`, for a question's stems."""
        import numpy as np

        numbers = [self._known.get(stem, -1) for stem in question]
        sentences = self._sentences.counts(numbers)
        passages = self._headings.counts(numbers)
        np.add.at(passages, self._passage_of, sentences)
        lengths = self._headings.lengths + np.bincount(self._passage_of, self._sentences.lengths, len(passages))
        pages = np.zeros((1 + self._page_of.max(), len(numbers)))
        np.add.at(pages, self._page_of, passages)
        idf = _idf(passages)
        beside = (self._passage_of[:-1] == self._passage_of[1:])[:, None]
        # A row says what its cells say below the names of their columns; the rows beside it are about others.
        sentences[self._rows] += sentences[self._head_of]
        around = sentences.copy()
        around[1:] += sentences[:-1] * beside
        around[:-1] += sentences[1:] * beside
        around[self._rows] = sentences[self._rows]
        on_page = _bm25(pages, np.bincount(self._page_of, lengths), _idf(pages), _B)
        measures = (
            _bm25(sentences, self._sentences.lengths, idf, _B_OF_SENTENCES),
            (around > 0) @ idf / idf.sum(),
            _bm25(passages, lengths, idf, _B)[self._passage_of],
            on_page[self._page_of][self._passage_of],
            self._sentences.pairs(numbers) / max(1, len(numbers) - 1),
        )
        return np.stack(measures, axis=1)

    def signs(self, question: Collection[str], scores: Any) -> dict[str, float]:  # noqa: ANN401
        """Return what tells of whether the best sentence answers.

        The logarithm of its share among all sentences, and of sentences elsewhere that hold no word of the question;
        and whether a number of the question stands nowhere in the text.
        """
        import numpy as np

        best = scores.max()
        share = -np.log(np.exp(scores - best).sum() + _SENTENCES_ELSEWHERE * np.exp(-best))
        numbers = {stem for stem in question if stem[0].isdigit()}
        return {"log_share": float(share), "unknown_number": float(not numbers <= self._known.keys())}


@cached(LRUCache[object, TextIndex](_KEPT_BYTES, getsizeof=lambda index: index.size), condition=Condition())
def text_index(passages: tuple[Passage, ...]) -> TextIndex:
    """Return the index of passages, made once for all who ask for it at once; those that were used last are kept."""
    return TextIndex(passages)


class _StemNumbers(dict[str, tuple[int, ...]]):
    """Maps what stands between two spaces to the numbers of its stems.

    Tuples of numbers, unlike lists, are nothing to the garbage collector, for which every thread waits.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self.known: dict[str, int] = {}

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        terms = self._vocabulary.terms(unicodedata.normalize("NFKC", chunk))
        self[chunk] = tuple(self.known.setdefault(term, len(self.known)) for term in terms)
        return self[chunk]

    def of(self, text: str) -> tuple[int, ...]:
        """Return the numbers of a text's stems, in order."""
        return tuple(number for chunk in join_lines(text).split() for number in self[chunk])


class _Tokens:
    """Stems by their numbers, text by text."""

    def __init__(self, texts: Iterable[Sequence[int]]) -> None:
        import numpy as np

        # Text by text: no step on all of them at once, for which every thread would wait.
        tokens, lengths = array("i"), array("i")
        for text in texts:
            tokens.extend(text)
            lengths.append(len(text))
        self._tokens, self.lengths = np.array(tokens), np.array(lengths)
        self._text_of = np.repeat(np.arange(len(lengths), dtype=np.int32), self.lengths)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return self._tokens.nbytes + self.lengths.nbytes + self._text_of.nbytes

    def counts(self, numbers: Sequence[int]) -> Any:  # noqa: ANN401
        """Return how often each stem stands in each text."""
        import numpy as np

        found = (self._text_of[self._tokens == number] for number in numbers)
        return np.stack([np.bincount(texts, minlength=len(self.lengths)) for texts in found], axis=1)

    def pairs(self, numbers: Sequence[int]) -> Any:  # noqa: ANN401
        """Return for each text how many of the stems stand in it right before the next one."""
        import numpy as np

        held = np.zeros(len(self.lengths))
        one, two = self._tokens[:-1], self._tokens[1:]
        inside = self._text_of[:-1] == self._text_of[1:]
        for first, second in itertools.pairwise(numbers):
            held[np.unique(self._text_of[:-1][(one == first) & (two == second) & inside])] += 1
        return held


def _idf(counts: Any) -> Any:  # noqa: ANN401
    """Return how rare each stem is among texts."""
    import numpy as np

    holders = (counts > 0).sum(axis=0)
    return np.log(1.0 + (len(counts) - holders + 0.5) / (holders + 0.5))


def _bm25(counts: Any, lengths: Any, idf: Any, b: float) -> Any:  # noqa: ANN401
    """Return each text's BM25 as a share of what a text that holds every stem once, and is of mean length, gets."""
    norm = _K1 * (1.0 - b + b * lengths / max(1.0, lengths.mean()))
    return (counts * (_K1 + 1.0) / (counts + norm[:, None])) @ idf / idf.sum()
