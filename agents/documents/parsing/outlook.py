"""Reading Outlook's messages (.msg): containers of streams, each of which holds one property of the mail [MS-OXMSG]."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, cast

from agents.documents.parsing.encoding import Decoded, decode
from agents.documents.parsing.formats import damaged
from agents.documents.parsing.html import decode_page
from agents.documents.parsing.mail import Letter
from agents.documents.parsing.parsed import Parsed

# Properties, in hexadecimal as the streams are named.
_SUBJECT, _SENDER, _ADDRESSES = "0037", "0C1A", ("5D01", "0C1F")
_TO, _CC, _BODY, _PAGE, _RICH_TEXT = "0E04", "0E03", "1000", "1013", "1009"
_FILE_NAMES, _ATTACHED_MAIL, _CONTENT_ID = ("3707", "3704", "3001"), "3701000D", "3712"
_SUBMITTED, _DELIVERED, _CODE_PAGE, _CODE_PAGE_OF_PAGE = 0x0039, 0x0E06, 0x3FFD, 0x3FDE

_UNICODE, _BYTES, _BINARY = "001F", "001E", "0102"
_PROPERTIES = "__properties_version1.0"
_ATTACHMENT = "__attach_version1.0_"
_MAX_DEPTH = 20

Path = tuple[str, ...]
"""Where a mail's streams lie in the container."""


def read_outlook(data: bytes, name: str) -> Parsed:
    """Read a message and the messages attached to it; other attachments are named in the warnings.

    Raises:
        DocumentError: Its container is damaged.
    """
    import olefile

    letter = Letter()
    try:
        with _guarded(lambda: cast("Any", olefile).OleFileIO(io.BytesIO(data))) as container:
            message = _Message(container, ())
            message.read_into(letter)
            return letter.parsed(message.text(_SUBJECT))
    except _ContainerError as error:
        raise damaged(name, "its container is incomplete") from error


class _ContainerError(Exception):
    """The container is damaged."""


def _guarded(call: Callable[[], Any]) -> Any:  # noqa: ANN401, olefile has no types
    """Return what olefile returns; it takes places in a file for right, and fails in many ways where they are not."""
    try:
        return call()
    except Exception as error:
        raise _ContainerError from error


class _Message:
    """A message in a container, which may hold others."""

    def __init__(self, container: Any, path: Path) -> None:  # noqa: ANN401, olefile has no types
        self._container = container
        self._path = path
        self._fixed = self._numbers()
        page = self._fixed.get(_CODE_PAGE_OF_PAGE) or self._fixed.get(_CODE_PAGE)
        code_page = self._fixed.get(_CODE_PAGE) or page
        self._encoding = f"cp{code_page}" if code_page else ""
        self._encoding_of_page = f"cp{page}" if page else ""

    def read_into(self, letter: Letter) -> None:
        """Add its head, its text and what is attached to it."""
        address = next((found for key in _ADDRESSES if "@" in (found := self.text(key))), "")
        sender = " ".join(filter(None, (self.text(_SENDER), f"<{address}>" if address else "")))
        fields = {"From": sender, "To": self.text(_TO), "Cc": self.text(_CC), "Date": self._date()}
        subject = self.text(_SUBJECT)
        letter.add_head([*fields.items(), ("Subject", subject)], subject=subject)
        body, page = self._decoded(_BODY), self._page()
        if body.text.strip() or page.text.strip():
            letter.add_shown(page.text, body.text, dict.fromkeys((*page.warnings, *body.warnings)))
        elif self._stream(_RICH_TEXT + _BINARY):
            letter.unread.append("the body, which is in Outlook's own format")
        for attachment in self._attachments():
            self._read_attachment(attachment, letter)

    def text(self, key: str) -> str:
        """Return a property that is a text, on one line; empty if the message has none."""
        return " ".join(self._decoded(key).text.replace("\0", " ").split())

    def _read_attachment(self, storage: str, letter: Letter) -> None:
        path = (*self._path, storage)
        attachment = _Message(self._container, path)
        names = [attachment.text(key) for key in _FILE_NAMES]
        inner = (*path, f"__substg1.0_{_ATTACHED_MAIL}")
        if self._container.exists([*inner, _PROPERTIES]) and len(path) < _MAX_DEPTH:
            _Message(self._container, inner).read_into(letter)
        elif not attachment.text(_CONTENT_ID):
            # What has an id of its own is a picture within the page.
            letter.attachments.append(next(filter(None, names), "a file without a name"))

    def _attachments(self) -> Iterator[str]:
        depth = len(self._path)
        found = {
            entry[depth]
            for entry in self._container.listdir()
            if tuple(entry[:depth]) == self._path and entry[depth].startswith(_ATTACHMENT)
        }
        yield from sorted(found)

    def _page(self) -> Decoded:
        if stored := self._stream(_PAGE + _UNICODE):
            return Decoded(stored.decode("utf-16-le", errors="replace"))
        return decode_page(self._stream(_PAGE + _BINARY) or self._stream(_PAGE + _BYTES), self._encoding_of_page)

    def _decoded(self, key: str) -> Decoded:
        if stored := self._stream(key + _UNICODE):
            return Decoded(stored.decode("utf-16-le", errors="replace"))
        return decode(self._stream(key + _BYTES).rstrip(b"\0"), self._encoding)

    def _date(self) -> str:
        ticks = self._fixed.get(_SUBMITTED) or self._fixed.get(_DELIVERED)
        if not ticks:
            return ""
        try:
            # In steps of 100 ns since 1601.
            return format_datetime(datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10))
        except OverflowError:
            return ""

    def _numbers(self) -> dict[int, int]:
        """Return the properties that are numbers or times: 16 bytes each, after a head that ends where 16s begin."""
        stored = self._stream_named(_PROPERTIES)
        # The head is of 32 bytes for a message, 24 for one within it and 8 for an attachment.
        begin = 32 if not self._path else 8 if self._path[-1].startswith(_ATTACHMENT) else 24
        entries = (stored[start : start + 16] for start in range(begin, len(stored) - 15, 16))
        return {int.from_bytes(entry[2:4], "little"): _value(entry) for entry in entries}

    def _stream(self, key: str) -> bytes:
        return self._stream_named(f"__substg1.0_{key}")

    def _stream_named(self, name: str) -> bytes:
        path = [*self._path, name]
        stored = _guarded(lambda: self._container.openstream(path).read() if self._container.exists(path) else b"")
        return cast("bytes", stored)


_WIDE = (0x0040, 0x0014)


def _value(entry: bytes) -> int:
    """Return a property's value: of 8 bytes for times and long numbers, else of 4."""
    wide = int.from_bytes(entry[:2], "little") in _WIDE
    return int.from_bytes(entry[8:16] if wide else entry[8:12], "little")
