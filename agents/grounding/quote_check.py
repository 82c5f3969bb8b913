"""Checking a quote: whether a document says given words, where, and how close to them."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from agents.grounding.normalization import MARKS_AROUND_WORDS, bare_words
from agents.grounding.quotes import Located, locate, locate_all
from agents.language.sentences import split_sentences
from agents.schema import Document, Passage, Verdict

_OMISSION = re.compile(r"\s*[\[(]?(?:…|\.{3})[\])]?\s*")
_LOOSEST_FIRST: tuple[Verdict, ...] = ("absent", "similar", "same_words", "exact")
_QUOTATION_MARKS = "\"'“”„‘’«»「」"
_MARGIN = 1_500
"""Characters before and behind a quote in which the sentence around it is looked for."""


class Found(NamedTuple):
    """What a document says of given words."""

    verdict: Verdict
    places: tuple[Located, ...]
    """Where, in the order of the text; of a quote with omissions, each of its parts once."""
    notes: tuple[str, ...] = ()


def find_words(words: str, document: Document, near: Sequence[tuple[int, int]] = ()) -> Found:
    """Find all places where a document says given words; where it says them nowhere, the one where it nearly does.

    Args:
        words: As somebody quotes them.
        document: What is said to hold them.
        near: Spans of the text in which they are said to stand.
    """
    words = words.strip().strip(_QUOTATION_MARKS) or words
    if places := locate_all(words, document):
        return Found(_verdict(words, places), _within(places, near), _elsewhere(places, near))
    parts = [part for part in _OMISSION.split(words) if part]
    if len(parts) > 1:
        return _find_parts(parts, document, near)
    similar = locate(words, document, near)
    return Found("similar", (similar,)) if similar else Found("absent", ())


def nearest_sentence(words: str, passages: Sequence[Passage]) -> tuple[int, int] | None:
    """Return where the sentence stands that has most of given words in their order, of some passages.

    Of two that have as many, the one whose other words are spelt more like those that it lacks: "0.45" for "0.54".
    """
    wanted = bare_words(words.split())
    best, span = (0, 0.0, 0.0), None
    for passage in passages:
        for start, end in split_sentences(passage.text):
            there = bare_words(passage.text[start:end].split())
            matcher = SequenceMatcher(None, wanted, there, autojunk=False)
            shared = sum(block.size for block in matcher.get_matching_blocks())
            if shared < max(1, best[0]):
                continue
            if (near := (shared, _likeness(matcher, wanted, there), matcher.ratio())) > best:
                best, span = near, (passage.start + start, passage.start + end)
    return span


def differences(words: str, said: str) -> str:
    """Return in words how a quote differs from what is said in its place; empty where they share no word."""
    quoted, there = words.split(), said.split()
    bare, others = bare_words(quoted), bare_words(there)
    matcher = SequenceMatcher(None, bare, others, autojunk=False)
    in_order = [word for block in matcher.get_matching_blocks() for word in bare[block.a : block.a + block.size]]
    if not in_order:
        return ""
    moved = (Counter(bare) & Counter(others)) - Counter(in_order)
    if 2 * len(in_order) < len(quoted):
        elsewhere = f", {moved.total()} in another" if moved else ""
        return f"Only {len(in_order)} of the {len(quoted)} words stand there in this order{elsewhere}."
    changes = [_told(quoted[a:b], there[c:d], moved) for a, b, c, d in _changes(matcher, len(quoted))]
    return f"There it is said {'; '.join(filter(None, changes))}." if changes else ""


def _told(quoted: Sequence[str], there: Sequence[str], moved: Collection[str]) -> str:
    """Return in words how a stretch of a quote differs from the one in its place; words may stand elsewhere there."""
    elsewhere = [word for word, bare in zip(quoted, bare_words(quoted), strict=True) if bare in moved]
    lacking = [word for word in quoted if word not in elsewhere]
    other = [word for word, bare in zip(there, bare_words(there), strict=True) if bare not in moved]
    if elsewhere:
        return f"with {_shown(elsewhere)} in another place" + (f"; without {_shown(lacking)}" if lacking else "")
    if lacking:
        return f"{_shown(other)} in place of {_shown(lacking)}" if other else f"without {_shown(lacking)}"
    return f"with {_shown(other)}" if other else ""


def _changes(matcher: "SequenceMatcher[str]", quoted: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the stretches of the quote's words and of those there that differ; what stands around the quote is none."""
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        if a == 0:
            c = max(c, d - b)
        if b == quoted:
            d = min(d, c + b - a)
        if a < b or c < d:
            yield a, b, c, d


def _shown(words: Sequence[str]) -> str:
    return f"“{' '.join(words).strip(MARKS_AROUND_WORDS)}”"


def _likeness(matcher: "SequenceMatcher[str]", wanted: Sequence[str], there: Sequence[str]) -> float:
    """Return how alike the words that a sentence lacks and those that it has in their place are, letter by letter."""
    changes = _changes(matcher, len(wanted))
    return sum(SequenceMatcher(None, " ".join(wanted[a:b]), " ".join(there[c:d])).ratio() for a, b, c, d in changes)


def sentence_around(document: Document, start: int, end: int) -> str:
    """Return the sentence, or the sentences, in which a stretch of a document's text stands."""
    text = document.text
    low = max(0, start - _MARGIN)
    low = max(low, text.rfind("\n\n", low, start) + 2) if text.rfind("\n\n", low, start) >= 0 else low
    high = min(len(text), end + _MARGIN)
    touched = [
        (low + first, low + last)
        for first, last in split_sentences(text[low:high])
        if low + first < end and low + last > start
    ]
    if not touched:
        return text[start:end]
    return " ".join(text[touched[0][0] : touched[-1][1]].split())


def _verdict(words: str, places: Sequence[Located]) -> Verdict:
    said = [place for place in places if place.verified == "exact"]
    if not said:
        # Everywhere a negation stands beside the words: without it they say something else.
        return "similar"
    return "exact" if any(place.quote == words for place in said) else "same_words"


def _within(places: tuple[Located, ...], near: Sequence[tuple[int, int]]) -> tuple[Located, ...]:
    """Return the places that lie in the spans; all of them where none does."""
    return tuple(each for each in places if any(a <= each.start < b for a, b in near)) or places


def _elsewhere(places: tuple[Located, ...], near: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    if not near:
        return ()
    outside = [each for each in places if not any(a <= each.start < b for a, b in near)]
    if len(outside) == len(places):
        return ("They do not stand on the pages or in the section that were named, but elsewhere in the document.",)
    times = "once" if len(outside) == 1 else f"{len(outside)} times"
    return (f"They stand {times} more outside of what was named.",) if outside else ()


def _find_parts(parts: Sequence[str], document: Document, near: Sequence[tuple[int, int]]) -> Found:
    """Find the parts of a quote with omissions, each behind the one before."""
    places: list[Located] = []
    for part in parts:
        behind = places[-1].end if places else 0
        place = next((each for each in locate_all(part, document) if each.start >= behind), None)
        place = place or locate(part, document, near)
        if place is None:
            return Found("absent", tuple(places), (f"The part “{part}” does not stand there.",))
        places.append(place)
    verdicts = [_verdict(part, [place]) for part, place in zip(parts, places, strict=True)]
    worst = min(_LOOSEST_FIRST.index(each) for each in verdicts)
    in_order = all(one.end <= other.start for one, other in pairwise(places))
    notes = ("The quote leaves words out; each of its parts was looked for.",)
    verdict: Verdict = _LOOSEST_FIRST[worst] if in_order else "similar"
    return Found(verdict, tuple(places), notes)
