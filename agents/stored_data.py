"""What the data folder holds of a user's documents and questions: listing it, and forgetting it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, SecretStr

from agents.documents.library import Library
from agents.documents.store import LAYOUT as LIBRARY
from agents.documents.store import KnownDocument, StoredDocument
from agents.errors import RequestError, StorageError
from agents.jobs.window_cache import LAYOUT as RESULTS
from agents.jobs.window_cache import WindowCache
from agents.language.tokens import estimate_tokens
from agents.schema import Frozen
from agents.sessions.sessions import SessionStore
from agents.sessions.store import LAYOUT as SESSIONS
from agents.sessions.store import StoredSession
from agents.settings import Settings, is_s3, s3_address
from agents.storage import Database, Layout
from agents.users import Users, places_of

_LAYOUTS = SESSIONS, LIBRARY, RESULTS


class StoredNames(NamedTuple):
    """What was opened and asked, for lists to choose from."""

    documents: tuple[KnownDocument, ...]
    sessions: tuple[StoredSession, ...]


class StoredData(Frozen):
    """What the data folder holds of a user: sessions, last used first, and documents by title."""

    sessions: tuple[StoredSession, ...]
    documents: tuple[StoredDocument, ...]

    def named(self, name: str) -> "StoredData":
        """Return what a session_id, a document_id or a path names; of a file, every version that was read.

        Raises:
            RequestError: Nothing is stored under this name.
        """
        id_ = name.strip().lower()
        try:
            path = s3_address(name) if is_s3(name) else str(Path(name).expanduser().resolve())
        except (OSError, RuntimeError, ValueError):
            path = name
        sessions = tuple(each for each in self.sessions if each.session_id == id_)
        documents = tuple(each for each in self.documents if each.document_id == id_ or path in each.paths)
        if not sessions and not documents:
            raise RequestError(
                f"Nothing is kept of {name}.", hint="`readroom sessions` and `readroom documents` list what is."
            )
        return StoredData(sessions=sessions, documents=documents)


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


class MigratedStore(Frozen):
    """A store whose tables are as this version of Readroom knows them."""

    name: str
    place: str = Field(description="The file, or the server and the database, without a password.")


async def migrate(settings: Settings) -> tuple[MigratedStore, ...]:
    """Make the tables of every store of every user, or bring them to the newest schema, as its first use would.

    Raises:
        SettingsError: The database's address is wrong, its driver is not installed, or the users cannot be read.
        StorageError: A newer version of Readroom has written a store, or it cannot be reached or written.
    """
    everybody = Users(settings.users_file).all() if settings.users_file else ()
    owners = settings, *(places_of(user.name, settings) for user in everybody)
    return tuple(
        [
            await asyncio.to_thread(_migrate, layout, owned.ready_data_dir(), owned.database_url)
            for owned in owners
            for layout in _LAYOUTS
        ]
    )


def _migrate(layout: Layout, data_dir: Path, database_url: SecretStr | None) -> MigratedStore:
    database = Database(layout, data_dir, database_url)
    try:
        with database.naming_errors(StorageError, hint="Check the disk's free space and the file's permissions."):
            database.open()
    finally:
        database.close()
    return MigratedStore(name=layout.name, place=database.place)


async def list_stored(settings: Settings) -> StoredData:
    """Return the sessions and documents that are stored.

    Raises:
        SessionError: The sessions cannot be read.
        DocumentError: The library cannot be read.
    """
    async with _stores(settings) as (sessions, library, _):
        return StoredData(sessions=await sessions.sessions(), documents=await library.stored_documents())


async def forget(settings: Settings, names: Sequence[str]) -> Forgotten:
    """Delete sessions and documents from the disk, all that are named or none; the user's own files are not touched.

    A running server keeps what it has read in its memory until it ends.

    Args:
        settings: Say where the data folder is.
        names: Session ids, document ids or paths of files that were read; none: everything.

    Raises:
        RequestError: Nothing is stored under one of the names.
        SessionError: The sessions cannot be written.
        DocumentError: The library cannot be written.
    """
    async with _stores(settings) as (store, library, window_cache):
        stored = StoredData(sessions=await store.sessions(expired=True), documents=await library.stored_documents())
        chosen = [stored.named(name) for name in names] if names else [stored]
        sessions = list(dict.fromkeys(each.session_id for data in chosen for each in data.sessions))
        documents = list(dict.fromkeys(each.document_id for data in chosen for each in data.documents))
        for session_id in sessions:
            await store.forget(session_id)
        for document_id in documents:
            await library.forget(document_id)
        await window_cache.erase()
    quoting = [
        each.session_id
        for each in stored.sessions
        if each.session_id not in sessions and not set(documents).isdisjoint(each.document_ids)
    ]
    logged = any(log.stat().st_size for log in settings.data_dir.glob("*-wal"))
    return Forgotten(
        sessions=tuple(sessions), documents=tuple(documents), still_quoted_in=tuple(quoting), still_logged=logged
    )


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncGenerator[tuple[SessionStore, Library, WindowCache]]:
    folder = settings.ready_data_dir()
    url = settings.database_url
    sessions = SessionStore(settings.memory, folder, estimate_tokens, database_url=url)
    library = Library(settings.documents, folder, database_url=url)
    window_cache = WindowCache(folder, database_url=url)
    try:
        yield sessions, library, window_cache
    finally:
        await sessions.close()
        await library.close()
        await window_cache.close()
