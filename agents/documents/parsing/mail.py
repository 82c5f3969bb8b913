"""Reading mails."""

import email
import email.policy
import re

from agents.documents.parsing.html import read_page
from agents.documents.parsing.parsed import Parsed, clean

_HEADER_NAMES = ("From", "To", "Cc", "Date", "Subject")
_QUOTE_MARKS = re.compile(r"(?:> ?)+")


def read_mail(data: bytes, _name: str) -> Parsed:
    """Read a mail: its main headers, then its body; attachments are named in the warnings.

    Raises:
        DocumentError: Its body is a damaged web page.
    """
    message = email.message_from_bytes(data, policy=email.policy.default)
    head = clean("\n".join(f"{name}: {message[name]}" for name in _HEADER_NAMES if message[name]))
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        body = Parsed.from_text("")
    elif part.get_content_type() == "text/html":
        body = read_page(part.get_content(), "the mail's body")
    else:
        body = Parsed.from_text(_strip_quote_marks(clean(part.get_content())).strip("\n"))
    text = "\n\n".join(filter(None, (head, body.text)))
    shift = len(text) - len(body.text)
    attachments = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    return Parsed.from_text(
        text,
        title=str(message["Subject"] or ""),
        headings=[(level, title, start + shift) for level, title, start in body.headings],
        warnings=[*body.warnings, *([f"Attachments were not read: {', '.join(attachments)}."] if attachments else [])],
    )


def _strip_quote_marks(text: str) -> str:
    """Return a mail without the `>` before quoted lines; a change of depth begins a new paragraph."""
    lines: list[str] = []
    last_depth = 0
    for line in text.split("\n"):
        marks = _QUOTE_MARKS.match(line)
        depth = marks[0].count(">") if marks else 0
        if depth != last_depth:
            lines.append("")
        lines.append(line[marks.end() :] if marks else line)
        last_depth = depth
    return "\n".join(lines)
