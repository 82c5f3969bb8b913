"""Writing a spreadsheet's values as their number formats show them: 12.5 %, 1,234.50 EUR, 00042, 3 May 2026."""

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne

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

_Token = tuple[str, str]


def shown(value: Value, number_format: str) -> str:
    """Return a cell's value as its number format shows it, in English where the format names no language.

    A date in the reader's own order, or with names in a language other than English, is written as 2026-04-01.
    """
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return _number(value, number_format)
    return _moment(value, number_format)


@lru_cache(maxsize=1024)
def _sections(number_format: str) -> tuple[tuple[_Token, ...], ...]:
    """Return the sections of a format, for positive numbers, negative ones, zero and text, as tokens."""
    parts = [match.group(1) for match in _SECTION.finditer(number_format)][:4]
    while len(parts) > 1 and not parts[-1] and not number_format.endswith(";"):
        parts.pop()
    return tuple(tuple(_tokens(part)) for part in parts)


def _tokens(section: str) -> list[_Token]:
    found: list[_Token] = []
    for match in _TOKEN.finditer(section):
        kind = match.lastgroup or "other"
        text = match.group(kind)
        if kind == "bracket" and (currency := _CURRENCY.match(text)):
            kind, text = "quoted", currency.group(1)
        found.append((kind, text))
    return found


def _number(value: float, number_format: str) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    sections = _sections(number_format)
    tokens, magnitude = _section_for(value, sections)
    kinds = {kind for kind, _ in tokens}
    if "general" in kinds or "digits" not in kinds:
        if "general" not in kinds and kinds & {"date", "ampm"}:
            return _plain(value)
        words = "".join(_plain(magnitude) if kind == "general" else _literal(kind, text) for kind, text in tokens)
        return " ".join(words.split()) if tokens else ""
    try:
        text = " ".join(_with_digits(Decimal(repr(magnitude)), tokens).split())
    except InvalidOperation:
        # It has more digits than any number that somebody reads.
        return _plain(value)
    # Accounting formats push the sign to the cell's left edge.
    return _SIGN_APART.sub("-", text)


def _section_for(value: float, sections: tuple[tuple[_Token, ...], ...]) -> tuple[tuple[_Token, ...], float]:
    """Return the section that shows a number, and the number without the sign that the section itself writes."""
    conditions = [_condition(tokens) for tokens in sections]
    if any(conditions):
        for tokens, condition in zip(sections, conditions, strict=True):
            if condition is None or _COMPARE[condition.group(1)](value, float(condition.group(2))):
                return tokens, value
        return (), value
    if value < 0 and len(sections) > 1:
        return sections[1], -value
    if value == 0 and len(sections) > 2:
        return sections[2], value
    return (sections[0] if sections else ()), value


def _condition(tokens: tuple[_Token, ...]) -> re.Match[str] | None:
    """Return a section's own condition, as in [>=100]."""
    found = (_CONDITION.fullmatch(text) for kind, text in tokens if kind == "bracket")
    return next(filter(None, found), None)


def _with_digits(value: Decimal, tokens: tuple[_Token, ...]) -> str:
    pattern = "".join(text for kind, text in tokens if kind == "digits")
    value *= 100 ** sum(text == "%" for kind, text in tokens if kind == "other")
    exponent = next((text for kind, text in tokens if kind == "exponent"), "")
    if exponent:
        return _scientific(value, pattern, exponent, tokens)
    if any(text == "/" for kind, text in tokens if kind == "other"):
        return _fraction(value, pattern, tokens)
    whole, point, decimals = pattern.partition(".")
    scale = len(pattern) - len(pattern.rstrip(","))
    value /= 1000**scale
    decimals = decimals.rstrip(",")[:_MAX_DECIMALS]
    rounded = abs(value).quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP)
    left, _, right = f"{rounded:f}".partition(".")
    fewest = len(decimals.rstrip("#?"))
    right = right[:fewest] + right[fewest:].rstrip("0")
    left = left.lstrip("0").rjust(whole.count("0"), "0")
    if "," in whole.rstrip(","):
        left = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", left)
    minus = "-" if value < 0 and (rounded or not point) and rounded != 0 else ""
    return minus + _spread(left, point + right if right or fewest else "", tokens)


def _spread(left: str, right: str, tokens: tuple[_Token, ...]) -> str:
    """Put the digits where the format has its placeholders, as in (000) 000-0000."""
    groups = [place for place, (kind, _) in enumerate(tokens) if kind == "digits"]
    point = next((place for place in groups if "." in tokens[place][1]), groups[-1])
    texts = [_literal(kind, text) for kind, text in tokens]
    for place in reversed([place for place in groups if place <= point]):
        size = len(tokens[place][1].partition(".")[0].replace(",", ""))
        cut = 0 if place == groups[0] else max(0, len(left) - size)
        texts[place] = left[cut:] + (right if place == point else "")
        left = left[:cut]
    return "".join(texts)


def _scientific(value: Decimal, pattern: str, exponent: str, tokens: tuple[_Token, ...]) -> str:
    digits = len(pattern.partition(".")[2].rstrip(","))
    mantissa, _, power = f"{value:.{min(digits, _MAX_DECIMALS)}E}".partition("E")
    sign = "-" if power.startswith("-") else "+" if exponent[1] == "+" else ""
    text = f"{mantissa}E{sign}{power[1:].lstrip('0').rjust(len(exponent) - 2, '0')}"
    first = next(place for place, (kind, _) in enumerate(tokens) if kind == "digits")
    return "".join(
        text if place == first else "" if kind in {"digits", "exponent"} else _literal(kind, words)
        for place, (kind, words) in enumerate(tokens)
    )


