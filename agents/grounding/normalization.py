"""The form in which texts are compared, and the way back to the original's offsets."""

import re
import unicodedata
from array import array
from bisect import bisect_right
from functools import lru_cache

_HELD_TEXTS = 8
_LETTER = r"[^\W\d_]"
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
_CHANGES = (
    rf"[-\u2014 \n|*\\'{_SOFT}](?:"
    rf"(?P<dash>(?<=[ \n])[ \n]*[-\u2014][ \n]+|(?<=\u2014)(?: *\n[ \n]*)?)"
    rf"|(?P<space>(?<=[ \n|])(?:[ \n|]|\\\|)+|(?<=[\n|]))"  # line ends and the edges of a table's cells
    rf"|(?P<drop>(?<={_LETTER}-)(?: *\n[ \n]*)?(?={_LETTER})"  # hyphens, those at a line's end too
    rf"|(?<=[{_SOFT}])[{_SOFT}]*(?:\n[ \n]*)?|(?<=\*)\**|(?<=\\)(?=[!-/:-@\[-`{{-~]))"  # marks of Markdown
    rf"|(?P<end>(?<=-) *\n[ \n]*)"
    rf"|(?P<quote>(?<=')'+))"
)


class NormalizedText:
    """A text in normal form: NFKC, plain quotes and dashes, no hyphenation, single spaces.

    Args:
        text: The original text.
    """

    def __init__(self, text: str) -> None:
        alike = text.translate(_ALIKE)
        parts: list[str] = []
        # Stretches that are the same in both forms alternate with changes; each begins at these offsets.
        self._here, self._there = array("Q", [0]), array("Q", [0])
        here = there = 0
        for change in _changes(alike).finditer(alike):
            new = _normal(change)
            if len(new) == change.end() - change.start():
                parts += (alike[there : change.start()], new)
                here += change.end() - there
                there = change.end()
                continue
            parts += (alike[there : change.start()], new)
            here += change.start() - there
            self._here.extend((here, here + len(new)))
            self._there.extend((change.start(), change.end()))
            here += len(new)
            there = change.end()
        parts.append(alike[there:])
        self.text = "".join(parts)

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where `self.text[start:end]`, not empty, stands in the original."""
        first, last = self._stretch(start), self._stretch(end - 1)
        begin = self._there[first] + (start - self._here[first] if first % 2 == 0 else 0)
        if last % 2:
            return begin, self._there[last + 1]
        return begin, self._there[last] + end - self._here[last]

    def position(self, offset: int) -> int:
        """Return where the original's `offset` stands in `self.text`."""
        stretch = bisect_right(self._there, offset) - 1
        same = offset - self._there[stretch] if stretch % 2 == 0 else 0
        return self._here[stretch] + same

    def _stretch(self, position: int) -> int:
        return bisect_right(self._here, position) - 1


@lru_cache(maxsize=_HELD_TEXTS)
def normalize(text: str) -> NormalizedText:
    """Return a text's normal form; those of the last few texts are kept."""
    return NormalizedText(text)


def _changes(text: str) -> re.Pattern[str]:
    """Return the pattern of all that changes its length or its letters in this text."""
    letters = sorted(letter for letter in set(text) if not letter.isascii() and _nfkc(letter) != letter)
    marks = "".join(map(re.escape, letters))
    combined = "".join(re.escape(letter) for letter in sorted(set(text)) if unicodedata.combining(letter))
    patterns = [_CHANGES]
    if combined:
        patterns.append(rf"(?P<combined>[^\W{combined}][{combined}]+)")
    if marks:
        patterns.append(rf"(?P<letter>[{marks}])")
    return re.compile("|".join(patterns))


def _normal(change: re.Match[str]) -> str:
    kind = change.lastgroup
    if kind == "drop":
        return ""
    if kind in ("dash", "end"):
        return "-"
    if kind == "space":
        return " "
    return "'" if kind == "quote" else _nfkc(change.group())


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_ALIKE)
