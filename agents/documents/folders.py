"""The files in the allowed folders, and the objects below the allowed addresses, that are documents, newest first."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from agents.documents import access, objects
from agents.documents.access import FileState
from agents.documents.parsing.formats import by_suffix
from agents.errors import DocumentError
from agents.escaping import is_unicode
from agents.settings import DocumentsSettings, is_s3, s3_address

MAX_ENTRIES = 100_000
"""Files and folders that one search of folders looks at, the outermost first; on a local disk half a second."""
_NOT_SHOWN = (".", "~$")
"""How the names of hidden files begin, and of those that Office keeps beside an open document."""
Look = Callable[[str], Iterable["os.DirEntry[str]"]]
"""Returns what is in a folder of this machine."""


class FolderFiles(NamedTuple):
    """The documents in some folders."""

    files: tuple[FileState, ...]
    """Newest first."""
    whole: bool
    """Whether everything was looked at."""
    misnamed: int = 0
    """Documents that are left out, since no message can hold their names."""
    faults: tuple[DocumentError, ...] = ()
    """Why some of the folders could not be looked through."""

    @property
    def note(self) -> str:
        """What is to be said of those that are left out; nothing where there are none."""
        if not self.misnamed:
            return ""
        return f"Left out, for their names or their folders' are not in UTF-8: {self.misnamed:,}. Rename them."


def look_into(folder: str) -> Iterator["os.DirEntry[str]"]:
    """Yield what is in a folder of this machine; nothing where it may not be opened or has gone."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:
        return


def looking_once(look: Look) -> Look:
    """Return what looks into a folder and remembers what was in it."""

    @cache
    def remembered(folder: str) -> tuple["os.DirEntry[str]", ...]:
        return tuple(look(folder))

    return remembered


def find_files(folders: Iterable[str], settings: DocumentsSettings, look: Look = look_into) -> FolderFiles:
    """Find the documents of a known format in folders and the folders in them; hidden ones are left out.

    A link to a file is followed where the file may be read, a link to a folder never.

    Args:
        folders: Real paths of folders that may be read, and addresses in S3-compatible storage.
        settings: What may be read.
        look: Looks into each of the folders, and each folder in them.
    """
    named = tuple(folders)
    files = _files([folder for folder in named if not is_s3(folder)], settings, look)
    parts = [files, *(_objects(address, MAX_ENTRIES) for address in named if is_s3(address))]
    states = {state.path: state for part in parts for state in part.files}
    return FolderFiles(
        tuple(sorted(states.values(), key=lambda state: (-state.mtime_ns, state.path))),
        whole=all(part.whole for part in parts),
        misnamed=sum(part.misnamed for part in parts),
        faults=tuple(fault for part in parts for fault in part.faults),
    )


def why_closed(folder: str) -> str:
    """Return why nothing in a folder, or below an address, can be read at all; nothing where something may be."""
    if is_s3(folder):
        return "".join(map(str, _objects(folder, limit=1).faults))
    try:
        next(Path(folder).iterdir(), None)
    except OSError:
        return f"{folder} is not a folder that can be read"
    return ""


def _files(folders: Iterable[str], settings: DocumentsSettings, look: Look) -> FolderFiles:
    """Return the files in folders of this machine, in any order."""
    seen = misnamed = 0
    files: list[FileState] = []
    waiting = deque(folders)
    while waiting and seen < MAX_ENTRIES:
        for entry in look(waiting.popleft()):
            seen += 1
            if entry.name.startswith(_NOT_SHOWN):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif by_suffix(Path(entry.name).suffix) and (state := _state(entry, settings)):
                if is_unicode(state.path):
                    files.append(state)
                else:
                    misnamed += 1
    return FolderFiles(tuple(files), whole=not waiting, misnamed=misnamed)


def _objects(address: str, limit: int) -> FolderFiles:
    """Return the documents among the objects below an address, in any order."""
    try:
        found, whole = objects.find(address, limit)
    except DocumentError as fault:
        return FolderFiles((), whole=True, faults=(fault,))
    return FolderFiles(tuple(FileState(key, *found[key]) for key in found if _is_shown(key, address)), whole)


def _is_shown(key: str, address: str) -> bool:
    """Whether an object is a document that can be named, and no part of its name is that of a hidden one."""
    inner = access.within(key, address)
    try:
        named = s3_address(key) == key
    except ValueError:
        return False
    return named and inner is not None and bool(by_suffix(inner.suffix)) and not any(map(_is_hidden, inner.parts))


def _is_hidden(name: str) -> bool:
    return name.startswith(_NOT_SHOWN)


def _state(entry: "os.DirEntry[str]", settings: DocumentsSettings) -> FileState | None:
    """Return the file of an entry; None where it is none that may be read."""
    try:
        path = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
        # What lies in an allowed folder may be read; a link may lead out of it.
        if not entry.is_file() or (path != entry.path and access.refusal(path, settings)):
            return None
        found = entry.stat()
    except OSError:
        return None
    return FileState(path, found.st_size, found.st_mtime_ns)
