"""Finding a quote's own words in a document, exactly or as a contiguous match of at least 0.9.

Whatever is asked for, what is returned are the document's words. A quote in which a number or a
negation differs from the document is not found at all.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import islice
from typing import Literal

from agents.grounding.normalization import NormalizedText, normalize
from agents.schema import Document, Frozen

LEAST_RATIO = 0.9
"""Least similarity of an inexact match: twice the characters in common over all characters (difflib)."""

_FEWEST_WORDS = 3
_FEWEST_CHARACTERS = 12
_LONGEST_FUZZY = 4_000
_ANCHORS = 24
_ANCHOR_WORDS = 3
_LONG_WORD = 8
_OCCURRENCES = 20
_MANY_OCCURRENCES = 1_000
_CANDIDATES = 6
_WORD = re.compile(r"\S+")
_LETTER = re.compile(r"[^\W\d_]")
_EDGES = " '.,;:!?-…([{)]}"
_NUMBER = re.compile(
    r"(?:(?<!\w)-)?\d+(?:[.,:/-]\d+)*"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundred|thousand|million|billion|half|third|quarter|twice|double|triple|first|second)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|cannot|without|unless|except|excluding|hardly|barely"
    r"|nicht|kein\w*|nie|niemals|ohne|ne|pas|jamais|sans|nunca|sin|non|mai|senza|niet|geen)\b|n't\b",
    re.IGNORECASE,
)
_NEGATED_BEFORE = re.compile(r"(?<![\w'])(?:not|no|never|without|cannot|neither|nor|hardly|\w+n't) $", re.IGNORECASE)
_NEGATED_AFTER = re.compile(r" (?:not|never)(?!\w)", re.IGNORECASE)
_NUMBER_BEFORE = re.compile(r"\d[.,:/-]$|(?<!\w)-$")
_NUMBER_AFTER = re.compile(r"[.,:/-]\d")
_APOSTROPHE_AFTER = re.compile(r"'[^\W\d_]")
_NEGATING_PREFIX = re.compile(r"(?:un|in|im|il|ir|non|dis|mis|de|anti)(?=\w{3})", re.IGNORECASE)


class Located(Frozen):
    """Where a quote stands in its document."""

    start: int
    end: int
    page: int
    quote: str
    """The document's own words: text[start:end]."""
    verified: Literal["exact", "fuzzy"]
    score: float


def locate(quote: str, document: Document, near: Sequence[tuple[int, int]] = ()) -> Located | None:
    """Find a quote in a document.

    Quotes are compared without regard to line ends, hyphenation, ligatures, kinds of quotation
    marks and dashes, Markdown emphasis, and the case of the first letter. A quote of fewer than 3
    words or 12 characters must occur exactly. Where the words before it negate it, they are added.

    Args:
        quote: The words, as a model gave them.
        document: Where they should stand.
        near: Spans of the document's text that are preferred where the quote occurs more than once.

    Returns:
        Where it stands, or None if the document does not say it.
    """
    wanted = NormalizedText(quote).text.strip()
    if not any(map(str.isalnum, wanted)):
        return None
    held = normalize(document.text)
    spans = [(held.position(start), held.position(max(start, end - 1)) + 1) for start, end in near]
    found = _find_exact(wanted, held.text, spans)
    if found is not None:
        return _located(document, held, *found, 1.0)
    return _find_fuzzy(wanted, document, held, spans)


def stands_in(quote: str, document: Document) -> bool:
    """Whether a document says a quote word for word, as `locate` compares words, and no negation stands before it."""
    wanted, held = NormalizedText(quote).text.strip(), normalize(document.text)
    found = _find_exact(wanted, held.text, ()) if any(map(str.isalnum, wanted)) else None
    return found is not None and _located(document, held, *found, 1.0).verified == "exact"


