"""The normal form in which texts are compared, and the way back to the offsets of the original."""

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from threading import Lock

from cachetools import LRUCache, cached

from agents.language.unspaced import JOINED

_CACHED_CHARACTERS = 32_000_000
"""Of all texts whose normal form is cached; the longest document has fewer."""
_PART_CHARACTERS = 1 << 14
"""Looked at without a break: of scripts that are not ASCII in some ten milliseconds."""
_LONG_CHARACTERS = 1 << 20
_JOINED_PARTS = 1 << 10
MARKS_AROUND_WORDS = " \"'“”‘’.,;:!?…-()[]{}|*_、。「」『』【】《》〈〉・"
_LETTER = r"[^\W\d_]"
_BETWEEN_LETTERS = re.compile(_LETTER + _LETTER)
_QUOTES = "\"'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u2032\u2033\uff02\uff07"
_HYPHENS = "-\u2010\u2011\u2212\ufe63\uff0d"
_DASHES = "\u2012\u2013\u2014\u2015\ufe58"
_SPACES = "\t\x0b\x0c\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
# One character for one, so that offsets stay as they are.
_ALIKE = {
    ord(mark): same
    for marks, same in ((_QUOTES, "'"), (_HYPHENS, "-"), (_DASHES, "\u2014"), (_SPACES, " "))
    for mark in marks
}
_SOFT = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
# The class at the beginning lets the search skip to the next character that may matter.
_REPLACED = (
    rf"[-\u2014 \n|*\\'\[{_SOFT}](?:"
    rf"(?P<joined>(?<=[{JOINED}][ \n])[ \n]*(?=[{JOINED}]))"  # a line's end where no spaces are written
    rf"|(?P<dash>(?<=[ \n])[ \n]*[-\u2014][ \n]+|(?<=\u2014)(?: *\n[ \n]*)?)"
    rf"|(?P<space>(?<=[ \n|])(?:[ \n|]|\\\|)+|(?<=[\n|]))"  # line ends and the edges of a table's cells
    rf"|(?P<drop>(?<={_LETTER}-)(?: *\n[ \n]*)?(?={_LETTER})"  # hyphens, those at a line's end too
    rf"|(?<=[{_SOFT}])[{_SOFT}]*(?:\n[ \n]*)?|(?<=\*)\**|(?<=\\)(?=[!-/:-@\[-`{{-~])"  # marks of Markdown
    rf"|(?<=\[)\^\d{{1,4}}\])"  # marks of footnotes
    rf"|(?P<end>(?<=-) *\n[ \n]*)"
    rf"|(?P<quote>(?<=')'+))"
)
_REPLACEMENTS = {"joined": "", "drop": "", "dash": "-", "end": "-", "space": " ", "quote": "'"}
"""By the group of the pattern; what no group lists is written as NFKC does."""


class NormalizedText:
    """A text in normal form: NFKC, plain quotes and dashes, no hyphenation, single spaces.

    Args:
        text: The original text.
    """

    def __init__(self, text: str) -> None:
        self.original_characters = len(text)
        folded = "".join(part.translate(_ALIKE) for part in _parts(text))
        # Millions of parts are joined a thousand at a time: while all are, every other thread would wait.
        parts, pieces = list[str](), list[str]()
        # Stretches that are the same in both forms alternate with replaced ones; these are the offsets at which
        # each begins in the normal form and in the original.
        self._starts, self._original_starts = array("Q", [0]), array("Q", [0])
        position = offset = 0
        for match in _matches(_replaced_in(folded), folded):
            new = _REPLACEMENTS.get(match.lastgroup or "")
            if new is None:
                new = _nfkc(match.group())
            parts += (folded[offset : match.start()], new)
            if len(parts) > _JOINED_PARTS:
                pieces.append("".join(parts))
                parts.clear()
            if len(new) == match.end() - match.start():
                position += match.end() - offset
            else:
                position += match.start() - offset
                self._starts.extend((position, position + len(new)))
                self._original_starts.extend((match.start(), match.end()))
                position += len(new)
            offset = match.end()
        self.text = "".join((*pieces, *parts, folded[offset:]))

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original that became `self.text[start:end]`, which must not be empty."""
        first, last = bisect_right(self._starts, start) - 1, bisect_right(self._starts, end - 1) - 1
        begin = self._original_starts[first] + (start - self._starts[first] if first % 2 == 0 else 0)
        if last % 2:
            return begin, self._original_starts[last + 1]
        return begin, self._original_starts[last] + end - self._starts[last]

    def from_original(self, offset: int) -> int:
        """Return the offset in `self.text` of the original's `offset`."""
        stretch = bisect_right(self._original_starts, offset) - 1
        return self._starts[stretch] + (offset - self._original_starts[stretch] if stretch % 2 == 0 else 0)


_CACHE = LRUCache[object, NormalizedText](_CACHED_CHARACTERS, getsizeof=lambda normal: len(normal.text))
_CACHE_LOCK = Lock()


@cached(_CACHE, lock=_CACHE_LOCK)
def normalize(text: str) -> NormalizedText:
    """Return a text's normal form, from a cache where it was lately asked for."""
    return NormalizedText(text)


def bare_words(words: Iterable[str]) -> list[str]:
    """Return words without the marks around them and case-folded; what is all marks stays as it is."""
    return [word.strip(MARKS_AROUND_WORDS).casefold() or word for word in words]


def _replaced_in(text: str) -> re.Pattern[str]:
    """Return the pattern of all that is not in normal form in this text."""
    characters = set[str]().union(*map(set, _parts(text)))
    changed = "".join(re.escape(mark) for mark in sorted(characters) if not mark.isascii() and _nfkc(mark) != mark)
    combining = "".join(re.escape(mark) for mark in sorted(characters) if unicodedata.combining(mark))
    patterns = [_REPLACED]
    if combining:
        patterns.append(rf"(?P<combined>[^\W{combining}][{combining}]+)")
    if changed:
        patterns.append(rf"(?P<letter>[{changed}])")
    return re.compile("|".join(patterns))


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield what a pattern finds in a text piecemeal; pieces part between two letters, where nothing is replaced."""
    start = 0
    while start < len(text):
        end = start + _PART_CHARACTERS
        border = _BETWEEN_LETTERS.search(text, end)
        end = border.start() + 1 if border else len(text)
        yield from pattern.finditer(text, start, end)
        start = end


def _parts(text: str) -> Iterator[str]:
    """Yield a text piecemeal: what Python does with a whole one at once keeps every other thread waiting."""
    return (text[place : place + _PART_CHARACTERS] for place in range(0, len(text), _PART_CHARACTERS))


def forget_long_texts() -> None:
    """Drop what is cached if it is much; between two calls nobody needs it."""
    with _CACHE_LOCK:
        if _CACHE.currsize > _LONG_CHARACTERS:
            _CACHE.clear()


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_ALIKE)
