"""The pages, sheets and numbered sections that a question refers to, and where they stand in a document's text."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from agents.language.numbers import HAN_NUMERALS, east_asian_value, fold_digits
from agents.schema import Document, Passage

_PAGE = (
    r"pages?|pp?\.|pgs?\.|seiten?|páginas?|pág\.|pagin[ae]|pagina['’]s|bladzijden?|blz\.|"
    r"slides?|folien?|diapositivas?|diapositives?|dia's"
)
_SECTION = (
    r"(?:sub)?sections?|sect?\.|(?:sub)?clauses?|articles?|art\.|paragraphs?|paras?\.?|chapters?|ch\.|parts?|rules?|"
    r"appendix|appendices|annex(?:es)?|schedules?|exhibits?|§+|"
    r"(?:unter)?abschnitt\w*|artikel\w*|kapitel\w*|klausel\w*|ziffern?|paragra(?:ph|f)\w*|anhang|anlagen?|teil|"
    r"sección|secciones|cláusulas?|artículos?|capítulos?|anexos?|seç(?:ão|ões)|artigos?|"
    r"sezion[ei]|clausol[ae]|articol[oi]|capitol[oi]|allegat[oi]|chapitres?|annexes?|alinéas?|"
    r"hoofdstuk\w*|paragraaf|bijlagen?|artikelen"
)
_ITEM = r"\((?:[a-z]{1,2}|[ivx]{1,5}|\d{1,2})\)"
_NUMBER = rf"(?:{_ITEM}|\d{{1,4}}(?:\.\d{{1,3}}){{0,5}}(?![\d%€$£]|[.,]\d)|[IVXLC]{{1,6}}\b(?!['’])|[A-H]\b(?!['’]))"
_TO = r"\s*(?:-|–|—|to|through|bis|à|a|al|até|t/m|tot)\s*"
_AND = r"\s*(?:,|&|and|or|und|oder|et|ou|y|e|en)\s*"
_NUMBERS = rf"{_NUMBER}(?:(?:{_TO}|{_AND}){_NUMBER})*"
_PREPOSITION = (
    r"(?i:\b(?:in|on|under|of|at|from|by|per|within|according to|auf|in|im|unter|laut|nach|gemäß|aus|von|dans|à|sur|"
    r"de|du|selon|en|según|del|a|alla|nella|di|op|van|volgens|em|na|no|da|do)\s+)"
)
_ARTICLE = r"(?i:\b(?:the|der|die|das|dem|den|la|le|el|il|lo|het|o|os|as|los|las)\s+|\bl['’])"
_BEFORE = rf"{_PREPOSITION}?{_ARTICLE}?"
_COUNTED = (
    # What is counted, or the law that an article is of.
    r"GDPR|DSGVO|BGB|HGB|StGB|ZPO|TFEU|of the \w+ (?:act|code)|"
    r"million|billion|thousand|percent|per cent|years?|months?|weeks?|days?|people|persons?|euros?|dollars?"
)
# The word may be in small letters or capitals; a Roman number or a letter is in capitals.
_NAMED = re.compile(
    rf"{_BEFORE}(?<![\w.])(?P<word>(?i:{_PAGE}|{_SECTION}))\s*(?:(?i:no|nr)\.\s*)?(?P<numbers>{_NUMBERS})(?:\(\w{{1,4}}\))*"
    rf"(?!\s+(?i:{_COUNTED})\b)"
)
_OF = re.compile(r"\s+(?:of|in|under|der|des|von|de|du|del|della|van)\s+(?:the\s+)?", re.IGNORECASE)
_PRONOUN = re.compile(r"\b[a-z]+\s+I$")
"""In "the part I play" I is nobody's number."""
_ENDS = (
    (r"first|erste[nr]?|première|primera|primeira|prima|eerste", 1),
    (r"last|letzte[nr]?|dernière|última|ultima|laatste", -1),
)
_FIRST_OR_LAST_PAGE = tuple(
    (re.compile(rf"{_BEFORE}\b(?:{words})\s+(?P<word>page|seite|página|pagina|bladzijde)\b", re.IGNORECASE), number)
    for words, number in _ENDS
)
_ROMAN = r"(?=[ivxlc])(?:x[cl]|l?x{0,3}|c{1,2}(?:x[cl]|l?x{0,3}))(?:i[xv]|v?i{0,3})"
_LABELLED_PAGE = re.compile(rf"{_BEFORE}(?<![\w.])(?P<word>(?i:{_PAGE}))\s+(?P<number>{_ROMAN})(?![\w'’])")
"""A page by the number that front matter has printed on it; ranges of them are not looked for."""
_SHEET_WORD = r"(?:work|spread)?sheet|tab|(?:tabellen|arbeits)?blatt|feuille|hoja|foglio|folha|(?:werk)?blad"
_QUOTED = r"[\"'“”„«‘’](?P<quoted>[^\"'“”„«»‘’]{1,31})[\"'“”«»‘’]"
# Excel allows 31 characters. A name without quotes goes on with words in capitals and numbers: "Budget 2024".
_SHEET = re.compile(
    rf"{_PREPOSITION}{_ARTICLE}?(?P<word>(?i:{_SHEET_WORD}))\s+(?:{_QUOTED}|(?P<name>[^\W_][\w.&-]*(?:\s+[A-Z0-9][\w.&-]*)*))"
    rf"|{_PREPOSITION}?{_ARTICLE}?{_QUOTED.replace('quoted', 'before')}\s+(?P<behind>(?i:{_SHEET_WORD}))\b"
)
_EAST_ASIAN_UNITS = ("编編編篇편", "章장", "节節절", "条條조", "款관", "项項항", "号號호")
"""Parts of laws and contracts, the larger first, each in every script."""
_UNIT = "".join(_EAST_ASIAN_UNITS)
_EAST_ASIAN = rf"[第제]\s*(?P<number>[{HAN_NUMERALS}\d]{{1,8}})\s*(?P<unit>[{_UNIT}页頁쪽])"
_EAST_ASIAN_PLACE = re.compile(_EAST_ASIAN)
_EAST_ASIAN_LINE = re.compile(rf"^[\s>*_#|]{{0,8}}{_EAST_ASIAN}", re.MULTILINE)
_ITEM_LINE = re.compile(rf"^[ \t>*_#-]{{0,8}}(?P<item>{_ITEM})[ \t]", re.MULTILINE | re.IGNORECASE)
_NUMBERED_LINE = re.compile(r"^[ \t>*_#]{0,8}\d{1,3}(?:\.\d{1,3})*[.)]?[ \t]", re.MULTILINE)
_ROMANS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_ALONE = re.compile(r"\s*(?:$|[^\w\s])")
_IS_PAGE = re.compile(rf"(?:{_PAGE})$", re.IGNORECASE)
_EACH = re.compile(rf"(?P<to>{_TO})?(?:{_AND})?(?P<number>{_NUMBER})")
_SECTION_WORD = re.compile(
    r"(?:sub)?sections?|sect?\.?|(?:sub)?clauses?|articles?|art\.?|paragraphs?|paras?\.?|rules?|§+|(?:unter)?abschnitt\w*|"
    r"artikel\w*|klausel\w*|ziffern?|paragra(?:ph|f)\w*|sección|secciones|cláusulas?|artículos?|seç(?:ão|ões)|artigos?|"
    r"sezion[ei]|clausol[ae]|articol[oi]|alinéas?|paragraaf|artikelen",
    re.IGNORECASE,
)
_CHAPTERS = ("chapter", "ch", "kapitel", "chapitre", "capítulo", "capitolo", "capitoli", "hoofdstuk")
_SAME_WORD, _NO_WORD, _OTHER_WORD = range(3)
"""How well a heading with the right number fits, best first."""
_SHORT_WORD = 4
"""Letters; an "s" at the end of a longer one is its plural's."""
_MAX_PAGES = 1_000
"""Of one range."""
_HEADING = re.compile(
    r"\W*(?:(?:(?P<word>[^\W\d_]{2,})(?:\.\s*|\s+)|§+\s*))?(?P<number>\d{1,4}(?:\.\d{1,3}){0,5}(?!\d)|[IVXLC]{1,6}\b|[A-H]\b)",
    re.IGNORECASE,
)
_MAX_CANDIDATES = 2
"""A table of contents and the text; what begins more often with one number is a list, and could be any of them."""


