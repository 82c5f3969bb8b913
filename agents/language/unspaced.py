"""Scripts that write no spaces between words, and what stands for a word in them: a pair of letters.

Chinese, Japanese and Thai are written without spaces; in Korean small words stick to the one before. A run of such
letters is cut at the small words and negations that its script gives away and at its numbers; what is left between
them is taken as pairs of letters that overlap. Search, matching and grounding all compare these units. A pair of a
word's own letters is found however the word is joined to its neighbours, and no dictionary has to know it.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from agents.language.language import Language
from agents.language.lexicon import CHINESE, LANGUAGES
from agents.language.numbers import EAST_ASIAN_NUMBER, HAN_NUMERALS, east_asian_value

HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
KANA = f"\u3041-\u3096\u3099\u309a\u309d-\u309f{KATAKANA}"
HANGUL = "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3"
# Thai and Lao, Burmese, Khmer: letters with their vowels and tones, without digits and marks between sentences.
SOUTH_EAST = "\u0e01-\u0e2e\u0e30-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u109d\u1780-\u17d3"
UNSPACED = HAN + KANA + HANGUL + SOUTH_EAST
"""The letters of all of these scripts, to be put between the brackets of a pattern."""
JOINED = HAN + KANA + "\u3001-\u3003\u3008-\u3011\u3014-\u301b\u30fb\uff01-\uff0f\uff1a-\uff1f"
"""Letters and marks of Chinese and Japanese: white space between two of them is only how a line was set."""

_RUN = re.compile(f"[{UNSPACED}]+")
# Vowels and tones stand above, below or behind the letter that they belong to; some vowels of Thai and Lao before it.
_MARKS = "\u0e30-\u0e3a\u0e45\u0e47-\u0e4e\u0eb0-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
_MARKED = re.compile(f"[{SOUTH_EAST}{_MARKS}]")
_LETTER = re.compile(rf"[\u0e40-\u0e44\u0ec0-\u0ec4]?.[{_MARKS}]*", re.DOTALL)


def _small_words(language: Language) -> str:
    """Return a pattern of one script's small words, which is tried only at letters that the words are written in."""
    negation, function = map("|".join, (language["script_negations"], language["script_function_words"]))
    own = "".join(sorted(set(re.findall(f"[{UNSPACED}]", negation + function))))
    return rf"(?=[{own}])(?:(?P<negation_{language.name}>{negation})|(?P<function_{language.name}>{function}))"


_SMALL_WORDS = "|".join(_small_words(language) for language in LANGUAGES.values() if language.unspaced)
_PARTS = re.compile(
    rf"(?P<limit>{'|'.join(CHINESE['limits_of_script'])})|"
    rf"(?P<number>(?=[{HAN_NUMERALS}]){EAST_ASIAN_NUMBER})|{_SMALL_WORDS}"
)

Kind = Literal["pair", "number", "function", "negation"]


class Unit(NamedTuple):
    """What stands for a word: `run[start:end]`."""

    text: str
    """As it is compared: a number's value in digits, a limit without the "may" in it."""
    start: int
    end: int
    kind: Kind


def units(text: str) -> Iterator[Unit]:
    """Yield the units of all runs of these scripts in a text, in order; takes time linear in the text."""
    for run in _RUN.finditer(text):
        position = run.start()
        for part in _PARTS.finditer(text, position, run.end()):
            start, end = part.span()
            yield from _pairs(text, position, start)
            written, kind = part.group(), part.lastgroup or ""
            if kind == "limit":
                yield Unit("不" + written.lstrip("不得"), start, end, "pair")
            elif kind == "number":
                yield Unit(east_asian_value(written), start, end, "number")
            else:
                yield Unit(written, start, end, "negation" if kind.startswith("negation") else "function")
            position = end
        yield from _pairs(text, position, run.end())


# Where Japanese changes its script a word ends, or its ending begins.
_ONE_SCRIPT = re.compile(f"[ぁ-ゟ]+|[{KATAKANA}]+|[^ぁ-ゟ{KATAKANA}]+")
_HIRAGANA = re.compile("[ぁ-ゟ]")
_KANJI_OR_KATAKANA = re.compile(f"[{HAN}{KATAKANA}]")


def _pairs(text: str, start: int, end: int) -> Iterator[Unit]:
    """Yield the overlapping pairs of letters of `text[start:end]`, none of two scripts.

    A letter by itself is a unit where it is the only one. In Hiragana it is an ending, as is all that follows another
    script: 戻る and 戻り are both 戻.
    """
    for part in _ONE_SCRIPT.finditer(text, start, end):
        first, last = part.span()
        ending = _HIRAGANA.match(text, first) is not None
        behind = ending and first > 0 and _KANJI_OR_KATAKANA.match(text, first - 1) is not None
        if _MARKED.search(text, first, last):
            edges = [first, *(match.end() for match in _LETTER.finditer(text, first, last))]
        else:
            edges = range(first, last + 1)
        if len(edges) == 2:
            yield Unit(text[first:last], first, last, "function" if ending else "pair")
        for begin, close in zip(edges, edges[2:], strict=False):
            yield Unit(text[begin:close], begin, close, "function" if behind else "pair")


_LINE_END = re.compile(rf"(?<=[{JOINED}])[ \t\u3000]*\n[ \t\u3000]*(?=[{JOINED}])")


def join_lines(text: str) -> str:
    """Return a text without the line ends between two letters of Chinese or Japanese: a space would part a word."""
    return text if text.isascii() else _LINE_END.sub("", text)


def holds_unspaced(text: str) -> bool:
    """Whether a text holds letters of these scripts."""
    return not text.isascii() and _RUN.search(text) is not None


def is_unspaced(text: str) -> bool:
    """Whether a text begins with a letter of one of these scripts."""
    return _RUN.match(text) is not None


_NOT_SPACED = HAN + KANA + SOUTH_EAST
_SPACED = re.compile(r"\S+")
_PIECE = re.compile(rf"[{HAN}{KANA}]|[{SOUTH_EAST}]{{1,2}}|(?:(?![{_NOT_SPACED}])\S)+")
# A word of Chinese mostly has two letters, in Japanese with a particle or an ending; one of Thai four, vowels included.
_LENGTH = re.compile(
    rf"(?:[{HAN}]{{1,2}}[{KANA}]{{0,2}}|[{KANA}]{{1,4}}|[{SOUTH_EAST}]{{1,4}})[^\w\s]*|(?:(?![{_NOT_SPACED}])\S)+"
)


def pieces(text: str, start: int = 0, end: int | None = None) -> Iterator[re.Match[str]]:
    """Find what `text[start:end]` is aligned by: words between spaces, and the letters of scripts that write none.

    Korean has its spaces.
    """
    return (_SPACED if text.isascii() else _PIECE).finditer(text, start, len(text) if end is None else end)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans by which a text's length is measured: its words, pairs of letters in scripts without spaces."""
    return [match.span() for match in (_SPACED if text.isascii() else _LENGTH).finditer(text)]


def count_words(text: str) -> int:
    """Return the length of a text in words."""
    return len(word_spans(text))
