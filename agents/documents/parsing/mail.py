"""Reading mails: their main headers and their text, those of forwarded mails included."""

import re
from collections.abc import Iterable, Iterator
from email.errors import HeaderParseError
from email.feedparser import BytesFeedParser
from email.header import decode_header
from email.message import Message
from email.policy import Policy, compat32
from typing import Any, cast

from agents.documents.parsing.encoding import Decoded, decode, wide_encoding
from agents.documents.parsing.html import decode_page, read_page
from agents.documents.parsing.limits import check_pages
from agents.documents.parsing.parsed import Parsed, clean
from agents.errors import DocumentError

_HEADER_NAMES = ("From", "To", "Cc", "Date", "Subject")


def read_mail(data: bytes, name: str) -> Parsed:
    """Read a mail and the mails inside of it; attachments are named in the warnings.

    Raises:
        DocumentError: It is nested too deeply, has too many parts, or its body is a damaged web page.
    """
    if encoding := wide_encoding(data):
        data = data.decode(encoding, errors="replace").encode()
    letter = Letter()
    try:
        message = _parsed(data.removeprefix(b"\xef\xbb\xbf").lstrip())
        message.read_mail_into(letter)
    except RecursionError as error:
        raise DocumentError(
            f"{name} holds mails within mails, more deeply than is read.",
            hint="Save the inner mail as a file of its own, and open that.",
        ) from error
    return letter.parsed(message.header("Subject"))


class Letter:
    """What is read of a mail, piece by piece in the order in which it is shown."""

    def __init__(self) -> None:
        self.attachments: list[str] = []
        self.unread: list[str] = []
        """Encrypted parts."""
        self._pieces: list[Parsed] = []
        self._headings: dict[int, str] = {}
        """The subjects of forwarded mails, by the piece that begins them."""

    def add_head(self, fields: Iterable[tuple[str, str]], *, subject: str = "") -> None:
        """Add a mail's headers; a forwarded mail's subject is a heading."""
        if head := clean("\n".join(f"{name}: {value}" for name, value in fields if value)):
            if subject and self._pieces:
                self._headings[len(self._pieces)] = subject
            self._pieces.append(Parsed.from_text(head))

    def add_plain(self, text: str, warnings: Iterable[str] = ()) -> None:
        """Add a plain text, without the marks of quoted lines."""
        self._pieces.append(_plain(text, warnings))

    def add_page(self, html: str, warnings: Iterable[str] = ()) -> None:
        """Add a web page.

        Raises:
            DocumentError: It is damaged.
        """
        self._pieces.append(_page(html, warnings))

    def add_shown(self, html: str, plain: str, warnings: Iterable[str] = ()) -> None:
        """Add a text that a mail has twice: the page, which programs show, and the plain text if that says more."""
        text = _plain(plain, warnings)
        try:
            page = _page(html, warnings)
        except DocumentError:
            page = Parsed.from_text("")
        if page.text:
            self._pieces.append(page)
        if _says_more(text.text, page.text):
            self._pieces.append(text)

    def parsed(self, subject: str) -> Parsed:
        """Return the mail."""
        texts, start, headings = list[str](), 0, list[tuple[int, str, int]]()
        warnings = dict[str, None]()
        for number, piece in enumerate(self._pieces):
            warnings.update(dict.fromkeys(piece.warnings))
            if piece.text:
                headings += [(1, self._headings[number], start)] if number in self._headings else []
                headings += [(level, heading, offset + start) for level, heading, offset in piece.headings]
                texts.append(piece.text)
                start += len(piece.text) + len(_BETWEEN)
        text = _BETWEEN.join(texts)
        if self.unread:
            warnings[f"Encrypted parts were not read: {', '.join(self.unread)}."] = None
        if self.attachments:
            warnings[f"Attachments were not read: {', '.join(self.attachments)}."] = None
        return Parsed.from_text(text, title=subject, headings=headings, warnings=warnings)