@dataclass(frozen=True)
class Reference:
    """A page or a section by its number, or a sheet by its name, as a question refers to it."""

    word: str
    """What it is called: "page", "section", "Artikel"; empty where the number says it, as 第3条 does."""
    number: str
    """As it is written: "19", "4.2", "IV", "B", "(b)", 第3条, "Budget"; "-1" for the last page."""
    is_page: bool

    def __str__(self) -> str:
        return f"the last {self.word}" if self.number == "-1" else f"{self.word} {self.number}".strip()

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Iterator["Reference"]:
        """Yield the references of one match: "pages 3-5 and 7" has four."""
        is_page = bool(_IS_PAGE.match(match["word"]))
        word = match["word"].removesuffix("s") if len(match["word"]) > _SHORT_WORD else match["word"]
        last = ""
        for each in _EACH.finditer(match["numbers"]):
            number = each["number"]
            if each["to"] and last.isdigit() and number.isdigit():
                for between in range(int(last) + 1, min(int(number), int(last) + _MAX_PAGES)):
                    yield cls(word, str(between), is_page)
            if number.isdigit() or not is_page:
                yield cls(word, number, is_page)
            last = number

    def spans(self, document: Document) -> tuple[tuple[int, int], ...]:
        """Return where it stands in a document's text, start and end in characters; nothing where it is not found."""
        if not self.is_page:
            return self._section_spans(document)
        number = str(document.pages[-1].number) if self.number == "-1" else self.number
        # Both the page at this position and the one with this number printed on it: the reader may mean either.
        return tuple(
            (page.start, page.end)
            for page in document.pages
            if number in (str(page.number), page.label) or number == page.label.casefold()
        )

    def _section_spans(self, document: Document) -> tuple[tuple[int, int], ...]:
        if not self.word:
            return self._east_asian_spans(document)
        if self.number.startswith("("):
            return self._item_spans(document)
        if re.fullmatch(_SHEET_WORD, self.word, re.IGNORECASE):
            name = self.number.casefold()
            pages = (page for page in document.pages if page.kind == "sheet" and page.label.casefold() == name)
            return tuple((page.start, page.end) for page in pages)
        return self._sections(document)

    def _item_spans(self, document: Document) -> tuple[tuple[int, int], ...]:
        """Return the paragraphs of an item such as (b), up to (c), the next numbered clause or the next heading."""
        own = self.number.strip("()").casefold()
        spans = [(start, end) for item, start, end in _items(document) if item == own]
        return (max(spans, key=_length),) if 0 < len(spans) <= _MAX_CANDIDATES else ()

    def _east_asian_spans(self, document: Document) -> tuple[tuple[int, int], ...]:
        """Return the part that begins with the number, up to the next part as large or larger."""
        lines = [(_east_asian_number(match), match.start()) for match in _EAST_ASIAN_LINE.finditer(document.text)]
        rank = _rank(self.number[-1])
        spans: list[tuple[int, int]] = []
        for index, (number, start) in enumerate(lines):
            if number == self.number:
                larger = (begin for other, begin in lines[index + 1 :] if _rank(other[-1]) <= rank)
                spans.append((start, next(larger, len(document.text))))
        return (max(spans, key=_length),) if 0 < len(spans) <= _MAX_CANDIDATES else ()

    def _sections(self, document: Document) -> tuple[tuple[int, int], ...]:
        """Return the sections whose headings fit best, else the paragraphs that begin with the number."""
        found: list[tuple[int, int, int]] = []
        for index, heading in enumerate(document.headings):
            match = _HEADING.match(heading.text)
            if match and match["number"].casefold() == self.number.casefold():
                fit = self._fit(match["word"], heading.text[match.end() :])
                if fit is not None:
                    found.append((fit, heading.start, section_end(document, index, self.number)))
        best = min((fit for fit, _, _ in found), default=_OTHER_WORD)
        clause = None
        if best == _OTHER_WORD and self.number[0].isdigit() and _SECTION_WORD.fullmatch(self.word):
            clause = self._clause(document)
        return (clause,) if clause else tuple((start, end) for fit, start, end in found if fit == best)

    def _fit(self, word: str | None, behind: str) -> int | None:
        """Return how well a heading with this number fits, by its word; None where it is of another kind.

        Section 2, clause 2 and article 2 may be one and the same, an annex or a chapter only what is called so.
        """
        is_section = _SECTION_WORD.fullmatch(self.word) is not None
        if word and _singular(word) == _singular(self.word):
            return _SAME_WORD
        if word:
            return _OTHER_WORD if is_section and _SECTION_WORD.fullmatch(word) else None
        # "A history" begins with no number.
        numbered = self.number[0].isdigit() or behind[:1] in (".", ")", ":")
        return _NO_WORD if numbered and (is_section or _singular(self.word) in _CHAPTERS) else None

    def _clause(self, document: Document) -> tuple[int, int] | None:
        """Return the paragraphs of a clause: from the line that begins with its number to that of the next clause."""
        parts = [int(part) for part in self.number.split(".")]
        # 4.3 and 5 may follow 4.2.
        following = [".".join(map(str, [*parts[:depth], parts[depth] + 1])) for depth in range(len(parts))]
        numbers = "|".join(map(re.escape, (self.number, *following)))
        begins = re.compile(
            rf"^[ \t>*_#]{{0,8}}(?:(?i:{_SECTION_WORD.pattern})[ \t]*)?(?P<number>{numbers})[.):]?[ \t*_]+"
            r"(?=[^\W\d_]|[\"“„«(])",
            re.MULTILINE,
        )
        lines = [(match["number"] == self.number, match.start()) for match in begins.finditer(document.text)]
        spans: list[tuple[bool, int, int]] = []
        for index, (own, start) in enumerate(lines):
            if own:
                after = next((begin for mine, begin in lines[index + 1 :] if not mine), None)
                bounds = (heading.start for heading in document.headings)
                limit = next((bound for bound in bounds if bound > start), len(document.text))
                spans.append((after is not None, start, min(limit, after or limit)))
        followed = [span for span in spans if span[0]] or spans
        if not 0 < len(followed) <= _MAX_CANDIDATES:
            return None
        _, start, end = max(followed, key=lambda span: span[2] - span[1])
        return start, end


