"""The numbers that Word writes before paragraphs, counted as Word counts them: 2.1, (a), Article I."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree.ElementTree import Element

MAX_LEVELS = 9
"""Of one list, as Word has them."""

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
class _Level:
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


class Numbering:
    """The lists of a document, with where each has come to."""

    def __init__(self, root: Element | None) -> None:
        self._abstract: dict[str, str] = {}
        self._levels: dict[str, dict[int, _Level]] = {}
        self._restarts: dict[str, dict[int, int]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[str] = set()
        lists = {} if root is None else {_value(each, "@abstractNumId"): each for each in root.iter("abstractNum")}
        for number in () if root is None else root.iter("num"):
            self._add(number, lists)

    def _add(self, number: Element, lists: dict[str, Element]) -> None:
        """Take in one list with what it overrides."""
        name, abstract = _value(number, "@numId"), _value(number, "abstractNumId")
        found = lists.get(abstract)
        if found is not None and (linked := _value(found, "numStyleLink")):
            # The list is defined where its style says.
            abstract = next(
                (key for key, each in lists.items() if _value(each, "styleLink") == linked),
                abstract,
            )
        levels = _read_levels(lists.get(abstract))
        self._restarts[name] = {}
        for override in number.findall("lvlOverride"):
            level = _integer(override.get("ilvl"), 0)
            levels |= _read_levels(override)
            if start := _value(override, "startOverride"):
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


def _read_levels(parent: Element | None) -> dict[int, _Level]:
    """Return the levels of a list's definition, or those that a list overrides."""
    levels: dict[int, _Level] = {}
    for each in () if parent is None else parent.findall("lvl"):
        level = _integer(each.get("ilvl"), 0)
        numerals = each.find("numFmt")
        if numerals is None:
            # Newer kinds of numerals stand beside an older one for older programs.
            numerals = next(each.iter("numFmt"), None)
        kind = "decimal" if numerals is None else numerals.get("val", "decimal")
        shown = "" if each.find("rPr/vanish") is not None else _value(each, "lvlText")
        legal = each.find("isLgl")
        levels[level] = _Level(
            start=_integer(_value(each, "start"), 1 if each.find("start") is not None else 0),
            numerals=kind,
            text=shown,
            is_legal=legal is not None and legal.get("val", "1") not in ("0", "false", "off"),
            restart=_integer(_value(each, "lvlRestart"), level),
            space="" if _value(each, "suff") == "nothing" else " ",
            style=_value(each, "pStyle"),
        )
    return levels


def _value(element: Element, name: str) -> str:
    """Return the value of a property, or with an @ of an attribute; empty where there is none."""
    if name.startswith("@"):
        return element.get(name[1:], "")
    found = element.find(name)
    return "" if found is None else found.get("val", "")


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
_MAX_REPEATED = 30
"""Letters: Word writes the 27th item aa and the 53rd aaa; what goes on for longer is shown in figures."""


def numeral(number: int, kind: str) -> str:
    """Return a number in the numerals that Word calls `kind`; in figures where that kind is not known."""
    if kind == "none":
        return ""
    write = _NUMERALS.get(kind)
    return (write(number) if write else "") or str(number)


def _letters(alphabet: str) -> Callable[[int], str]:
    def write(number: int) -> str:
        times, at = divmod(number - 1, len(alphabet))
        return alphabet[at] * (times + 1) if 0 <= times < _MAX_REPEATED else ""

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


def _japanese(number: int) -> str:
    return re.sub("一(?=[十百千])|零", "", _chinese(number)) if number else _chinese(number)


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


def _ordinal(number: int) -> str:
    teen = number % 100 in range(11, 14)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _signs(signs: Sequence[str]) -> Callable[[int], str]:
    """Return numerals that are one sign each."""
    return lambda number: signs[number - 1] if 0 < number <= len(signs) else ""


_NUMERALS: dict[str, Callable[[int], str]] = {
    "lowerLetter": _letters(_LATIN),
    "upperLetter": _letters(_LATIN.upper()),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "russianLower": _letters(_RUSSIAN),
    "russianUpper": _letters(_RUSSIAN.upper()),
    "decimalZero": lambda number: f"{number:02}",
    "ordinal": _ordinal,
    "cardinalText": _words,
    "ordinalText": _ordinal_words,
    "numberInDash": lambda number: f"- {number} -",
    "decimalEnclosedParen": lambda number: f"({number})",
    "decimalEnclosedFullstop": lambda number: f"{number}.",
    "decimalEnclosedCircle": _signs("①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"),
    "decimalFullWidth": lambda number: str(number).translate({48 + digit: 0xFF10 + digit for digit in range(10)}),
    "chineseCounting": _chinese,
    "chineseCountingThousand": _chinese,
    "taiwaneseCounting": _chinese,
    "taiwaneseCountingThousand": _chinese,
    "japaneseCounting": _japanese,
    "ideographDigital": lambda number: "".join(_CHINESE[int(digit)] for digit in str(number)).replace("零", "〇"),  # noqa: RUF001
    "ideographTraditional": _signs("甲乙丙丁戊己庚辛壬癸"),
    "ideographZodiac": _signs("子丑寅卯辰巳午未申酉戌亥"),
    "ganada": _signs("가나다라마바사아자차카타파하"),
    "hebrew1": _signs("א ב ג ד ה ו ז ח ט י יא יב יג יד טו טז יז יח יט כ".split()),  # noqa: RUF001, SIM905
    "arabicAlpha": _signs("أبتثجحخدذرزسشصضطظعغفقكلمنهوي"),
    "thaiLetters": _signs("กขคงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ"),
}
