"""Checking a quote: whether a document says given words, where, and how close to them."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from agents.grounding.normalization import bare_words
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
    """Return where the sentence stands that has most words in common with given ones, of some passages."""
    wanted = bare_words(words.split())
    matcher = SequenceMatcher(None, b=wanted, autojunk=False)
    best, span = 0.0, None
    for passage in passages:
        for start, end in split_sentences(passage.text):
            matcher.set_seq1(bare_words(passage.text[start:end].split()))
            if (ratio := matcher.ratio()) > best:
                best, span = ratio, (passage.start + start, passage.start + end)
    return span


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
