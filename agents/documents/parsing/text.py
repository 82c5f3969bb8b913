"""Reading formats that are text already: the text stays as it is apart from its encoding and line ends."""

import csv
import email
import email.policy
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from itertools import islice
from typing import Literal, NamedTuple

from agents.documents.parsing import headings
from agents.documents.parsing.parsed import MOST_CHARACTERS, Parsed, clean, parsed, shorten

_DECLARED = re.compile(rb"charset\s*=\s*[\"']?([\w-]+)|<\?xml[^>]{0,80}encoding=[\"']([\w-]+)", re.IGNORECASE)
_QUOTE_MARKS = re.compile(r"(?:> ?)+")
_HEADER_NAMES = ("From", "To", "Cc", "Date", "Subject")
_COMMENT = re.compile(r"<!--([^<>]{1,2000})-->")
_COMMENT_WORDS = 4
_MANY = 10
# What Excel writes above a table to name its delimiter.
_DELIMITER_LINE = re.compile(r"\A\ufeff?sep=.\r?\n", re.IGNORECASE)
_DELIMITERS = "\t;|,"
_LINE = re.compile(r"[^\n]+\n?|\n")
# Breaks that no spreadsheet takes for the end of a row.
_BREAKS_IN_CELLS = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SAMPLE = 64_000
_MOST_ROWS_ABOVE = 20
_REGULAR = 0.8
_DIGITS = re.compile(r"\d+")


def decode(data: bytes, *, declared: bool = False) -> str:
    """Decode text: by its byte order mark, a declaration, as UTF-8, else as Windows-1252.

    Args:
        data: The file.
        declared: Whether to heed the encoding that HTML and XML declare near their beginning.
    """
    return clean(_characters(data, declared=declared))


