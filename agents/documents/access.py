"""What may be opened: files of a sane size within the allowed folders, and objects below the allowed S3 addresses.

A path is checked when it is found, and what it leads to again when it is opened: another program may have put a link
or a pipe in its place. An address leads nowhere else.
"""

import difflib
import errno
import hashlib
import os
import re
import stat
import urllib.parse
import urllib.request
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO

from agents.documents import objects
from agents.errors import DocumentError
from agents.escaping import as_unicode, is_unicode
from agents.settings import DocumentsSettings, is_s3, s3_address

ID_LENGTH = 16
DOCUMENT_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
URL = re.compile(r"https?://", re.IGNORECASE)
_ROOTS_HINT = "Allow more folders with --root or READROOM_DOCUMENTS__ROOTS."
_NAMES_HINT = "list_documents finds documents by words of their names."
_MAX_SIMILAR = 1_000
_BLOCK = 1 << 20


@dataclass(frozen=True)
class FileState:
    """A file or an object as it was found; while this stays the same, so do its bytes."""

    path: str
    size: int
    mtime_ns: int


def find_file(source: str, settings: DocumentsSettings) -> FileState:
    """Find the file, or the object, that a caller named.

    Raises:
        DocumentError: It is missing, no regular file, empty, too large, outside the allowed folders, hidden in the home
            folder, or has a name that no message can hold; or its storage cannot be asked.
    """
    if is_s3(source):
        address = _allowed_address(source, settings)
        if (object_found := objects.look(address)) is None:
            raise _is_folder(address)
        _check_size(address, object_found.size, settings)
        return FileState(address, *object_found)
    path, real = _resolved(_absolute(source, settings))
    found = _stat_allowed(path, real, settings)
    _check(path, found, settings)
    return FileState(str(real), found.st_size, found.st_mtime_ns)


def find_folder(source: str, settings: DocumentsSettings) -> str:
    """Return the real path of the folder that a caller named, or the address that objects begin with.

    Raises:
        DocumentError: It is missing, no folder, outside the allowed folders, or hidden in the home folder; or its
            storage cannot be asked.
    """
    if is_s3(source):
        address = _allowed_address(source, settings)
        if not _is_prefix(address, settings):
            raise _no_folder(address, address.rpartition("/")[0])
        return address
    path, real = _resolved(_absolute(source, settings))
    if not stat.S_ISDIR(_stat_allowed(path, real, settings).st_mode):
        raise _no_folder(path, path.parent)
    return str(real)


def is_absolute(source: str) -> bool:
    """Whether a caller named a file or a folder by its whole path or address."""
    return is_s3(source) or Path(_path_of(source)).is_absolute()


def is_folder(source: str, settings: DocumentsSettings) -> bool:
    """Whether a caller named a folder that may be read, by its path: of others nobody is told whether there are any.

    Raises:
        DocumentError: It is an address of something that may not be read or that is not there, or whose storage cannot
            be asked.
    """
    if "\0" in source or DOCUMENT_ID.fullmatch(source) or URL.match(source):
        return False
    if is_s3(source):
        return _is_prefix(_allowed_address(source, settings), settings)
    # Path.is_dir fails where a name is too long or a folder may not be looked into; this says no.
    path = _path_of(source)
    return os.path.isdir(path) and not refusal(os.path.realpath(path), settings)  # noqa: PTH112


def within(path: str, folder: str) -> PurePosixPath | None:
    """Return where a path or an address lies in a folder of the same kind; None where it lies elsewhere.

    Both are in their one form, so that a way up is none.
    """
    if path == folder:
        return PurePosixPath()
    beginning = folder.rstrip("/") + "/"
    return PurePosixPath(path.removeprefix(beginning)) if path.startswith(beginning) else None


def check_origins(document_id: str, paths: Sequence[str], settings: DocumentsSettings) -> None:
    """Check that a known document may be read here: another program may have opened it, with other folders allowed.

    Raises:
        DocumentError: None of the files that it was read from may be read.
    """
    if not is_allowed(paths, settings):
        refused = refusal(paths[0], settings)
        raise DocumentError(f"The file of the document {document_id} {refused}", hint=_ROOTS_HINT)


