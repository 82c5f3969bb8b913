"""Writing a spreadsheet's values as their number formats show them: 12.5 %, 1,234.50 EUR, 00042, 3 May 2026."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne
from typing import NamedTuple

Value = str | bool | int | float | date | datetime | time | timedelta

_SECTION = re.compile(r'((?:\\.|[_*].|"[^"]*"|\[[^\]]*\]|[^;])*);?', re.DOTALL)
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|[_*](?P<padding>.)|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<ampm>AM/PM|A/P)|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?)|(?P<exponent>E[+-]0+)"
    r"|(?P<digits>[0#?][0#?,]*(?:\.[0#?]*,*)?|\.[0#?]+)|(?P<general>General)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<>|[<>]=?|=)(-?\d+(?:\.\d+)?)")
_CURRENCY = re.compile(r"\$([^-]*)")
_COMPARE = {"<": lt, "<=": le, ">": gt, ">=": ge, "=": eq, "<>": ne}
# Excel shows its first date format in the order that the reader's country is used to: no order can be known.
_LOCAL_DATE = ("mm-dd-yy", "m/d/yy", "m/d/yyyy")
_LANGUAGE = re.compile(r"\[\$[^\]]*-([0-9A-Fa-f]+)\]")
_ENGLISH = ("00", "09")
"""The lowest byte of Windows' language codes for English, and of those that leave the language open."""
_SIGN_APART = re.compile(r"^- (?=[\d.])")
_MAX_DECIMALS = 30


def shown(value: Value, number_format: str) -> str:
    """Return a cell's value as its number format shows it, in English where the format names no language.

    A date in the reader's own order, or with names in a language other than English, is written as 2026-04-01.
    """
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return value
    sections = _sections(number_format)
    if isinstance(value, int | float):
        return _number(value, sections)
    section = sections[0] if sections else _Section(())
    if isinstance(value, timedelta):
        return section.duration(value)
    language = _LANGUAGE.search(number_format)
    foreign = language is not None and language.group(1)[-2:].zfill(2) not in _ENGLISH
    local = number_format.partition(";")[0].lower() in _LOCAL_DATE
    if section.has("date") and not local and not (foreign and section.has_names):
        return section.moment(value)
    if isinstance(value, datetime):
        return str(value.date()) if value.time() == time() else value.isoformat(" ", "seconds")
    return value.isoformat()


class _Token(NamedTuple):
    """A piece of a format: a placeholder, or text to write."""

    kind: str
    text: str

    @property
    def literal(self) -> str:
        """What it writes where it is no placeholder."""
        return {"padding": " ", "bracket": "", "digits": "", "exponent": ""}.get(self.kind, self.text)

    def date_part(self, day: date, clock: time, *, half_day: bool) -> str:
        """Return the part of a date or a time that it stands for."""
        part = self.text.lower()
        size = len(part)
        if part[0] == "y":
            return f"{day.year:04}" if size > 2 else f"{day.year % 100:02}"
        if part[0] in "md" and size > 2:
            # strftime would name months and days in the machine's language.
            name = _MONTHS[day.month - 1] if part[0] == "m" else _DAYS[day.weekday()]
            return name[:1] if size > 4 and part[0] == "m" else name if size > 3 else name[:3]
        if part[0] == "s":
            whole, _, decimals = part.partition(".")
            rest = f".{clock.microsecond:06}"[: len(decimals) + 1] if decimals else ""
            return f"{clock.second:0{len(whole)}}{rest}"
        hour = (clock.hour % 12 or 12) if half_day else clock.hour
        number = {"m": day.month, "d": day.day, "h": hour}[part[0]]
        return f"{number:0{min(size, 2)}}"


