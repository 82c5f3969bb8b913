"""The statements of sessions.db: llama-index's table of messages, and our own of sessions and their documents."""
# MERGED """A plain connection to sessions.db, for the tables that are our own and for reading."""
# MERGED """sessions.db: the conversations in llama-index's `Memory`, the sessions in tables of our own.
#
# Reached through agents.sessions.sessions only. Several processes may share the file: SQLite in WAL mode lets them
# read while one writes, and a file lock beside it makes one turn's write, with the archiving that it
# causes, a single step.
# """

import asyncio
import json
import sqlite3
import threading
from collections.abc import Coroutine, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from filelock import AsyncFileLock, Timeout
from pydantic import Field

from agents.errors import SessionError
from agents.language.tokens import TokenCounter
from agents.schema import Frozen
from agents.sessions.history import Turn
from agents.settings import MemorySettings
from agents.storage import BUSY_SECONDS, connect, erasure, set_pragmas, transaction

# llama-index's table holds two messages to a turn; its `key` is our session's id.
MESSAGES = "messages"
TABLES = (
    """CREATE TABLE IF NOT EXISTS sessions (
        id TEXT PRIMARY KEY, created REAL NOT NULL, used REAL NOT NULL,
        summary TEXT NOT NULL DEFAULT '', summarized INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX IF NOT EXISTS sessions_used ON sessions (used)",
    """CREATE TABLE IF NOT EXISTS session_documents (
        session_id TEXT NOT NULL, document_id TEXT NOT NULL, PRIMARY KEY (session_id, document_id))""",
)
CREATE = (
    "DELETE FROM messages WHERE key IN (SELECT id FROM sessions WHERE used < :oldest)",
    "DELETE FROM session_documents WHERE session_id IN (SELECT id FROM sessions WHERE used < :oldest)",
    "UPDATE sessions SET summary = '', summarized = 0 WHERE used < :oldest AND summarized > 0",
    "DELETE FROM sessions WHERE used < :forgotten",
    "INSERT INTO sessions (id, created, used) VALUES (:id, :now, :now)",
)
STATE = """
    SELECT summary, summarized,
        (SELECT COUNT(*) / 2 FROM messages WHERE key = :id) AS turns,
        (SELECT COUNT(*) / 2 FROM messages WHERE key = :id AND status = 'archived') AS archived
    FROM sessions WHERE id = :id
"""
TURNS = """
    SELECT data FROM messages WHERE key = :id AND (:status IS NULL OR status = :status)
    ORDER BY timestamp, id LIMIT :limit OFFSET :offset
"""
OVERVIEW = """
    SELECT id, used,
        (SELECT COUNT(*) / 2 FROM messages WHERE key = sessions.id) AS turns,
        (SELECT data FROM messages WHERE key = sessions.id ORDER BY timestamp, id LIMIT 1) AS first,
        (SELECT json_group_array(document_id) FROM session_documents WHERE session_id = sessions.id) AS documents
    FROM sessions WHERE used >= :oldest ORDER BY used DESC
"""
FORGET = (
    "DELETE FROM messages WHERE key = :id",
    "DELETE FROM session_documents WHERE session_id = :id",
    "DELETE FROM sessions WHERE id = :id",
)


class OwnTables:
    """The connection to our own tables: a statement through llama-index's takes ten times as long.

    Args:
        path: The file; it must be there.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = connect(path)
        self._connection.row_factory = sqlite3.Row

    def execute(self, statements: Sequence[str], values: Mapping[str, object]) -> list[dict[str, Any]]:
        """Execute statements in one transaction and return the rows of the last one."""
        with self._lock:
            if len(statements) == 1:
                return self._rows(statements[0], values)
            with transaction(self._connection):
                rows = [self._rows(statement, values) for statement in statements]
            return rows[-1]

    def erase(self, statements: Sequence[str], values: Mapping[str, object]) -> None:
        """Execute statements that delete, so that what they delete cannot be read from the disk either."""
        with self._lock, erasure(self._connection):
            for statement in statements:
                self._connection.execute(statement, values)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _rows(self, statement: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(statement, values)]


if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.memory import Memory
    from llama_index.core.storage.chat_store.sql import SQLAlchemyChatStore
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

_POLL_SECONDS = 0.005


class State(Frozen):
    """What a session holds."""

    turns: int = 0
    archived: int = Field(default=0, description="Turns behind the running summary.")
    summary: str = ""
    summarized: int = Field(default=0, description="Archived turns that the summary tells of.")


class StoredSession(Frozen):
    """A session in a list of all."""

    session_id: str
    used: float = Field(description="When it was last used, in seconds since 1970.")
    turns: int
    question: str = Field(description="The first one; empty before it is answered.")
    document_ids: tuple[str, ...]


@dataclass(frozen=True)
class _Opened:
    engine: "AsyncEngine"
    chats: "SQLAlchemyChatStore"
    own: OwnTables


class SessionDatabase:
    """One SQLite file, opened at its first use. Every method raises SessionError when it cannot be used.

    Args:
        path: The file; it and its folder are made if they are missing.
        settings: How many tokens stay unarchived.
        count: Counts tokens, and remembers: llama-index counts every message again on each put.
    """

    def __init__(self, path: Path, settings: MemorySettings, count: TokenCounter) -> None:
        self._path = path
        self._settings = settings
        self._count = count
        self._opened: _Opened | None = None
        self._writing = asyncio.Lock()
        self._pending: set[asyncio.Task[Any]] = set()

    async def create(self, session_id: str, now: float, oldest: float, forgotten: float) -> None:
        """Add a session; forget the turns of those last used before `oldest`, and the ids from before `forgotten`."""
        times = {"now": now, "oldest": oldest, "forgotten": forgotten}
        await self._run(CREATE, {"id": session_id, **times})

    async def touch(self, session_id: str, now: float, oldest: float) -> bool:
        """Note that a session is in use; False if there is none that was used since `oldest`."""
        update = "UPDATE sessions SET used = :now WHERE id = :id AND used >= :oldest RETURNING id"
        return bool(await self._run([update], {"id": session_id, "now": now, "oldest": oldest}))

    async def knows(self, session_id: str) -> bool:
        """Return whether there is such a session, expired or not."""
        return bool(await self._run(["SELECT id FROM sessions WHERE id = :id"], {"id": session_id}))

    async def count_sessions(self, oldest: float) -> int:
        """Return how many sessions were used since `oldest`."""
        rows = await self._run(["SELECT COUNT(*) AS n FROM sessions WHERE used >= :oldest"], {"oldest": oldest})
        return rows[0]["n"]

    async def overview(self, oldest: float) -> tuple[StoredSession, ...]:
        """Return the sessions used since `oldest`, the one last used first."""
        rows = await self._run([OVERVIEW], {"oldest": oldest})
        return tuple(
            StoredSession(
                session_id=row["id"],
                used=row["used"],
                turns=row["turns"],
                question=_content(row["first"]) if row["first"] else "",
                document_ids=tuple(json.loads(row["documents"])),
            )
            for row in rows
        )

    async def erase(self, session_id: str) -> None:
        """Delete a session with all that was said in it."""
        own = (await self._ready()).own
        await self._complete(asyncio.to_thread(own.erase, FORGET, {"id": session_id}))

    async def document_ids(self, session_id: str) -> tuple[str, ...]:
        """Return a session's documents in the order in which they came."""
        query = "SELECT document_id FROM session_documents WHERE session_id = :id ORDER BY rowid"
        return tuple(row["document_id"] for row in await self._run([query], {"id": session_id}))

    async def add_documents(self, session_id: str, document_ids: Sequence[str]) -> None:
        """Add documents to a session; those that it has keep their place."""
        insert = "INSERT OR IGNORE INTO session_documents SELECT :id, value FROM json_each(:documents)"
        await self._run([insert], {"id": session_id, "documents": json.dumps(list(document_ids))})

    async def state(self, session_id: str) -> State:
        """Return what a session holds; nothing if there is no such session."""
        rows = await self._run([STATE], {"id": session_id})
        return State.model_validate(rows[0]) if rows else State()

    async def summarize(self, session_id: str, summary: str, before: int, after: int) -> None:
        """Store a summary that tells of `after` archived turns; nothing if the stored one is not of `before` turns."""
        update = "UPDATE sessions SET summary = :new, summarized = :after WHERE id = :id AND summarized = :before"
        await self._run([update], {"id": session_id, "new": summary, "before": before, "after": after})

    async def turns(
        self, session_id: str, *, archived: bool | None = None, offset: int = 0, limit: int | None = None
    ) -> tuple[Turn, ...]:
        """Return turns, oldest first.

        Args:
            session_id: Whose turns.
            archived: Only the archived ones, or only the others; none given: all, and none is marked.
            offset: Turns to leave out at the front.
            limit: Turns to return at most.
        """
        status = {None: None, True: "archived", False: "active"}[archived]
        # SQLite takes a limit below zero for none.
        pages = {"limit": -1 if limit is None else 2 * limit, "offset": 2 * offset}
        rows = await self._run([TURNS], {"id": session_id, "status": status, **pages})
        return tuple(_pair((row["data"] for row in rows), archived=bool(archived)))

    async def put(self, session_id: str, question: str, answer: str) -> None:
        """Store a turn, and archive the oldest ones if the limit is passed."""
        memory = self._memory(session_id, (await self._ready()).chats)
        from llama_index.core.base.llms.types import ChatMessage, MessageRole

        turn = [
            ChatMessage(role=MessageRole.USER, content=_storable(question)),
            ChatMessage(role=MessageRole.ASSISTANT, content=_storable(answer)),
        ]
        await self._complete(self._put(memory, turn))

    async def close(self) -> None:
        """Wait for what is under way and close every connection."""
        await asyncio.gather(*self._pending, return_exceptions=True)
        if self._opened is not None:
            await self._opened.engine.dispose()
            await asyncio.to_thread(self._opened.own.close)
            self._opened = None

    async def _put(self, memory: "Memory", turn: "Sequence[ChatMessage]") -> None:
        # llama-index inserts, counts and archives in three transactions: two writers at once would archive twice.
        async with self._writing, self._file_lock():
            await memory.aput_messages(list(turn))

    def _memory(self, session_id: str, chats: "SQLAlchemyChatStore") -> "Memory":
        from llama_index.core.memory import InsertMethod, Memory

        return cast("Any", Memory).from_defaults(
            session_id=session_id,
            token_limit=self._settings.token_limit,
            chat_history_token_ratio=1.0,
            token_flush_size=self._settings.flush_tokens,
            tokenizer_fn=self._tokens,
            insert_method=InsertMethod.USER,
            chat_store=chats,
        )

    def _tokens(self, text: str) -> range:
        """Return something as long as the text has tokens, which is all that llama-index asks of a tokenizer."""
        return range(self._count(text))

    async def _ready(self) -> _Opened:
        if self._opened is None:
            self._opened = await self._complete(self._open())
        return self._opened

    async def _open(self) -> _Opened:
        async with self._writing:
            if self._opened is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                # Two must not make the file at once: SQLite does not wait its turn to switch it to WAL.
                async with self._file_lock():
                    self._opened = await self._make()
            return self._opened

    async def _make(self) -> _Opened:
        # Its imports take a second; beside the loop they delay nobody else.
        opened = await asyncio.to_thread(_connect, self._path)
        try:
            await opened.chats.get_messages("", limit=1)
            await asyncio.to_thread(opened.own.execute, TABLES, {})
        except BaseException:
            await opened.engine.dispose()
            opened.own.close()
            raise
        return opened

    async def _run(self, statements: Sequence[str], values: Mapping[str, object]) -> list[dict[str, Any]]:
        """Execute statements in one transaction and return the rows of the last one."""
        own = (await self._ready()).own
        return await self._complete(asyncio.to_thread(own.execute, statements, values))

    async def _complete(self, step: Coroutine[Any, Any, T]) -> T:
        """Await a step that goes on to its end even when its caller is cancelled.

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
        return AsyncFileLock(f"{self._path}.lock", timeout=BUSY_SECONDS, poll_interval=_POLL_SECONDS)

    @contextmanager
    def _session_errors(self) -> Generator[None]:
        """Say in our own words why the file cannot be used."""
        try:
            yield
        except Timeout as error:
            raise SessionError(
                f"Another process has held {error.lock_file} for {BUSY_SECONDS} seconds.",
                hint="Stop the other Readroom process, or set READROOM_DATA_DIR to another folder.",
            ) from error
        except Exception as error:
            reason = _storage_reason(error)
            if reason is None:
                raise
            raise SessionError(
                f"The sessions in {self._path} cannot be read or written: {reason}.",
                hint="Free space on the disk and check the file's permissions; if it is damaged, move it away.",
            ) from error


def _connect(path: Path) -> _Opened:
    """Make the engine and llama-index's store over it; nothing is opened yet."""
    from llama_index.core.storage.chat_store.sql import SQLAlchemyChatStore
    from sqlalchemy import event
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(URL.create("sqlite+aiosqlite", database=str(path)))
    event.listen(engine.sync_engine, "connect", set_pragmas)
    return _Opened(engine, SQLAlchemyChatStore(table_name=MESSAGES, async_engine=engine), OwnTables(path))


def _storage_reason(error: Exception) -> str | None:
    """Return what the disk or SQLite said, or None for an error of another kind."""
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, DBAPIError):
        return str(error.orig)
    if isinstance(error, sqlite3.Error):
        return str(error)
    return (error.strerror or str(error)) if isinstance(error, OSError) else None


def _pair(messages: Iterable[str], *, archived: bool) -> Iterator[Turn]:
    """Return the turns in llama-index's messages."""
    from llama_index.core.base.llms.types import ChatMessage

    question = ""
    for message in map(ChatMessage.model_validate_json, messages):
        if message.role.value == "user":
            question = message.content or ""
        else:
            yield Turn(question=question, answer=message.content or "", archived=archived)


def _content(message: str) -> str:
    """Return the text of one of llama-index's messages."""
    from llama_index.core.base.llms.types import ChatMessage

    return ChatMessage.model_validate_json(message).content or ""


def _storable(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 file can hold."""
    return text.encode(errors="replace").decode()