def _find_exact(wanted: str, text: str, near: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return where the words stand exactly, in one of the spans if they can."""
    for form in _forms(wanted):
        for start, end in [*near, (0, len(text))]:
            whole = (position for position in _occurrences(form, text, start, end) if _whole(text, position, form))
            if (position := next(whole, None)) is not None:
                return position, position + len(form)
    return None


def _forms(wanted: str) -> Iterator[str]:
    """Yield the ways to write a quote that count as exact."""
    bare = wanted.strip(_EDGES)
    for form in dict.fromkeys((wanted, bare)):
        if form:
            yield form
            yield _LETTER.sub(lambda letter: letter.group().swapcase(), form, count=1)


def _occurrences(words: str, text: str, start: int, end: int) -> Iterator[int]:
    """Yield where words occur, the first so many times."""
    position = start - 1
    for _ in range(_MANY_OCCURRENCES):
        position = text.find(words, position + 1, end)
        if position < 0:
            return
        yield position


def _whole(text: str, start: int, words: str) -> bool:
    """Whether words found at `start` begin and end where words and numbers do."""
    end = start + len(words)
    before, after = text[max(0, start - 3) : start], text[end : end + 2]
    if _inside_word(before[-1:], words[0]) or _inside_word(words[-1], after[:1]):
        return False
    if words[0].isdigit() and _NUMBER_BEFORE.search(before):
        return False
    if words[-1].isdigit() and _NUMBER_AFTER.match(after):
        return False
    return not (words[-1].isalpha() and _APOSTROPHE_AFTER.match(after))


def _inside_word(left: str, right: str) -> bool:
    """Whether two neighbouring characters belong to one word of a script that parts its words by spaces."""
    return left.isalnum() and right.isalnum() and not (_unspaced(left) and _unspaced(right))


def _unspaced(letter: str) -> bool:
    return "\u0e00" <= letter <= "\u0eff" or "\u1780" <= letter <= "\u17ff" or letter >= "\u2e80"


def _located(document: Document, held: NormalizedText, start: int, end: int, score: float) -> Located:
    """Return a find in the original's offsets, with the negation that may stand just outside of it."""
    widened_start, widened_end = start, end
    if negated := _NEGATED_BEFORE.search(held.text[max(0, start - 20) : start]):
        widened_start = start - (len(negated.group()))
    if negated := _NEGATED_AFTER.match(held.text[end : end + 10]):
        widened_end = end + len(negated.group())
    exact = score == 1.0 and (widened_start, widened_end) == (start, end)
    first, last = held.original(widened_start, widened_end)
    return Located(
        start=first,
        end=last,
        page=document.page_at(first),
        quote=document.text[first:last],
        verified="exact" if exact else "fuzzy",
        score=score,
    )


def _find_fuzzy(
    wanted: str, document: Document, held: NormalizedText, near: Sequence[tuple[int, int]]
) -> Located | None:
    """Return the best contiguous match that says the same."""
    words = wanted.split()
    if len(words) < _FEWEST_WORDS or not _FEWEST_CHARACTERS <= len(wanted) <= _LONGEST_FUZZY:
        return None
    best: tuple[float, int, int] | None = None
    for start, end in islice(_regions(wanted, held.text, near), _CANDIDATES):
        matched = _match(wanted, held.text, start, end)
        if matched is not None and (best is None or matched[0] > best[0]):
            best = matched
    return None if best is None else _located(document, held, best[1], best[2], min(best[0], 0.999))


def _regions(wanted: str, text: str, near: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield stretches of the text that may hold the quote, those first that share most with it."""
    margin = len(wanted) // 3 + 20
    votes: Counter[int] = Counter()
    begins: dict[int, tuple[int, int]] = {}
    for start, end in [*near, (0, len(text))]:
        for anchor, offset in _anchors(wanted):
            positions = list(islice(_occurrences(anchor, text, start, end), _OCCURRENCES))
            # The rarer a run of words, the more it tells; of a common one not even all places are known.
            weight = 1 if len(positions) == _OCCURRENCES else 100 // len(positions or [0])
            for begin in (position - offset for position in positions):
                place = begin // (margin * 2)
                votes[place] += weight
                begins[place] = max(begins.get(place, (0, 0)), (weight, begin))
    for place, _ in votes.most_common():
        _, begin = begins[place]
        yield max(0, begin - margin), min(len(text), begin + len(wanted) + margin)


def _anchors(wanted: str) -> list[tuple[str, int]]:
    """Return some runs of the quote's words and its rarer words, and where each stands in it."""
    words = list(_WORD.finditer(wanted))
    runs = [
        (wanted[first.start() : last.end()], first.start())
        for first, last in zip(words, words[_ANCHOR_WORDS - 1 :], strict=False)
    ]
    step = max(1, len(runs) // _ANCHORS)
    rare = [
        (bare, word.start() + word.group().index(bare))
        for word in words
        if len(bare := word.group().strip(_EDGES)) >= _LONG_WORD or any(map(str.isdigit, bare))
    ]
    return [*runs[::step], *rare[:_ANCHORS]]


def _match(wanted: str, text: str, start: int, end: int) -> tuple[float, int, int] | None:
    """Return how well and where the quote matches within a stretch of the text, if it says the same there."""
    quoted = _bare_words(wanted.split())
    found = list(_WORD.finditer(text, start, end))
    there = _bare_words(match.group() for match in found)
    best: tuple[float, int, int] | None = None
    for low, high in _aligned(quoted, there):
        begin, finish = found[low].start(), found[high - 1].end()
        if wanted[-1].isalnum():
            finish = begin + len(text[begin:finish].rstrip(_EDGES))
        candidate = text[begin:finish]
        ratio = _ratio(wanted.casefold(), candidate.casefold())
        better = ratio >= LEAST_RATIO and (best is None or ratio > best[0])
        if better and _says_the_same(wanted, candidate, quoted, there[low:high]):
            best = ratio, begin, finish
    return best


def _aligned(quoted: list[str], there: list[str]) -> list[tuple[int, int]]:
    """Return the runs of words there that may correspond to those quoted."""
    matcher = SequenceMatcher(None, quoted, there, autojunk=False)
    longest = matcher.find_longest_match()
    slack = 2 + len(quoted) // 8
    diagonal = longest.b - longest.a
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    blocks = [block for block in blocks if abs(block.b - block.a - diagonal) <= slack]
    if not blocks:
        return []
    first, last = blocks[0], blocks[-1]
    after = len(quoted) - last.a - last.size
    # Where the quote's first or last words differ, there may be one more or one less of them.
    lows = {first.b - first.a + step for step in ((-1, 0, 1) if first.a else (0,))}
    highs = {last.b + last.size + after + step for step in ((-1, 0, 1) if after else (0,))}
    return [(low, high) for low in lows for high in highs if 0 <= low < high <= len(there)]


def _bare_words(words: Iterable[str]) -> list[str]:
    return [word.strip(_EDGES).casefold() or word for word in words]


def _ratio(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= LEAST_RATIO else 0.0


def _says_the_same(wanted: str, candidate: str, quoted: list[str], there: list[str]) -> bool:
    """Whether numbers and negations are the same in both."""
    for pattern in (_NUMBER, _NEGATION):
        one, other = ([match.casefold() for match in pattern.findall(text)] for text in (wanted, candidate))
        if one != other:
            return False
    for kind, a, b, c, d in SequenceMatcher(None, quoted, there, autojunk=False).get_opcodes():
        if kind == "replace" and any(map(_opposite, quoted[a:b], there[c:d])):
            return False
    return True


def _opposite(one: str, other: str) -> bool:
    """Whether one word is the other with a negating prefix: able and unable."""
    short, long = sorted((one.strip(_EDGES), other.strip(_EDGES)), key=len)
    prefix = _NEGATING_PREFIX.match(long)
    return prefix is not None and long[prefix.end() :] == short