def _fraction(value: Decimal, pattern: str, tokens: tuple[_Token, ...]) -> str:
    """Write a number as 3 1/4; only the number of placeholders below the stroke is heeded."""
    below = next((text for kind, text in reversed(tokens) if kind == "digits"), pattern)
    part = Fraction(abs(value)).limit_denominator(10 ** min(len(below), 4) - 1)
    whole, rest = divmod(part.numerator, part.denominator)
    groups = sum(kind == "digits" for kind, _ in tokens)
    if groups < 3:
        whole, rest = 0, part.numerator
    words = [str(whole)] if whole or not rest else []
    words += [f"{rest}/{part.denominator}"] if rest else []
    return ("-" if value < 0 else "") + " ".join(words)


def _literal(kind: str, text: str) -> str:
    return {"padding": " ", "bracket": "", "digits": "", "exponent": "", "date": text}.get(kind, text)


def _plain(value: float) -> str:
    """Return a number as a cell without a format shows it."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:.15g}"
    return f"{Decimal(text):f}" if "e" in text and 1e-5 <= abs(value) < 1e21 else text


def _moment(value: date | time | timedelta, number_format: str) -> str:
    tokens = next(iter(_sections(number_format)), ())
    if isinstance(value, timedelta):
        return _duration(value, tokens)
    kinds = [kind for kind, _ in tokens]
    language = _LANGUAGE.search(number_format)
    foreign = language is not None and language.group(1)[-2:].zfill(2) not in _ENGLISH
    named = any(kind == "date" and re.match("mmm|ddd", text, re.IGNORECASE) for kind, text in tokens)
    local = number_format.partition(";")[0].lower() in _LOCAL_DATE
    if "date" not in kinds or local or (foreign and named):
        return _iso(value)
    if any(kind == "bracket" and text.lower().strip("hms") == "" and text for kind, text in tokens):
        return _duration(_as_duration(value), tokens)
    return _with_names(value, tokens)


def _iso(value: date | time) -> str:
    if isinstance(value, datetime):
        return str(value.date()) if value.time() == time() else value.isoformat(" ", "seconds")
    return value.isoformat()


def _as_duration(value: date | time) -> timedelta:
    clock = value.time() if isinstance(value, datetime) else value
    if not isinstance(clock, time):
        return timedelta()
    return timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)


def _duration(value: timedelta, tokens: tuple[_Token, ...]) -> str:
    """Write a length of time as hours and minutes, and seconds where the format has them."""
    seconds = round(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    text = f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}"
    has_seconds = any(kind in {"date", "bracket"} and text.lower().startswith("s") for kind, text in tokens)
    return f"{text}:{seconds % 60:02}" if has_seconds or seconds % 60 else text


def _with_names(value: date | time, tokens: tuple[_Token, ...]) -> str:
    day = value if isinstance(value, date) else date(1899, 12, 31)
    clock = value.time() if isinstance(value, datetime) else value if isinstance(value, time) else time()
    half_day = any(kind == "ampm" for kind, _ in tokens)
    written: list[str] = []
    for place, (kind, text) in enumerate(tokens):
        if kind == "ampm":
            half = "AM" if clock.hour < 12 else "PM"
            written.append(half if len(text) > 3 else half[0])
        elif kind != "date":
            written.append("" if kind == "bracket" or text in ("@", ";") else _literal(kind, text))
        elif text[0] in "mM" and len(text) < 3 and _is_minutes(tokens, place):
            written.append(f"{clock.minute:0{len(text)}}")
        else:
            written.append(_date_part(day, clock, text.lower(), half_day=half_day))
    return " ".join("".join(written).split())


def _is_minutes(tokens: tuple[_Token, ...], place: int) -> bool:
    """Whether an m means minutes: it follows hours, or seconds follow it."""
    parts = [(at, text.lower()) for at, (kind, text) in enumerate(tokens) if kind == "date"]
    before = [text for at, text in parts if at < place]
    after = [text for at, text in parts if at > place]
    return (before[-1:] != [] and before[-1][0] == "h") or (after[:1] != [] and after[0][0] == "s")


def _date_part(day: date, clock: time, part: str, *, half_day: bool) -> str:
    size = len(part)
    if part[0] == "y":
        return f"{day.year:04}" if size > 2 else f"{day.year % 100:02}"
    if part[0] in "md" and size > 2:
        # strftime would name months and days in the machine's language.
        names = _MONTHS if part[0] == "m" else _DAYS
        name = names[day.month - 1 if part[0] == "m" else day.weekday()]
        return name[:1] if size > 4 and part[0] == "m" else name if size > 3 else name[:3]
    if part[0] == "s":
        whole, _, decimals = part.partition(".")
        rest = f".{clock.microsecond:06}"[: len(decimals) + 1] if decimals else ""
        return f"{clock.second:0{len(whole)}}{rest}"
    hour = (clock.hour % 12 or 12) if half_day else clock.hour
    number = {"m": day.month, "d": day.day, "h": hour}[part[0]]
    return f"{number:0{min(size, 2)}}"


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
