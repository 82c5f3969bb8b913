"""Evidence cut into what can be quoted: sentences, list items and table rows, each an exact slice of its passage."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal

from agents.engine.extractive.facts import Fact, find_facts
from agents.language.sentences import DAY_OF_MONTH, split_sentences
from agents.language.stems import Vocabulary, Word
from agents.schema import Passage

_HEADING_MARK = re.compile(r"#{1,6}\s+")
_NUMBERED_HEADING = re.compile(
    rf"(?!{DAY_OF_MONTH})"
    r"(?:(?:Section|Chapter|Article|Schedule|Annex|Appendix|Part|Slide|Sheet)\s+[\dA-Z]+\b|\d+(?:\.\d+)*\.?\s+(?=[A-Z]))"
)
_SEPARATOR_ROW = re.compile(r"[\s|:+=_*~`.…-]*$")
# A pipe inside a cell is written with a backslash before it.
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_OUTER_BORDERS = re.compile(r"^\|+|(?<!\\)\|+$")
_BULLET = re.compile(rf"(?:[-*+•‣◦▪–—·]\s+|(?!{DAY_OF_MONTH})\(?(?:\d{{1,3}}|[a-zA-Z]|[ivx]{{1,5}})[.)]\s+|>\s*)+")
_EMPHASIS = re.compile(r"(\*\*|__|`)(?=\S)(.{1,300}?)(?<=\S)\1")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u00ad]\s*\n\s*(?=[a-zà-ÿ])|\u00ad")
_RUNNING_LINE = re.compile(r"[^\n]{0,100}\bpage \d+(?: of \d+)?|-?\s*\d{1,4}\s*-?", re.IGNORECASE)
# A line of a table of contents, or a page's running head or foot.
_PAGE_FURNITURE = re.compile(rf"\.{{5,}}|(?:\s\.){{4,}}|…{{3,}}|^\s*(?:{_RUNNING_LINE.pattern})\s*$", re.IGNORECASE)
_NUMBERED = re.compile(r"#|[-*•]\s|\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-z])[.)]\s")
_ROLE = re.compile(
    r"\((?:[\w\s,'-]{0,40}[\s,])?[\"“„«]([^\"“”»()]{2,40})[\"“”»]\)|\((?:the|each an?|der|die)\s+([A-Z]\w{2,30})\)"
)
PARTIES = "parties"
_LONGEST_HEADING = 90
# The answer to a question above it may begin with this sentence of its own.
_YES_OR_NO = r"(?:Yes|No|Ja|Nein|Oui|Non|Sí|Nee|Sim|Não)[.!]"
# A line of its own that asks what the lines below it answer.
_QUESTION = re.compile(r"(?:[-*>#_\s]|\(?\d{1,3}[.)]|(?:Q|F|P|D)\d{0,3}[:.])*[^\W\d_][^\n?]{0,200}\?[*_]{0,3}")
_CLAUSE_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,3})+\.?\s+(?=[^\W\d_])")
# "7. Delivery." or "Article 4. Governing law.": the title of a clause that goes on in the same line.
_CLAUSE_TITLE = re.compile(
    rf"{_YES_OR_NO}|(?:[A-Z][a-z]{{2,11}}\s+|§+\s*)?\(?\d{{1,3}}(?:\.\d{{1,3}}){{0,4}}[.):]?\s+"
    r"[^\W\d_][^\s.!?:;]*(?:\s+[^\s.!?:;]+){0,5}\."
)

Form = Literal["sentence", "item", "row"]


@dataclass(slots=True)
class Statement:
    """`passage.text[start:end]` and what is known about it; `text` is the same in clean words."""

    passage: int
    start: int
    end: int
    text: str
    form: Form
    section: str
    """The headings above it."""
    lead: int = -1
    """The statement that announces the list it stands in, or -1."""
    head: str = ""
    """Its table's head, which may stand in an earlier passage."""
    words: list[Word] = field(default_factory=list[Word])
    stems: frozenset[str] = frozenset()
    """The stems of its content words, its table's head left out."""
    roles: tuple[str, ...] = ()
    """The names that it gives to those it introduces."""
    _facts: list[Fact] | None = None

    def facts(self, vocabulary: Vocabulary) -> list[Fact]:
        """Return its dates, amounts and names; the number of its clause is none of them."""
        if self._facts is None:
            number = _CLAUSE_NUMBER.match(self.text)
            begin = number.end() if number else 0
            self._facts = [fact for fact in find_facts(self.text, vocabulary.language) if fact.start >= begin]
        return self._facts


