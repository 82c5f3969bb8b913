"""sessions.db: conversations in llama-index's `Memory`, everything else in tables of our own.

Reached through agents.sessions.sessions only. Several processes may share the file: SQLite's write-ahead log lets them
read while one writes, and a file lock beside it makes one turn's write, with the archiving that it causes, one step.
"""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Coroutine, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from filelock import AsyncFileLock, Timeout
from pydantic import Field

from agents.errors import SessionError
from agents.language.tokens import TokenCounter
from agents.schema import Frozen
from agents.sessions.history import Turn
from agents.settings import MemorySettings
from agents.storage import TURN_SECONDS, erasure, open_shared, set_pragmas, transaction

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

T = TypeVar("T")

_POLL_SECONDS = 0.005
# llama-index makes this table; it holds two messages to a turn, and `key` is the session's id.
_MESSAGES = "messages"
_MIGRATIONS = (
    # IF NOT EXISTS: the first versions made these tables without counting their schema.
    """
    CREATE TABLE IF NOT EXISTS sessions (
        id TEXT PRIMARY KEY, created REAL NOT NULL, used REAL NOT NULL,
        summary TEXT NOT NULL DEFAULT '', summarized INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX IF NOT EXISTS sessions_used ON sessions (used);
    CREATE TABLE IF NOT EXISTS session_documents (
        session_id TEXT NOT NULL, document_id TEXT NOT NULL, PRIMARY KEY (session_id, document_id));
    """,
    """
    CREATE TABLE results (number INTEGER PRIMARY KEY, session_id TEXT NOT NULL, result TEXT NOT NULL);
    CREATE INDEX results_session ON results (session_id);
    """,
)
_CREATE = (
    "DELETE FROM messages WHERE key IN (SELECT id FROM sessions WHERE used < :oldest)",
    "DELETE FROM session_documents WHERE session_id IN (SELECT id FROM sessions WHERE used < :oldest)",
    "DELETE FROM results WHERE session_id IN (SELECT id FROM sessions WHERE used < :oldest)",
    "UPDATE sessions SET summary = '', summarized = 0 WHERE used < :oldest AND summarized > 0",
    "DELETE FROM sessions WHERE used < :forgotten",
    "INSERT OR IGNORE INTO sessions (id, created, used) VALUES (:id, :now, :now)",
    "INSERT OR IGNORE INTO session_documents SELECT :id, value FROM json_each(:documents)",
)
_STATE = """
    SELECT summary, summarized,
        (SELECT COUNT(*) / 2 FROM messages WHERE key = :id) AS turns,
        (SELECT COUNT(*) / 2 FROM messages WHERE key = :id AND status = 'archived') AS archived
    FROM sessions WHERE id = :id
"""
_TURNS = """
    SELECT data FROM messages WHERE key = :id AND (:status IS NULL OR status = :status)
    ORDER BY timestamp, id LIMIT :limit OFFSET :offset
"""
_LIST = """
    SELECT id, used,
        (SELECT COUNT(*) / 2 FROM messages WHERE key = sessions.id) AS turns,
        (SELECT data FROM messages WHERE key = sessions.id ORDER BY timestamp, id LIMIT 1) AS first,
        (SELECT json_group_array(document_id) FROM session_documents WHERE session_id = sessions.id) AS documents
    FROM sessions WHERE used >= :oldest ORDER BY used DESC
"""
_ERASE = (
    "DELETE FROM messages WHERE key = :id",
    "DELETE FROM session_documents WHERE session_id = :id",
    "DELETE FROM results WHERE session_id = :id",
    "DELETE FROM sessions WHERE id = :id",
)


class SessionState(Frozen):
    """What a session holds."""

    turns: int = 0
    archived: int = Field(default=0, description="Turns behind the running summary.")
    summary: str = ""
    summarized: int = Field(default=0, description="Archived turns that the summary tells of.")


