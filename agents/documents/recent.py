"""What of documents is kept in memory: whatever was used last, up to a ceiling that all kinds of it share."""

import sys
import threading
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from cachetools import LRUCache

from agents.documents.passages import Span
from agents.schema import Document, Passage

# Bytes of a value and what it holds, as tracemalloc counts 20,000 of each; texts come on top.
_PAGE, _HEADING, _SPAN, _PASSAGE = 1_100, 600, 200, 1_200


class _Sized(NamedTuple):
    value: Any
    size: int


class Recent:
    """Values by their keys, for all threads; what was not used for longest goes first.

    Args:
        max_bytes: Of all together. What alone is larger is not kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._held: LRUCache[Hashable, _Sized] = LRUCache(max_bytes, getsizeof=lambda sized: sized.size)

    def get(self, key: Hashable) -> Any:  # noqa: ANN401 - whoever has kept it knows what it is
        """Return what is kept under a key, or None."""
        with self._lock:
            held = self._held.get(key)
        return held and held.value

    def keep(self, key: Hashable, value: object, size: int) -> None:
        """Keep a value of so many bytes, and drop as many others as that takes."""
        with self._lock:
            if size <= self._max_bytes:
                self._held[key] = _Sized(value, size)

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._held.clear()


def size_of_document(document: Document, spans: Sequence[Span]) -> int:
    """Return the bytes that a document and the places of its passages take."""
    counts = len(document.pages) * _PAGE + len(document.headings) * _HEADING + len(spans) * _SPAN
    return sys.getsizeof(document.text) + counts + sum(len(span.heading) for span in spans)


def size_of_passages(passages: Sequence[Passage]) -> int:
    """Return the bytes that passages take."""
    return len(passages) * _PASSAGE + sum(sys.getsizeof(passage.text) for passage in passages)
