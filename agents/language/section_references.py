"""The pages and numbered sections of a document that a question refers to, and where they stand in its text."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from agents.schema import Document, Passage

_PAGE = r"pages?|pp?\.|pgs?\.|seiten?|páginas?|pág\.|pagin[ae]|pagina['’]s|bladzijden?|blz\."
_SECTION = (
    r"(?:sub)?sections?|sect?\.|(?:sub)?clauses?|articles?|art\.|paragraphs?|paras?\.?|chapters?|ch\.|parts?|rules?|"
    r"appendix|appendices|annex(?:es)?|schedules?|exhibits?|§+|"
    r"(?:unter)?abschnitt\w*|artikel\w*|kapitel\w*|klausel\w*|ziffern?|paragra(?:ph|f)\w*|anhang|anlagen?|teil|"
    r"sección|secciones|cláusulas?|artículos?|capítulos?|anexos?|seç(?:ão|ões)|artigos?|"
    r"sezion[ei]|clausol[ae]|articol[oi]|capitol[oi]|allegat[oi]|chapitres?|annexes?|alinéas?|"
    r"hoofdstuk\w*|paragraaf|bijlagen?|artikelen"
)
_NUMBER = r"(?:\d{1,4}(?:\.\d{1,3}){0,5}(?![\d%€$£]|[.,]\d)|[IVXLC]{1,6}\b(?!['’])|[A-H]\b(?!['’]))"
_TO = r"\s*(?:-|–|—|to|through|bis|à|a|al|até|t/m|tot)\s*"
_AND = r"\s*(?:,|&|and|or|und|oder|et|ou|y|e|en)\s*"
_NUMBERS = rf"{_NUMBER}(?:(?:{_TO}|{_AND}){_NUMBER})*"
_BEFORE = (
    r"(?i:\b(?:in|on|under|of|at|from|by|per|within|according to|auf|in|im|unter|laut|nach|gemäß|aus|von|dans|à|sur|"
    r"de|du|selon|en|según|del|a|alla|nella|di|op|van|volgens|em|na|no|da|do)\s+)?"
    r"(?i:\b(?:the|der|die|das|dem|den|la|le|el|il|lo|het|o|os|as|los|las)\s+|\bl['’])?"
)
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
    """A page or a section by its number, as a question refers to it."""

    word: str
    """What it is called: "page", "section", "Artikel"."""
    number: str
    """As it is written: "19", "4.2", "IV", "B"; "-1" for the last page."""
    is_page: bool

    def __str__(self) -> str:
        return f"the last {self.word}" if self.number == "-1" else f"{self.word} {self.number}"

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
            return self._sections(document)
        number = str(document.pages[-1].number) if self.number == "-1" else self.number
        # Both the page at this position and the one with this number printed on it: the reader may mean either.
        return tuple(
            (page.start, page.end)
            for page in document.pages
            if number in (str(page.number), page.label) or number == page.label.casefold()
        )

    def _sections(self, document: Document) -> tuple[tuple[int, int], ...]:
        """Return the sections whose headings fit best, else the paragraphs that begin with the number."""
        found: list[tuple[int, int, int]] = []
        for index, heading in enumerate(document.headings):
            match = _HEADING.match(heading.text)
            if match and match["number"].casefold() == self.number.casefold():
                fit = self._fit(match["word"], heading.text[match.end() :])
                if fit is not None:
                    found.append((fit, heading.start, self._section_end(document, index)))
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

    def _section_end(self, document: Document, index: int) -> int:
        """Return where the next section begins that is not within the one of the heading at `index`."""
        level = document.headings[index].level
        for heading in document.headings[index + 1 :]:
            match = _HEADING.match(heading.text)
            inside = match is not None and match["number"].startswith(f"{self.number}.")
            if heading.level <= level and not inside:
                return heading.start
        return len(document.text)

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


def find_references(question: str) -> tuple[Reference, ...]:
    """Return the pages and sections that a question refers to by their numbers, in its order, none twice."""
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
    return tuple(dict.fromkeys(place for _, place in sorted(found, key=lambda each: each[0])))


def _labelled_pages(question: str) -> Iterator[re.Match[str]]:
    for match in _LABELLED_PAGE.finditer(question):
        # In "the page i uploaded" i is nobody's number.
        if len(match["number"]) > 1 or _ALONE.match(question, match.end()):
            yield match


def strip_references(question: str) -> str:
    """Return a question without its references: what is asked of the pages and sections."""
    for match in reversed(list(_labelled_pages(question))):
        question = f"{question[: match.start()]} {question[match.end() :]}"
    for pattern in (_NAMED, *(pattern for pattern, _ in _FIRST_OR_LAST_PAGE)):
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
