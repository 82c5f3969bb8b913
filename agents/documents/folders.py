"""The files in the allowed folders that are documents, newest first."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from agents.documents import access
from agents.documents.access import FileState
from agents.documents.parsing.formats import by_suffix
from agents.escaping import is_unicode
from agents.settings import DocumentsSettings

MAX_ENTRIES = 100_000
"""Files and folders that one search of folders looks at, the outermost first; on a local disk half a second."""
_NOT_SHOWN = (".", "~$")
"""How the names of hidden files begin, and of those that Office keeps beside an open document."""


class FolderFiles(NamedTuple):
    """The documents in some folders."""

    files: tuple[FileState, ...]
    """Newest first."""
    whole: bool
    """Whether everything was looked at."""
    misnamed: int = 0
    """Documents that are left out, since no message can hold their names."""

    @property
    def note(self) -> str:
        """What is to be said of those; nothing where there are none."""
        if not self.misnamed:
            return ""
        return f"Left out, for their names or their folders' are not in UTF-8: {self.misnamed:,}. Rename them."


def find_files(folders: Iterable[Path], settings: DocumentsSettings) -> FolderFiles:
    """Find the files of a known format in folders and the folders in them; hidden ones are left out.

    A link to a file is followed where the file may be read, a link to a folder never.

    Args:
        folders: Real paths of folders that may be read.
        settings: What may be read.
    """
    seen = misnamed = 0
    files: dict[str, FileState] = {}
    waiting = deque(folders)
    while waiting and seen < MAX_ENTRIES:
        for entry in _entries(waiting.popleft()):
            seen += 1
            if entry.name.startswith(_NOT_SHOWN):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif by_suffix(Path(entry.name).suffix) and (state := _state(entry, settings)):
                if is_unicode(state.path):
                    files[state.path] = state
                else:
                    misnamed += 1
    newest_first = sorted(files.values(), key=lambda state: (-state.mtime_ns, state.path))
    return FolderFiles(tuple(newest_first), whole=not waiting, misnamed=misnamed)


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """Yield what is in a folder; nothing where it may not be opened or has gone."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:
        return


def _state(entry: "os.DirEntry[str]", settings: DocumentsSettings) -> FileState | None:
    """Return the file of an entry; None where it is none that may be read."""
    try:
        path = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
        # What lies in an allowed folder may be read; a link may lead out of it.
        if not entry.is_file() or (path != entry.path and access.refusal(Path(path), settings)):
            return None
        found = entry.stat()
    except OSError:
        return None
    return FileState(path, found.st_size, found.st_mtime_ns)
