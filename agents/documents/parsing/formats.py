"""What kind of document some bytes are, and whether they are safe to unpack."""

import io
from typing import TYPE_CHECKING, Literal

from agents.errors import DocumentError

if TYPE_CHECKING:
    import zipfile

Kind = Literal["pdf", "docx", "pptx", "xlsx", "epub", "html", "markdown", "csv", "json", "email", "text"]

SUPPORTED = "PDF, DOCX, PPTX, XLSX, HTML, Markdown, TXT, CSV, EPUB, JSON and .eml"

_KINDS: dict[str, Kind] = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".pptx": "pptx",
    ".xlsx": "xlsx",
    ".epub": "epub",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".eml": "email",
}
_ZIPPED: dict[Kind, str] = {
    "docx": "word/document.xml",
    "pptx": "ppt/presentation.xml",
    "xlsx": "xl/workbook.xml",
    "epub": "META-INF/container.xml",
}
_MOST_ENTRIES = 10_000
_MOST_UNPACKED = 500_000_000
_SUSPECT_UNPACKED = 100_000_000
_SUSPECT_RATIO = 100
# The container of old Office files, and of new ones that are locked by a password.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def detect(name: str, data: bytes) -> Kind:
    """Return the kind of a file by its content where that tells, else by its name.

    Raises:
        DocumentError: It is damaged, locked, a zip bomb, or of a kind that cannot be read.
    """
    named = _KINDS.get("." + name.rpartition(".")[2].lower())
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"PK\x03\x04") or named in _ZIPPED:
        return _detect_zipped(name, data, named)
    if named == "pdf":
        raise damaged(name, "it does not begin like a PDF")
    if _binary(data):
        raise unsupported(name)
    return named or "text"


def damaged(name: str, why: str) -> DocumentError:
    """Return the error for a file that is cut off or damaged."""
    return DocumentError(
        f"{name} is truncated or damaged: {why}.", hint="Copy or download the file again and check that it opens."
    )


def locked(name: str) -> DocumentError:
    """Return the error for a file that needs a password."""
    return DocumentError(
        f"{name} is encrypted and needs a password.", hint="Save a copy without a password and open that one."
    )


def unsupported(name: str) -> DocumentError:
    """Return the error for a file of another kind."""
    return DocumentError(
        f"{name} is a binary file of a kind that cannot be read.", hint=f"Readable kinds are {SUPPORTED}."
    )


def _detect_zipped(name: str, data: bytes, named: Kind | None) -> Kind:
    """Return the kind of a zipped document after a look at its table of contents only."""
    if data.startswith(_OLE):
        raise locked(name) if "EncryptedPackage".encode("utf-16-le") in data else unsupported(name)
    import zipfile

    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, OverflowError, EOFError) as error:
        raise damaged(name, "its zip container is incomplete") from error
    _check_size(name, entries, len(data))
    names = {entry.filename for entry in entries}
    for kind, member in _ZIPPED.items():
        if member in names:
            if any(entry.flag_bits & 1 for entry in entries):
                raise locked(name)
            return kind
    if named in _ZIPPED:
        raise damaged(name, f"it holds no {_ZIPPED[named]}")
    raise unsupported(name)


def _check_size(name: str, entries: "list[zipfile.ZipInfo]", packed: int) -> None:
    """Refuse a container that would unpack to far more than a document holds."""
    unpacked = sum(entry.file_size for entry in entries)
    suspect = unpacked > _SUSPECT_UNPACKED and unpacked > packed * _SUSPECT_RATIO
    if len(entries) > _MOST_ENTRIES or unpacked > _MOST_UNPACKED or suspect:
        raise DocumentError(
            f"{name} looks like a zip bomb: {packed:,} bytes unpack to {unpacked:,} in {len(entries):,} files.",
            hint="It was not unpacked; if it is genuine, save it in parts or as PDF.",
        )


def _binary(data: bytes) -> bool:
    """Whether the first 8 KiB are not text in any usual encoding."""
    head = data[:8192]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    controls = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head)
    return b"\0" in head or controls > len(head) // 50