def section_end(document: Document, index: int, number: str = "") -> int:
    """Return where the next section begins that is not within the one of the heading at `index`.

    Args:
        document: The document.
        index: The heading's position among the document's headings.
        number: The section's number; one whose number goes on from it is within it, whatever its heading's level.
    """
    level = document.headings[index].level
    for heading in document.headings[index + 1 :]:
        match = _HEADING.match(heading.text)
        inside = number and match is not None and match["number"].startswith(f"{number}.")
        if heading.level <= level and not inside:
            return heading.start
    return len(document.text)


def _items(document: Document) -> Iterator[tuple[str, int, int]]:
    """Yield the items of lists such as (a), (b), each with those nested in it: letter, start and end."""
    breaks = [match.start() for match in _NUMBERED_LINE.finditer(document.text)]
    breaks += [heading.start for heading in document.headings]
    lines = [(match.start(), match["item"].strip("()").casefold()) for match in _ITEM_LINE.finditer(document.text)]
    items: list[tuple[str, int]] = []
    """Those that have not ended, the outermost first."""
    for start, item in sorted([*lines, *((start, "") for start in breaks), (len(document.text), "")]):
        goes_on = (depth for depth in reversed(range(len(items))) if item in _following(items[depth][0]))
        depth = next(goes_on, len(items)) if item else 0
        yield from ((ended, begin, start) for ended, begin in items[depth:])
        del items[depth:]
        if item:
            items.append((item, start))


