"""What a document is called: as its metadata say, as its own first page says, else as its file is named."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

from agents.documents.parsing.headings import BIGGER, MAX_LENGTH, Found
from agents.escaping import one_line
from agents.language.sentences import split_sentences

_BEGINNING = 3_000
"""Characters: a printed page."""
_SAME_SIZE = 0.5
"""Points: sizes are rounded to halves."""
_SHORT = 3
"""Characters of a word."""
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
_LEGIBLE = re.compile(r"[^@]*[^\W\d_]{2}[^@]*")
"""Two letters at least, and no address of a mail, whose signs are often larger than its letters."""
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
    return one_line(
        choose(named, _of_headings(headings), text)
        or _of_first_line(text)
        or _named_again(text)
        or PurePath(file_name).stem
    )


def choose(named: str, own: str, first_page: str) -> str:
    """Return the title that a document's metadata name, or its own; empty where there is neither.

    Metadata may be left over from another document or a template. They are believed where at least half of their words
    stand on its first page, or where the document itself shows no title. What programs write in place of a title is one
    only where the document says the same.

    Args:
        named: The title in the metadata, if any.
        own: The title that the document shows, if any.
        first_page: The text of the first page, or a text that begins with it.
    """
    beginning = first_page[:_BEGINNING].casefold()
    if _is_placeholder(named) and not (named.casefold() in beginning and _TWO_LETTERS.search(named)):
        named = ""
    if not _may_head(own) or len(split_sentences(own)) > 1:
        own = ""
    words = _WORD.findall(named.casefold())
    # Short words stand on every page.
    words = [word for word in words if len(word) > _SHORT] or words
    is_confirmed = 2 * sum(word in beginning for word in words) >= len(words)
    return named if named and (is_confirmed or not own) else own


def of_first_page(first: Iterable[tuple[float, str]], later: Iterable[tuple[float, str]]) -> str:
    """Return what a document's first page shows as its title, in its largest letters; empty where it shows none.

    On a cover that is all that is set large. On a page to read it stands in the first half, in one piece, and larger
    than anything on the pages behind: several of a size are headings of sections.

    Args:
        first: Size in points and text of each line of the page.
        later: Those of the other pages.
    """
    page = [(size, text.strip()) for size, text in first if text.strip()]
    others = [(size, text) for size, text in later if _LEGIBLE.fullmatch(text)]
    body = _body_size([*page, *others])
    large = [(size, text) for size, text in page if size > body * BIGGER]
    is_cover = 2 * sum(len(text) for _, text in large) >= sum(len(text) for _, text in page)
    if is_cover and (cover := _joined(text for _, text in large if len(text) > 1)) and _LEGIBLE.fullmatch(cover):
        return cover
    largest = max((size for size, text in _first_half(page) if _LEGIBLE.fullmatch(text)), default=0.0)
    if largest <= body * BIGGER or any(size == largest for size, _ in others):
        return ""
    at = [index for index, (size, _) in enumerate(page) if largest - _SAME_SIZE <= size <= largest]
    is_parted = min(size for size, _ in page[at[0] : at[-1] + 1]) <= body
    return "" if is_parted else _joined(page[index][1] for index in at)


def _joined(lines: Iterable[str]) -> str:
    """Return lines as one title, empty if it would be too long."""
    title = " ".join(" ".join(lines).split())
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
    levels: dict[int, list[Found]] = {}
    for heading in headings:
        if not _SECTION_NUMBER.match(heading[1]):
            levels.setdefault(heading[0], []).append(heading)
    for _, equals in sorted(levels.items()):
        _, text, start = equals[0]
        if len(equals) > 1 or start >= _BEGINNING:
            return ""
        if _may_head(text):
            return text
    return ""


def _of_first_line(text: str) -> str:
    """Return the line that stands alone at a text's beginning, unless it is a sentence or the beginning of a list."""
    line, _, rest = text.partition("\n\n")
    return line.strip() if rest.strip() and _may_be_title(line.strip()) else ""


def _named_again(text: str) -> str:
    """Return the line near the beginning that a sentence below it names again: "This Outsourcing Agreement ..."."""
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


def _may_head(text: str) -> bool:
    return _LEGIBLE.fullmatch(text) is not None and not _is_placeholder(text)


def _is_placeholder(title: str) -> bool:
    return not _TWO_LETTERS.search(title) or _PLACEHOLDER.fullmatch(title) is not None
