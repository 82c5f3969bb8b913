"""Finding a quote's own words in a document, exactly or as a contiguous match of at least 0.9.

Whatever is asked for, what is returned are the document's words. A quote in which a number or a
negation differs from the document is not found at all.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import chain, islice, pairwise
from typing import Literal, NamedTuple

from agents.grounding.contradictions import without_negating_prefix
from agents.grounding.normalization import MARKS_AROUND_WORDS, NormalizedText, bare_words, normalize
from agents.language.lexicon import LANGUAGES, NEGATIONS, alternatives, every
from agents.language.numbers import HAN_NUMERALS
from agents.language.unspaced import HANGUL, UNSPACED, count_words, is_unspaced, pieces, units
from agents.schema import Document, Frozen

MAX_OCCURRENCES = 1_000
"""Places at which words are found."""
MIN_RATIO = 0.9
"""Least similarity of an inexact match: twice the characters in common over all characters (difflib)."""

_MIN_FUZZY_WORDS = 3
_MIN_FUZZY_CHARACTERS = 12
_MAX_FUZZY_CHARACTERS = 4_000
_MAX_ANCHORS = 24
_ANCHOR_WORDS = 3
_LONG_WORD = 8
_MAX_ANCHOR_OCCURRENCES = 20
_MAX_REGIONS = 6
_SEARCHED_CHARACTERS = 1 << 17
_STRETCH_CHARACTERS, _OVERLAP_CHARACTERS = 1 << 20, 1 << 13
"""Of a text in normal form, and what two stretches of it share: more than the longest passage."""
_NEAR_CHARACTERS = 1 << 16
"""Of spans in which a quote is looked for before the whole text is brought into normal form: some fifty passages."""
_AROUND_CHARACTERS = 64
"""Beside a span; more than tells whether words at its edge stand alone and what negates them."""
_SPACE = re.compile(r"\s")
_LETTER = re.compile(r"[^\W\d_]")
_NUMERAL = re.compile(f"[{HAN_NUMERALS}]")
_NUMBER_OR_WORD = re.compile(rf"(?:(?<!\w)-)?\d+(?:[.,:/-]\d+)*|[{HAN_NUMERALS}]+|[^\W\d_]+?n't\b|[^\W\d_]+")
# An exception negates nothing, but a quote without it says something else.
_DECISIVE = NEGATIONS | {
    word
    for each in LANGUAGES.values()
    for word in (*each.numbers, *each.scales, *each["ordinals"], *each["amounts"], *each["exceptions"])
}
# Of any language, for a quote is too short to tell its own: a needless word in it does less harm than a lost negation.
_NEGATED_BEFORE = re.compile(
    rf"(?<![\w'])(?:{'|'.join(sorted(NEGATIONS))}|\w+n't) $"
    rf"|(?:{alternatives(each['script_negations'] for each in LANGUAGES.values() if not each.negates_before)})$",
    re.IGNORECASE,
)
# Behind a quote only an adverb negates it: "without" or "no" begins something else. Japanese and Korean negate the end
# of the verb.
_NEGATED_AFTER = re.compile(
    rf" (?:{every('negations_behind')})(?!\w)"
    rf"|(?<=[{UNSPACED}])(?:[\u3041-\u3096]{{0,5}}?|[{HANGUL}]{{0,2}} )"
    rf"(?:{alternatives(each['script_negations'] for each in LANGUAGES.values() if each.negates_before)})",
    re.IGNORECASE,
)
_NUMBER_BEFORE = re.compile(r"\d[.,:/-]$|(?<!\w)-$")
_NUMBER_AFTER = re.compile(r"[.,:/-]\d")
_APOSTROPHE_AFTER = re.compile(r"'[^\W\d_]")


class Located(Frozen):
    """Where a quote stands in its document."""

    start: int
    end: int
    page: int
    quote: str
    """The document's own words: text[start:end]."""
    verified: Literal["exact", "fuzzy"]
    score: float

    @classmethod
    def at(cls, document: Document, stretch: "_Stretch", start: int, end: int, score: float) -> "Located":
        """Return the quote at a span of a stretch's normal form, with a negation that stands just outside of it."""
        begin, normal = stretch
        negated_before = _NEGATED_BEFORE.search(normal.text[max(0, start - 20) : start])
        negated_after = _NEGATED_AFTER.match(normal.text, end, end + 10)
        first, last = normal.to_original(
            start - len(negated_before.group()) if negated_before else start,
            negated_after.end() if negated_after else end,
        )
        return cls(
            start=begin + first,
            end=begin + last,
            page=document.page_at(begin + first),
            quote=document.text[begin + first : begin + last],
            verified="exact" if score == 1.0 and not negated_before and not negated_after else "fuzzy",
            score=score,
        )


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
    for stretch in _around(document.text, near):
        if exact := next(_exact_places(wanted, stretch.normal.text, stretch.within(near)), None):
            return Located.at(document, stretch, *exact, score=1.0)
    for stretch in _stretches(document.text, len(quote), near):
        if exact := _find_exact(wanted, stretch.normal.text, stretch.within(near)):
            return Located.at(document, stretch, *exact, score=1.0)
    best: tuple[float, Located] | None = None
    for stretch in _stretches(document.text, len(quote), near):
        fuzzy = _find_fuzzy(wanted, stretch.normal.text, stretch.within(near))
        if fuzzy and (best is None or fuzzy[0] > best[0]):
            ratio, start, end = fuzzy
            best = ratio, Located.at(document, stretch, start, end, score=min(ratio, 0.999))
    return best[1] if best else None


