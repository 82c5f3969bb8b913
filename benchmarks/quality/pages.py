"""The plainest search there is, to be set beside the product: BM25 over whole pages, with stemmed words.

Three pages are cited, best first, and nothing is ever refused. Words are stemmed as the document's language does; where
no spaces part the words, pairs of letters stand for them.
"""

import re
import time
from typing import Any, cast

from agents.documents.library import Library
from agents.language.lexicon import language_of
from agents.language.unspaced import UNSPACED
from agents.schema import Document
from benchmarks.quality.questions import Question
from benchmarks.quality.systems import Cited, Reply

PAGES = 3
CHARACTERS = 3_000
"""Of a page, where the document has none; of these the middle is cited, as wide as a gold citation may stand away."""
_WORD = re.compile(rf"[{UNSPACED}]+|(?:(?![{UNSPACED}])\w)+")
_UNSPACED = re.compile(f"[{UNSPACED}]")


class PagesByBM25:
    """Ranks the pages of a document.

    Args:
        name: What the results call it.
        library: Opens the documents, for the product too.
    """

    def __init__(self, name: str, library: Library) -> None:
        self.name = name
        self._library = library
        self._indexes: dict[str, _Pages] = {}

    async def answer(self, question: Question) -> Reply:
        """Cite the best pages."""
        started = time.monotonic()
        document = await self._library.open(str(question.document))
        index = self._indexes.get(document.document_id)
        if index is None:
            index = self._indexes[document.document_id] = _Pages(document)
        found = index.best(question.text)
        return Reply(
            question=question.id,
            system=self.name,
            text="\n".join(each.quote for each in found),
            citations=found,
            claims=len(found),
            supported=len(found),
            seconds=time.monotonic() - started,
        )


class _Pages:
    """The index of one document's pages."""

    def __init__(self, document: Document) -> None:
        import bm25s as untyped
        import Stemmer

        self._document = document
        self._stem = cast("Any", Stemmer).Stemmer(language_of(document.text).stemmer).stemWord
        self._spans = [(page.number, page.start, page.end) for page in document.pages]
        if len(document.pages) == 1:
            starts = range(0, len(document.text), CHARACTERS)
            self._spans = [(1, start, min(len(document.text), start + CHARACTERS)) for start in starts]
        self._bm25 = cast("Any", untyped).BM25(k1=1.2, b=0.75)
        self._bm25.index([self._terms(document.text[start:end]) for _, start, end in self._spans], show_progress=False)

    def best(self, question: str) -> tuple[Cited, ...]:
        """Return the best pages."""
        scores = self._bm25.get_scores(list(dict.fromkeys(self._terms(question))))
        order = sorted(range(len(self._spans)), key=lambda place: (-scores[place], place))
        return tuple(self._cited(*self._spans[place]) for place in order[:PAGES])

    def _cited(self, page: int, start: int, end: int) -> Cited:
        margin = (end - start) // 3 if len(self._document.pages) == 1 else 0
        quote = self._document.text[start:end]
        return Cited(page=page, start=start + margin, end=end - margin, quote=quote)

    def _terms(self, text: str) -> list[str]:
        terms: list[str] = []
        for word in _WORD.findall(text.lower()):
            unspaced = _UNSPACED.match(word)
            terms += [word[at : at + 2] for at in range(max(1, len(word) - 1))] if unspaced else [self._stem(word)]
        return terms
