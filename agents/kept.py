"""What the data folder keeps of a user's documents and questions, and forgetting it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import Field

from agents.documents.library import Library
from agents.documents.store import KeptDocument
from agents.errors import RequestError
from agents.jobs.window_cache import ResultStore
from agents.language.tokens import estimate_tokens
from agents.schema import Frozen
from agents.sessions.sessions import SessionStore
from agents.sessions.store import KeptSession
from agents.settings import Settings


class Kept(Frozen):
    """Everything that is kept: sessions, the one last used first, and documents by title."""

    sessions: tuple[KeptSession, ...]
    documents: tuple[KeptDocument, ...]


class Forgotten(Frozen):
    """What was forgotten."""

    sessions: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    still_quoted_in: tuple[str, ...] = Field(
        default=(), description="Sessions that are kept and were about one of the documents: their answers quote it."
    )
    still_logged: bool = Field(
        default=False, description="Whether another process has the folder open, whose log may hold what was forgotten."
    )


async def kept(settings: Settings) -> Kept:
    """Return all that is kept.

    Raises:
        SessionError: The sessions cannot be read.
        DocumentError: The library cannot be read.
    """
    async with _stores(settings) as (sessions, library, _):
        return Kept(sessions=await sessions.sessions(), documents=await library.kept())


async def forget(settings: Settings, names: Sequence[str]) -> Forgotten:
    """Delete sessions and documents from the disk, all that are named or none; nobody's files are touched.

    A server that runs keeps what it has read in its memory until it ends.

    Args:
        settings: Say where the data folder is.
        names: A session_id, a document_id or the path of a file that was read; none: everything.

    Raises:
        RequestError: Nothing is kept by one of the names.
        SessionError: The sessions cannot be written.
        DocumentError: The library cannot be written.
    """
    async with _stores(settings) as (store, library, results):
        every = Kept(sessions=await store.sessions(expired=True), documents=await library.kept())
        chosen = [_called(name, every) for name in names] if names else [every]
        sessions = list(dict.fromkeys(each.session_id for found in chosen for each in found.sessions))
        documents = list(dict.fromkeys(each.document_id for found in chosen for each in found.documents))
        for session_id in sessions:
            await store.forget(session_id)
        for document_id in documents:
            await library.forget(document_id)
        await results.erase()
    quoting = [
        each.session_id
        for each in every.sessions
        if each.session_id not in sessions and not set(documents).isdisjoint(each.document_ids)
    ]
    logged = any(log.stat().st_size for log in settings.data_dir.glob("*-wal"))
    return Forgotten(
        sessions=tuple(sessions), documents=tuple(documents), still_quoted_in=tuple(quoting), still_logged=logged
    )


def _called(name: str, every: Kept) -> Kept:
    """Return what a name stands for: of a file, every version that was read."""
    named, path = name.strip().lower(), _path(name)
    sessions = tuple(each for each in every.sessions if each.session_id == named)
    documents = tuple(each for each in every.documents if each.document_id == named or path in each.paths)
    if not sessions and not documents:
        raise RequestError(
            f"Nothing is kept of {name}.", hint="`readroom sessions` and `readroom documents` list what is."
        )
    return Kept(sessions=sessions, documents=documents)


def _path(name: str) -> str:
    try:
        return str(Path(name).expanduser().resolve())
    except (OSError, RuntimeError, ValueError):
        return name


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncGenerator[tuple[SessionStore, Library, ResultStore]]:
    folder = settings.ready_data_dir()
    sessions = SessionStore(settings.memory, folder, estimate_tokens)
    library, results = Library(settings.documents, folder), ResultStore(folder)
    try:
        yield sessions, library, results
    finally:
        await sessions.close()
        await library.close()
        await results.close()
