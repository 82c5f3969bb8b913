"""Evidence cut into what can be quoted: sentences, list items and table rows, each an exact slice of its passage.

A statement knows what stands above it (headings, the sentence that announces its list, its table's head), so that it
can be found by words that it does not repeat. Headings, rules and page numbers are no statements.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agents.language.sentences import DAY_OF_MONTH, split_sentences
from agents.language.stems import Vocabulary, Word
from agents.language.unspaced import is_unspaced, join_lines
from agents.schema import Passage

MAX_QUOTE_WORDS, _MAX_QUOTE_CHARACTERS = 60, 400
"""The first as the grounding has it, which cuts longer quotes."""


@dataclass(slots=True)
class Statement:
    """`passage.text[start:end]` and what is known about it; `text` is the same, cleaned for reading."""

    passage: Passage
    start: int
    end: int
    text: str
    form: Literal["sentence", "item", "row"]
    section: str
    """The headings above it, joined by " > "."""
    lead: int = -1
    """Index of the statement that announces its list, or -1."""
    head: str = ""
    """The head of its table, which may stand in an earlier passage."""
    words: list[Word] = field(default_factory=list[Word])
    stems: frozenset[str] = frozenset()
    """The stems of its content words, without those of its table's head."""

    @property
    def above(self) -> str:
        """What stands above it: its headings, and its table's head."""
        return f"{self.section} {self.head}"

    @property
    def slice(self) -> str:
        """What it is in its passage."""
        return self.passage.text[self.start : self.end]

    @property
    def quote(self) -> str:
        """What it is in its passage, or the first 60 words or 400 characters of that."""
        return next(self._pieces(), "")

    @property
    def quotes(self) -> tuple[str, ...]:
        """What it is in its passage, in pieces of at most 60 words and 400 characters."""
        return tuple(self._pieces())

    def _pieces(self) -> Iterator[str]:
        left = self.slice
        while left:
            words = itertools.islice(re.finditer(r"\S+", left), MAX_QUOTE_WORDS)
            fitting = [word.end() for word in words if word.end() <= _MAX_QUOTE_CHARACTERS]
            end = fitting[-1] if fitting else _MAX_QUOTE_CHARACTERS
            yield left[:end]
            left = left[end:].lstrip()


_SAMPLE_CHARACTERS = 200
"""Of each passage, for telling the language: a single passage may be a quotation or a table."""


def vocabulary_of(passages: Sequence[Passage]) -> Vocabulary:
    """Return the vocabulary of the language of passages."""
    return Vocabulary.of("\n".join(passage.text[:_SAMPLE_CHARACTERS] for passage in passages))


def read_statements(evidence: Sequence[Passage], vocabulary: Vocabulary, *, bare: bool = False) -> list[Statement]:
    """Cut passages into statements, in the order of the passages; headings become their section.

    Args:
        evidence: The passages.
        vocabulary: Of their language.
        bare: Whether what has no word of content, such as "None.", is a statement, too.
    """
    statements: list[Statement] = []
    for passage in evidence:
        section, lead = "", -1
        for statement in _cut(passage):
            statement.words = vocabulary.words(statement.text)
            own = vocabulary.words(statement.slice) if statement.form == "row" else statement.words
            statement.stems = frozenset(word.stem for word in own if not word.function)
            if not (statement.stems or bare):
                continue
            if statement.section != section:
                section, lead = statement.section, -1
            if statement.form == "item":
                statement.lead = lead
            else:
                lead = len(statements) if statement.text.endswith(":") else -1
            statements.append(statement)
    return statements


_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_SEPARATOR_ROW = re.compile(r"[\s|:+=_*~`.…-]*$")
_RULED = re.compile(r"[\n ]*(?=[^\n]*\|)[ \t|:+=_*~`.…-]*$", re.MULTILINE)
_BULLET = re.compile(rf"(?:[-*+•‣◦▪–—·]\s+|(?!{DAY_OF_MONTH})\(?(?:\d{{1,3}}|[a-zA-Z]|[ivx]{{1,5}})[.)]\s+|>\s*)+")
_HEADING_MARK = re.compile(r"#{1,6}\s+")
_RUNNING_LINE = re.compile(r"[^\n]{0,100}\bpage \d+(?: of \d+)?|-?\s*\d{1,4}\s*-?", re.IGNORECASE)
# A line of a table of contents, or a page's running head or foot.
_PAGE_FURNITURE = re.compile(rf"\.{{5,}}|(?:\s\.){{4,}}|…{{3,}}|^\s*(?:{_RUNNING_LINE.pattern})\s*$", re.IGNORECASE)