_BETWEEN = "\n\n"
_FORWARDED = frozenset(["message/rfc822", "message/global", "message/news"])
_SEALED = re.compile(r"multipart/encrypted|application/(?:x-)?pkcs7-mime")


class Part(Message):
    """A mail or a part of one; Python's older policy reads headers that the newer one fails on."""

    def read_mail_into(self, letter: Letter) -> None:
        """Add a mail's headers and what is in it."""
        letter.add_head([(name, self.header(name)) for name in _HEADER_NAMES], subject=self.header("Subject"))
        # A mail may call itself an attachment; it is what is read all the same.
        del self["Content-Disposition"]
        self.read_into(letter)

    def header(self, name: str) -> str:
        """Return a header as it is read, empty if there is none."""
        # The value as it stands in the file: `self[name]` would fail on some.
        value = next((value for key, value in self.raw_items() if key.lower() == name.lower()), "")
        return _decoded(str(value))

    def read_into(self, letter: Letter) -> None:
        """Add this part and the parts within it."""
        kind = self.get_content_type()
        parts = self._parts()
        if _SEALED.fullmatch(kind):
            letter.unread.append(self.file_name())
        elif kind in _FORWARDED and parts:
            self._forwarded(parts[0]).read_mail_into(letter)
        elif kind == "multipart/alternative" and parts:
            self._read_alternatives(parts, letter)
        elif kind == "multipart/related" and parts:
            parts[0].read_into(letter)
            letter.attachments += [other.file_name() for other in parts[1:] if other.is_attached()]
        elif self.get_content_maintype() == "multipart" and parts:
            for inner in parts:
                inner.read_into(letter)
        elif kind == "message/delivery-status" and parts:
            letter.add_plain("\n\n".join("\n".join(f"{name}: {value}" for name, value in one.items()) for one in parts))
        elif self.is_attached():
            letter.attachments.append(self.file_name())
        elif kind == "text/html":
            letter.add_page(*self.page())
        else:
            letter.add_plain(*self.text())

    def _forwarded(self, mail: "Part") -> "Part":
        """Return the mail in this part, decoded where a program has encoded it, which it must not be."""
        if mail.keys() or self.get("Content-Transfer-Encoding", "").strip().lower() != "base64":
            return mail
        mail["Content-Transfer-Encoding"] = "base64"
        return _parsed(mail.content())

    def _read_alternatives(self, parts: "list[Part]", letter: Letter) -> None:
        """Add one of several forms of the same text, and what is attached to any of them."""
        leaves = list(self.leaves())
        attached = [leaf for leaf in leaves if leaf.is_attached()]
        texts = [leaf for leaf in leaves if not leaf.is_attached()]
        pages = [leaf for leaf in texts if leaf.get_content_type() == "text/html"]
        plain = [leaf for leaf in texts if leaf.get_content_type() == "text/plain"]
        if len(pages) == len(plain) == 1:
            page, text = pages[0].page(), plain[0].text()
            letter.add_shown(page.text, text.text, {*page.warnings, *text.warnings})
            # Pictures that do not call themselves attachments belong to the page.
            letter.attachments += [
                leaf.file_name()
                for leaf in attached
                if leaf.get_content_disposition() == "attachment" or leaf.get_content_maintype() != "image"
            ]
        else:
            # The last form is the richest (RFC 2046); others than these two are for other programs.
            shown = {"text/html", "text/plain", *_FORWARDED}
            readable = [part for part in parts if any(leaf.get_content_type() in shown for leaf in part.leaves())]
            (readable or parts)[-1].read_into(letter)

    def leaves(self) -> "Iterator[Part]":
        """Yield the parts within this one that hold no others; a forwarded mail is one."""
        parts = self._parts()
        if parts and self.get_content_maintype() == "multipart":
            for inner in parts:
                yield from inner.leaves()
        else:
            yield self

    def _parts(self) -> "list[Part]":
        payload = self._content_of(decode=False)
        return cast("list[Part]", payload) if isinstance(payload, list) else []

    def is_attached(self) -> bool:
        """Whether it is a file beside the text; a multipart without parts is a text."""
        shown = self.get_content_maintype() in ("text", "multipart") or self.get_content_type() in _FORWARDED
        return not shown or self.get_content_disposition() == "attachment"

    def file_name(self) -> str:
        """Return the name of the file, its kind if it has none."""
        return _decoded(self.get_filename("")) or self.get_content_type()

    def text(self) -> Decoded:
        """Return a plain text as it was written."""
        return decode(self.content(), self.get_content_charset(""))

    def page(self) -> Decoded:
        """Return the source of a web page."""
        return decode_page(self.content(), self.get_content_charset(""))

    def content(self) -> bytes:
        """Return the bytes that are sent, none where they are parts."""
        content = self._content_of(decode=True)
        return content if isinstance(content, bytes) else b""

    def _content_of(self, *, decode: bool) -> object:
        try:
            return cast("object", self.get_payload(decode=decode))
        except ValueError:
            # Python has a codec of this name, which decodes nothing: "undefined", "idna".
            self.del_param("charset")
            return cast("object", self.get_payload(decode=decode))


