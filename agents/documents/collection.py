"""What a caller's documents are: files, ids and URLs, and of a folder every document in it, kept up to date."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from agents.documents.access import FileState
from agents.documents.library import Library
from agents.errors import DocumentError
from agents.schema import Document, OnProgress, Progress

Report = Callable[[float, str], None]
"""Told what share of something is done, and what is being done."""
MAX_SAID = 5
"""Files that a warning names, and of those that cannot be read the reasons."""


class Collection(NamedTuple):
    """The documents that a caller named."""

    documents: Mapping[str, Document | None]
    """By id, in the caller's order; those that the library knew already may not be loaded."""
    warnings: tuple[str, ...] = ()
    """What of the folders was left out, and why."""

    async def load(self, library: Library, ids: Sequence[str] | None = None) -> tuple[Document, ...]:
        """Return the documents, or some of them.

        Raises:
            DocumentError: One has been deleted from the library meanwhile.
        """
        chosen = self.documents if ids is None else ids
        return tuple([self.documents[key] or await library.get(key) for key in chosen])


async def collect(library: Library, sources: Sequence[str], limit: int, report: OnProgress) -> Collection:
    """Open documents; those that are known and unchanged are only looked up.

    Args:
        library: Opens and knows them.
        sources: Absolute paths of files and folders, document ids, or URLs.
        limit: Of a folder's documents so many are taken, the newest.
        report: Told how far the opening has come.

    Raises:
        DocumentError: A document cannot be opened, or a folder holds none that can be. A single file of a folder that
            cannot be read is named in the warnings instead.
    """
    sources = tuple(dict.fromkeys(source.strip() for source in sources))
    known = await library.known_documents(sources)
    documents: dict[str, Document | None] = {}
    warnings: list[str] = []
    for number, source in enumerate(sources):

        def report_part(fraction: float, message: str, number: int = number) -> None:
            report(Progress(fraction=(number + fraction) / len(sources), message=message))

        if source in known:
            documents.setdefault(source)
        elif await library.is_folder(source):
            held, warned = await _open_folder(library, source, limit, report_part)
            documents |= {key: documents.get(key) or document for key, document in held.items()}
            warnings += warned
        else:
            document = await open_source(library, source, report_part)
            documents[document.document_id] = document
    return Collection(documents, tuple(warnings))


async def open_source(library: Library, source: str, report: Report) -> Document:
    """Open one document by its path, its id or its URL.

    Raises:
        DocumentError: It cannot be opened.
    """
    report(0.0, f"Opening {source}")

    def on_scan(done: int, total: int) -> None:
        report(done / total, f"Reading the scanned pages of {source}: {done} of {total}")

    document = await library.open(source, on_scan)
    count = len(document.pages)
    report(1.0, f"Opened {document.title}: {count:,} {'page' if count == 1 else 'pages'}")
    return document


async def _open_folder(
    library: Library, folder: str, limit: int, report: Report
) -> tuple[dict[str, Document | None], list[str]]:
    """Return a folder's documents by id, newest first, having opened what is new or changed; and what to warn of."""
    report(0.0, f"Looking through {folder}")
    found = await library.find_files(folder)
    files = found.files[:limit]
    ids: dict[FileState, str] = dict(await library.known_files(files))
    new = [state for state in files if state not in ids]
    opened: dict[str, Document] = {}
    failed: dict[FileState, DocumentError] = {}
    gate = asyncio.Semaphore(2 * (os.cpu_count() or 1))

    async def open_one(state: FileState) -> None:
        async with gate:
            try:
                document = await library.open_file(state)
            except DocumentError as error:
                failed[state] = error
            else:
                ids[state] = document.document_id
                opened[document.document_id] = document
            done = len(opened) + len(failed)
            report(done / len(new), f"Opening the documents in {folder}: {done:,} of {len(new):,} new ones")

    await asyncio.gather(*(open_one(state) for state in new))
    if not ids:
        raise _nothing_in(folder, failed, found.note)
    warnings = [_unreadable(folder, failed)] if failed else []
    if found.note:
        warnings.append(found.note)
    if left_out := found.files[limit:]:
        warnings.append(_left_out(folder, left_out, limit))
    if not found.whole:
        warnings.append(f"Not every file in {folder} was looked at, there are too many: name a folder in it.")
    return {ids[state]: opened.get(ids[state]) for state in files if state in ids}, warnings


def _nothing_in(folder: str, failed: Mapping[FileState, DocumentError], note: str) -> DocumentError:
    said = _unreadable(folder, failed) if failed else f"{folder} holds no document of a format that can be read."
    return DocumentError(f"{said} {note}".rstrip(), hint="list_documents shows what may be read.")


def _unreadable(folder: str, failed: Mapping[FileState, DocumentError]) -> str:
    reasons = [error.message for error in failed.values()]
    more = f" And {len(reasons) - MAX_SAID:,} more." if len(reasons) > MAX_SAID else ""
    files = "1 file" if len(failed) == 1 else f"{len(failed):,} files"
    return f"{files} in {folder} cannot be read, and the rest was: {' '.join(reasons[:MAX_SAID])}{more}"


def _left_out(folder: str, left_out: Sequence[FileState], limit: int) -> str:
    names = ", ".join(Path(state.path).name for state in left_out[:MAX_SAID])
    more = f" and {len(left_out) - MAX_SAID:,} more" if len(left_out) > MAX_SAID else ""
    return (
        f"{folder} holds {limit + len(left_out):,} documents, and at most {limit:,} of a folder are taken: the newest. "
        f"Left out: {names}{more}. Name a folder in it, or the files, to reach them."
    )