def read_statements(evidence: Sequence[Passage], vocabulary: Vocabulary) -> list[Statement]:
    """Cut passages into statements, in the order of the passages; headings become their section."""
    statements: list[Statement] = []
    for number, passage in enumerate(evidence):
        section, lead = "", -1
        for statement in _cut(number, passage):
            statement.words = vocabulary.words(statement.text)
            own = (
                statement.words
                if statement.form != "row"
                else vocabulary.words(passage.text[statement.start : statement.end])
            )
            statement.stems = frozenset(word.stem for word in own if not word.function)
            if not statement.stems:
                continue
            statement.roles = roles(statement.text)
            if len(statement.roles) > 1:
                # Who the parties are is said without the word.
                statement.stems |= {vocabulary.stem(PARTIES)}
            if statement.section != section:
                section, lead = statement.section, -1
            if statement.form == "item":
                statement.lead = lead
            else:
                lead = len(statements) if statement.text.endswith(":") else -1
            statements.append(statement)
    return statements


def roles(text: str) -> tuple[str, ...]:
    """Return the names that a text gives to those it introduces: Supplier of 'Pine Ltd (the "Supplier")'."""
    return tuple(quoted or bare for quoted, bare in _ROLE.findall(text))


def clean(text: str) -> str:
    """Return a slice of a document as one line: white space joined, bullets and emphasis marks taken off."""
    if "\n" in text:
        lines = text.splitlines()
        text = "\n".join(line for line in lines if not _RUNNING_LINE.fullmatch(line.strip())) or text
    line = " ".join(_HYPHENATED.sub("", text).split())
    line = _BULLET.sub("", line, count=1) if _BULLET.match(line) else line
    return _EMPHASIS.sub(r"\2", line).strip()


def shortened(text: str, length: int) -> str:
    """Return a text of at most `length` characters, cut at a word."""
    return text if len(text) <= length else text[: length - 1].rsplit(" ", 1)[0] + "…"


def cells(row: str) -> list[str]:
    """Return the cells of a table's row, written with pipes or tabs."""
    parts = _CELL_BORDER.split(_OUTER_BORDERS.sub("", row.strip())) if "|" in row else row.split("\t")
    return [" ".join(part.split()).replace("\\|", "|") for part in parts]


def read_row(row: str, head: str) -> str:
    """Return a row as "head: cell; head: cell", without the names where the head has fewer cells or more."""
    values, names = cells(row), cells(head)
    if len(names) != len(values):
        return "; ".join(value for value in values if value)
    return "; ".join(f"{name}: {value}" if name else value for name, value in zip(names, values, strict=True) if value)


def is_heading(line: str, known: Sequence[str] = ()) -> bool:
    """Whether a line stands above text instead of being part of it."""
    if _HEADING_MARK.match(line):
        return True
    plain = " ".join(line.split())
    if plain in known:
        return True
    if len(plain) > _LONGEST_HEADING or plain[-1:] in ".!?:;," or "|" in plain or "\t" in line:
        return False
    numbered = _NUMBERED_HEADING.match(plain)
    return bool(numbered) and "." not in plain[numbered.end() :].rstrip(".") if numbered else False


def _cut(number: int, passage: Passage) -> Iterator[Statement]:
    known = tuple(part.strip() for part in passage.heading.split(" > ") if part.strip())
    section = passage.heading
    table = _Table(_columns_above(passage))
    for start, end in _with_titles(passage.text):
        piece = passage.text[start:end]
        if _SEPARATOR_ROW.match(piece):
            table.separator()
            continue
        headings, start = _opening(piece, start, known)
        for heading in headings:
            section = _below(section, clean(_HEADING_MARK.sub("", heading)))
        piece = passage.text[start:end]
        if _asks_for_what_follows(passage.text, start, end):
            section = _below(section, clean(piece))
            continue
        if not piece or _PAGE_FURNITURE.search(piece):
            continue
        form = _form(piece)
        if form != "row":
            table = _Table()
        elif table.is_head(start, end, passage.text):
            continue
        text = table.read(piece, passage.text) if form == "row" else clean(piece)
        head = table.head(piece, passage.text) if form == "row" else ""
        yield Statement(number, start, end, text, form, section, head=head)


