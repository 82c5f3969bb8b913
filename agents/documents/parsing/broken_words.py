"""Words that were broken at a line's end, made whole again."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

_LETTER = r"[^\W\d_]"
MAY_BE = re.compile("[-\u2010\u058a]\n|\u00ad")
"""Found in every text that holds a broken word."""
_HYPHEN = "[-\u2010\u00ad\u058a]"
# All of a broken word that stands on its first line, and all that stands on the next, with the marks around it.
_BEGINS = re.compile(rf"((?:\w+[-\u2010])*(?:{_LETTER}[\u0300-\u036f]?)+){_HYPHEN}[ \t]*$")
_ENDS = re.compile(r"[ \t]*(\w+)(\S*)[ \t]*")
_LONGEST = 80
_HYPHENED = re.compile(rf"(?<![\w-])({_LETTER}+)[-\u2010]({_LETTER}+)(?![\w-])")
_SOFT = re.compile("\u00ad+(?!\n)")
# What follows the hyphen of "Vor- und Nachteile" or "pre- and post-war"; no syllable of a longer word reads like these.
_CONJUNCTION = re.compile("and|und|oder|bzw|sowie|och|eller")


class Vocabulary:
    """How words are written in a text.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self._original = text

    def holds(self, word: str) -> bool:
        """Whether a word in small letters, or a part of one, is written in the text."""
        return word in self._text

    def holds_hyphened(self, first: str, second: str) -> bool:
        """Whether a word in small letters is written with a hyphen between its two parts."""
        return (first, second) in self._hyphened

    # Most texts are never asked.
    @cached_property
    def _text(self) -> str:
        return self._original.lower()

    @cached_property
    def _hyphened(self) -> frozenset[tuple[str, str]]:
        return frozenset(_HYPHENED.findall(self._text))


class Hyphenation:
    """Tells by how words are written elsewhere in the same text whether a hyphen belongs to one.

    Args:
        texts: Where to look.
    """

    def __init__(self, texts: Iterable[Vocabulary]) -> None:
        self._texts = list(texts)

    def join(self, text: str) -> str:
        """Return a text whose broken words are whole, each on the line on which it begins."""
        return "\n".join(line for _, line in self.join_lines(text.split("\n")))

    def join_lines(self, lines: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Yield lines whose broken words are whole, and the position of each.

        A line of which nothing is left is left out.
        """
        rest: str | None = None
        for at, line in enumerate(lines):
            current = line if rest is None else rest
            following = lines[at + 1] if at + 1 < len(lines) else ""
            moved = rest is not None
            rest = None
            begins = _BEGINS.search(current[-_LONGEST:])
            if begins and (ends := _ENDS.match(following)):
                kept = current[: len(current) - len(begins.group())]
                current = kept + self._joined(begins.group(1), ends.group(1)) + ends.group(2)
                rest = following[ends.end() :]
            if current or not moved:
                yield at, _SOFT.sub("", current)

    def _joined(self, first: str, second: str) -> str:
        if _CONJUNCTION.fullmatch(second):
            return f"{first}- {second}"
        belongs = (
            not second[0].isalpha()
            # "ex-Navy" and "EU-wide", but not "ANDER-SON".
            or (second[0].isupper() and not (first.isupper() and second.isupper()))
            or (first.isupper() and not second.isupper())
            or "-" in first
            or self._is_hyphened(first.lower(), second.lower())
        )
        return f"{first}-{second}" if belongs else first + second

    def _is_hyphened(self, first: str, second: str) -> bool:
        """Whether the text elsewhere writes the word with a hyphen, and never without."""
        if not any(text.holds_hyphened(first, second) for text in self._texts):
            return False
        return not any(text.holds(first + second) for text in self._texts)
