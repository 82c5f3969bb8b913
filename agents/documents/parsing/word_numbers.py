"""The numbers that Word writes before paragraphs, counted as Word counts them: 2.1, (a), Article I."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree.ElementTree import Element

from agents.documents.parsing.word_styles import value

_PLACE = re.compile(r"%([1-9])")


class Number(NamedTuple):
    """What stands before a paragraph."""

    label: str
    """With the white space behind it; empty for a bullet and for a number that is not shown."""
    level: int
    is_bullet: bool
    is_named: bool
    """Whether more than a number, as in "Article I" and "§ 4"."""


@dataclass(frozen=True)
class Level:
    """How one level of a list is numbered."""

    start: int
    numerals: str
    text: str
    is_legal: bool
    """Whether the levels above it are shown as figures."""
    restart: int
    """It begins again after this level, counted from 1, or one above it; after none if 0."""
    space: str
    style: str
    """The paragraph style that belongs to it; empty for none."""

    @classmethod
    def all_in(cls, parent: Element | None) -> "dict[int, Level]":
        """Return the levels of a list's definition, or those that a list overrides."""
        found = () if parent is None else parent.findall("lvl")
        return {_integer(each.get("ilvl"), 0): cls.read(each) for each in found}

    @classmethod
    def read(cls, level: Element) -> "Level":
        """Return one level of a list."""
        numerals = level.find("numFmt")
        if numerals is None:
            # Newer kinds of numerals stand beside an older one for older programs.
            numerals = next(level.iter("numFmt"), None)
        start, legal = level.find("start"), level.find("isLgl")
        return cls(
            start=0 if start is None else _integer(value(start), 1),
            numerals="decimal" if numerals is None else numerals.get("val", "decimal"),
            text="" if level.find("rPr/vanish") is not None else value(level.find("lvlText")),
            is_legal=legal is not None and legal.get("val", "1") not in ("0", "false", "off"),
            restart=_integer(value(level.find("lvlRestart")), _integer(level.get("ilvl"), 0)),
            space="" if value(level.find("suff")) == "nothing" else " ",
            style=value(level.find("pStyle")),
        )


