"""The differences between two versions of a text, compared sentence by sentence: no reader leaves one out."""

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
MAX_CHANGES = 60
"""Shown for two versions."""
MIN_SHARED_SENTENCES = 0.3
"""Share of the shorter text's sentences that stand in the other word for word, where both are versions of one text."""
MIN_SIMILARITY = 0.6
"""Share of words that a sentence keeps where it was changed, and not replaced by another."""
_MAX_SENTENCES = 20_000
_MIN_WORDS_AFTER = 8
"""Shown after the first word that differs."""
_LIST_MARKS = re.compile(
    r"^(?:[#>•\u2014-]+\s+)*(?:(?:§+\s*\d{1,3}\w?|\d{1,3}(?:\.\d{1,3})+[.)]?|\(?(?:\d{1,3}|[a-z])[.)])\s+)?_*"
)
"""Before a sentence's words: marks, and the number of its clause; a bare number may count something."""
_DIGITS = re.compile(r"\d+")
_MIN_FURNITURE_PAGES = 3
"""A line that differs in nothing but the page's number on so many pages is their header or footer."""
_MIN_MOVABLE_WORDS = 4
"""A shorter line with a figure in it means something else in another place."""
_BAND = 20
"""How far from its place the counterpart of a removed sentence is looked for, in sentences."""
_MAX_EXCERPTS = 4
"""Shown of one long sentence that changed in several places."""
_ASKS_FOR_DIFFERENCES = re.compile(
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
    """What two sentences must share to be the same: the normal form, without the number of the clause."""

    def similarity(self, other: "_Sentence") -> float:
        """Return the share of words that both have in the same order, 0 to 1."""
        return SequenceMatcher(None, self.key.split(), other.key.split(), autojunk=False).ratio()


_Side: TypeAlias = tuple[Document, Sequence[_Sentence]]
"""A version, and those of its sentences at one place that the other does not have."""


def asks_for_differences(question: str) -> bool:
    """Whether a question asks what differs between whole documents."""
    return bool(_ASKS_FOR_DIFFERENCES.search(question))


def find_changes(one: Document, other: Document) -> tuple[UncheckedClaim, ...] | None:
    """Return the differences between two versions of one text, in its order; None where they are not such versions.

    A sentence that was only moved, or whose clause has another number, has not changed.
    """
    first, second = _sentences(one), _sentences(other)
    if not first or not second or max(len(first), len(second)) > _MAX_SENTENCES:
        return None
    keys, others = [sentence.key for sentence in first], [sentence.key for sentence in second]
    same = (Counter(keys) & Counter(others)).total()
    if same < MIN_SHARED_SENTENCES * min(len(keys), len(others)):
        return None
    removed, added = Counter(keys) - Counter(others), Counter(others) - Counter(keys)
    return tuple(
        claim
        for tag, begin, end, start, stop in SequenceMatcher(None, keys, others, autojunk=False).get_opcodes()
        if tag != "equal"
        for claim in _differences(
            (one, _without_moved(first[begin:end], removed)), (other, _without_moved(second[start:stop], added))
        )
    )


def _sentences(document: Document) -> list[_Sentence]:
    """Return a document's sentences, without its title, and its pages' headers and footers."""
    spans, normal = split_sentences(document.text), normalize(document.text)
    sentences: list[_Sentence] = []
    pages: dict[str, set[int]] = {}
    for start, end in spans:
        line = normal.text[normal.from_original(start) : normal.from_original(end)].strip()
        key = _LIST_MARKS.sub("", line).rstrip("_") or line
        sentences.append(_Sentence(document.text[start:end], key))
        page = document.page_at(start)
        if str(page) in _DIGITS.findall(key):
            pages.setdefault(_DIGITS.sub("0", key), set()).add(page)
    furniture = {key for key, on in pages.items() if len(on) >= _MIN_FURNITURE_PAGES}
    title = f"{NormalizedText(document.title).text} ("
    return [
        sentence
        for sentence in sentences
        if any(map(str.isalnum, sentence.key))
        and _DIGITS.sub("0", sentence.key) not in furniture
        and not title.startswith(f"{sentence.key} (")
    ]


def _without_moved(sentences: Sequence[_Sentence], surplus: Counter[str]) -> list[_Sentence]:
    """Return the sentences that the other version has nowhere, or fewer times; each is taken off the surplus."""
    changed: list[_Sentence] = []
    for sentence in sentences:
        fixed = len(sentence.key.split()) < _MIN_MOVABLE_WORDS and _DIGITS.search(sentence.key)
        if surplus[sentence.key] > 0 or fixed:
            surplus[sentence.key] = max(0, surplus[sentence.key] - 1)
            changed.append(sentence)
    return changed


def _differences(one: _Side, other: _Side) -> Iterator[UncheckedClaim]:
    """Yield each removed sentence beside the one that was added in its place, and those without a counterpart."""
    (old, removed), (new, added) = one, other
    counterparts = _counterparts(removed, added)
    for index, sentence in enumerate(removed):
        if index in counterparts:
            yield from _changed(old, sentence, new, added[counterparts[index]])
        else:
            yield _only_in(old, sentence.text)
    matched = set(counterparts.values())
    yield from (_only_in(new, sentence.text) for index, sentence in enumerate(added) if index not in matched)


def _counterparts(removed: Sequence[_Sentence], added: Sequence[_Sentence]) -> dict[int, int]:
    """Return which added sentence replaces which removed one, by their indexes; the most similar pairs come first."""
    pairs = [
        (sentence.similarity(added[place]), index, place)
        for index, sentence in enumerate(removed)
        for place in range(max(0, index - _BAND), min(len(added), index + _BAND))
    ]
    found: dict[int, int] = {}
    for similarity, index, place in sorted(pairs, key=lambda pair: (-pair[0], abs(pair[1] - pair[2]))):
        if similarity >= MIN_SIMILARITY and index not in found and place not in found.values():
            found[index] = place
    return found


def _changed(old: Document, before: _Sentence, new: Document, after: _Sentence) -> Iterator[UncheckedClaim]:
    """Yield how a sentence changed: a long one is shown around each place where it did."""
    shown = (-1, -1)
    blocks = SequenceMatcher(None, before.text.split(), after.text.split(), autojunk=False).get_opcodes()
    places = [(begin, start) for tag, begin, _, start, _ in blocks if tag != "equal"]
    for begin, start in places[: 1 if before.key == after.key else None][:_MAX_EXCERPTS]:
        if begin < shown[0] and start < shown[1]:
            continue
        (old_quote, old_end), (new_quote, new_end) = _excerpt(before.text, begin), _excerpt(after.text, start)
        shown = old_end, new_end
        text = f"{old.title}: {_line(old_quote, before.text)} {new.title}: {_line(new_quote, after.text)}"
        yield UncheckedClaim(text, (old_quote, new_quote), SECTION, titles=(old.title, new.title), verbatim=True)


def _only_in(document: Document, sentence: str) -> UncheckedClaim:
    quote, _ = _excerpt(sentence, 0)
    text = f"Only in {document.title}: {_line(quote, sentence)}"
    return UncheckedClaim(text, (quote,), SECTION, titles=(document.title,), verbatim=True)


def _excerpt(text: str, place: int) -> tuple[str, int]:
    """Return a slice of a text, as long as a quote may be, that holds its word number `place`; and its last word's."""
    words = list(re.finditer(r"\S+", text))
    far = place >= MAX_QUOTE_WORDS - _MIN_WORDS_AFTER
    first = max(0, min(place - MAX_QUOTE_WORDS // 2, len(words) - MAX_QUOTE_WORDS)) if far else 0
    last = min(first + MAX_QUOTE_WORDS, len(words))
    return text[words[first].start() : words[last - 1].end()], last


def _line(part: str, whole: str) -> str:
    """Return a part of a sentence on one line, with a mark where it was cut."""
    before, _, after = whole.partition(part)
    return f"{'… ' * bool(before.strip())}{' '.join(part.split())}{' …' * bool(after.strip())}"
