"""Searching over any set of documents, with their index built once and kept for a while."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from agents.documents.passages import Span
from agents.documents.search.bm25 import PassageIndex, Ranked
from agents.documents.search.embeddings import DIMENSIONS, MODEL, Embed, load_embedding
from agents.documents.search.terms import Terms, document_terms
from agents.documents.store import Store
from agents.schema import Document

_HELD_INDEXES = 4

Cut = Callable[[str], tuple[Document, tuple[Span, ...]]]
"""Returns a document and its passages, cut and kept if they were not; raises DocumentError."""


class PassageSearch:
    """Indexes over sets of documents.

    Args:
        store: Where the passages' terms are kept.
        size: The passages' size.
        document: Returns a document with its passages, by its id.
        embeddings: Whether embeddings take part.
        embed: Makes them; the packaged model by default.
    """

    def __init__(self, store: Store, size: int, document: Cut, *, embeddings: bool, embed: Embed | None) -> None:
        self._store = store
        self._size = size
        self._document = document
        self._embeddings = embeddings
        self._embed = embed
        self._indexes: OrderedDict[tuple[str, ...], PassageIndex] = OrderedDict()
        self._building = asyncio.Lock()

    async def rank(self, query: str, document_ids: tuple[str, ...], limit: int) -> list[Ranked]:
        """Return the best passages.

        Raises:
            DocumentError: One of the documents is unknown.
            SettingsError: Embeddings are asked for and not installed.
        """
        index = self._indexes.get(document_ids)
        if index is None:
            async with self._building:
                index = self._indexes.get(document_ids) or await asyncio.to_thread(self._build, document_ids)
                self._indexes[document_ids] = index
                while len(self._indexes) > _HELD_INDEXES:
                    self._indexes.popitem(last=False)
        else:
            self._indexes.move_to_end(document_ids)
        return await asyncio.to_thread(self._rank, index, query, limit)

    def clear(self) -> None:
        """Let go of all indexes."""
        self._indexes.clear()

    def _rank(self, index: PassageIndex, query: str, limit: int) -> list[Ranked]:
        return index.rank(query, limit, self._vectors_of([query])[0] if self._embeddings else None)

    def _build(self, document_ids: tuple[str, ...]) -> PassageIndex:
        terms = [self._terms(document_id) for document_id in document_ids]
        vectors = [self._vectors(document_id) for document_id in document_ids] if self._embeddings else None
        return PassageIndex(terms, vectors)

    def _terms(self, document_id: str) -> Terms:
        terms = self._store.terms(document_id, self._size)
        if terms is not None:
            return terms
        document, spans = self._document(document_id)
        return document_terms(document, spans)

    def _vectors(self, document_id: str) -> Any:  # noqa: ANN401
        """Return the embeddings of a document's passages, made if they are not kept yet."""
        import numpy as np

        kept = self._store.vectors(document_id, self._size, MODEL)
        if kept is not None:
            return np.frombuffer(kept, dtype=np.float32).reshape(-1, DIMENSIONS)
        document, spans = self._document(document_id)
        vectors = self._vectors_of([f"{span.heading}\n{document.text[span.start : span.end]}" for span in spans])
        self._store.add_vectors(document_id, self._size, MODEL, vectors.tobytes())
        return vectors

    def _vectors_of(self, texts: Sequence[str]) -> Any:  # noqa: ANN401
        import numpy as np

        if self._embed is None:
            self._embed = load_embedding()
        return np.frombuffer(self._embed(texts), dtype=np.float32).reshape(len(texts), -1)
