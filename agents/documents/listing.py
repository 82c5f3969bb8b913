"""Listing the documents that may be read: the files in the allowed folders, and what the library holds of others."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import NamedTuple

from agents.documents import access
from agents.documents.access import FileState
from agents.documents.folders import MAX_ENTRIES, Look, find_files, look_into, looking_once
from agents.documents.names import rank_names
from agents.documents.store import KnownDocument, Store
from agents.errors import DocumentError
from agents.escaping import as_unicode
from agents.schema import ListedDocument
from agents.settings import DocumentsSettings

_MAX_NAMED = 20
"""Folders that an error names."""


class Listing(NamedTuple):
    """All documents that were found, in order."""

    folders: tuple[str, ...]
    documents: tuple[ListedDocument, ...]
    notes: tuple[str, ...]


def list_documents(
    store: Store, settings: DocumentsSettings, folder: str | None, query: str | None, look: Look = look_into
) -> Listing:
    """Return the documents in the allowed folders, or in one of them, newest first; with a query, best match first.

    Args:
        store: Knows what was read.
        settings: What may be read.
        folder: An absolute path, or words of the name of a folder in the allowed ones; None: every allowed folder.
        query: Words of a file's name, of its folder's or of a title.
        look: Looks into a folder.

    Raises:
        DocumentError: The folder is missing or may not be read, or the library cannot be read.
    """
    if folder is None or access.is_absolute(folder):
        folders = settings.allowed_roots() if folder is None else (access.find_folder(folder, settings),)
    else:
        # Whoever looks for a folder of this name has seen what is in it.
        look = looking_once(look)
        folders = _find_folders(folder, settings, look)
    found = find_files(folders, settings, look)
    known = {document.document_id: document for document in store.known_documents()}
    ids = store.known_files()
    files = [_of_file(state, known.get(ids.get(state, ""))) for state in found.files]
    paths = {state.path for state in found.files}
    others = (document for document in known.values() if paths.isdisjoint(document.paths))
    documents = (*files, *_without_file(others, folders, settings, anywhere=folder is None))
    seen_in_part = "" if found.whole else f"Only {MAX_ENTRIES:,} files and folders were looked at: name a folder."
    notes = tuple(note for note in (seen_in_part, found.note, *map(str, found.faults)) if note)
    if query is not None and query.strip():
        places = rank_names(query, [_name(document, folders) for document in documents])
        documents = tuple(documents[place] for place in places)
    return Listing(tuple(map(as_unicode, folders)), documents, notes)


def _find_folders(asked: str, settings: DocumentsSettings, look: Look) -> tuple[str, ...]:
    """Return the folders of a name: of the same path or name, else the ones that have its words."""
    named = _named_folders(settings, look)
    last_names = {folder: PurePosixPath(folder).name for folder in named}
    wanted = PurePosixPath(asked.strip()).as_posix().casefold()
    found = [folder for folder, name in named.items() if name.casefold() == wanted]
    found = found or [folder for folder, name in last_names.items() if name.casefold() == wanted]
    found = found or [list(named)[place] for place in rank_names(asked, list(last_names.values()))]
    if not found:
        some = f"There are: {', '.join(list(named.values())[:_MAX_NAMED])}. " if named else ""
        raise DocumentError(
            f"No folder with documents in it is called {asked}.",
            hint=f"{some}Leave folder out to see all, or give query words of a document's name.",
        )
    return tuple(each for each in found if not any(access.within(each, other) for other in found if other != each))


def _named_folders(settings: DocumentsSettings, look: Look) -> dict[str, str]:
    """Return the folders that hold documents, with their paths within the allowed ones, the outermost first."""
    named: dict[str, str] = {}
    for root in settings.allowed_roots():
        for holder in {state.path.rpartition("/")[0] or "/" for state in find_files([root], settings, look).files}:
            if inner := access.within(holder, root):
                for each in (inner, *inner.parents):
                    named.setdefault(*_named(root, each))
    return dict(sorted(named.items(), key=lambda each: (each[0].count("/"), each[0])))


def _named(root: str, inner: PurePosixPath) -> tuple[str, str]:
    """Return a folder in an allowed one, and its name."""
    if not inner.name:
        return root, PurePosixPath(root).name
    return f"{root.rstrip('/')}/{inner}", str(inner)


def _of_file(state: FileState, known: KnownDocument | None) -> ListedDocument:
    return ListedDocument(
        path=state.path,
        document_id=known and known.document_id,
        title=known and known.title,
        pages=known and known.pages,
        bytes=state.size,
        modified=datetime.fromtimestamp(state.mtime_ns / 1e9, UTC).isoformat(timespec="seconds"),
    )


def _without_file(
    documents: Iterable[KnownDocument], folders: Sequence[str], settings: DocumentsSettings, *, anywhere: bool
) -> Iterator[ListedDocument]:
    """Yield the documents that no file holds any more, as far as they may be read here."""
    for document in documents:
        allowed = [path for path in document.paths if not access.refusal(path, settings)]
        inside = any(access.within(path, folder) for path in allowed for folder in folders)
        if inside or (anywhere and not document.paths):
            yield ListedDocument(document_id=document.document_id, title=document.title, pages=document.pages)


def _name(document: ListedDocument, folders: Sequence[str]) -> str:
    """Return what a document may be called by: its path within the folders, and its title."""
    path = document.path or ""
    inner = next(filter(None, (access.within(path, folder) for folder in folders)), path)
    return f"{inner} {document.title or ''}"