def _characters(data: bytes, *, declared: bool = False) -> str:
    """Return a file's characters as they are, line ends and control characters among them."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    encodings = ["utf-8-sig"]
    if declared and (found := _DECLARED.search(data[:2048])):
        encodings.insert(0, (found.group(1) or found.group(2)).decode("ascii"))
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("cp1252", errors="replace")


def read_text(data: bytes) -> Parsed:
    """Read plain text; numbered sections count as headings, form feeds part pages."""
    sheets = [clean(sheet) for sheet in _characters(data).split("\f")]
    text = "\n".join(sheets)
    return parsed("", text, headings.by_number(text), pages=_pages(sheets))


def _pages(sheets: Sequence[str]) -> list[tuple[int, int]]:
    """Return where each sheet stands in the text that joins them by a line end; blank ones at its ends are no pages."""
    pages: list[tuple[int, int]] = []
    start = 0
    for sheet in sheets:
        pages.append((start, start + len(sheet)))
        start += len(sheet) + 1
    written = [number for number, sheet in enumerate(sheets) if sheet.strip()]
    return pages[written[0] : written[-1] + 1] if written else []


def read_markdown(data: bytes) -> Parsed:
    """Read Markdown; a `title:` in its front matter is its title."""
    text = decode(data)
    front = re.match(r"---\n(?:[^\n]*\n){0,50}?title:[ \t]*([^\n]+)\n(?:[^\n]*\n){0,50}?---\n", text)
    title = front.group(1).strip(" \"'") if front else ""
    found = headings.in_markdown(text)
    comments = [shorten(comment) for comment in _COMMENT.findall(text) if len(comment.split()) >= _COMMENT_WORDS]
    warnings = [f"Hidden text: a comment, {comment!r}; it was read." for comment in comments[:_MANY]]
    return parsed(title, text, [heading for heading in found if front is None or heading[2] >= front.end()], warnings)


def read_csv(data: bytes) -> Parsed:
    """Read comma-separated values as the table that a spreadsheet would be; what is no table stays as it is."""
    characters = _characters(data)
    return parsed("", _as_table(characters) or clean(characters))


_Quoting = Literal[0, 3]
"""csv.QUOTE_MINIMAL or csv.QUOTE_NONE."""


class _Layout(NamedTuple):
    """How to read a table out of lines, and what it then looks like."""

    delimiter: str
    quoting: _Quoting
    strict: bool
    width: int
    above: int
    """Rows that stand above the names of the columns."""
    below: int
    """Rows that stand below them."""
    regular: int
    """Those of them that have as many cells as most."""

    @property
    def is_table(self) -> bool:
        """Whether there are columns, and most rows have the same number of cells."""
        return self.width > 1 and self.regular > 0 and self.regular >= _REGULAR * self.below


def _as_table(characters: str) -> str:
    """Return comma-separated values as a Markdown table; nothing where they are none, or would grow too long."""
    text = clean(_BREAKS_IN_CELLS.sub(" ", _DELIMITER_LINE.sub("", characters, count=1)))
    sample = text if len(text) <= _SAMPLE else text[:_SAMPLE].rpartition("\n")[0]
    guesses = [layout for delimiter in _DELIMITERS for layout in _layouts(sample, delimiter) if layout.is_table]
    if not guesses:
        return ""
    guess = max(guesses, key=lambda layout: (layout.regular / (layout.above + layout.below), layout.width))
    layout = max(_layouts(text, guess.delimiter), key=lambda layout: (layout.is_table, layout.regular))
    return _markdown(text, layout) if layout.is_table else ""


def _layouts(text: str, delimiter: str) -> list[_Layout]:
    """Return the ways to read a text with one delimiter: only one where its quotation marks are in order.

    A mark that belongs to a cell's text would swallow the rows up to the next mark.
    """
    strict = _layout(text, delimiter, csv.QUOTE_MINIMAL, strict=True)
    if strict is not None:
        return [strict]
    unquoted = _layout(text, delimiter, csv.QUOTE_NONE, strict=False)
    lenient = _layout(text, delimiter, csv.QUOTE_MINIMAL, strict=False)
    return [layout for layout in (unquoted, lenient) if layout is not None]


def _layout(text: str, delimiter: str, quoting: _Quoting, *, strict: bool) -> _Layout | None:
    """Return what a table looks like that is read in this way, or nothing where it cannot be."""
    rows = _rows(text, delimiter, quoting, strict=strict)
    try:
        first = list(islice(rows, _MOST_ROWS_ABOVE + 1))
        widths = Counter(map(len, first))
        widths.update(map(len, rows))
    except csv.Error:
        return None
    width, regular = widths.most_common(1)[0] if widths else (0, 0)
    # The title that an export writes above a table fills a cell or two.
    above = next((place for place, row in enumerate(first) if len(row) > 1 and 2 * _filled(row) >= width), 0)
    regular -= sum(len(row) == width for row in first[: above + 1])
    return _Layout(delimiter, quoting, strict, width, above, widths.total() - above - 1, regular)


def _rows(text: str, delimiter: str, quoting: _Quoting, *, strict: bool) -> Iterator[list[str]]:
    """Yield the rows that hold anything."""
    lines = (match.group() for match in _LINE.finditer(text))
    for row in csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=strict):
        if any(map(str.strip, row)):
            yield row


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _markdown(text: str, layout: _Layout) -> str:
    """Write a table in the form that spreadsheets are read in; nothing where it would grow too long."""
    rows = _rows(text, layout.delimiter, layout.quoting, strict=layout.strict)
    above = [" ".join(" ".join(row).split()) for row in islice(rows, layout.above)]
    first = list(islice(rows, _MOST_ROWS_ABOVE))
    names = [] if _is_data(first[0], first[1:]) else first.pop(0)
    lines = [*above, "", *(_line(row, layout.width) for row in (names, ["---"] * layout.width, *first))]
    held = sum(map(len, lines)) + len(lines)
    for row in rows:
        lines.append(_line(row, layout.width))
        held += len(lines[-1]) + 1
        if held > MOST_CHARACTERS:
            return ""
    return "\n".join(lines).strip("\n")


def _line(row: list[str], width: int) -> str:
    """Write a row of at least `width` cells; line breaks in cells become spaces."""
    while len(row) > width and not row[-1].strip():
        row.pop()
    # Whole rows are rewritten, not cells, of which a file may hold millions; `clean` has left no null in them.
    line = "\0".join([*row, *[""] * (width - len(row))]).replace("|", "\\|")
    line = " ".join(line.split()).replace(" \0", "\0").replace("\0 ", "\0")
    return f"| {line.replace(chr(0), ' | ')} |"


def _is_data(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a table's first row names no columns: a date, a code or a decimal stands above others of its form."""
    for place, cell in enumerate(first):
        form = _form(cell)
        same = sum(len(row) > place and _form(row[place]) == form for row in below)
        # Plain numbers may be names of columns, as years are.
        if "0" in form and form != "0" and same >= _REGULAR * len(below):
            return True
    return False


def _form(cell: str) -> str:
    """Return a cell with one zero for every number: WO-0 for WO-1201."""
    return _DIGITS.sub("0", cell.strip())


def read_json(data: bytes) -> Parsed:
    """Read JSON."""
    return parsed("", decode(data))


def read_email(data: bytes) -> Parsed:
    """Read a mail: its main headers, then its body; attachments are named in the warnings."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    head = clean("\n".join(f"{name}: {message[name]}" for name in _HEADER_NAMES if message[name]))
    body = _mail_body(message)
    text = "\n\n".join(part for part in (head, body.text) if part)
    shift = len(text) - len(body.text)
    found = [(level, title, start + shift) for level, title, start in body.headings]
    attachments = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    warnings = [f"Attachments were not read: {', '.join(attachments)}."] if attachments else []
    return parsed(str(message["Subject"] or ""), text, found, body.warnings + warnings)


def _mail_body(message: EmailMessage) -> Parsed:
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return parsed("", "")
    content = part.get_content()
    if part.get_content_type() == "text/html":
        from agents.documents.parsing.office import read_page

        return read_page(content, "the mail's body")
    return parsed("", _without_quote_marks(clean(content)).strip("\n"))


def _without_quote_marks(text: str) -> str:
    """Return a mail without the marks before what it quotes; where more or less is quoted a paragraph begins."""
    lines: list[str] = []
    deep = 0
    for line in text.split("\n"):
        marks = _QUOTE_MARKS.match(line)
        depth = marks[0].count(">") if marks else 0
        if depth != deep:
            lines.append("")
        lines.append(line[marks.end() :] if marks else line)
        deep = depth
    return "\n".join(lines)