@dataclass(frozen=True)
class _Section:
    """A section of a format, which may have others for negative numbers, zero and text."""

    tokens: tuple[_Token, ...]

    @classmethod
    def of(cls, text: str) -> "_Section":
        """Return the section that is written in this way."""
        tokens: list[_Token] = []
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup or "other"
            found = match.group(kind)
            currency = _CURRENCY.match(found) if kind == "bracket" else None
            tokens.append(_Token("quoted", currency.group(1)) if currency else _Token(kind, found))
        return cls(tuple(tokens))

    def has(self, *kinds: str) -> bool:
        """Whether it has a token of one of these kinds."""
        return any(token.kind in kinds for token in self.tokens)

    @property
    def has_names(self) -> bool:
        """Whether it names months or days."""
        return any(kind == "date" and re.match("mmm|ddd", text, re.IGNORECASE) for kind, text in self.tokens)

    @property
    def condition(self) -> re.Match[str] | None:
        """The section's own condition, as in [>=100]."""
        found = (_CONDITION.fullmatch(text) for kind, text in self.tokens if kind == "bracket")
        return next(filter(None, found), None)

    def words(self, value: float) -> str:
        """Write the section's own text, with the plain number where it says General."""
        return "".join(_plain(value) if token.kind == "general" else token.literal for token in self.tokens)

    def digits(self, value: Decimal) -> str:
        """Write a number with the placeholders for its digits."""
        groups = [text for kind, text in self.tokens if kind == "digits"]
        others = [text for kind, text in self.tokens if kind == "other"]
        value *= 100 ** others.count("%")
        if self.has("exponent"):
            return self._scientific(value, "".join(groups))
        if "/" in others:
            return self._fraction(value, groups)
        pattern = "".join(groups)
        whole, point, decimals = pattern.partition(".")
        value /= 1000 ** (len(pattern) - len(pattern.rstrip(",")))
        decimals = decimals.rstrip(",")[:_MAX_DECIMALS]
        rounded = abs(value).quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP)
        left, _, right = f"{rounded:f}".partition(".")
        fewest = len(decimals.rstrip("#?"))
        right = right[:fewest] + right[fewest:].rstrip("0")
        left = left.lstrip("0").rjust(whole.count("0"), "0")
        if "," in whole.rstrip(","):
            left = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", left)
        minus = "-" if value < 0 and rounded else ""
        return minus + self._spread(left, point + right if right or fewest else "")

    def _spread(self, left: str, right: str) -> str:
        """Put the digits where the format has its placeholders, as in (000) 000-0000."""
        groups = [place for place, token in enumerate(self.tokens) if token.kind == "digits"]
        point = next((place for place in groups if "." in self.tokens[place].text), groups[-1])
        texts = [token.literal for token in self.tokens]
        for place in reversed([place for place in groups if place <= point]):
            size = len(self.tokens[place].text.partition(".")[0].replace(",", ""))
            cut = 0 if place == groups[0] else max(0, len(left) - size)
            texts[place] = left[cut:] + (right if place == point else "")
            left = left[:cut]
        return "".join(texts)

    def _scientific(self, value: Decimal, pattern: str) -> str:
        exponent = next(text for kind, text in self.tokens if kind == "exponent")
        decimals = len(pattern.partition(".")[2].rstrip(","))
        mantissa, _, power = f"{value:.{min(decimals, _MAX_DECIMALS)}E}".partition("E")
        sign = "-" if power.startswith("-") else "+" if exponent[1] == "+" else ""
        texts = [token.literal for token in self.tokens]
        first = next(place for place, token in enumerate(self.tokens) if token.kind == "digits")
        texts[first] = f"{mantissa}E{sign}{power[1:].lstrip('0').rjust(len(exponent) - 2, '0')}"
        return "".join(texts)

    def _fraction(self, value: Decimal, groups: Sequence[str]) -> str:
        """Write a number as 3 1/4; only the number of placeholders below the stroke is heeded."""
        part = Fraction(abs(value)).limit_denominator(10 ** min(len(groups[-1]), 4) - 1)
        whole, rest = divmod(part.numerator, part.denominator) if len(groups) > 2 else (0, part.numerator)
        words = [str(whole)] if whole or not rest else []
        words += [f"{rest}/{part.denominator}"] if rest else []
        return ("-" if value < 0 else "") + " ".join(words)

    def duration(self, value: timedelta) -> str:
        """Write a length of time as hours and minutes, and seconds where the format has them."""
        seconds = round(value.total_seconds())
        sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
        text = f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}"
        has_seconds = any(kind in {"date", "bracket"} and text.lower().startswith("s") for kind, text in self.tokens)
        return f"{text}:{seconds % 60:02}" if has_seconds or seconds % 60 else text

    def moment(self, value: date | time) -> str:
        """Write a date or a time of day; the latter as a length of time where the format asks for it, as [h] does."""
        day = value if isinstance(value, date) else date(1899, 12, 31)
        clock = value.time() if isinstance(value, datetime) else value if isinstance(value, time) else time()
        if any(kind == "bracket" and text and not text.lower().strip("hms") for kind, text in self.tokens):
            return self.duration(timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second))
        half_day = self.has("ampm")
        written: list[str] = []
        for place, token in enumerate(self.tokens):
            if token.kind == "ampm":
                half = "AM" if clock.hour < 12 else "PM"
                written.append(half if len(token.text) > 3 else half[0])
            elif token.kind != "date":
                written.append("" if token.text in ("@", ";") else token.literal)
            elif self._is_minutes(place):
                written.append(f"{clock.minute:0{len(token.text)}}")
            else:
                written.append(token.date_part(day, clock, half_day=half_day))
        return " ".join("".join(written).split())

    def _is_minutes(self, place: int) -> bool:
        """Whether a part of a date means minutes: an m that follows hours, or that seconds follow."""
        parts = [(at, text.lower()) for at, (kind, text) in enumerate(self.tokens) if kind == "date"]
        before = "".join(text[0] for at, text in parts if at < place)
        after = "".join(text[0] for at, text in parts if at > place)
        return self.tokens[place].text.lower() in {"m", "mm"} and (before.endswith("h") or after.startswith("s"))