def _following(item: str) -> set[str]:
    """Return what may come next in a list: "j" and "ii" after "i"."""
    if item.isdecimal():
        return {str(int(item) + 1)}
    roman = _ROMANS.index(item) + 1 if item in _ROMANS else len(_ROMANS)
    return {chr(ord(item) + 1) if len(item) == 1 else "", *_ROMANS[roman : roman + 1]}


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _rank(unit: str) -> int:
    """Return the place of a part of a law among the others, the largest first."""
    return next((place for place, units in enumerate(_EAST_ASIAN_UNITS) if unit in units), len(_EAST_ASIAN_UNITS))


def _east_asian_number(match: re.Match[str]) -> str:
    """Return a number in one form: 第3条 for 第三条, 第３條 and 제3조."""
    written = fold_digits(match["number"])
    digits = written if re.search("[0-9]", written) else east_asian_value(written)
    rank = _rank(match["unit"])
    return f"第{digits}{_EAST_ASIAN_UNITS[rank][0] if rank < len(_EAST_ASIAN_UNITS) else match['unit']}"


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
            (match.start(), Reference(match["word"], str(number), is_page=True)) for match in pattern.finditer(question)
        ]
    found += [
        (match.start(), Reference(match["word"], match["number"], is_page=True)) for match in _labelled_pages(question)
    ]
    found += [(match.start(), _sheet(match)) for match in _SHEET.finditer(question)]
    found += [(match.start(), _east_asian_place(match)) for match in _EAST_ASIAN_PLACE.finditer(question)]
    return tuple(dict.fromkeys(place for _, place in sorted(found, key=lambda each: each[0])))


