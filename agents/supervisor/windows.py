"""Cutting documents into reading windows."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.schema import Document, Passage


@dataclass(frozen=True)
class Window:
    """Contiguous passages of one document that are read in one go."""

    document: Document
    number: int
    passages: tuple[Passage, ...]
    tokens: int

    @property
    def outline(self) -> tuple[str, ...]:
        """The headings in this window, in order."""
        return tuple(dict.fromkeys(passage.heading for passage in self.passages if passage.heading))


def cut_windows(
    document: Document, passages: Sequence[Passage], counts: Sequence[int], limit: int | None
) -> tuple[Window, ...]:
    """Cut a document into windows of at most `limit` tokens, at a heading where one is near the end.

    Args:
        document: The document.
        passages: All of its passages, in order.
        counts: The tokens of each passage.
        limit: Tokens of a window; None puts everything into one. A single larger passage stands alone.
    """
    windows: list[Window] = []
    start = 0
    while start < len(passages):
        end = _fill(passages, counts, start, limit)
        windows.append(Window(document, len(windows) + 1, tuple(passages[start:end]), sum(counts[start:end])))
        start = end
    return tuple(windows)


def _fill(passages: Sequence[Passage], counts: Sequence[int], start: int, limit: int | None) -> int:
    """Return the end of the window that begins at `start`."""
    if limit is None:
        return len(passages)
    end, tokens, at_heading = start, 0, None
    while end < len(passages) and (end == start or tokens + counts[end] <= limit):
        if end > start and passages[end].heading != passages[end - 1].heading and tokens >= 0.7 * limit:
            at_heading = end
        tokens += counts[end]
        end += 1
    return end if end == len(passages) or at_heading is None else at_heading
