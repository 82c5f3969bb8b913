"""Dates, times, amounts and names in a text, found by their form.

Every kind of fact has its patterns, the more telling kinds first; what one kind has taken is not looked at again.
Names are runs of capitalised words that do not only open a sentence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

from agents.language.lexicon import LANGUAGES, Language, any_of, labelled
from agents.language.numbers import EAST_ASIAN_NUMBER, NUMBER_WORDS, SCALES

FactKind = Literal["date", "time", "duration", "frequency", "money", "percent", "quantity", "number", "name"]

_WORDS_OF_NUMBER = "|".join([*NUMBER_WORDS, *SCALES, "half", "dozens?", "hundreds", "thousands"])
_MAX_CHARS = 4_000
INSTITUTIONS = re.compile(
    r"\b(?:Section|Form|Station|Observatory|University|Reservoir|Tank|Council|Board|Street|Lane|Point|Island|Hill|Mount|River|"
    r"Head|Limited|Inc|GmbH|Ltd|Agreement|Schedule|Revision|Committee|Chapter|Level|Act|Law|Company|Bank|Museum|School|"
    r"Institute|Ministry|Department|Office|Party|League|Club|War|Church|Bridge|Sea|Lake|Valley|Bay|North|South|East|West)\b"
)
"""Words of capitalised names that belong to no person."""
_PLACE_PREPOSITION = re.compile(
    r"\b(?:in|at|from|near|of|to|on|over|through)\s+(?:the\s+)?(?:[a-z]+\s)?$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that can be looked up: `text[start:end]` of the text it was found in."""

    kind: FactKind
    text: str
    start: int
    end: int

    def follows_place_preposition(self, text: str) -> bool:
        """Whether "in the", "near" or the like stands before it in the text that it was found in."""
        return bool(_PLACE_PREPOSITION.search(text, max(0, self.start - 24), self.start))

    def is_person(self, text: str) -> bool:
        """Whether it names a person, as far as form tells: two to four capitalised words, no place, no institution."""
        words = self.text.split()
        capitalised = all(not word[0].islower() for word in words) and not self.text.isupper()
        named = self.kind == "name" and capitalised and " " in self.text and len(words) <= 4
        return named and not INSTITUTIONS.search(self.text) and not self.follows_place_preposition(text)


def find_facts(text: str, language: Language) -> list[Fact]:
    """Return the facts in the first 4,000 characters of a text, in order and without overlaps."""
    text = text[:_MAX_CHARS]
    facts: list[Fact] = []
    taken = bytearray(len(text))
    for kind, pattern in _patterns(language.name):
        for match in pattern.finditer(text):
            start, end = match.span()
            if end > start and not any(taken[start:end]):
                taken[start:end] = b"\x01" * (end - start)
                facts.append(Fact(kind, match.group(), start, end))
    for start, end in _names(text, language):
        if not any(taken[start:end]):
            facts.append(Fact("name", text[start:end], start, end))
    return sorted(facts, key=lambda fact: fact.start)


# At most 15 digits, and never from within a number: long runs of digits must not be tried from each of them.
_NUMBER = r"(?<![\d.,])\d{1,15}(?:[.,'’\u00a0]\d{3})*(?:[.,]\d+)?"
_COUNT = rf"(?:{_NUMBER}|\b(?:an?|{_WORDS_OF_NUMBER})\b)"
_CURRENCY = any_of(
    """
    euros?|dollars?|pounds?|cents?|pence|francs?|yen|kronor|crowns|rupees|eur|usd|gbp|chf|dólares|livres|esterlinas
    """
)
_MULTIPLE = r"(?:\s+(?:thousand|million|billion|trillion|millionen|milliarden|millions|milliards|millones|milioni))?"
_UNIT = any_of(
    r"""
    [kmcµμnMGT]?(?:m[²³23]?|g|l|L|W|Wh|V|A|Hz|bar|Pa|B|S/cm|mol)(?:/[a-zA-Z²³23]{1,4})?
    mg/L|°\s?[CF]|K|dB(?:\(A\))?|ppm|ppb|pH|NTU|rpm|km/h|mph|kt|knots?
    tonnes?|tons?|litres?|liters?|met(?:er|re)s?|kilomet(?:er|re)s?|feet|foot|inch(?:es)?|miles?
    kilograms?|kilos?|grams?|degrees?|volts?|watts?|acres?|hectares?|pages?|points?
    """
)
_PERCENT = any_of(r"%|‰|(?:per\s?cent|prozent|pour\s?cent|por\s?ciento|procent|por\s?cento)\b")
_PERIOD = any_of("second|minute|hour|day|night|week|month|quarter|year|shift|decade")
_YEAR = r"(?:1[0-9]|20)\d{2}"
_BEFORE_YEAR = any_of("in|since|until|by|of|from|before|after|during|to|seit|en|nel|dal|em")
_BETWEEN = any_of("and\\s+a\\s+half|further|more|full|working|business|calendar|running|consecutive")


