"""Whether a page's text can be what the page shows: fonts may name other letters than those that they draw."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import islice
from statistics import fmean, median

from agents.language.lexicon import LANGUAGES

_FUNCTION_WORDS = frozenset[str]().union(
    *({word for word in language.function_words if len(word) > 1} for language in LANGUAGES.values())
)
_WORD = re.compile(r"[^\W\d_]+")
_MIN_WORDS = 8
_KNOWN = 0.1
"""A third of the words of running text are function words; a page with this many is written in a known language."""
_UNREAL = 0.2
_MIN_LETTERS = 8
"""Letters of the alphabet with a known width, below which widths tell nothing."""
_SAMPLE = 600
_SAMPLE_CHARACTERS = 3_000
_LINE_MARKS = "\x02\ufffe"
"""What pdfium writes for hyphens at lines' ends."""
_ALIKE = 0.35
# Widths of Helvetica's small letters, in thousandths of the font's size: whatever the typeface, i is narrower than n
# and n narrower than m.
_WIDTHS = (
    dict.fromkeys("cksvxyz", 500)
    | dict.fromkeys("abdeghnopqu", 556)
    | {"f": 278, "i": 222, "j": 222, "l": 222, "m": 833, "r": 333, "t": 278, "w": 722}
)
_WIDE_LETTER = re.compile("[\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3]")
_NARROW = 0.55
"""Chinese, Japanese and Korean letters are as wide as their font's size, which is at least 0.65 of a line's height."""


def is_doubtful(text: str, width_at: Callable[[int], float]) -> bool:
    """Return whether a page must show something else than its text.

    Its characters are no letters of any script, or mix scripts as no writing does, or the widths of its letters are
    those of others.

    Args:
        text: The page's text.
        width_at: Returns the width of the character at a position, as a share of its height; it is asked only where
            no known language is recognised.
    """
    if _is_unreal(text):
        return True
    words = _WORD.findall(text[:_SAMPLE_CHARACTERS])
    known = sum(map(_FUNCTION_WORDS.__contains__, map(str.lower, words)))
    if known and known >= _KNOWN * len(words):
        return False
    if _is_mixed(words):
        return True
    wide = [match.start() for match in islice(_WIDE_LETTER.finditer(text), _SAMPLE)]
    if len(wide) >= _MIN_WORDS and _are_bytes(text[place] for place in wide):
        return True
    if len(wide) >= _MIN_WORDS:
        return median(map(width_at, wide)) < _NARROW
    return len(words) >= _MIN_WORDS and _has_other_widths(text, width_at)


def _is_unreal(text: str) -> bool:
    """Whether many characters are none of any script."""
    marks = {mark for mark in set(text) if not mark.isspace() and mark not in _LINE_MARKS}
    unreal = {mark for mark in marks if mark == "\ufffd" or unicodedata.category(mark) in ("Co", "Cn", "Cc")}
    if not unreal:
        return False
    counts = Counter(text)
    found = sum(counts[mark] for mark in unreal)
    return found >= _MIN_WORDS and found > _UNREAL * sum(counts[mark] for mark in marks)


def _is_mixed(words: list[str]) -> bool:
    """Whether many words are written in several scripts at once."""
    long = [word for word in words if len(word) > 2 and not word.isascii()]
    mixed = sum(len(set(map(_script, word))) > 2 for word in long)
    return mixed >= _MIN_WORDS and mixed > _UNREAL * len(long)


def _are_bytes(letters: Iterable[str]) -> bool:
    """Whether letters are others whose two bytes in UTF-8 were taken for one character, as some fonts have it."""
    # In UTF-16 one of eight Korean letters, and three of ten Chinese ones, happen to be valid UTF-8: never all of many.
    try:
        "".join(letters).encode("utf-16-be").decode("utf-8")
    except UnicodeError:
        return False
    return True


_ONE_SCRIPT = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK", "HALFWIDTH": "CJK", "FULLWIDTH": "CJK"}


def _script(letter: str) -> str:
    """Return the script of a letter, as its name begins."""
    name = unicodedata.name(letter, "?").partition(" ")[0]
    return _ONE_SCRIPT.get(name, name)


def _has_other_widths(text: str, width_at: Callable[[int], float]) -> bool:
    """Whether the letters of a text are as wide as others would be."""
    widths: defaultdict[str, list[float]] = defaultdict(list)
    for sampled, match in enumerate(re.finditer("[a-z]", text)):
        if sampled == _SAMPLE:
            break
        widths[match.group()].append(width_at(match.start()))
    found = {letter: fmean(seen) for letter, seen in widths.items() if len(seen) > 1}
    if len(found) < _MIN_LETTERS:
        return False
    low, high = min(found.values()), max(found.values())
    # All letters of a typewriter are equally wide.
    if high - low < 0.15 * high:
        return False
    return _correlation([(width, _WIDTHS[letter]) for letter, width in found.items()]) < _ALIKE


def _correlation(pairs: Iterable[tuple[float, float]]) -> float:
    pairs = list(pairs)
    mean, other_mean = fmean(one for one, _ in pairs), fmean(other for _, other in pairs)
    covariance = sum((one - mean) * (other - other_mean) for one, other in pairs)
    spread = sum((one - mean) ** 2 for one, _ in pairs) * sum((other - other_mean) ** 2 for _, other in pairs)
    return covariance / spread**0.5 if spread else 1.0
