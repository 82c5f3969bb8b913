"""What changed between two versions of a text, sentence by sentence: no reader leaves one out."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeAlias

from agents.grounding.claims import MAX_QUOTE_WORDS, UncheckedClaim
from agents.grounding.normalization import NormalizedText, normalize
from agents.language.sentences import split_sentences
from agents.schema import Document

SECTION = "Differences"
MOST_CHANGES = 60
"""Shown of two versions."""
LEAST_SAME = 0.3
"""Share of the shorter text's sentences that stand in the other word for word, where both are versions of one text."""
LEAST_ALIKE = 0.6
"""Share of words that a sentence keeps where it was changed, and not replaced by another."""
_MOST_SENTENCES = 20_000
_BEHIND = 8
"""Words that are shown behind the first that differs, at least."""
_MARKS = re.compile(
    r"^(?:[#>•\u2014-]+\s+)*(?:(?:§+\s*\d{1,3}\w?|\d{1,3}(?:\.\d{1,3})+[.)]?|\(?(?:\d{1,3}|[a-z])[.)])\s+)?_*"
)
"""What stands before a sentence's words: marks, and the number of its clause; a bare number may count something."""
_DIGITS = re.compile(r"\d+")
_FURNITURE = 3
"""Pages with a line that differs from page to page in nothing but their number: its head or foot."""
_MOVABLE_WORDS = 4
"""A shorter line with a figure in it means another thing in another place."""
_BAND = 20
"""How far from its place the counterpart of a sentence that went is looked for, in sentences."""
_MOST_PLACES = 4
"""Of one long sentence that are shown where it changed in several."""
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
    """What must be the same: its normal form, without the number of its clause."""


_Side: TypeAlias = tuple[Document, Sequence[_Sentence]]
"""A version, and those of its sentences at one place that the other has not."""


def asks_for_differences(question: str) -> bool:
    """Whether a question asks what differs between whole documents."""
    return bool(_ASKED.search(question))


def changes(one: Document, other: Document) -> tuple[UncheckedClaim, ...] | None:
    """Return what differs between two versions of one text, in its order; None where they are not such.

    A sentence that was only moved, or whose clause has another number, has not changed.
    """
    first, second = _sentences(one), _sentences(other)
    if not first or not second or max(len(first), len(second)) > _MOST_SENTENCES:
        return None
    keys, others = [sentence.key for sentence in first], [sentence.key for sentence in second]
    same = (Counter(keys) & Counter(others)).total()
    if same < LEAST_SAME * min(len(keys), len(others)):
        return None
    went, came = Counter(keys) - Counter(others), Counter(others) - Counter(keys)
    return tuple(
        statement
        for tag, begin, end, start, stop in SequenceMatcher(None, keys, others, autojunk=False).get_opcodes()
        if tag != "equal"
        for statement in _differing(
            (one, _not_moved(first[begin:end], went)), (other, _not_moved(second[start:stop], came))
        )
    )


def _sentences(document: Document) -> list[_Sentence]:
    spans, held = split_sentences(document.text), normalize(document.text)
    found = [
        _Sentence(document.text[start:end], _key(held.text[held.position(start) : held.position(end)]))
        for start, end in spans
    ]
    title = f"{NormalizedText(document.title).text} ("
    pages: dict[str, set[int]] = {}
    for (start, _), sentence in zip(spans, found, strict=True):
        page = document.page_at(start)
        if str(page) in _DIGITS.findall(sentence.key):
            pages.setdefault(_DIGITS.sub("0", sentence.key), set()).add(page)
    furniture = {key for key, on in pages.items() if len(on) >= _FURNITURE}
    return [
        sentence
        for sentence in found
        if any(map(str.isalnum, sentence.key))
        and _DIGITS.sub("0", sentence.key) not in furniture
        and not title.startswith(f"{sentence.key} (")
    ]


def _key(line: str) -> str:
    line = line.strip()
    return _MARKS.sub("", line).rstrip("_") or line


