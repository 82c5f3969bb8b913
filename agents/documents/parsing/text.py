"""Reading plain text, Markdown and JSON: the text stays as it is, apart from its encoding and line ends."""

import re

from agents.documents.parsing import broken_words, headings
from agents.documents.parsing.parsed import MAX_WARNINGS, Parsed, clean, join_pages, shorten

_FRONT_MATTER_TITLE = re.compile(r"---\n(?:[^\n]*\n){0,50}?title:[ \t]*([^\n]+)\n(?:[^\n]*\n){0,50}?---\n")
_COMMENT = re.compile(r"<!--([^<>]{1,2000})-->")
_COMMENT_WORDS = 4
_DECLARED = re.compile(rb"charset\s*=\s*[\"']?([\w-]+)|<\?xml[^>]{0,80}encoding=[\"']([\w-]+)", re.IGNORECASE)


def read_text(data: bytes, _name: str) -> Parsed:
    """Read plain text: numbered sections are its headings, form feeds part its pages."""
    pages = _with_whole_words([clean(page) for page in decode(data).split("\f")])
    text, spans = join_pages(pages, "\n")
    # Form feeds before the first page and behind the last make no blank pages.
    written = [number for number, page in enumerate(pages) if page.strip()]
    return Parsed.from_text(
        text, headings=headings.by_number(text), pages=spans[written[0] : written[-1] + 1] if written else ()
    )


def read_markdown(data: bytes, _name: str) -> Parsed:
    """Read Markdown; a `title:` in its front matter is its title."""
    text = _with_whole_words([clean(decode(data))])[0]
    front = _FRONT_MATTER_TITLE.match(text)
    comments = [shorten(comment) for comment in _COMMENT.findall(text) if len(comment.split()) >= _COMMENT_WORDS]
    return Parsed.from_text(
        text,
        title=front.group(1).strip(" \"'") if front else "",
        headings=[heading for heading in headings.in_markdown(text) if front is None or heading[2] >= front.end()],
        warnings=[f"Hidden text: a comment, {comment!r}; it was read." for comment in comments[:MAX_WARNINGS]],
    )


def read_json(data: bytes, _name: str) -> Parsed:
    """Read JSON as it is written."""
    return Parsed.from_text(clean(decode(data)))


def _with_whole_words(pages: list[str]) -> list[str]:
    """Return pages without words that are broken at lines' ends."""
    if not any(map(broken_words.MAY_BE.search, pages)):
        return pages
    hyphenation = broken_words.Hyphenation(pages)
    return [hyphenation.join(page) for page in pages]


def decode(data: bytes, *, declared: bool = False) -> str:
    """Decode text by its byte order mark, by a declaration, as UTF-8, else as Windows-1252; nothing is cleaned.

    Args:
        data: The file.
        declared: Whether to heed the encoding that HTML and XML declare near their beginning.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    encodings = ["utf-8-sig"]
    if declared and (found := _DECLARED.search(data[:2048])):
        encodings.insert(0, (found.group(1) or found.group(2)).decode("ascii"))
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except (UnicodeError, LookupError):
            continue
    return data.decode("cp1252", errors="replace")
