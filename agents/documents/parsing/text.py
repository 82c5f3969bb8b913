"""Reading plain text and Markdown: the text stays as it is, apart from its encoding and line ends."""

import re

from agents.documents.parsing import broken_words, headings
from agents.documents.parsing.encoding import decode
from agents.documents.parsing.hidden_text import comments_read
from agents.documents.parsing.parsed import Parsed, clean, join_pages

_FRONT_MATTER_TITLE = re.compile(r"---\n(?:[^\n]*\n){0,50}?title:[ \t]*([^\n]+)\n(?:[^\n]*\n){0,50}?---\n")
_COMMENT = re.compile(r"<!--([^<>]{1,2000})-->")


def read_text(data: bytes, _name: str) -> Parsed:
    """Read plain text: numbered sections are its headings, form feeds part its pages."""
    decoded = decode(data)
    pages = _with_whole_words([clean(page) for page in decoded.text.split("\f")])
    text, spans = join_pages(pages, "\n")
    # Form feeds before the first page and behind the last make no blank pages.
    written = [number for number, page in enumerate(pages) if page.strip()]
    return Parsed.from_text(
        text,
        headings=headings.by_number(text),
        warnings=decoded.warnings,
        pages=spans[written[0] : written[-1] + 1] if written else (),
    )


def read_markdown(data: bytes, _name: str) -> Parsed:
    """Read Markdown; a `title:` in its front matter is its title."""
    decoded = decode(data)
    text = _with_whole_words([clean(decoded.text)])[0]
    front = _FRONT_MATTER_TITLE.match(text)
    return Parsed.from_text(
        text,
        title=front.group(1).strip(" \"'") if front else "",
        headings=[heading for heading in headings.in_markdown(text) if front is None or heading[2] >= front.end()],
        warnings=[*decoded.warnings, *comments_read(_COMMENT.findall(text))],
    )


def _with_whole_words(pages: list[str]) -> list[str]:
    """Return pages without words that are broken at lines' ends."""
    if not any(map(broken_words.MAY_BE.search, pages)):
        return pages
    hyphenation = broken_words.Hyphenation(map(broken_words.Vocabulary, pages))
    return [hyphenation.join(page) for page in pages]