@lru_cache(maxsize=len(LANGUAGES))
def _patterns(name: str) -> tuple[tuple[FactKind, re.Pattern[str]], ...]:
    """Return the patterns of a language's facts, the more telling first; English is always understood too."""
    language = LANGUAGES[name]
    english = LANGUAGES["English"]
    whole, days = (
        "|".join("(?-i:May|MAY)" if word == "may" else word for word in dict.fromkeys(words))
        for words in ((*language.months, *english.months), (*language.weekdays, *english.weekdays))
    )
    month = rf"(?:{whole}|(?:{'|'.join(english.short_months)})\b\.?)"
    unit = "|".join(dict.fromkeys((*language.time_units, *english.time_units)))
    recurring = rf"(?:{_PERIOD}|{days}|{whole}|morning|evening|spring|summer|autumn|winter|fall|tide)s?"
    # "for a week" is how long, "five a week" how often.
    alone = "".join(rf"(?<!{word} )" for word in ("for", "in", "within", "after", "than", "about", "takes"))
    forms = rf"""
        date       \b\d{{1,2}}(?:st|nd|rd|th|\.|er|º)?\s+(?:(?:of|de|di)\s+)?{month}\b(?:,?\s+(?:del?\s+)?{_YEAR})?
        date       \b{month}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+{_YEAR}\b)?
        date       \b{month}\s+(?:(?:de|of)\s+)?{_YEAR}\b
        date       \b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}[./]\d{{1,2}}[./](?:\d{{4}}|\d{{2}})\b
        time       \b\d{{1,2}}:\d{{2}}\b(?:\s?[ap]\.?m\b\.?)?|\b(?:noon|midnight)\b
        time       \b\d{{1,2}}\s?(?:[ap]\.m\.|[ap]m\b|o['’]clock|Uhr\b)
        frequency  \b(?:every|each)\s+(?:(?:{_COUNT}|other|second|third|few)\s+)?{recurring}\b
        frequency  \b(?:hourly|daily|nightly|weekly|fortnightly|monthly|quarterly|yearly|annual(?:ly)?|continuously)\b
        frequency  \b(?:once|twice|{_COUNT}\s+times?)\s+(?:an?|per|every|each|in)\s+(?:{_COUNT}\s+)?{_PERIOD}s?\b
        frequency  \b(?:jede[ns]?|alle|chaque|cada|ogni|elke)\s+(?:{_COUNT}\s+)?(?:{unit})\b
        frequency  \bper\s+{_PERIOD}\b|{alone}\ba\s+{_PERIOD}\b|\bat\s+intervals\b
        frequency  \b(?:täglich|wöchentlich|monatlich|jährlich)\b
        duration   {_COUNT}(?:\s+{_BETWEEN})?[\s\u00a0-](?:{unit})\b
        money      [€$£¥]\s?{_NUMBER}{_MULTIPLE}\b|{_COUNT}{_MULTIPLE}\s*(?:€|£|\$|{_CURRENCY}\b)
        percent    {_COUNT}\s*{_PERCENT}
        quantity   {_COUNT}{_MULTIPLE}[\s\u00a0]?(?-i:{_UNIT})(?!\w)
        date       \b{_BEFORE_YEAR}\s+{_YEAR}\b(?!\s*(?:%|percent|hours))|\({_YEAR}\b|\b{_YEAR}\b(?=[,.;)]|$)
        date       \b(?:{days})s?\b|\b(?:{whole})\b
        number     (?<!\w){_NUMBER}(?!\w)|\b(?!one\b)(?:{_WORDS_OF_NUMBER})\b
    """
    if language.unspaced:
        # Written without spaces, a number ends where the unit begins: that is told before words are looked for.
        forms = _UNSPACED_FORMS.rstrip() + forms
    return tuple((cast("FactKind", kind), re.compile(form, re.IGNORECASE)) for kind, form in labelled(forms))