def _not_moved(sentences: Sequence[_Sentence], surplus: Counter[str]) -> list[_Sentence]:
    """Return the sentences that stand nowhere in the other version, or not as often; each is taken off the surplus."""
    kept: list[_Sentence] = []
    for sentence in sentences:
        fixed = len(sentence.key.split()) < _MOVABLE_WORDS and _DIGITS.search(sentence.key)
        if surplus[sentence.key] > 0 or fixed:
            surplus[sentence.key] = max(0, surplus[sentence.key] - 1)
            kept.append(sentence)
    return kept


def _differing(one: _Side, other: _Side) -> Iterator[UncheckedClaim]:
    """Yield each sentence that went beside the one that came in its place, and those that have no counterpart."""
    (old, gone), (new, come) = one, other
    partners = _partners(gone, come)
    for index, sentence in enumerate(gone):
        if index in partners:
            yield from _changed(old, sentence, new, come[partners[index]])
        else:
            yield _only_in(old, sentence.text)
    taken = set(partners.values())
    yield from (_only_in(new, sentence.text) for index, sentence in enumerate(come) if index not in taken)


def _partners(gone: Sequence[_Sentence], come: Sequence[_Sentence]) -> dict[int, int]:
    """Return which sentence came in the place of which, the most alike first."""
    alike = [
        (_alike(sentence, come[place]), index, place)
        for index, sentence in enumerate(gone)
        for place in range(max(0, index - _BAND), min(len(come), index + _BAND))
    ]
    found: dict[int, int] = {}
    for score, index, place in sorted(alike, key=lambda each: (-each[0], abs(each[1] - each[2]))):
        if score >= LEAST_ALIKE and index not in found and place not in found.values():
            found[index] = place
    return found


def _changed(old: Document, gone: _Sentence, new: Document, come: _Sentence) -> Iterator[UncheckedClaim]:
    """Yield what changed in a sentence: a long one is shown around each place where it did."""
    shown = (-1, -1)
    blocks = SequenceMatcher(None, gone.text.split(), come.text.split(), autojunk=False).get_opcodes()
    places = [(begin, start) for tag, begin, _, start, _ in blocks if tag != "equal"]
    for begin, start in places[: 1 if gone.key == come.key else None][:_MOST_PLACES]:
        if begin < shown[0] and start < shown[1]:
            continue
        sides = [_around(text, place) for text, place in ((gone.text, begin), (come.text, start))]
        shown = sides[0][1], sides[1][1]
        quotes = (sides[0][0], sides[1][0])
        text = f"{old.title}: {_line(quotes[0], gone.text)} {new.title}: {_line(quotes[1], come.text)}"
        yield UncheckedClaim(text, quotes, SECTION, titles=(old.title, new.title), verbatim=True)


def _only_in(document: Document, sentence: str) -> UncheckedClaim:
    quote, _ = _around(sentence, 0)
    text = f"Only in {document.title}: {_line(quote, sentence)}"
    return UncheckedClaim(text, (quote,), SECTION, titles=(document.title,), verbatim=True)


def _around(text: str, place: int) -> tuple[str, int]:
    """Return the slice of a text that holds the word at a place, as long as a quote may be, and where its words end."""
    words = list(re.finditer(r"\S+", text))
    far = place >= MAX_QUOTE_WORDS - _BEHIND
    first = max(0, min(place - MAX_QUOTE_WORDS // 2, len(words) - MAX_QUOTE_WORDS)) if far else 0
    last = min(first + MAX_QUOTE_WORDS, len(words))
    return text[words[first].start() : words[last - 1].end()], last


def _line(part: str, whole: str) -> str:
    """Return a part of a sentence on one line, with a mark where it was cut."""
    before, _, behind = whole.partition(part)
    return f"{'… ' * bool(before.strip())}{' '.join(part.split())}{' …' * bool(behind.strip())}"


def _alike(one: _Sentence, other: _Sentence) -> float:
    return SequenceMatcher(None, one.key.split(), other.key.split(), autojunk=False).ratio()
