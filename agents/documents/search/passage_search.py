"""Searching any set of documents; the indexes of the sets that were searched last are kept."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

from agents.documents.passages import Span, Terms
from agents.documents.recent import Recent
from agents.documents.search.bm25 import PassageIndex, Ranked
from agents.documents.search.embeddings import DIMENSIONS, MODEL, Embed, load_embedding
from agents.documents.store import Store
from agents.documents.terms import document_terms
from agents.schema import Document

Load = Callable[[str], tuple[Document, tuple[Span, ...]]]
"""Returns a document and the places of its passages; raises DocumentError if it is unknown."""


class PassageSearch:
    """Ranks the passages of any set of documents.

    Args:
        store: Where the passages' terms and embeddings are stored.
        size: The passages' size.
        load: Returns a document with its passages, by its id.
        recent: Where indexes are kept.
        embeddings: Whether to rank by embeddings too.
        embed: Makes them; the packaged model by default.
    """

    def __init__(
        self, store: Store, size: int, load: Load, recent: Recent, *, embeddings: bool, embed: Embed | None
    ) -> None:
        self._store = store
        self._size = size
        self._load = load
        self._recent = recent
        self._embeddings = embeddings
        self._embed = embed
        self._building = asyncio.Lock()

    async def rank(self, query: str, document_ids: tuple[str, ...], limit: int) -> list[Ranked]:
        """Return the passages that match a query best, best first.

        Raises:
            DocumentError: One of the documents is unknown.
            SettingsError: Embeddings are asked for and not installed.
        """
        async with self._building:
            index = await asyncio.to_thread(self._index, document_ids)
        return await asyncio.to_thread(self._rank, index, query, limit)

    def _index(self, document_ids: tuple[str, ...]) -> PassageIndex:
        key = ("index", document_ids)
        index = cast("PassageIndex | None", self._recent.get(key))
        if index is None:
            index = self._build(document_ids)
            self._recent.keep(key, index, index.size)
        return index

    def _rank(self, index: PassageIndex, query: str, limit: int) -> list[Ranked]:
        return index.rank(query, limit, self._embed_texts([query])[0] if self._embeddings else None)

    def _build(self, document_ids: tuple[str, ...]) -> PassageIndex:
        terms = [self._terms(document_id) for document_id in document_ids]
        vectors = [self._vectors(document_id) for document_id in document_ids] if self._embeddings else None
        return PassageIndex(terms, vectors)

    def _terms(self, document_id: str) -> Terms:
        terms = self._store.terms(document_id, self._size)
        if terms is not None:
            return terms
        document, spans = self._load(document_id)
        return document_terms(document, spans)

    def _vectors(self, document_id: str) -> Any:  # noqa: ANN401
        """Return the embeddings of a document's passages, made and stored if they are not."""
        import numpy as np

        stored = self._store.vectors(document_id, self._size, MODEL)
        if stored is not None:
            return np.frombuffer(stored, dtype=np.float32).reshape(-1, DIMENSIONS)
        document, spans = self._load(document_id)
        vectors = self._embed_texts([f"{span.heading}\n{document.text[span.start : span.end]}" for span in spans])
        self._store.add_vectors(document_id, self._size, MODEL, vectors.tobytes())
        return vectors

    def _embed_texts(self, texts: Sequence[str]) -> Any:  # noqa: ANN401
        import numpy as np

        if self._embed is None:
            self._embed = load_embedding()
        return np.frombuffer(self._embed(texts), dtype=np.float32).reshape(len(texts), -1)