def locate_all(quote: str, document: Document) -> tuple[Located, ...]:
    """Find every place, the first 1,000, where a document says a quote word for word, as `locate` compares words.

    Where there is none, capitals do not matter either.
    """
    wanted = NormalizedText(quote).text.strip()
    if not any(map(str.isalnum, wanted)):
        return ()
    found: list[Located] = []
    for places in (_exact_places, _places_in_any_case):
        if not found:
            each_place = (
                Located.at(document, stretch, *span, score=1.0)
                for stretch in _stretches(document.text, len(quote))
                for span in places(wanted, stretch.normal.text)
            )
            found = list(islice(each_place, MAX_OCCURRENCES))
    # With the marks around it and without them a quote is found twice in one place, and again where stretches overlap.
    found.sort(key=lambda each: (each.start, -each.end))
    pairs = zip([None, *found], found, strict=False)
    return tuple(each for before, each in pairs if before is None or each.start >= before.end)


def is_verbatim(quote: str, document: Document) -> bool:
    """Whether a document says a quote word for word, as `locate` compares words, and no negation stands before it."""
    wanted = NormalizedText(quote).text.strip()
    if not any(map(str.isalnum, wanted)):
        return False
    for stretch in _stretches(document.text, len(quote)):
        if exact := _find_exact(wanted, stretch.normal.text, ()):
            return Located.at(document, stretch, *exact, score=1.0).verified == "exact"
    return False


