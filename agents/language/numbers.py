"""Numbers as texts write them, in digits and in words."""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from agents.language.lexicon import CHINESE

_THOUSANDS = re.compile(r"\d{1,3}(?:[.,'’]\d{3})+(?![\d.,])")
_PLAIN = re.compile(r"\d+(?:\.\d+)?")

# The digits and scales of Chinese, Japanese and Korean, as they are written in Chinese letters.
_DIGITS = "零〇 一壹 二两兩贰貳 三叁參 四肆 五伍 六陆陸 七柒 八捌 九玖"
_HAN_DIGITS = {letter: value for value, letters in enumerate(_DIGITS.split()) for letter in letters}
_HAN_TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1_000, "仟": 1_000}
# They multiply the whole number before them.
_HAN_SCALES = {"万": 10**4, "萬": 10**4, "만": 10**4, "亿": 10**8, "億": 10**8, "억": 10**8, "兆": 10**12}
DIGIT_SCALES: Mapping[str, int] = MappingProxyType({**_HAN_SCALES, "千": 1_000, "천": 1_000})
"""Letters that multiply a number in digits: 5万, 5천."""
HAN_NUMERALS = "".join((*_HAN_DIGITS, *_HAN_TENS)) + "万萬亿億兆"
"""Letters that numbers are written in."""
# A numeral counts where something is counted by it: 十分 means "very" and 统一 "to unite".
EAST_ASIAN_NUMBER = (
    rf"(?![百千万]分之|十分[^钟鐘之])(?:(?<=第)|(?<=[百千万]分之)|(?<![{HAN_NUMERALS}统統唯专專单單同万]))"
    rf"(?:[{HAN_NUMERALS}]+(?=[{''.join(CHINESE['counted'])}]|小[时時]|公[里斤尺顷吨]|平方)|(?<=[百千万]分之)[{HAN_NUMERALS}]+|"
    rf"(?![百千万萬亿億兆])[{HAN_NUMERALS}]{{2,}}(?![{HAN_NUMERALS}]))"
)
"""A pattern of a number in Chinese letters."""
_DIGIT = re.compile(r"(?![0-9])\d")
_WIDE_MARKS = re.compile(r"(?<=[0-9])[\uff0c\uff0e](?=[0-9])")


def fold_digits(text: str) -> str:
    """Return a text with the digits of every script, and full-width points between them, as ASCII; same length."""
    if text.isascii():
        return text
    return _WIDE_MARKS.sub(lambda mark: ",."[mark[0] == "\uff0e"], _DIGIT.sub(lambda digit: str(int(digit[0])), text))


def east_asian_value(written: str) -> str:
    """Return a number in Chinese letters in digits: "235" for 二百三十五, "2018" for 二〇一八."""
    if not any(letter in _HAN_TENS or letter in _HAN_SCALES for letter in written):
        return "".join(str(_HAN_DIGITS[letter]) for letter in written).lstrip("0") or "0"
    # Python writes no integer of more than 4,300 digits, and a text may hold as many letters on end.
    whole = part = digit = 0.0
    for letter in written:
        if scale := _HAN_SCALES.get(letter):
            # 三亿五千万 is 3 times 亿 and 5,000 times 万; 三万亿 is 3 times 万 times 亿.
            larger = 0 < whole < scale
            group = (whole if larger else 0.0) + part + digit
            whole, part, digit = (0.0 if larger else whole) + (group or 1.0) * scale, 0.0, 0.0
        elif letter in _HAN_TENS:
            part, digit = part + (digit or 1.0) * _HAN_TENS[letter], 0.0
        else:
            digit = digit * 10 + _HAN_DIGITS[letter]
    return f"{whole + part + digit:.0f}"


def number_value(written: str) -> str:
    """Return the normal form of a number in digits: "1,150" and "1150" are the same, so are "0,5" and "0.50"."""
    if scale := DIGIT_SCALES.get(written[-1]):
        number = re.sub("[,'’]", "", written[:-1])
        # The scale of a map, 1:5万, and a range, 20-30万, stay as they are.
        return f"{(Decimal(number) * scale).normalize():f}" if _PLAIN.fullmatch(number) else written
    if written[-1].isalpha():
        written = written[:-2]
    if ":" in written:
        return written
    if _THOUSANDS.fullmatch(written):
        return re.sub(r"\D", "", written)
    value = re.sub("[,'’]", ".", written)
    return value.rstrip("0").rstrip(".") if value.count(".") == 1 else value