class _CountedParts:
    """Makes the parts of a mail as it is parsed, up to as many as it may have."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, policy: "Policy[Any]") -> Part:
        self._count += 1
        check_pages(self._count, "parts")
        return Part(policy)


def _parsed(data: bytes) -> Part:
    # In pieces: all at once, the text would lie in memory twice more, with four bytes to a letter.
    parser = BytesFeedParser(cast("Any", _CountedParts()), policy=compat32)
    for place in range(0, len(data), _FED_BYTES):
        parser.feed(data[place : place + _FED_BYTES])
    return cast("Part", parser.close())


_FED_BYTES = 1 << 16


_QUOTE_MARKS = re.compile(r"(?:> ?)+")


def _plain(text: str, warnings: Iterable[str]) -> Parsed:
    """Return a plain text without the `>` before quoted lines; a change of depth begins a new paragraph."""
    lines: list[str] = []
    last_depth = 0
    for line in clean(text).split("\n"):
        marks = _QUOTE_MARKS.match(line)
        depth = marks[0].count(">") if marks else 0
        if depth != last_depth:
            lines.append("")
        lines.append(line[marks.end() :] if marks else line)
        last_depth = depth
    return Parsed.from_text("\n".join(lines).strip("\n"), warnings=warnings)


def _page(html: str, warnings: Iterable[str]) -> Parsed:
    page = read_page(clean(html), "the mail's body")
    return page._replace(warnings=[*warnings, *page.warnings])


_ADDRESS = re.compile(r"\b(?:https?://|www\.|cid:)[^\s<>]+")
_WORD = re.compile(r"[^\W\d_]+|\d+")


def _says_more(plain: str, page: str) -> bool:
    """Whether a plain text says as much that its page does not say as that page says altogether.

    The line that asks for another mail program is not as long; the whole text beside a page that is a picture is.
    """
    shown = set(_WORD.findall(page.lower()))
    own = set(_WORD.findall(_ADDRESS.sub(" ", plain).lower())) - shown
    return len(own) >= max(1, len(shown))


def _decoded(value: str) -> str:
    """Return a header's value or a file's name with its encoded words decoded, on one line."""
    if not value.isascii():
        # Bytes that no header may have stand in the string as surrogates.
        value = decode(value.encode("utf-8", errors="surrogateescape")).text
    try:
        words = decode_header(value)
    except (HeaderParseError, ValueError):
        words = [(value, None)]
    texts = (
        word if isinstance(word, str) else decode(word, charset).text if charset else word.decode("raw-unicode-escape")
        for word, charset in words
    )
    return " ".join("".join(texts).split())
