"""The registry of readers: one entry for each format, and how a file's format is detected.

A format is one file with a function that reads it and one entry in `READERS`. Nothing else knows a format by name.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from agents.documents.parsing.encoding import is_binary
from agents.documents.parsing.parsed import Parsed
from agents.errors import DocumentError

ISSUES = "https://github.com/readroom/readroom/issues"

Read = Callable[[bytes, str], Parsed]
"""Reads a file, given its bytes and its name; raises DocumentError if it is damaged or locked."""


@dataclass(frozen=True)
class Reader:
    """How files of one format are recognised and read."""

    label: str
    """What users call the format."""
    function: str
    """The function that reads it, a `Read`, as `module:name`: it is imported when it is first needed."""
    suffixes: tuple[str, ...]
    """With the dot, in lower case; a file fetched without one gets the first."""
    mime_types: tuple[str, ...] = ()
    sniff: Callable[[bytes], bool] | None = None
    """Whether some bytes are of this format, where they tell; a file with the suffix that fails it is damaged."""
    member: str = ""
    """In a zip container, the file that only this format has, or only this one of those that `sniff` tells."""

    @property
    def module(self) -> str:
        """The module of the function."""
        return self.function.partition(":")[0]

    def read(self, data: bytes, name: str) -> Parsed:
        """Read a file of this format.

        Raises:
            DocumentError: It is damaged or locked.
        """
        return cast("Read", pkgutil.resolve_name(self.function))(data, name)


# The container of old Office files, of Outlook's messages, and of new files that are locked by a password.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_XLS_STREAMS = tuple(f"{name}\0".encode("utf-16-le") for name in ("Workbook", "Book"))


def _is_xls(data: bytes) -> bool:
    """Whether an old Office file's directory begins with a workbook's stream; other files may embed workbooks."""
    if not data.startswith(_OLE):
        return False
    start = (int.from_bytes(data[48:52], "little") + 1) << int.from_bytes(data[30:32], "little")
    entries = [data[place : place + 64] for place in range(start, start + 4 * 128, 128)]
    return any(entry.startswith(_XLS_STREAMS) for entry in entries)


SNIFFED = 1_024
"""Bytes among which a PDF says that it is one."""


def is_pdf(data: bytes) -> bool:
    """Whether a file is a PDF, by its first bytes."""
    return b"%PDF-" in data[:SNIFFED]


_HERE = "agents.documents.parsing"
_TEXT = Reader("TXT", f"{_HERE}.text:read_text", (".txt",))
_MESSAGE = "__properties_version1.0".encode("utf-16-le")


READERS = [
    Reader("PDF", f"{_HERE}.pdf:read_pdf", (".pdf",), ("application/pdf",), sniff=is_pdf),
    Reader("DOCX", f"{_HERE}.word:read_docx", (".docx",), member="word/document.xml"),
    Reader("PPTX", f"{_HERE}.slides:read_pptx", (".pptx",), member="ppt/presentation.xml"),
    Reader("XLSX", f"{_HERE}.workbook_xlsx:read_xlsx", (".xlsx", ".xlsm"), member="xl/workbook.xml"),
    Reader("XLS", f"{_HERE}.workbook_xls:read_xls", (".xls",), ("application/vnd.ms-excel",), sniff=_is_xls),
    Reader("ODS", f"{_HERE}.workbook_ods:read_ods", (".ods",), ("application/vnd.oasis.opendocument.spreadsheet",)),
    Reader(
        "RTF",
        f"{_HERE}.rtf:read_rtf",
        (".rtf",),
        ("application/rtf", "text/rtf"),
        sniff=lambda data: data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf"),
    ),
    Reader("ODT", f"{_HERE}.odt:read_odt", (".odt",), ("application/vnd.oasis.opendocument.text",)),
    Reader("HTML", f"{_HERE}.html:read_html", (".html", ".htm", ".xhtml"), ("text/html", "application/xhtml+xml")),
    Reader("Markdown", f"{_HERE}.text:read_markdown", (".md", ".markdown"), ("text/markdown",)),
    _TEXT,
    Reader("CSV", f"{_HERE}.csv_table:read_csv", (".csv", ".tsv"), ("text/csv",)),
    Reader("EPUB", f"{_HERE}.epub:read_epub", (".epub",), ("application/epub+zip",), member="META-INF/container.xml"),
    Reader(
        ".msg",
        f"{_HERE}.outlook:read_outlook",
        (".msg",),
        ("application/vnd.ms-outlook",),
        sniff=lambda data: data.startswith(_OLE) and _MESSAGE in data,
    ),
    Reader(
        "JSON",
        f"{_HERE}.json_records:read_json",
        (".json", ".jsonl", ".ndjson"),
        ("application/json", "application/jsonl", "application/x-ndjson"),
    ),
    Reader(".eml", f"{_HERE}.mail:read_mail", (".eml",), ("message/rfc822",)),
]
"""Every format that can be read, in the order in which users are told of them."""


def detect(name: str, data: bytes) -> Reader:
    """Return the reader of a file, by its content where that tells, else by its suffix; plain text by default.

    Raises:
        DocumentError: The file is damaged, locked, a zip bomb, or of a format that cannot be read.
    """
    named = by_suffix("." + name.rpartition(".")[2])
    for reader in READERS:
        if reader.sniff is not None and reader.sniff(data):
            return reader
    if data.startswith(_OLE):
        raise _of_old_office(name, data, named)
    if data.startswith(b"PK\x03\x04") or (named is not None and named.member):
        return _Zipped(name, data).reader(named)
    if named is not None and named.sniff is not None:
        raise damaged(name, f"it does not begin like a {named.label}")
    if is_binary(data):
        raise unsupported(name)
    return named or _TEXT


def by_suffix(suffix: str) -> Reader | None:
    """Return the reader of files with a suffix."""
    return next((reader for reader in READERS if suffix.lower() in reader.suffixes), None)


def by_mime_type(mime_type: str) -> Reader | None:
    """Return the reader of files that a server declares to be of a type."""
    return next((reader for reader in READERS if mime_type.lower() in reader.mime_types), None)


def damaged(name: str, why: str) -> DocumentError:
    """Return the error for a file that a reader knows to be cut off or damaged."""
    return DocumentError(
        f"{name} is truncated or damaged: {why}.", hint="Copy or download the file again and check that it opens."
    )


def locked(name: str) -> DocumentError:
    """Return the error for a file that needs a password."""
    return DocumentError(
        f"{name} is encrypted and needs a password.", hint="Save a copy without a password and open that one."
    )


def unsupported(name: str) -> DocumentError:
    """Return the error for a binary file of an unknown format."""
    labels = [reader.label for reader in READERS]
    return DocumentError(
        f"{name} is a binary file of a kind that cannot be read.",
        hint=f"Readable kinds are {', '.join(labels[:-1])} and {labels[-1]}.",
    )


def unexpected(name: str, error: Exception) -> DocumentError:
    """Return the error for a file that one of our readers failed on, which may be our fault."""
    return DocumentError(
        f"This version of Readroom cannot read {name}: its reader failed with {type(error).__name__}.",
        hint=f"The file may well be sound. Please report it at {ISSUES}, with the file if it may be shared.",
    )


def ended_abruptly(name: str, exit_code: int) -> DocumentError:
    """Return the error for a file whose reading ended without a result: its reader crashed, which is our fault."""
    return DocumentError(
        f"This version of Readroom cannot read {name}: its reader ended abruptly (exit code {exit_code}).",
        hint="The file may well be sound. Raise READROOM_DOCUMENTS__PARSE_MEMORY_BYTES, which it may need; if that "
        f"does not help, please report it at {ISSUES}.",
    )


# By a stream that only this kind of file has: what users call it, and what its program can save instead.
_OLD_OFFICE = (
    ("WordDocument", "a Word document of the kind used until 2007 (.doc)", ".docx"),
    ("PowerPoint Document", "a presentation of the kind used until 2007 (.ppt)", ".pptx"),
)


def _of_old_office(name: str, data: bytes, named: Reader | None) -> DocumentError:
    """Return the error for a file in the container of old Office files."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return locked(name)
    for stream, kind, suffix in _OLD_OFFICE:
        if stream.encode("utf-16-le") in data:
            return DocumentError(
                f"{name} is {kind}, which cannot be read.",
                hint=f"Open it in Office or LibreOffice, save it as {suffix} and open that file.",
            )
    if named is not None and named.sniff is not None:
        return damaged(name, f"its container holds no {named.label.removeprefix('.').upper()} file")
    return unsupported(name)