# A number of Chinese, Japanese, Korean or Thai; \b tells nothing there, for digits and letters stand side by side.
_EAST = rf"(?:(?<![\d.,])\d{{1,15}}(?:[.,]\d{{3}})*(?:[.,]\d+)?\s?[千万萬亿億兆천만억]{{0,2}}|{EAST_ASIAN_NUMBER})"
_DAY_EAST = r"(?:[日号號]|일)(?![間间])"
_MONTH_EAST = rf"{_EAST}\s?[月월](?![間间])"
_ERA = "(?:昭和|平成|令和|明治|大正|民[国國])"
_YEAR_EAST = rf"(?:(?<!\d)\d{{4}}|[一二]?[零\u3007一二三四五六七八九]{{3}}|{_ERA}(?:{_EAST}|元))"
_MONTH_THAI = any_of("มกราคม|กุมภาพันธ์|มีนาคม|เมษายน|พฤษภาคม|มิถุนายน|กรกฎาคม|สิงหาคม|กันยายน|ตุลาคม|พฤศจิกายน|ธันวาคม")
_CURRENCY_EAST = any_of(
    "[元円圆圓]|块钱|塊錢|人民币|人民幣|[美欧歐日港]元|ドル|ユーロ|ウォン|원|달러|유로|บาท|ดอลลาร์|ยูโร"
)
_PERIOD_EAST = any_of(
    """
    (?:个|個|ヶ|か|カ|ケ)(?:工作日|月[間间]?|星期|小时|小時)|天|工作日|日(?:[間间]|(?=以?内|之内))|[周週][間间]?|小时|小時|時間
    分[钟鐘間]?(?!之)|秒[钟鐘]?|年[間间]?|夜|泊|晚
    일|주일?|개월|시간|분|초|년|วัน|สัปดาห์|เดือน|ปี|ชั่วโมง|นาที|วินาที
    """
)
_WEEKDAY_EAST = any_of(
    """
    [月火水木金土日]曜日?|(?:星期|周|週|礼拜)[一二三四五六日天]|[월화수목금토일]요일
    วัน(?:จันทร์|อังคาร|พุธ|พฤหัสบดี|ศุกร์|เสาร์|อาทิตย์)
    """
)
_UNIT_EAST = any_of(
    r"""
    (?:平方|立方)?[公千厘毫]?米|公里|公斤|千克|[公英]?吨|噸|升|度|(?:キロ|センチ|ミリ)(?:メートル|グラム|リットル)?|メートル
    グラム|リットル|トン|℃|미터|도|킬로\S{0,3}|เมตร|กิโล\S{0,5}|องศา|(?:[kcm]?m[²³]?|[km]?[gLl]|[kM]?W|V)(?![A-Za-z])
    """
)
_UNSPACED_FORMS = rf"""
        date       {_EAST}\s?[年년]\s?{_MONTH_EAST}(?:\s?{_EAST}\s?{_DAY_EAST})?|{_MONTH_EAST}\s?{_EAST}\s?{_DAY_EAST}
        date       \d{{4}}\.\s?\d{{1,2}}\.\s?\d{{1,2}}\.?|(?<!\d)\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}(?!\d)
        date       {_YEAR_EAST}\s?[年년](?![間间])
        date       \d{{1,2}}\s?{_MONTH_THAI}(?:\s?(?:พ\.ศ\.|ค\.ศ\.)?\s?\d{{4}})?|(?:พ\.ศ\.|ค\.ศ\.|ปี)\s?\d{{4}}
        frequency  每[个個]?\s?[天日周週月年晚晨次]|每{_EAST}\s?\S{{1,3}}|[毎隔][日週月年晩朝]|年{_EAST}回
        frequency  (?:每|毎|{_EAST}\s?\S{{1,2}})に{_EAST}[回度]|매\s?[일주월년]|(?:하루|[일주월년])\s?\d+\s?[회번]
        frequency  ทุก\s?(?:วัน|สัปดาห์|เดือน|ปี|\d+)|(?:วัน|สัปดาห์|เดือน|ปี)ละ
        time       \d{{1,2}}[:\uff1a]\d{{2}}
        time       {_EAST}\s?[点點時](?![間间])(?:\s?{_EAST}\s?分|半|钟|鐘)?
        time       \d{{1,2}}\s?시(?!간)|\d{{1,2}}[.:]\d{{2}}\s?น\.
        percent    [百千万]分之{_EAST}|{_EAST}\s?(?:[%\uff05‰割]|パーセント|ポイント|퍼센트|เปอร์เซ็นต์)
        percent    ร้อยละ\s?\d+(?:\.\d+)?
        money      {_EAST}\s?{_CURRENCY_EAST}|[¥\uffe5₩฿$€£]\s?{_EAST}
        duration   {_EAST}\s?{_PERIOD_EAST}
        date       {_MONTH_EAST}|{_WEEKDAY_EAST}
        quantity   {_EAST}\s?{_UNIT_EAST}
        number     {_EAST}
"""


_NAME = re.compile(
    r"(?:(?:Dr|Mr|Mrs|Ms|Prof|Sir|Dame|Professor|Captain|President|King|Queen|Saint|St)\.?\s+)?"
    r"[A-ZÀ-ÖØ-Þ][\w’'-]*(?:\s+(?:(?:of|de|van|von|der|den|da|di|la|le)\s+){0,2}[A-ZÀ-ÖØ-Þ][\w’'-]*)*"
)
_SENTENCE_START = re.compile(r"(?:^|[.!?:;•|\n]\s*|[-*]\s+|[\"“(]\s*)$")
_TITLE = re.compile(r"(?:Dr|Mr|Mrs|Ms|Prof|Professor|Captain)\b")


def _names(text: str, language: Language) -> Iterator[tuple[int, int]]:
    """Yield the spans of capitalised names; a single word that opens a sentence is none."""
    for match in _NAME.finditer(text):
        start, end = match.span()
        begins = bool(_SENTENCE_START.search(text, max(0, start - 3), start))
        first, _, rest = match.group().partition(" ")
        if begins and first.lower() in language.function_words:
            if not rest:
                continue
            start, first = start + len(first) + 1, rest
            begins = False
        if begins and " " not in match.group() and not _TITLE.match(first):
            continue
        if language.name == "German" and " " not in text[start:end]:
            continue
        if len(text[start:end]) > 1 and text[start:end].lower() not in language.function_words:
            yield start, end