class NewSession(Frozen):
    """A session that is to be stored, and which others are old enough to go. Times are in seconds since 1970."""

    document_ids: tuple[str, ...]
    now: float
    oldest_use: float = Field(description="What was last used before it loses its turns.")
    oldest_known: float = Field(description="What was last used before it is forgotten.")

    def values(self, session_id: str) -> dict[str, object]:
        """Return the values of the statements that store it."""
        documents = json.dumps(self.document_ids)
        times = {"now": self.now, "oldest": self.oldest_use, "forgotten": self.oldest_known}
        return {"id": session_id, "documents": documents, **times}


class StoredSession(Frozen):
    """A session as `readroom sessions` lists it."""

    session_id: str
    used: float = Field(description="When it was last used, in seconds since 1970.")
    turns: int
    question: str = Field(description="The first one; empty before it is answered.")
    document_ids: tuple[str, ...]


class SessionDatabase:
    """The queries of sessions.db, which is opened at its first use.

    Every method raises SessionError when the file cannot be used, and StorageError when it is of a newer version.

    Args:
        path: The file; it and its folder are made if they are missing.
        settings: How many tokens stay unarchived.
        count: Counts tokens, and caches the counts: llama-index counts every message again on each put.
    """

    def __init__(self, path: Path, settings: MemorySettings, count: TokenCounter) -> None:
        self._path = path
        self._settings = settings
        self._count = count
        self._file: SessionFile | None = None
        self._writing = asyncio.Lock()
        self._pending: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Open the file, and make it if it is missing."""
        await self._opened()

    async def touch(self, session_id: str, now: float, oldest: float) -> bool:
        """Record that a session is in use; False if there is none that was used since `oldest`."""
        update = "UPDATE sessions SET used = :now WHERE id = :id AND used >= :oldest RETURNING id"
        return bool(await self._execute([update], {"id": session_id, "now": now, "oldest": oldest}))

    async def exists(self, session_id: str) -> bool:
        """Return whether there is such a session, expired or not."""
        return bool(await self._execute(["SELECT id FROM sessions WHERE id = :id"], {"id": session_id}))

    async def count_sessions(self, oldest: float) -> int:
        """Return how many sessions were used since `oldest`."""
        rows = await self._execute(["SELECT COUNT(*) AS n FROM sessions WHERE used >= :oldest"], {"oldest": oldest})
        return rows[0]["n"]

    async def sessions(self, oldest: float) -> tuple[StoredSession, ...]:
        """Return the sessions used since `oldest`, the one last used first."""
        rows = await self._execute([_LIST], {"oldest": oldest})
        return tuple(
            StoredSession(
                session_id=row["id"],
                used=row["used"],
                turns=row["turns"],
                question=next((message.content or "" for message in _messages([row["first"]])), ""),
                document_ids=tuple(json.loads(row["documents"])),
            )
            for row in rows
        )

    async def erase(self, session_id: str) -> None:
        """Delete a session with all that was said in it."""
        file = await self._opened()
        await self._complete(asyncio.to_thread(file.erase, _ERASE, {"id": session_id}))

    async def document_ids(self, session_id: str) -> tuple[str, ...]:
        """Return a session's documents in the order in which they came."""
        query = "SELECT document_id FROM session_documents WHERE session_id = :id ORDER BY rowid"
        return tuple(row["document_id"] for row in await self._execute([query], {"id": session_id}))

    async def add_documents(self, session_id: str, document_ids: Sequence[str]) -> None:
        """Add documents to a session; those that it has keep their place."""
        insert = "INSERT OR IGNORE INTO session_documents SELECT :id, value FROM json_each(:documents)"
        await self._execute([insert], {"id": session_id, "documents": json.dumps(list(document_ids))})

    async def add_result(self, session_id: str, result: str) -> int:
        """Store a result and return its number."""
        insert = "INSERT INTO results (session_id, result) VALUES (:id, :result) RETURNING number"
        return (await self._execute([insert], {"id": session_id, "result": result}))[0]["number"]

    async def result(self, session_id: str, number: int) -> str | None:
        """Return one of a session's results; None if it has none of this number."""
        query = "SELECT result FROM results WHERE session_id = :id AND number = :number"
        rows = await self._execute([query], {"id": session_id, "number": number})
        return rows[0]["result"] if rows else None

    async def results(self, session_id: str) -> tuple[str, ...]:
        """Return all of a session's results, oldest first."""
        query = "SELECT result FROM results WHERE session_id = :id ORDER BY number"
        return tuple(row["result"] for row in await self._execute([query], {"id": session_id}))

    async def state(self, session_id: str) -> SessionState:
        """Return what a session holds; nothing if there is no such session."""
        rows = await self._execute([_STATE], {"id": session_id})
        return SessionState.model_validate(rows[0]) if rows else SessionState()

    async def summarize(self, session_id: str, summary: str, before: int, after: int) -> None:
        """Store a summary that tells of `after` archived turns; nothing if the stored one is not of `before` turns."""
        update = "UPDATE sessions SET summary = :new, summarized = :after WHERE id = :id AND summarized = :before"
        await self._execute([update], {"id": session_id, "new": summary, "before": before, "after": after})

    async def turns(
        self, session_id: str, *, archived: bool | None = None, offset: int = 0, limit: int | None = None
    ) -> tuple[Turn, ...]:
        """Return turns, oldest first.

        Args:
            session_id: Whose turns.
            archived: Only the archived ones, or only the others; None: all, and none is marked.
            offset: Turns to skip.
            limit: Most turns to return.
        """
        status = {None: None, True: "archived", False: "active"}[archived]
        # To SQLite a negative limit is none.
        pages = {"limit": -1 if limit is None else 2 * limit, "offset": 2 * offset}
        rows = await self._execute([_TURNS], {"id": session_id, "status": status, **pages})
        turns: list[Turn] = []
        question = ""
        for message in _messages(row["data"] for row in rows):
            if message.role.value == "user":
                question = message.content or ""
            else:
                turns.append(Turn(question=question, answer=message.content or "", archived=bool(archived)))
        return tuple(turns)

    async def put(self, session_id: str, question: str, answer: str, new: "NewSession | None" = None) -> None:
        """Store a turn, and archive the oldest ones if the limit is passed; with it, a session that is `new`."""
        file = await self._opened()
        await self._complete(self._put(file, session_id, question, answer, new))

    async def close(self) -> None:
        """Wait for what is under way and close every connection."""
        await asyncio.gather(*self._pending, return_exceptions=True)
        if self._file is not None:
            await self._file.close()
            self._file = None

    async def _put(
        self, file: "SessionFile", session_id: str, question: str, answer: str, new: "NewSession | None"
    ) -> None:
        from llama_index.core.base.llms.types import ChatMessage, MessageRole
        from llama_index.core.memory import InsertMethod, Memory

        memory = cast("Any", Memory).from_defaults(
            session_id=session_id,
            token_limit=self._settings.token_limit,
            chat_history_token_ratio=1.0,
            token_flush_size=self._settings.flush_tokens,
            tokenizer_fn=self._tokens,
            insert_method=InsertMethod.USER,
            chat_store=file.chats,
        )
        said = (MessageRole.USER, question), (MessageRole.ASSISTANT, answer)
        # No UTF-8 file can hold lone surrogates: they are replaced.
        turn = [ChatMessage(role=role, content=text.encode(errors="replace").decode()) for role, text in said]
        # llama-index inserts, counts and archives in three transactions: two writers at once would archive twice.
        async with self._writing, self._file_lock():
            if new:
                await asyncio.to_thread(file.execute, _CREATE, new.values(session_id))
            await memory.aput_messages(turn)

    def _tokens(self, text: str) -> range:
        """Return something as long as the text has tokens: llama-index asks no more of a tokenizer."""
        return range(self._count(text))

    async def _opened(self) -> "SessionFile":
        if self._file is None:
            self._file = await self._complete(self._open())
        return self._file

    async def _open(self) -> "SessionFile":
        async with self._writing:
            if self._file is None:
                # Its imports take a second; on a thread they delay nobody else, and no other process waits for them.
                file = await asyncio.to_thread(SessionFile, self._path)
                try:
                    if not await asyncio.to_thread(file.has_messages):
                        # llama-index makes its table when it is first used, which two processes must not do at once.
                        async with self._file_lock():
                            await file.chats.get_messages("", limit=1)
                except BaseException:
                    await file.close()
                    raise
                self._file = file
            return self._file

    async def _execute(self, statements: Sequence[str], values: Mapping[str, object]) -> list[dict[str, Any]]:
        """Execute statements in one transaction and return the rows of the last one."""
        file = await self._opened()
        return await self._complete(asyncio.to_thread(file.execute, statements, values))

    async def _complete(self, step: Coroutine[Any, Any, T]) -> T:
        """Await a step that runs to its end even when its caller is cancelled.

        A cancelled caller would otherwise leave a connection in the middle of a statement, or the lock held.
        """
        task = asyncio.create_task(step)
        self._pending.add(task)
        task.add_done_callback(self._forget)
        with self._session_errors():
            return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._pending.discard(task)
        if not task.cancelled():
            task.exception()

    def _file_lock(self) -> AsyncFileLock:
        return AsyncFileLock(f"{self._path}.lock", timeout=TURN_SECONDS, poll_interval=_POLL_SECONDS)

    @contextmanager
    def _session_errors(self) -> Generator[None]:
        """Turn what the disk or SQLite says into a SessionError; other errors pass."""
        try:
            yield
        except Timeout as error:
            raise SessionError(
                f"Other processes have held {error.lock_file} for {TURN_SECONDS} seconds.",
                hint="Stop the other Readroom process, or set READROOM_DATA_DIR to another folder.",
            ) from error
        except Exception as error:
            # SQLAlchemy wraps SQLite's own error.
            cause = getattr(error, "orig", error)
            if not isinstance(cause, sqlite3.Error | OSError):
                raise
            raise SessionError(
                f"The sessions in {self._path} cannot be read or written: {getattr(cause, 'strerror', None) or cause}.",
                hint="Free space on the disk and check the file's permissions; if it is damaged, move it away.",
            ) from error