@lru_cache(maxsize=1024)
def _sections(number_format: str) -> tuple[_Section, ...]:
    """Return the sections of a format, for positive numbers, negative ones, zero and text."""
    parts = [match.group(1) for match in _SECTION.finditer(number_format)][:4]
    while len(parts) > 1 and not parts[-1] and not number_format.endswith(";"):
        parts.pop()
    return tuple(map(_Section.of, parts))


def _number(value: float, sections: Sequence[_Section]) -> str:
    if not math.isfinite(value):
        return str(value)
    section, magnitude = _section_for(value, sections)
    if section.has("general") or not section.has("digits"):
        if section.has("date", "ampm") and not section.has("general"):
            return _plain(value)
        return " ".join(section.words(magnitude).split())
    try:
        text = " ".join(section.digits(Decimal(repr(magnitude))).split())
    except InvalidOperation:
        # It has more digits than any number that somebody reads.
        return _plain(value)
    # Accounting formats push the sign to the cell's left edge.
    return _SIGN_APART.sub("-", text)


def _section_for(value: float, sections: Sequence[_Section]) -> tuple[_Section, float]:
    """Return the section that shows a number, and the number without the sign that the section itself writes."""
    conditions = [section.condition for section in sections]
    if any(conditions):
        for section, condition in zip(sections, conditions, strict=True):
            if condition is None or _COMPARE[condition.group(1)](value, float(condition.group(2))):
                return section, value
        return _Section(()), value
    if value < 0 and len(sections) > 1:
        return sections[1], -value
    if value == 0 and len(sections) > 2:
        return sections[2], value
    return (sections[0] if sections else _Section(())), value


def _plain(value: float) -> str:
    """Return a number as a cell without a format shows it."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:.15g}"
    return f"{Decimal(text):f}" if "e" in text and 1e-5 <= abs(value) < 1e21 else text


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