def _line_begins(text: str, start: int) -> bool:
    """Whether nothing but white space stands before a place in its line."""
    return not text[text.rfind("\n", 0, start) + 1 : start].strip()


def _asks_for_what_follows(text: str, start: int, end: int) -> bool:
    """Whether a sentence is a question on a line of its own with its answer below, as in a list of questions."""
    alone = _line_begins(text, start) and text[end : end + 1] == "\n"
    if not alone or not _QUESTION.fullmatch(text[start:end]):
        return False
    below = text[end:].lstrip().split("\n", 1)[0]
    return bool(below) and not below.rstrip("*_ ").endswith("?")


def _with_titles(text: str) -> Iterator[tuple[int, int]]:
    """Yield the sentences of a text, a clause's title together with the sentence behind it, which has no number."""
    title = -1
    spans = split_sentences(text)
    for (start, end), (following, _) in zip_longest(spans, spans[1:], fillvalue=(-1, -1)):
        begins = start if title < 0 else title
        goes_on = following > 0 and _line_begins(text, start) and not _NUMBERED.match(text, following)
        title = begins if title < 0 and goes_on and _CLAUSE_TITLE.fullmatch(text[start:end]) else -1
        if title < 0:
            yield begins, end


def _columns_above(passage: Passage) -> str:
    """Return the head of the table that goes on where a passage begins; a passage's heading ends in its names."""
    names = passage.heading.rpartition(" > ")[2].split(", ")
    return f"| {' | '.join(names)} |" if passage.text.lstrip().startswith("|") and len(names) > 1 else ""


class _Table:
    """The table that is being read: its head and how its rows are put into words.

    Args:
        above: Its head, where that stands in an earlier passage.
    """

    def __init__(self, above: str = "") -> None:
        self._above = above
        self.header: tuple[int, int] | None = None
        self._first: tuple[int, int] | None = None
        self._rows = 0

    def separator(self) -> None:
        """A rule below the first row makes that row the head."""
        if self._rows == 1:
            self.header = self._first

    def is_head(self, start: int, end: int, text: str) -> bool:
        """Whether a row is the table's first, with a rule below it."""
        self._rows += 1
        if self._rows > 1:
            return False
        self._first = (start, end)
        below = text[end:].lstrip("\n ").split("\n", 1)[0]
        return "|" in below and bool(_SEPARATOR_ROW.match(below))

    def head(self, row: str, text: str) -> str:
        """Return the head that stands above a row."""
        if self.header:
            return text[slice(*self.header)]
        return self._above if len(cells(self._above)) == len(cells(row)) else ""

    def read(self, row: str, text: str) -> str:
        """Return a row in words, with the names of its columns where they stand in the same passage."""
        return read_row(row, text[slice(*self.header)] if self.header else "")


def _form(piece: str) -> Form:
    if piece.lstrip().startswith("|") or piece.count("\t") >= 1 or piece.count(" | ") >= 2:
        return "row"
    return "item" if _BULLET.match(piece) else "sentence"


def _opening(piece: str, start: int, known: Sequence[str]) -> tuple[list[str], int]:
    """Return the headings that were read into a sentence, and where the sentence itself begins."""
    headings: list[str] = []
    for line in piece.splitlines(keepends=True):
        heading = is_heading(line.rstrip(), known)
        if not heading and (line.strip() and not _RUNNING_LINE.fullmatch(line.strip())):
            break
        if heading:
            headings.append(line)
        start += len(line)
    return headings, start


def _below(section: str, heading: str) -> str:
    """Return the section with its innermost heading replaced."""
    above = section.rpartition(" > ")[0]
    if section.endswith(heading):
        return section
    return f"{above} > {heading}" if above else heading
