"""Foreign text where it is shown: what a document, a name or a title says must not act there.

one_line          in a line: a title with a line feed would forge the line below
as_unicode        in a message: JSON holds no bytes that are no text
as_markdown       in Markdown: nothing is loaded, nothing links elsewhere, no block is opened
as_cell           in a table of Markdown: the same, and it stays one cell
fenced            in Markdown, a document's own words exactly: a block that nothing in it can end
as_terminal       on a terminal: nothing moves the cursor, clears the screen or runs against the direction of reading
as_terminal_json  JSON on a terminal: the same, and it is the same JSON
TerminalFormatter logs on a terminal

Only what acts is changed: a model reads Markdown as it stands, so figures, names and formulas must stay as they are.
"""

import json
import logging
import re

from typing_extensions import override

_BREAK = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")
# Controls; what turns the direction of all that follows it; what nothing draws (the last range are tags, with which
# a text can be hidden from everybody but a model).
_UNSEEN = "\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060\u2066-\u206f\ufeff\U000e0000-\U000e007f"
_DROPPED = re.compile(f"[{_UNSEEN}]")
_TERMINAL = re.compile(f"[\v\f\r{_UNSEEN}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
"""What stands in a file's name for bytes that are no UTF-8."""
_IN_JSON = re.compile(f"[{_UNSEEN}\u2028\u2029\ud800-\udfff]")

_INLINE = re.compile(
    r"<(?=[A-Za-z/!?])(?![\w.+-]+@[\w.-]+>)"  # HTML, a comment, an address of the web; one of a mail may stand
    r"|!(?=\[)"  # an image
    r"|\](?=\()"  # a link
)
_BLOCK = re.compile(
    r"^([ >*+\d.)-]*)"  # also in a list; lists and quotations of one line forge nothing themselves
    r"(?=#{1,6}(?:\s|$)|```|~~~|(?:[-*_]\s*){3,}$"  # a heading, a fence, a line across
    r"|\[(?:[^\]]*$|.*\](?::|$)))"  # the target of a link elsewhere, such as the mark of a citation
)
_PIPE = re.compile(r"(\\?)\|")
_FENCE = re.compile("`{3,}")


def as_unicode(text: str) -> str:
    """Return a text that UTF-8 can hold, which not every file's name is."""
    return _SURROGATE.sub("\ufffd", text)


def is_unicode(text: str) -> bool:
    """Whether UTF-8, and so a message or a database, can hold a text."""
    return not _SURROGATE.search(text)


def one_line(text: str) -> str:
    """Return a text on one line, without controls and what nothing draws."""
    return as_unicode(_DROPPED.sub("", _BREAK.sub(" ", text).replace("\t", " ")))


def as_markdown(text: str) -> str:
    """Return a text on one line that means in Markdown nothing but itself; what is escaped already stays as it is."""
    return _BLOCK.sub(r"\1\\", _INLINE.sub(_escaped, one_line(text)))


def as_cell(text: str) -> str:
    """Return a text as one cell of a table."""
    # Renderers differ on whether a pipe behind two backslashes ends the cell.
    return _PIPE.sub(lambda found: "\\&#124;" if found[1] else "\\|", as_markdown(text))


def fenced(text: str) -> str:
    """Return a text of several lines as a code block of Markdown."""
    fence = "`" * max(3, 1 + max(map(len, _FENCE.findall(text)), default=0))
    return f"{fence}\n{text}\n{fence}"


def as_terminal(text: str) -> str:
    """Return a text of several lines for a terminal."""
    return as_unicode(_TERMINAL.sub("", text))


def as_terminal_json(text: str) -> str:
    """Return JSON for a terminal: what it must not see stands as an escape, of which JSON makes the same character."""
    return _IN_JSON.sub(lambda found: json.dumps(found[0]).strip('"'), text)


class TerminalFormatter(logging.Formatter):
    """Formats what is logged: it names files, and its tracebacks hold what is in them."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        return as_terminal(super().format(record))


def _escaped(found: re.Match[str]) -> str:
    # As an entity, which every renderer knows; not all let a backslash stand before it.
    return "&lt;" if found[0] == "<" else f"{found[0]}\\"