def is_allowed(paths: Sequence[str], settings: DocumentsSettings) -> bool:
    """Whether a known document may be read here, by the files that it was read from; without one it was fetched."""
    return not paths or not all(refusal(path, settings) for path in paths)


def open_file(state: FileState, settings: DocumentsSettings) -> IO[bytes]:
    """Open a file that `find_file` found: that very file, or none. Of an object, fetch it.

    Raises:
        DocumentError: It has gone, may not be read, or has been replaced by something that may not.
    """
    if is_s3(state.path):
        return fetch_object(state, settings).result()
    path = Path(state.path)
    root = next(Path(root) for root in settings.allowed_roots() if within(state.path, root))
    try:
        descriptor = _open_below(root, path.relative_to(root).parts)
    except OSError as error:
        raise _cannot_open(path, error) from error
    try:
        found = os.fstat(descriptor)
        _check(path, found, settings)
        _check_owner(path, found, root)
    except DocumentError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def fetch_object(state: FileState, settings: DocumentsSettings) -> Future[IO[bytes]]:
    """Begin to fetch an object that `find_file` found, which a cancel ends; the result raises as `open_file` does."""
    return objects.download(state.path, objects.Found(state.size, state.mtime_ns), settings.parse_seconds)


def sha256(file: IO[bytes]) -> str:
    """Return the SHA-256 of an open file's bytes as hex digits."""
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _absolute(source: str, settings: DocumentsSettings) -> Path:
    """Return the path that a caller named."""
    if not source.strip() or "\0" in source:
        raise DocumentError("The document's path is empty or holds a null character.", hint="Give an absolute path.")
    path = Path(_path_of(source))
    if not path.is_absolute():
        raise DocumentError(
            f"{source} is neither an absolute path nor the id of a document.",
            hint=f"Give the absolute path of a file in {', '.join(settings.allowed_roots())}, "
            "or a document_id; list_documents finds both by words of a name.",
        )
    return path


def _allowed_address(source: str, settings: DocumentsSettings) -> str:
    """Return the address that a caller named, in its one form.

    Raises:
        DocumentError: It is none, or is not below one that may be read.
    """
    if not is_unicode(source):
        raise DocumentError(f"{as_unicode(source)} cannot be read: it is not in UTF-8.", hint=_NAMES_HINT)
    try:
        address = s3_address(source)
    except ValueError as error:
        raise DocumentError(f"{source} cannot be read: {error}.", hint=_NAMES_HINT) from error
    if refused := refusal(address, settings):
        raise DocumentError(f"{address} {refused}", hint=_ROOTS_HINT)
    return address


def _is_prefix(address: str, settings: DocumentsSettings) -> bool:
    """Whether objects lie below an allowed address; of an allowed one itself they may."""
    return address in settings.allowed_roots() or objects.look(address) is None


def _path_of(source: str) -> str:
    """Return the path that a caller means, from a file URL and with the home folder in place of `~`."""
    if source.lower().startswith("file://"):
        source = urllib.request.url2pathname(urllib.parse.urlparse(source).path)
    try:
        return str(Path(source).expanduser()) if source.startswith("~") else source
    except RuntimeError:
        # There is no user of this name.
        return source


def _resolved(path: Path) -> tuple[Path, Path]:
    """Return a path as messages show it, without `.` and `..` but as named where it is a link, and where it leads.

    Raises:
        DocumentError: The system cannot tell, or no message can hold one of them.
    """
    try:
        # Path.is_symlink fails where a name is too long.
        shown = path if os.path.islink(path) else Path(os.path.normpath(path))  # noqa: PTH114
        real = Path(os.path.realpath(path))
    except OSError as error:
        raise _cannot_open(path, error) from error
    if not is_unicode(f"{shown}{real}"):
        raise DocumentError(
            f"{as_unicode(str(shown))} cannot be read: its name or its folder's is not in UTF-8.", hint="Rename it."
        )
    return shown, real


