"""What a document is called: as its metadata say, as its own first page says, else as its file is named."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

from agents.documents.parsing.headings import BIGGER, MAX_LENGTH, Found

_BEGINNING = 3_000
"""Characters: a printed page."""
_SAME_SIZE = 0.5
"""Points: sizes are rounded to halves."""
_NAMED_AGAIN_WITHIN = 400
"""Characters: the first sentence of a contract, which says "This Outsourcing Agreement"."""

# What programs write where nobody has named the document: a placeholder ("Document1", "Sheet1", "Tabelle1", "Layout 1"
# in any language), the name of the file, or of the program that printed it.
_PLACEHOLDER = re.compile(
    r"untitled.*|\(?(?:anonymous|unknown|none|null)\)?|[^\W\d_]+[ -]?1|powerpoint[- ]pr[eä]sentation"
    r"|microsoft (?:word|powerpoint|excel) - .*|\S+\.[a-z]\w{1,4}|.*\.(?:docx?|pdf|indd|tex|dvi|qxd|pptx?|xlsx?|rtf)",
    re.IGNORECASE,
)
_TWO_LETTERS = re.compile(r"[^\W\d_]{2}")
_WORD = re.compile(r"\w+")
# "1. Definitions" is the name of a section, not of a document.
_SECTION_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,2})*[.)]?\s")
_ENDS_SENTENCE = re.compile(r"[.!?:;,。！？\uff1a\uff1b\uff0c][\"'”’»)]*$")
_MARKUP = frozenset("#|>[-*<{`")


def of_document(named: str, text: str, headings: Sequence[Found], file_name: str) -> str:
    """Return a document's title.

    Args:
        named: The title that its metadata or its reader names, if any.
        text: The whole text.
        headings: Its headings.
        file_name: The name of its file, the last resort.
    """
    own = _of_headings(headings) or _of_first_line(text) or _named_again(text)
    return choose(named, own, text) or PurePath(file_name).stem


def choose(named: str, own: str, first_page: str) -> str:
    """Return the title that a document's metadata name, or its own; empty where there is neither.

    Metadata may be left over from another document or a template. They are believed where at least half of their words
    stand on its first page, or where the document itself shows no title.

    Args:
        named: The title in the metadata, if any.
        own: The title that the document shows, if any.
        first_page: The text of the first page, or a text that begins with it.
    """
    named, own = ("" if _is_placeholder(title) else title for title in (named, own))
    words, beginning = _WORD.findall(named.casefold()), first_page[:_BEGINNING].casefold()
    is_confirmed = 2 * sum(word in beginning for word in words) >= len(words)
    return named if named and (is_confirmed or not own) else own


def of_first_page(first: Iterable[tuple[float, str]], later: Iterable[tuple[float, str]]) -> str:
    """Return the largest text of a document's first page, empty where that is no title.

    It is one if it is larger than what is read, stands in the page's first half and in one piece: several of a size, on
    this page or the following, are headings of sections, unless the page is a cover.

    Args:
        first: Size in points and text of each line of the page.
        later: Those of the other pages.
    """
    page = [(size, text.strip()) for size, text in first if text.strip()]
    others = [(size, text) for size, text in later if _TWO_LETTERS.search(text)]
    body = _body_size([*page, *others])
    largest = max((size for size, text in _first_half(page) if _TWO_LETTERS.search(text)), default=0.0)
    if largest <= body * BIGGER:
        return ""
    at = [index for index, (size, _) in enumerate(page) if largest - _SAME_SIZE <= size <= largest]
    is_cover = _body_size(page) > body
    is_parted = min(size for size, _ in page[at[0] : at[-1] + 1]) <= body
    if not is_cover and (is_parted or sum(size == largest for size, _ in others) > 1):
        return ""
    title = " ".join(" ".join(page[index][1] for index in at).split())
    return title if len(title) <= MAX_LENGTH else ""


def _body_size(lines: Iterable[tuple[float, str]]) -> float:
    """Return the size in which most characters are set."""
    characters: Counter[float] = Counter()
    for size, text in lines:
        characters[size] += len(text)
    return characters.most_common(1)[0][0] if characters else 0.0


def _first_half(lines: Sequence[tuple[float, str]]) -> Iterator[tuple[float, str]]:
    """Yield the lines that begin in the first half of a page's characters."""
    half = sum(len(text) for _, text in lines) / 2
    read = 0
    for size, text in lines:
        if read > half:
            return
        yield size, text
        read += len(text)


def _of_headings(headings: Iterable[Found]) -> str:
    """Return the heading above all others: the only one of its level, near the beginning.

    One of several is a section's, however it is called.
    """
    candidates = [each for each in headings if not _SECTION_NUMBER.match(each[1]) and not _is_placeholder(each[1])]
    top = min((level for level, _, _ in candidates), default=0)
    highest = [(text, start) for level, text, start in candidates if level == top]
    return highest[0][0] if len(highest) == 1 and highest[0][1] < _BEGINNING else ""


def _of_first_line(text: str) -> str:
    """Return the line that stands alone at a text's beginning, unless it is a sentence or the beginning of a list."""
    line, _, rest = text.partition("\n\n")
    return line.strip() if rest.strip() and _may_be_title(line.strip()) else ""


def _named_again(text: str) -> str:
    """Return the line near the beginning that a sentence soon below it begins with: "This Outsourcing Agreement ..."."""
    start = 0
    for line in text[: _BEGINNING // 2].splitlines(keepends=True):
        start += len(line)
        words = line.split()
        if len(words) > 1 and _may_be_title(line.strip()):
            again = r"^(?:\w+[^\S\n]+){1,2}" + r"[^\S\n]+".join(map(re.escape, words)) + r"(?:[^\S\n]+\S+){3}"
            if re.compile(again, re.MULTILINE | re.IGNORECASE).search(text, start, start + _NAMED_AGAIN_WITHIN):
                return " ".join(words)
    return ""


def _may_be_title(line: str) -> bool:
    return len(line) <= MAX_LENGTH and "\n" not in line and line[:1] not in _MARKUP and not _ENDS_SENTENCE.search(line)


def _is_placeholder(title: str) -> bool:
    return not _TWO_LETTERS.search(title) or _PLACEHOLDER.fullmatch(title) is not None
