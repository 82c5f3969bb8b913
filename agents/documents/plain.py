"""Reading formats that are text already: the text stays as it is apart from its encoding and line ends."""

import csv
import email
import email.policy
import re
from email.message import EmailMessage

from agents.documents import headings
from agents.documents.parsed import Parsed, clean, parsed, shorten

_DECLARED = re.compile(rb"charset\s*=\s*[\"']?([\w-]+)|<\?xml[^>]{0,80}encoding=[\"']([\w-]+)", re.IGNORECASE)
_HEADER_NAMES = ("From", "To", "Cc", "Date", "Subject")
_LONGEST_HEADER = 2_000
_COMMENT = re.compile(r"<!--([^<>]{1,2000})-->")
_COMMENT_WORDS = 4
_MANY = 10


def decode(data: bytes, *, declared: bool = False) -> str:
    """Decode text: by its byte order mark, a declaration, as UTF-8, else as Windows-1252.

    Args:
        data: The file.
        declared: Whether to heed the encoding that HTML and XML declare near their beginning.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return clean(data.decode("utf-16", errors="replace"))
    encodings = ["utf-8-sig"]
    if declared and (found := _DECLARED.search(data[:2048])):
        encodings.insert(0, (found.group(1) or found.group(2)).decode("ascii"))
    for encoding in encodings:
        try:
            return clean(data.decode(encoding))
        except (UnicodeDecodeError, LookupError):
            continue
    return clean(data.decode("cp1252", errors="replace"))


def read_text(data: bytes) -> Parsed:
    """Read plain text; numbered sections count as headings."""
    text = decode(data)
    return parsed("", text, headings.by_number(text))


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
    """Read comma-separated values; the names of the columns stand as the heading over all rows."""
    text = decode(data)
    header = text[:_LONGEST_HEADER].split("\n", 1)[0]
    rows = csv.reader([header], delimiter=max(",;\t|", key=header.count))
    columns = ", ".join(cell.strip() for row in rows for cell in row if cell.strip())
    return parsed("", text, [(1, columns, 0)] if columns else [])


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
        from agents.documents.office import read_page

        return read_page(content, "the mail's body")
    return parsed("", clean(content).strip("\n"))