class Numbering:
    """The lists of a document, with where each has come to."""

    def __init__(self, root: Element | None) -> None:
        self._abstract: dict[str, str] = {}
        self._levels: dict[str, dict[int, Level]] = {}
        self._restarts: dict[str, dict[int, int]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[str] = set()
        lists = {} if root is None else {each.get("abstractNumId", ""): each for each in root.iter("abstractNum")}
        for number in () if root is None else root.iter("num"):
            self._add(number, lists)

    def _add(self, number: Element, lists: dict[str, Element]) -> None:
        """Take in one list with what it overrides."""
        name, abstract = number.get("numId", ""), value(number.find("abstractNumId"))
        found = lists.get(abstract)
        if found is not None and (linked := value(found.find("numStyleLink"))):
            # The list is defined where its style says.
            abstract = next(
                (key for key, each in lists.items() if value(each.find("styleLink")) == linked),
                abstract,
            )
        levels = Level.all_in(lists.get(abstract))
        self._restarts[name] = {}
        for override in number.findall("lvlOverride"):
            level = _integer(override.get("ilvl"), 0)
            levels |= Level.all_in(override)
            if start := value(override.find("startOverride")):
                self._restarts[name][level] = _integer(start, 1)
        self._abstract[name], self._levels[name] = abstract, levels

    def level_of(self, name: str, style: str) -> int | None:
        """Return the level of a list that belongs to a paragraph style."""
        return next((level for level, each in self._levels.get(name, {}).items() if each.style == style), None)

    def count(self, name: str, level: int) -> Number | None:
        """Count one more paragraph of a list, and return its number; None where there is no such list."""
        levels = self._levels.get(name, {})
        if level not in levels:
            return None
        counts = self._counts.setdefault(self._abstract[name], {})
        restarts = self._restarts[name]
        if name not in self._begun:
            self._begun.add(name)
            for restarted in restarts:
                counts.pop(restarted, None)
        counts[level] = counts[level] + 1 if level in counts else restarts.get(level, levels[level].start)
        for deeper, each in levels.items():
            if deeper > level and each.restart > level:
                counts.pop(deeper, None)
        own = levels[level]
        if own.numerals == "bullet":
            return Number("", level, is_bullet=True, is_named=False)

        def shown(place: re.Match[str]) -> str:
            at = int(place.group(1)) - 1
            each = levels.get(at, own)
            figure = counts.get(at, restarts.get(at, each.start))
            decimal = own.is_legal and each.numerals not in ("none", "decimalZero")
            return numeral(figure, "decimal" if decimal else each.numerals)

        label = _PLACE.sub(shown, own.text).strip()
        named = any(map(str.isalpha, _PLACE.sub("", own.text))) or "§" in own.text
        return Number(label and label + own.space, level, is_bullet=False, is_named=named)


def _integer(text: str | None, default: int) -> int:
    """Return a number of at most nine digits; mutilated ones are the default."""
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else default


_LATIN = "abcdefghijklmnopqrstuvwxyz"
_RUSSIAN = "абвгдежзиклмнопрстуфхцчшщыэюя"
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"),
    (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_CHINESE = "零一二三四五六七八九"
_CHINESE_PLACES = ("", "十", "百", "千")
_ONES = tuple(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "  # noqa: SIM905
    "eighteen nineteen".split()
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_ENDINGS = {1: "st", 2: "nd", 3: "rd", 11: "th", 12: "th", 13: "th"}
_MAX_REPEATED = 30
"""Letters: Word writes the 27th item aa and the 53rd aaa; what goes on for longer is shown in figures."""


def numeral(number: int, kind: str) -> str:
    """Return a number in the numerals that Word calls `kind`; in figures where that kind is not known."""
    if kind == "none":
        return ""
    write = _NUMERALS.get(kind)
    return (write(number) if write else "") or str(number)


def _letters(alphabet: Sequence[str], rounds: int = _MAX_REPEATED) -> Callable[[int], str]:
    """Return numerals of one letter or sign, repeated once more in each round through the alphabet."""

    def write(number: int) -> str:
        times, at = divmod(number - 1, len(alphabet))
        return alphabet[at] * (times + 1) if 0 <= times < rounds else ""

    return write


def _roman(number: int) -> str:
    if not 0 < number < 4000:
        return ""
    written = ""
    for worth, sign in _ROMAN:
        written += sign * (number // worth)
        number %= worth
    return written


def _chinese(number: int) -> str:
    """Return a number below 10,000 as it is counted in Chinese and Japanese: 十二, 一百零五."""
    if not 0 <= number < 10_000:
        return ""
    if number == 0:
        return _CHINESE[0]
    digits = [int(digit) for digit in str(number)]
    places = _CHINESE_PLACES[len(digits) - 1 :: -1] if len(digits) > 1 else ("",)
    written = "".join(
        _CHINESE[digit] + place if digit else _CHINESE[0] for digit, place in zip(digits, places, strict=True)
    )
    written = re.sub("零+", "零", written).rstrip("零")
    return written.removeprefix("一") if number in range(10, 20) else written


def _words(number: int) -> str:
    """Return an English number below a hundred in words."""
    if not 0 <= number < 100:
        return ""
    if number < len(_ONES):
        return _ONES[number].capitalize()
    tens, ones = divmod(number, 10)
    return (_TENS[tens] + (f"-{_ONES[ones]}" if ones else "")).capitalize()


def _ordinal_words(number: int) -> str:
    head, hyphen, last = _words(number).lower().rpartition("-")
    ordinal = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return f"{head}{hyphen}{ordinal}".capitalize() if last else ""


_NUMERALS: dict[str, Callable[[int], str]] = {
    "lowerLetter": _letters(_LATIN),
    "upperLetter": _letters(_LATIN.upper()),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "russianLower": _letters(_RUSSIAN),
    "russianUpper": _letters(_RUSSIAN.upper()),
    "decimalZero": lambda number: f"{number:02}",
    "ordinal": lambda number: f"{number}{_ENDINGS.get(number % 100, _ENDINGS.get(number % 10, 'th'))}",
    "cardinalText": _words,
    "ordinalText": _ordinal_words,
    "numberInDash": lambda number: f"- {number} -",
    "decimalEnclosedParen": lambda number: f"({number})",
    "decimalEnclosedFullstop": lambda number: f"{number}.",
    "decimalEnclosedCircle": _letters("①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳", 1),
    "decimalFullWidth": lambda number: str(number).translate({48 + digit: 0xFF10 + digit for digit in range(10)}),
    "chineseCounting": _chinese,
    "chineseCountingThousand": _chinese,
    "taiwaneseCounting": _chinese,
    "taiwaneseCountingThousand": _chinese,
    "japaneseCounting": lambda number: re.sub("一(?=[十百千])|(?<=.)零", "", _chinese(number)),
    "ideographDigital": lambda number: "".join(_CHINESE[int(digit)] for digit in str(number)).replace("零", "〇"),  # noqa: RUF001
    "ideographTraditional": _letters("甲乙丙丁戊己庚辛壬癸", 1),
    "ideographZodiac": _letters("子丑寅卯辰巳午未申酉戌亥", 1),
    "ganada": _letters("가나다라마바사아자차카타파하", 1),
    "hebrew1": _letters("א ב ג ד ה ו ז ח ט י יא יב יג יד טו טז יז יח יט כ".split(), 1),  # noqa: RUF001, SIM905
    "arabicAlpha": _letters("أبتثجحخدذرزسشصضطظعغفقكلمنهوي", 1),
    "thaiLetters": _letters("กขคงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ", 1),
}