def _cut(passage: Passage) -> Iterator[Statement]:
    headings = tuple(part.strip() for part in passage.heading.split(" > ") if part.strip())
    section = passage.heading
    above, head, rows, ruled = _head_above(passage), "", 0, False
    last = 0
    for start, end in split_sentences(passage.text):
        piece = passage.text[start:end]
        row = piece.lstrip().startswith("|") or "\t" in piece or piece.count(" | ") >= 2
        if last and (_BLANK_LINE.search(passage.text, last, start) or not (row or _SEPARATOR_ROW.match(piece))):
            above, head, rows, ruled = "", "", 0, False
        last = end
        if _SEPARATOR_ROW.match(piece):
            ruled = True
            continue
        opening, start = _opening(piece, start, headings)
        for heading in opening:
            section = _below(section, clean(_HEADING_MARK.sub("", heading)))
        piece = passage.text[start:end].lstrip()
        start = end - len(piece)
        if not piece or _PAGE_FURNITURE.search(piece):
            continue
        if not row:
            yield Statement(passage, start, end, clean(piece), "item" if _BULLET.match(piece) else "sentence", section)
        # A table with rules between all of its rows has one above each; the next table may follow without a blank line.
        elif _RULED.match(passage.text, end) and (not rows or not ruled):
            head, rows, ruled = piece, 1, False
        else:
            rows, ruled = rows + 1, False
            fits = len(cells(above)) == len(cells(piece))
            text = read_row(piece, head)
            yield Statement(passage, start, end, text, "row", section, head=head or (above if fits else ""))


def _opening(piece: str, start: int, headings: Sequence[str]) -> tuple[list[str], int]:
    """Return the headings that were read into a sentence, and where the sentence itself begins."""
    opening: list[str] = []
    for line in piece.splitlines(keepends=True):
        heading = _is_heading(line.rstrip(), headings)
        if not heading and line.strip() and not _RUNNING_LINE.fullmatch(line.strip()):
            break
        if heading:
            opening.append(line)
        start += len(line)
    return opening, start


_MAX_HEADING_CHARS = 90
_NUMBERED_HEADING = re.compile(
    rf"(?!{DAY_OF_MONTH})"
    r"(?:(?:Section|Chapter|Article|Schedule|Annex|Appendix|Part|Slide|Sheet)\s+[\dA-Z]+\b|\d+(?:\.\d+)*\.?\s+(?=[A-Z]))"
)


def _is_heading(line: str, known: Sequence[str]) -> bool:
    """Whether a line stands above text instead of being part of it; `known` are headings of the document."""
    plain = " ".join(line.split())
    if _HEADING_MARK.match(line) or plain in known:
        return True
    if len(plain) > _MAX_HEADING_CHARS or plain[-1:] in ".!?:;," or "|" in plain or "\t" in line:
        return False
    numbered = _NUMBERED_HEADING.match(plain)
    return numbered is not None and "." not in plain[numbered.end() :].rstrip(".")


def _below(section: str, heading: str) -> str:
    """Return the section with its innermost heading replaced."""
    above = section.rpartition(" > ")[0]
    if section.endswith(heading):
        return section
    return f"{above} > {heading}" if above else heading


def _head_above(passage: Passage) -> str:
    """Return the head of the table in whose middle a passage begins; its heading ends in the names of the columns."""
    columns = passage.heading.rpartition(" > ")[2]
    names = columns if " | " in columns else columns.replace(", ", " | ")
    return f"| {names} |" if passage.text.lstrip().startswith("|") and " | " in names else ""


def read_row(row: str, head: str) -> str:
    """Return a row as "head: cell; head: cell", or its cells alone where the head has fewer or more of them."""
    values, names = cells(row), cells(head)
    if len(names) != len(values):
        return "; ".join(value for value in values if value)
    return "; ".join(f"{name}: {value}" if name else value for name, value in zip(names, values, strict=True) if value)


# A pipe inside a cell is escaped with a backslash.
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_OUTER_BORDERS = re.compile(r"^\|+|(?<!\\)\|+$")


def cells(row: str) -> list[str]:
    """Return the cells of a table's row, written with pipes or tabs."""
    parts = _CELL_BORDER.split(_OUTER_BORDERS.sub("", row.strip())) if "|" in row else row.split("\t")
    return [" ".join(part.split()).replace("\\|", "|") for part in parts]


_EMPHASIS = re.compile(r"(\*\*|__|`)(?=\S)(.{1,300}?)(?<=\S)\1")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u00ad]\s*\n\s*(?=[a-zà-ÿ])|\u00ad")


def clean(text: str) -> str:
    """Return a slice of a document as one line: white space joined, bullets and emphasis marks taken off."""
    if "\n" in text:
        lines = text.splitlines()
        text = "\n".join(line for line in lines if not _RUNNING_LINE.fullmatch(line.strip())) or text
    line = " ".join(_HYPHENATED.sub("", join_lines(text)).split())
    return _EMPHASIS.sub(r"\2", _BULLET.sub("", line, count=1) if _BULLET.match(line) else line).strip()


def shortened(text: str, length: int) -> str:
    """Return a text of at most `length` characters, cut at a word."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    # What has no spaces is cut between letters.
    return (cut if is_unspaced(cut[-1]) else cut.rsplit(" ", 1)[0]) + "…"
