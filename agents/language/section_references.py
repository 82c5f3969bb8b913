"""The pages, sheets and numbered sections that a question refers to; agents/documents/places.py finds them."""

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from agents.language.lexicon import every
from agents.language.numbers import HAN_NUMERALS, east_asian_value, fold_digits
from agents.schema import Passage

_PAGE = every("pages")
SECTION = every("sections")
"""A heading may have another of these words: section 2, clause 2 and article 2 can be the same."""
CHAPTER = every("chapters")
"""A heading may be its number without its word."""
_ANNEX = every("annexes")
SHEET = every("sheets")
_BEFORE = rf"(?i:\b(?:{every('before_places')})\s+|\b[a-z]{{1,4}}['’])"
_UP_TO = every("up_to")

_ROMAN_PAGE = r"[ivx]{2,6}\b|[ivx](?=\s*(?:$|[^\w\s'’]))"
"""As front matter has it printed on its pages. In "the page i uploaded" i is nobody's number."""
_NUMBER = (
    r"(?:\d{1,4}(?:\.\d{1,3}){0,5}(?:[A-Za-z](?![\w-]))?(?![\d%€$£]|[.,]\d)|[IVXLC]{1,6}\b(?!['’])|[A-H]\b(?!['’])|"
    rf"(?-i:{_ROMAN_PAGE}))"
)
_TO = rf"\s*(?:-|–|—|{_UP_TO})\s*"
_AND = rf"\s*(?:,|&|{every('between_places')})\s*"
# The word may be in small letters or capitals, a letter or a Roman number of a section is in capitals. An article that
# the name of a law stands behind is none of the document's.
_NAMED = re.compile(
    rf"{_BEFORE}{{0,3}}(?<![\w.§])(?P<word>(?i:{_PAGE}|{SECTION}|{CHAPTER}|{_ANNEX}))\s*(?:(?i:no|nr)\.\s*)?"
    rf"(?P<numbers>{_NUMBER}(?:(?:{_TO}|{_AND}){_NUMBER})*)(?:\(\w{{1,4}}\))*(?!\s+[A-Z][A-Za-z]*[A-Z]\b)"
)
_OF = re.compile(rf"\s+(?!(?i:{_UP_TO})\b){_BEFORE}{{1,2}}", re.IGNORECASE)
_PRONOUN = re.compile(r"\b[a-z]+\s+I$")
"""In "the part I play" I is nobody's number."""
_FIRST_OR_LAST_PAGE = tuple(
    (re.compile(rf"{_BEFORE}{{0,3}}\b(?:{every(field)})\s+(?P<word>{_PAGE})(?!\w)", re.IGNORECASE), number)
    for field, number in (("first", "1"), ("last", "-1"))
)
_QUOTED = r"[\"'“”„«‘’](?P<quoted>[^\"'“”„«»‘’]{1,31})[\"'“”«»‘’]"
# Excel allows 31 characters. A name without quotes is of words in capitals and numbers: "Budget 2024".
_SHEET = re.compile(
    rf"{_BEFORE}{{1,3}}(?P<word>(?i:{SHEET}))\s+(?:{_QUOTED}|(?P<name>(?![a-zß-ÿ])[^\W_][\w.&-]*(?:\s+[A-Z0-9][\w.&-]*)*))"
    rf"|{_BEFORE}{{0,3}}{_QUOTED.replace('quoted', 'before')}\s+(?P<behind>(?i:{SHEET}))\b"
)
EAST_ASIAN_PARTS = ("编編編篇편", "章장", "节節절", "条條조", "款관", "项項항", "号號호")
"""Parts of laws and contracts, the larger first, each as Chinese, Japanese and Korean write it."""
EAST_ASIAN = rf"[第제]\s*(?P<number>[{HAN_NUMERALS}\d]{{1,8}})\s*(?P<unit>[{''.join(EAST_ASIAN_PARTS)}页頁쪽])"
_EAST_ASIAN = re.compile(EAST_ASIAN)
_EACH = re.compile(rf"(?P<to>{_TO})?(?:{_AND})?(?P<number>{_NUMBER})")
_SHORT_WORD = 4
"""Letters; an "s" at the end of a longer one is its plural's."""
_MAX_PAGES = 1_000
"""Of one range."""