class SessionFile:
    """An open sessions.db: llama-index's store of messages, and a plain connection for everything else.

    A statement through llama-index's SQLAlchemy takes ten times as long as one through the plain connection.

    Args:
        path: The file; it and its folder are made if they are missing.
    """

    def __init__(self, path: Path) -> None:
        from llama_index.core.storage.chat_store.sql import SQLAlchemyChatStore
        from sqlalchemy import event
        from sqlalchemy.engine import URL
        from sqlalchemy.ext.asyncio import create_async_engine

        self._engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)))
        event.listen(self._engine.sync_engine, "connect", set_pragmas)
        self.chats = SQLAlchemyChatStore(table_name=_MESSAGES, async_engine=self._engine)
        self._lock = threading.Lock()
        self._connection = open_shared(path, _MIGRATIONS)
        self._connection.row_factory = sqlite3.Row

    def has_messages(self) -> bool:
        """Return whether llama-index has made its table."""
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = :name"
        return bool(self.execute([query], {"name": _MESSAGES}))

    def execute(self, statements: Sequence[str], values: Mapping[str, object]) -> list[dict[str, Any]]:
        """Execute statements in one transaction and return the rows of the last one."""
        with self._lock:
            # A single statement is a transaction by itself, and a reader waits for no writer.
            with transaction(self._connection) if len(statements) > 1 else nullcontext():
                rows = [self._connection.execute(statement, values).fetchall() for statement in statements]
            return [dict(row) for row in rows[-1]]

    def erase(self, statements: Sequence[str], values: Mapping[str, object]) -> None:
        """Execute statements that delete, and leave what they delete unreadable on the disk."""
        with self._lock, erasure(self._connection):
            for statement in statements:
                self._connection.execute(statement, values)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
        await asyncio.to_thread(self._connection.close)


def _messages(rows: Iterable[str | None]) -> "Iterator[ChatMessage]":
    """Parse messages as llama-index stores them; a session without any has None for its first."""
    from llama_index.core.base.llms.types import ChatMessage

    return map(ChatMessage.model_validate_json, filter(None, rows))