def _sheet(match: re.Match[str]) -> Reference:
    name = match["quoted"] or match["name"] or match["before"]
    return Reference(match["word"] or match["behind"], name, is_page=False)


def _east_asian_place(match: re.Match[str]) -> Reference:
    number, unit = _east_asian_number(match), match["unit"]
    is_page = unit not in _UNIT
    return Reference(unit if is_page else "", number[1:-1] if is_page else number, is_page=is_page)


def _labelled_pages(question: str) -> Iterator[re.Match[str]]:
    for match in _LABELLED_PAGE.finditer(question):
        # In "the page i uploaded" i is nobody's number.
        if len(match["number"]) > 1 or _ALONE.match(question, match.end()):
            yield match


def strip_references(question: str) -> str:
    """Return a question without its references: what is asked of the pages and sections."""
    for match in reversed(list(_labelled_pages(question))):
        question = f"{question[: match.start()]} {question[match.end() :]}"
    for pattern in (_NAMED, _SHEET, _EAST_ASIAN_PLACE, *(pattern for pattern, _ in _FIRST_OR_LAST_PAGE)):
        question = pattern.sub(" ", question)
    return " ".join(question.split())


def within_references(question: str, passages: Sequence[Passage]) -> bool:
    """Whether passages lie within what a question refers to, as far as their pages and beginnings tell."""
    places = find_references(question)
    pages = {int(place.number) for place in places if place.is_page and place.number.lstrip("-").isdigit()}
    numbers = "|".join(re.escape(place.number) for place in places if not place.is_page)
    begins = re.compile(rf"\W*(?:[^\W\d_]+\.?\s+)?(?:{numbers})(?!\w|\.\d)")
    first = passages[0].text if passages else ""
    in_section, on_page = numbers and begins.match(first), pages and all(each.page in pages for each in passages)
    return bool(passages and (in_section or on_page))


def merge_spans(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return spans in order, with those that touch or overlap merged."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def _singular(word: str) -> str:
    return word.casefold().rstrip(".").removesuffix("s")