@dataclass(frozen=True)
class Reference:
    """A page or a section by its number, or a sheet by its name, as a question refers to it."""

    word: str
    """What it is called: "page", "section", "Artikel"; empty where the number says it, as 第3条 does."""
    number: str
    """As it is written: "19", "4.2", "1A", "IV", "B", 第3条, "Budget"; "-1" for the last page."""
    is_page: bool

    def __str__(self) -> str:
        return f"the last {self.word}" if self.number == "-1" else f"{self.word} {self.number}".strip()

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Iterator["Reference"]:
        """Yield the references of one match: "pages 3-5 and 7" has four."""
        is_page = is_called(match["word"], _PAGE)
        word = match["word"].removesuffix("s") if len(match["word"]) > _SHORT_WORD else match["word"]
        last = ""
        for each in _EACH.finditer(match["numbers"]):
            number = each["number"]
            if is_page and number[0].isdigit():
                number = number.rstrip(string.ascii_letters)
            if each["to"] and last.isdigit() and number.isdigit():
                for between in range(int(last) + 1, min(int(number), int(last) + _MAX_PAGES)):
                    yield cls(word, str(between), is_page)
            if (number.isdigit() or number.islower()) if is_page else number[0].isdigit() or not number.islower():
                yield cls(word, number, is_page)
            last = number


def is_called(word: str, kind: str) -> bool:
    """Whether a word names a kind of place, such as `SECTION`."""
    return re.fullmatch(kind, word, re.IGNORECASE) is not None


def find_references(question: str) -> tuple[Reference, ...]:
    """Return the pages, sheets and sections that a question refers to, in its order, none twice."""
    matches = [match for match in _NAMED.finditer(question) if not _PRONOUN.search(match.group())]
    # In "paragraph 3 of clause 4" the clause is found, and its paragraph is in it.
    outer = [
        match
        for match, after in zip_longest(matches, matches[1:])
        if after is None or not _OF.fullmatch(question[match.end() : after.start("word")])
    ]
    found = [(match.start(), place) for match in outer for place in Reference.from_match(match)]
    for pattern, number in _FIRST_OR_LAST_PAGE:
        found += [
            (match.start(), Reference(match["word"], number, is_page=True)) for match in pattern.finditer(question)
        ]
    for match in _SHEET.finditer(question):
        name = match["quoted"] or match["name"] or match["before"]
        found.append((match.start(), Reference(match["word"] or match["behind"], name, is_page=False)))
    found += [(match.start(), _east_asian_place(match)) for match in _EAST_ASIAN.finditer(question)]
    return tuple(dict.fromkeys(place for _, place in sorted(found, key=lambda each: each[0])))


def _east_asian_place(match: re.Match[str]) -> Reference:
    number, unit = east_asian_number(match), match["unit"]
    is_page = unit in "页頁쪽"
    return Reference(unit if is_page else "", number[1:-1] if is_page else number, is_page=is_page)


def east_asian_number(match: re.Match[str]) -> str:
    """Return the number of a match of `EAST_ASIAN` in one form: 第3条 for 第三条, 第３條 and 제3조."""
    written = fold_digits(match["number"])
    digits = written if re.search("[0-9]", written) else east_asian_value(written)
    unit = next((units[0] for units in EAST_ASIAN_PARTS if match["unit"] in units), match["unit"])
    return f"第{digits}{unit}"


def strip_references(question: str) -> str:
    """Return a question without its references: what is asked of the pages and sections."""
    for pattern in (_NAMED, _SHEET, _EAST_ASIAN, *(pattern for pattern, _ in _FIRST_OR_LAST_PAGE)):
        question = pattern.sub(" ", question)
    return " ".join(question.split())


def within_references(question: str, passages: Sequence[Passage]) -> bool:
    """Whether passages lie within what a question refers to, as far as their pages and beginnings tell."""
    places = find_references(question)
    pages = {place.number for place in places if place.is_page}
    numbers = "|".join(re.escape(place.number) for place in places if not place.is_page) or "(?!)"
    begins = re.compile(rf"\W*(?:[^\W\d_]+\.?\s+)?(?i:{numbers})(?!\w|\.\d)")
    in_section = bool(passages) and begins.match(passages[0].text) is not None
    return in_section or (bool(passages) and all(str(each.page) in pages for each in passages))
