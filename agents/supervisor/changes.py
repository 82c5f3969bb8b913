"""What changed between two versions of a text, sentence by sentence: no reader leaves one out."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from typing import TypeAlias

from agents.schema import Document
from agents.sentences import split_sentences
from agents.supervisor.grounding import MAX_QUOTE_WORDS
from agents.supervisor.state import Statement

SECTION = "Differences"
MOST_CHANGES = 60
"""Shown of two versions."""
LEAST_SAME = 0.3
"""Share of the shorter text's sentences that stand in the other word for word, where both are versions of one text."""
LEAST_ALIKE = 0.6
"""Share of words that a sentence keeps where it was changed, and not replaced by another."""
_MOST_SENTENCES = 20_000
_FEWEST_WORDS = 2
_SHOWN_WORDS = 40
"""Of a sentence beside the other; the quotes hold more of both."""
_BEHIND = 8
"""Words that are shown behind the first that differs, at least."""
_MARKS = re.compile(r"^[#>*•–-]*\s*(?:(?:§\s*)?\(?\d{1,3}(?:\.\d{1,3})*[.)]?\s+)?")
_DIGITS = re.compile(r"\d+")
_FURNITURE = 3
"""Lines that differ in nothing but the number of their page: its head or foot."""
_ASKED = re.compile(
    r"\b(?:differences?|differ|changed|changes|compare|comparison|versus|unterschied\w*|geändert|vergleich\w*|"
    r"différences?|compar\w+|diferencias?|differenz\w*|verschil\w*|diferenças?)"
    r"(?:\s+(?!of\b|in the\b)\w+){0,3}\s+(?:(?:old|new|older|newer|these|two|both|alten?|neuen?|beiden|deux)\s+){0,3}"
    r"(?:versions?|documents?|contracts?|agreements?|files?|texts?|drafts?|reports?|polic(?:y|ies)|editions?|fassung\w*|"
    r"versionen|dokumenten?|verträgen?|documentos|versiones|contratos|versioni|documenti|versies|versões)\b"
    r"|^\W*(?:what|which)\s+(?:(?:are|is)\s+(?:the\s+)?differences?|(?:has\s+)?changed|differs)\W*$"
    r"|^\W*compare\s+(?:them|both|these|the two)\W*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Sentence:
    text: str
    key: str
    """What must be the same: its words, without the number of its clause."""


_Side: TypeAlias = tuple[Document, Sequence[_Sentence]]
"""A version, and those of its sentences at one place that the other has not."""


def asks_for_differences(question: str) -> bool:
    """Whether a question asks what differs between whole documents."""
    return bool(_ASKED.search(question))


def changes(one: Document, other: Document) -> tuple[Statement, ...] | None:
    """Return what differs between two versions of one text, in its order; None where they are not such.

    A sentence that was only moved, or whose clause has another number, has not changed.
    """
    first, second = _sentences(one), _sentences(other)
    if not first or not second or max(len(first), len(second)) > _MOST_SENTENCES:
        return None
    keys, others = [sentence.key for sentence in first], [sentence.key for sentence in second]
    same = set(keys) & set(others)
    if sum(key in same for key in min(keys, others, key=len)) < LEAST_SAME * min(len(keys), len(others)):
        return None
    return tuple(
        statement
        for _, begin, end, start, stop in SequenceMatcher(None, keys, others, autojunk=False).get_opcodes()
        for statement in _differing(
            (one, [sentence for sentence in first[begin:end] if sentence.key not in same]),
            (other, [sentence for sentence in second[start:stop] if sentence.key not in same]),
        )
    )


def _sentences(document: Document) -> list[_Sentence]:
    spans = split_sentences(document.text)
    found = [_Sentence(text, _MARKS.sub("", " ".join(text.split()))) for text in (document.text[a:b] for a, b in spans)]
    numbered = Counter(
        _DIGITS.sub("0", sentence.key)
        for (start, _), sentence in zip(spans, found, strict=True)
        if str(document.page_at(start)) in _DIGITS.findall(sentence.key)
    )
    return [
        sentence
        for sentence in found
        if len(sentence.key.split()) >= _FEWEST_WORDS
        and numbered[_DIGITS.sub("0", sentence.key)] < _FURNITURE
        and not f"{document.title} (".startswith(f"{sentence.key} (")
    ]


def _differing(one: _Side, other: _Side) -> Iterator[Statement]:
    """Yield each sentence that went beside the one that came in its place, and those that have no counterpart."""
    (old, gone), (new, come) = one, other
    left = list(come)
    for sentence in gone:
        scores = [_alike(sentence, each) for each in left]
        best = max(range(len(left)), key=scores.__getitem__, default=None)
        if best is not None and scores[best] >= LEAST_ALIKE:
            yield _changed(old, sentence.text, new, left.pop(best).text)
        else:
            yield _only_in(old, sentence.text)
    yield from (_only_in(new, sentence.text) for sentence in left)


def _changed(old: Document, gone: str, new: Document, come: str) -> Statement:
    same = sum(1 for _ in takewhile(lambda words: words[0] == words[1], zip(gone.split(), come.split(), strict=False)))
    shown = [_around(text, same, _SHOWN_WORDS) for text in (gone, come)]
    quotes = tuple(_around(text, same, MAX_QUOTE_WORDS) for text in (gone, come))
    text = f"{old.title}: {_line(shown[0], gone)} {new.title}: {_line(shown[1], come)}"
    return Statement(text, quotes, SECTION, titles=(old.title, new.title), verbatim=True)


def _only_in(document: Document, sentence: str) -> Statement:
    text = f"Only in {document.title}: {_line(_around(sentence, 0, _SHOWN_WORDS), sentence)}"
    quotes = (_around(sentence, 0, MAX_QUOTE_WORDS),)
    return Statement(text, quotes, SECTION, titles=(document.title,), verbatim=True)


def _around(text: str, place: int, most: int) -> str:
    """Return the slice of a text of at most so many words that holds the word at a place: the first, if they do."""
    words = list(re.finditer(r"\S+", text))
    first = 0 if place < most - _BEHIND else max(0, min(place - most // 2, len(words) - most))
    return text[words[first].start() : words[min(first + most, len(words)) - 1].end()]


def _line(part: str, whole: str) -> str:
    """Return a part of a sentence on one line, with a mark where it was cut."""
    before, _, behind = whole.partition(part)
    return f"{'… ' * bool(before.strip())}{' '.join(part.split())}{' …' * bool(behind.strip())}"


def _alike(one: _Sentence, other: _Sentence) -> float:
    return SequenceMatcher(None, one.key.split(), other.key.split(), autojunk=False).ratio()