_MIME_TYPE = "mimetype"
_OPEN_DOCUMENT, _CONTENT = "opendocument", "content.xml"
_MANIFEST = "META-INF/manifest.xml"
_ENCRYPTED = "encryption-data"
_MAX_STORED = 100_000
_MAX_ENTRIES = 10_000
_MAX_UNPACKED = 500_000_000
_SUSPECT_UNPACKED = 100_000_000
_SUSPECT_RATIO = 100


class _Zipped:
    """A zipped document, judged by its container's directory: only small files that tell its kind are unpacked."""

    def __init__(self, name: str, data: bytes) -> None:
        import zipfile

        from agents.documents.parsing.zip_container import ZipContainer

        self._name = name
        try:
            self._container = ZipContainer(data)
        except zipfile.BadZipFile as error:
            raise damaged(name, "its zip container is incomplete") from error
        self._entries = self._container.infolist()
        self._size = len(data)

    def reader(self, named: Reader | None) -> Reader:
        """Return its reader, given the one for its suffix."""
        self._refuse_bomb()
        members = {entry.filename for entry in self._entries}
        found = next((reader for reader in READERS if reader.member and reader.member in members), None)
        if found is None and _MIME_TYPE in members:
            # E-books and OpenDocument name their kind in a file that is neither packed nor encrypted.
            found = by_mime_type(self._text(_MIME_TYPE))
        if (
            found is None
            and named is not None
            and _CONTENT in members
            and any(_OPEN_DOCUMENT in each for each in named.mime_types)
        ):
            # Other programs pack them anew without that file, or not at its place.
            found = named
        if found is not None:
            if any(entry.flag_bits & 1 for entry in self._entries) or _ENCRYPTED in self._text(_MANIFEST):
                raise locked(self._name)
            return found
        if named is not None and named.member:
            raise damaged(self._name, f"it holds no {named.member}")
        raise unsupported(self._name)

    def _refuse_bomb(self) -> None:
        """Refuse a container that would unpack to far more than a document holds."""
        files, unpacked = len(self._entries), sum(entry.file_size for entry in self._entries)
        suspect = unpacked > _SUSPECT_UNPACKED and unpacked > self._size * _SUSPECT_RATIO
        if files > _MAX_ENTRIES or unpacked > _MAX_UNPACKED or suspect:
            raise DocumentError(
                f"{self._name} looks like a zip bomb: {self._size:,} bytes unpack to {unpacked:,} in {files:,} files.",
                hint="It was not unpacked; if it is genuine, save it in parts or as PDF.",
            )

    def _text(self, member: str) -> str:
        """Return a small file as text, empty if there is none."""
        import zipfile

        try:
            return self._container.read(member)[:_MAX_STORED].decode("utf-8", errors="replace").strip()
        except (KeyError, zipfile.BadZipFile):
            return ""