class _Stretch(NamedTuple):
    """A stretch of a document's text, from `start` on, in normal form."""

    start: int
    normal: NormalizedText

    def within(self, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return what spans of the document hold of the normal form; those that begin outside are left out."""
        normal = self.normal
        inside = [(low - self.start, high - self.start) for low, high in spans if low >= self.start]
        return [
            (normal.from_original(low), normal.from_original(max(low, high - 1)) + 1)
            for low, high in inside
            if low < normal.original_characters
        ]


def _stretches(text: str, length: int, near: Sequence[tuple[int, int]] = ()) -> Iterator[_Stretch]:
    """Yield a text in stretches, those first in which spans of it begin.

    Of a text of many million characters no normal form is made at once: nothing else would run meanwhile.

    Args:
        text: A document's.
        length: Of the longest quote that is looked for: where it begins in a stretch it ends in it.
        near: Spans of the text.
    """
    overlap = max(_OVERLAP_CHARACTERS, 2 * length)
    starts = [0]
    while starts[-1] + _STRETCH_CHARACTERS + overlap < len(text):
        after = starts[-1] + _STRETCH_CHARACTERS
        space = _SPACE.search(text, after, after + overlap)
        starts.append(space.start() if space else after)
    first = [any(low <= begin < high for begin, _ in near) for low, high in pairwise([*starts, len(text)])]
    for start, _ in sorted(zip(starts, first, strict=True), key=lambda each: not each[1]):
        yield _Stretch(start, normalize(text[start : start + _STRETCH_CHARACTERS + 2 * overlap]))


def _around(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[_Stretch]:
    """Yield each of some spans of a text with what stands beside it, if together they are short."""
    if sum(end - start for start, end in spans) <= _NEAR_CHARACTERS:
        for start, end in spans:
            begin = max(0, start - _AROUND_CHARACTERS)
            yield _Stretch(begin, normalize(text[begin : end + _AROUND_CHARACTERS]))


def _find_exact(wanted: str, text: str, near: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return where the words stand exactly, in one of the spans if they can."""
    return next(_exact_places(wanted, text, [*near, (0, len(text))]), None)


def _exact_places(wanted: str, text: str, spans: Sequence[tuple[int, int]] = ()) -> Iterator[tuple[int, int]]:
    """Yield where the words stand exactly within the spans, or anywhere if none are given.

    Marks around the quote and the case of its first letter do not matter.
    """
    forms = filter(None, dict.fromkeys((wanted, wanted.strip(MARKS_AROUND_WORDS))))
    spellings = ((form, _LETTER.sub(lambda letter: letter.group().swapcase(), form, count=1)) for form in forms)
    for words in chain.from_iterable(spellings):
        for start, end in spans or [(0, len(text))]:
            for position in _occurrences(words, text, start, end):
                if _stands_alone(text, position, words):
                    yield position, position + len(words)


def _places_in_any_case(wanted: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield where the words stand in small letters or capitals."""
    bare = wanted.strip(MARKS_AROUND_WORDS) or wanted
    words = re.compile(re.escape(bare), re.IGNORECASE)
    start = found = 0
    while start < len(text) and found < MAX_OCCURRENCES:
        # Piecemeal: a search through a whole book keeps every other thread waiting.
        end = start + _SEARCHED_CHARACTERS
        if match := words.search(text, start, end + len(bare)):
            found += 1
            start = match.end()
            if _stands_alone(text, match.start(), match.group()):
                yield match.span()
        else:
            start = end + 1


def _occurrences(words: str, text: str, start: int, end: int) -> Iterator[int]:
    """Yield where words occur in `text[start:end]`, at most the first 1,000 places."""
    position = start - 1
    for _ in range(MAX_OCCURRENCES):
        position = text.find(words, position + 1, end)
        if position < 0:
            return
        yield position


def _stands_alone(text: str, start: int, words: str) -> bool:
    """Whether words found at `start` begin and end where words and numbers do."""
    end = start + len(words)
    before, after = text[max(0, start - 3) : start], text[end : end + 2]
    if _inside_word(before[-1:], words[0]) or _inside_word(words[-1], after[:1]):
        return False
    if any(
        _NUMERAL.match(left) and _NUMERAL.match(right)
        for left, right in ((before[-1:], words[0]), (words[-1], after[:1]))
    ):
        return False
    if words[0].isdigit() and _NUMBER_BEFORE.search(before):
        return False
    if words[-1].isdigit() and _NUMBER_AFTER.match(after):
        return False
    return not (words[-1].isalpha() and _APOSTROPHE_AFTER.match(after))


def _inside_word(left: str, right: str) -> bool:
    """Whether two neighbouring characters belong to one word of a script that writes spaces between words."""
    return left.isalnum() and right.isalnum() and not (is_unspaced(left) and is_unspaced(right))


def _find_fuzzy(wanted: str, text: str, near: Sequence[tuple[int, int]]) -> tuple[float, int, int] | None:
    """Return the ratio, start and end of the best contiguous match that says the same."""
    long_enough = count_words(wanted) >= _MIN_FUZZY_WORDS and len(wanted) >= _MIN_FUZZY_CHARACTERS
    if not long_enough or len(wanted) > _MAX_FUZZY_CHARACTERS:
        return None
    regions = islice(_regions(wanted, text, near), _MAX_REGIONS)
    matches = (_best_match(wanted, text, start, end) for start, end in regions)
    return max(filter(None, matches), key=lambda match: match[0], default=None)


def _regions(wanted: str, text: str, near: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield stretches of the text that may hold the quote, those that share most with it first."""
    margin = len(wanted) // 3 + 20
    votes: Counter[int] = Counter()
    begins: dict[int, tuple[int, int]] = {}
    for start, end in [*near, (0, len(text))]:
        for anchor, offset in _anchors(wanted):
            positions = list(islice(_occurrences(anchor, text, start, end), _MAX_ANCHOR_OCCURRENCES))
            # The rarer a run of words, the more it tells; of a common one not even all places are known.
            weight = 1 if len(positions) == _MAX_ANCHOR_OCCURRENCES else 100 // len(positions or [0])
            for begin in (position - offset for position in positions):
                place = begin // (margin * 2)
                votes[place] += weight
                begins[place] = max(begins.get(place, (0, 0)), (weight, begin))
    for place, _ in votes.most_common():
        _, begin = begins[place]
        yield max(0, begin - margin), min(len(text), begin + len(wanted) + margin)


def _anchors(wanted: str) -> list[tuple[str, int]]:
    """Return some runs of the quote's words and its rarer words, and where each stands in it."""
    words = list(pieces(wanted))
    runs = [
        (wanted[first.start() : last.end()], first.start())
        for first, last in zip(words, words[_ANCHOR_WORDS - 1 :], strict=False)
    ]
    step = max(1, len(runs) // _MAX_ANCHORS)
    rare = [
        (bare, word.start() + word.group().index(bare))
        for word in words
        if len(bare := word.group().strip(MARKS_AROUND_WORDS)) >= _LONG_WORD or any(map(str.isdigit, bare))
    ]
    return [*runs[::step], *rare[:_MAX_ANCHORS]]


def _best_match(wanted: str, text: str, start: int, end: int) -> tuple[float, int, int] | None:
    """Return the ratio, start and end of the quote's best match in `text[start:end]`, if it says the same there."""
    quoted = bare_words(match.group() for match in pieces(wanted))
    found = list(pieces(text, start, end))
    there = bare_words(match.group() for match in found)
    best: tuple[float, int, int] | None = None
    for low, high in _aligned(quoted, there):
        begin, finish = found[low].start(), found[high - 1].end()
        if wanted[-1].isalnum():
            finish = begin + len(text[begin:finish].rstrip(MARKS_AROUND_WORDS))
        candidate = text[begin:finish]
        matcher = SequenceMatcher(None, wanted.casefold(), candidate.casefold(), autojunk=False)
        ratio = matcher.ratio() if matcher.quick_ratio() >= MIN_RATIO else 0.0
        # The quote has something else where the document negates: "Anybody" for "Nobody".
        replaced = high - low < len(quoted) and _NEGATED_BEFORE.search(text[max(0, begin - 20) : begin])
        better = ratio >= MIN_RATIO and (best is None or ratio > best[0]) and not replaced
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


def _decisive(text: str) -> list[str]:
    """Return the numbers and negations of a text in small letters, in order; those of scripts without spaces last."""
    tokens = [
        "n't" if token.endswith("n't") else token
        for token in _NUMBER_OR_WORD.findall(text)
        if not is_unspaced(token) and (not token.isalpha() or token in _DECISIVE)
    ]
    if text.isascii():
        return tokens
    found = units(text)
    return tokens + [unit.text for unit in found if unit.kind in ("number", "negation") or unit.text.startswith("不")]


def _says_the_same(wanted: str, candidate: str, quoted: list[str], there: list[str]) -> bool:
    """Whether numbers and negations are the same in both, and no word has a negating prefix in one of them only."""
    one, other = (_decisive(text.casefold()) for text in (wanted, candidate))
    if one != other:
        return False
    for tag, a, b, c, d in SequenceMatcher(None, quoted, there, autojunk=False).get_opcodes():
        for ours, theirs in zip(quoted[a:b], there[c:d], strict=False) if tag == "replace" else ():
            if without_negating_prefix(ours) == theirs or without_negating_prefix(theirs) == ours:
                return False
    return True
