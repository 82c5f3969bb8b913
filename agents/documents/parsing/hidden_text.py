"""What a reader is told of text that a document hides: once, and only of what could tell somebody something."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from agents.documents.parsing.parsed import MAX_WARNINGS, clean, list_pages, shorten

_MIN_LETTERS = 3
"""Fewer are furniture: a white letter on white, a percent sign."""
_SENTENCE_WORDS = 4
_MIN_QUOTED = 3
"""How many texts are quoted, where there are as many, even if they are no sentences."""
_WORD = re.compile(r"(?<![^\W_])[^\W\d_]{2,}(?![^\W_])")
_IDENTIFIER = re.compile(r"\S*_\S*")
_DIGITS = re.compile(r"\d+")
_TAG = re.compile(r"<[^<>]*>")


class HiddenText(NamedTuple):
    """A text that is in a file and not seen."""

    text: str
    page: int = 0
    """From 1; 0 in a document without pages."""
    is_comment: bool = False
    """Whether it is a comment in the file's source."""

    @property
    def quoted(self) -> str:
        """The text as a warning quotes it."""
        return f"{'a comment, ' * self.is_comment}{shorten(clean(self.text))!r}"

    @property
    def is_legible(self) -> bool:
        """Whether it says something: it is no furniture, and not made of identifiers."""
        return sum(map(str.isalpha, _IDENTIFIER.sub("", self.text))) >= _MIN_LETTERS

    @property
    def is_sentence(self) -> bool:
        """Whether it is long enough to tell a reader what to do."""
        return len(_WORD.findall(self.text)) >= _SENTENCE_WORDS


def left_out(found: Iterable[HiddenText]) -> list[str]:
    """Return one warning about the hidden texts that were left out, none where they say nothing.

    Sentences are quoted first; texts that differ in numbers alone, as what runs on every page does, are quoted once.
    """
    legible = [each for each in _joined(found) if each.is_legible]
    if not legible:
        return []
    pages = sorted({each.page for each in legible if each.page})
    where = f" on page{'s' * (len(pages) > 1)} {list_pages(pages)}" if pages else ""
    distinct = list({_DIGITS.sub("0", each.text): each for each in reversed(legible)}.values())[::-1]
    distinct.sort(key=lambda each: not each.is_sentence)
    quoted = distinct[: min(MAX_WARNINGS, max(_MIN_QUOTED, sum(each.is_sentence for each in distinct)))]
    rest = len(distinct) - len(quoted)
    listed = ", ".join(each.quoted for each in quoted) + (f" and {rest} more" if rest else "")
    return [f"Hidden text{where} was left out: {listed}."]


def comments_read(comments: Sequence[str]) -> list[str]:
    """Return one warning about comments in a text's source that were read with it, none where they say nothing."""
    worded = [shorten(comment) for comment in comments if is_worded(comment)]
    if not worded:
        return []
    rest = f" and {len(worded) - MAX_WARNINGS} more" if len(worded) > MAX_WARNINGS else ""
    listed = f"{', '.join(map(repr, worded[:MAX_WARNINGS]))}{rest}"
    kind, were = ("a comment", "it was") if len(worded) == 1 else (f"{len(worded)} comments", "they were")
    return [f"Hidden text: {kind}, {listed}; {were} read."]


def is_worded(comment: str) -> bool:
    """Whether a comment in a source says something to a reader, and does not merely switch some markup off."""
    return HiddenText(_TAG.sub(" ", comment)).is_sentence


def _joined(found: Iterable[HiddenText]) -> Iterator[HiddenText]:
    """Yield the sentences, and for each page the rest as one text: a sentence may be drawn word by word."""
    for page, texts in groupby(found, key=lambda each: each.page):
        of_page = list(texts)
        yield from (each for each in of_page if each.is_sentence)
        yield HiddenText(" ".join(each.text for each in of_page if not each.is_sentence), page)
