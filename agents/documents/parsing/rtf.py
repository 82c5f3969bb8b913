"""Reading Rich Text Format."""

import re

from agents.documents.parsing import headings
from agents.documents.parsing.extraction import extract, strip_inline_marks
from agents.documents.parsing.parsed import Parsed

# A backslash that another one precedes is a character of the text.
_UNESCAPED = rb"(?<!\\)((?:\\\\)*)"
_FIXED_SPACE = re.compile(_UNESCAPED + rb"\\~")
_DELETED = re.compile(_UNESCAPED + rb"\{(?:[^{}\\]|\\[^{}])*?\\deleted(?![a-z])(?:[^{}\\]|\\.)*\}", re.DOTALL)
_HIDDEN = re.compile(_UNESCAPED + rb"\\v(?![a-z0])")
_TITLE = re.compile(rb"\{\\title[ \r\n]+([^{}\\]+)\}")


def read_rtf(data: bytes, name: str) -> Parsed:
    """Read a document in Rich Text Format, without hidden text and with its tracked changes accepted.

    Raises:
        DocumentError: It is damaged.
    """
    # xberg reads a fixed space as a tilde, and deleted text as any other.
    data, deleted = _DELETED.subn(rb"\1", _FIXED_SPACE.sub(rb"\1\\u160?", data))
    text = strip_inline_marks(extract(data, name, "rtf").content)
    title = _TITLE.search(data)
    warnings = ["Hidden text was left out."] if _HIDDEN.search(data) else []
    if deleted or b"\\revised" in data:
        warnings.append("The document has tracked changes that are not accepted yet; it was read as if they were.")
    return Parsed.from_text(
        text,
        title=title[1].decode("ascii", errors="ignore") if title else "",
        headings=headings.in_markdown(text),
        warnings=warnings,
    )