def _stat_allowed(path: Path, real: Path, settings: DocumentsSettings) -> os.stat_result:
    """Return what the system says of a path that may be read, or raise."""
    if refused := refusal(str(real), settings):
        # Of what lies elsewhere nobody is told where it leads, nor that it is there.
        through = f" (it leads to {real})" if real != path and not refusal(str(path), settings) else ""
        raise DocumentError(f"{path}{through} {refused}", hint=_ROOTS_HINT)
    try:
        return real.stat()
    except OSError as error:
        raise _cannot_open(path, error) from error


def refusal(real: str, settings: DocumentsSettings) -> str:
    """Return why a file or an object may not be read; nothing where it may.

    Where nobody has named a folder the home folder is read, but not its hidden part: keys and passwords lie there.
    """
    roots = settings.allowed_roots()
    inner = next(filter(None, (within(real, root) for root in roots)), None)
    if inner is None:
        return f"is outside the folders that may be read: {', '.join(roots)}."
    hidden = next((part for part in inner.parts if part.startswith(".")), None)
    if hidden is None or settings.roots:
        return ""
    return f"is hidden ({hidden}): hidden files are read only where their folder is allowed by name."


def _check(path: Path, found: os.stat_result, settings: DocumentsSettings) -> None:
    """Refuse what is no file of a sane size.

    Raises:
        DocumentError: It is one of these.
    """
    if stat.S_ISDIR(found.st_mode):
        raise _is_folder(path)
    if not stat.S_ISREG(found.st_mode):
        raise DocumentError(f"{path} is not a regular file.", hint="Give the path of a document.")
    _check_size(path, found.st_size, settings)


def _check_size(path: Path | str, size: int, settings: DocumentsSettings) -> None:
    if size == 0:
        raise DocumentError(f"{path} is empty (0 bytes).", hint="Check that it was saved or downloaded completely.")
    if size > settings.max_bytes:
        raise DocumentError(
            f"{path} is too large: {size:,} bytes, and at most {settings.max_bytes:,} are read.",
            hint="Split it, or raise READROOM_DOCUMENTS__MAX_BYTES.",
        )


def _is_folder(path: Path | str) -> DocumentError:
    return DocumentError(f"{path} is a folder.", hint="Name a file in it; list_documents shows which there are.")


def _no_folder(path: Path | str, parent: Path | str) -> DocumentError:
    return DocumentError(f"{path} is not a folder.", hint=f"Its folder is {parent}.")


def _check_owner(path: Path, found: os.stat_result, root: Path) -> None:
    """Refuse another user's file that is only linked to from here: whoever made the link need not be able to read it.

    Raises:
        DocumentError: It is one.
    """
    if found.st_nlink > 1 and hasattr(os, "geteuid") and found.st_uid not in (os.geteuid(), root.stat().st_uid):
        raise DocumentError(
            f"{path} is a hard link to another user's file.", hint="Copy the file to where it is to be read."
        )


_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Without waiting for who writes to a pipe."""


def _open_below(root: Path, parts: Sequence[str]) -> int:
    """Open a file step by step from a folder, without following a link below it; return its descriptor."""
    if os.open not in os.supports_dir_fd or not parts:
        return os.open(root.joinpath(*parts), _FILE)
    folder = os.open(root, _FOLDER)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _cannot_open(path: Path, error: OSError) -> DocumentError:
    """Return the error for a file that cannot be opened, with a similar name if there is one."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EINVAL) and os.path.lexists(path):
        return DocumentError(f"{path} was replaced by a link while it was opened.", hint="Ask again.")
    if isinstance(error, PermissionError):
        return DocumentError(f"{path} may not be read: permission denied.", hint="Change its permissions.")
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        return DocumentError(f"{path} cannot be opened: {error.strerror}.", hint="Check the path.")
    hint = _NAMES_HINT
    try:
        with os.scandir(path.parent) as entries:
            similar = difflib.get_close_matches(path.name, [entry.name for entry in islice(entries, _MAX_SIMILAR)], n=1)
        if similar:
            hint = f"Did you mean {path.parent / similar[0]}? {_NAMES_HINT}"
    except OSError:
        hint = f"The folder {path.parent} does not exist either. {_NAMES_HINT}"
    return DocumentError(f"{path} does not exist.", hint=hint)
