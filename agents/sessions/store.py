"""The sessions' database: conversations in llama-index's `Memory`, everything else in tables of our own.

Reached through agents.sessions.sessions only. Several processes may share it: they read while one writes, and one
turn's write, with the archiving that it causes, is one transaction.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field, SecretStr
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Double,
    Executable,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from agents.errors import SessionError
from agents.language.tokens import TokenCounter
from agents.schema import Frozen
from agents.sessions.history import Turn
from agents.settings import MemorySettings
from agents.storage import Database, Layout, put, put_missing

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

T = TypeVar("T")

_TABLES = MetaData()
_SESSIONS = Table(
    "sessions",
    _TABLES,
    Column("id", Text, primary_key=True),
    Column("created", Double, nullable=False),
    Column("used", Double, nullable=False),
    Column("summary", Text, nullable=False, server_default=""),
    Column("summarized", Integer, nullable=False, server_default="0"),
)
Index("sessions_used", _SESSIONS.c.used)
_SESSION_DOCUMENTS = Table(
    "session_documents",
    _TABLES,
    Column("rowid", BigInteger, Identity()),
    Column("session_id", Text, primary_key=True),
    Column("document_id", Text, primary_key=True),
)
_RESULTS = Table(
    "results",
    _TABLES,
    Column("number", Integer, Identity(), primary_key=True),
    Column("session_id", Text, nullable=False, index=True),
    Column("result", Text, nullable=False),
)
_PROMISED = Table(
    "promised",
    _TABLES,
    Column("session_id", Text, primary_key=True),
    Column("same_call", Text, nullable=False, index=True),
    Column("told", Double, nullable=False),
)
"""Sessions without a turn, whose ids their callers know; of those that a caller goes on with, no call is kept."""
# As llama-index has it.
_MESSAGES = Table(
    "messages",
    _TABLES,
    Column("id", Integer, Identity(), primary_key=True),
    Column("key", Text, nullable=False, index=True),
    Column("timestamp", BigInteger, nullable=False),
    Column("role", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("data", JSON, nullable=False),
)
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
    # llama-index made this table before: two messages to a turn, and `key` is the session's id.
    """
    CREATE TABLE IF NOT EXISTS messages (
        id INTEGER NOT NULL, key VARCHAR NOT NULL, timestamp BIGINT NOT NULL, role VARCHAR NOT NULL,
        status VARCHAR NOT NULL, data JSON NOT NULL, PRIMARY KEY (id));
    CREATE INDEX IF NOT EXISTS ix_messages_key ON messages (key);
    CREATE INDEX IF NOT EXISTS ix_messages_timestamp ON messages (timestamp);
    CREATE INDEX IF NOT EXISTS ix_messages_status ON messages (status);
    """,
    """
    CREATE TABLE promised (session_id TEXT PRIMARY KEY, same_call TEXT NOT NULL, told DOUBLE PRECISION NOT NULL);
    CREATE INDEX ix_promised_same_call ON promised (same_call);
    """,
)
LAYOUT = Layout("sessions", "sessions.db", _TABLES, _MIGRATIONS)

_S, _D, _R, _M, _P = _SESSIONS.c, _SESSION_DOCUMENTS.c, _RESULTS.c, _MESSAGES.c, _PROMISED.c
_ID, _NOW, _OLDEST = bindparam("session", type_=Text), bindparam("now", type_=Double), bindparam("oldest", type_=Double)
_HELD_BY = (_MESSAGES, _M.key), (_SESSION_DOCUMENTS, _D.session_id), (_RESULTS, _R.session_id)
"""What is kept of a session beside its row, and the columns with its id."""
_TOUCH = update(_SESSIONS).where(_S.id == _ID, _S.used >= _OLDEST).values(used=_NOW)
_EXISTS = select(_S.id).where(_S.id == _ID)
_LOCK = _EXISTS.with_for_update()
"""Another turn of the session waits until this one is stored; SQLite's transactions wait for each other as they are."""
_COUNT = select(func.count()).select_from(_SESSIONS).where(_S.used >= _OLDEST)
_EXPIRED = select(_S.id).where(_S.used < _OLDEST)
_EXPIRE = (
    *(delete(table).where(column.in_(_EXPIRED)) for table, column in _HELD_BY),
    update(_SESSIONS).where(_S.used < _OLDEST, _S.summarized > 0).values(summary="", summarized=0),
    delete(_SESSIONS).where(_S.used < bindparam("forgotten")),
)
_FULFIL = delete(_PROMISED).where(_P.session_id == _ID)
_ERASE = (
    *(delete(table).where(column == _ID) for table, column in _HELD_BY),
    _FULFIL,
    delete(_SESSIONS).where(_S.id == _ID),
)
_STALE = select(_P.session_id).where(_P.told < _OLDEST)
_BREAK_STALE = (
    delete(_SESSION_DOCUMENTS).where(_D.session_id.in_(_STALE)),
    delete(_PROMISED).where(_P.told < _OLDEST),
)
_FIRST_PROMISED = select(_P.session_id).where(_P.same_call == bindparam("call")).order_by(_P.told, _P.session_id)
_TAKE = (
    update(_PROMISED)
    .where(_P.session_id == _FIRST_PROMISED.limit(1).with_for_update(skip_locked=True).scalar_subquery())
    .values(same_call="")
    .returning(_P.session_id)
)
_KEEP = update(_PROMISED).where(_P.session_id == _ID).values(same_call="")
_MESSAGES_OF = select(func.count()).where(_M.key == _S.id)
_STATE = select(
    _S.summary,
    _S.summarized,
    _MESSAGES_OF.scalar_subquery().label("messages"),
    _MESSAGES_OF.where(_M.status == "archived").scalar_subquery().label("archived"),
).where(_S.id == _ID)
_SUMMARIZE = (
    update(_SESSIONS)
    .where(_S.id == _ID, _S.summarized == bindparam("before"))
    .values(summary=bindparam("text"), summarized=bindparam("after"))
)
_TURNS = select(_M.data).where(_M.key == _ID).order_by(_M.timestamp, _M.id)
_LIST = (
    select(
        _S.id,
        _S.used,
        _MESSAGES_OF.scalar_subquery().label("messages"),
        select(_M.data).where(_M.key == _S.id).order_by(_M.timestamp, _M.id).limit(1).scalar_subquery().label("first"),
    )
    .where(_S.used >= _OLDEST)
    .order_by(_S.used.desc())
)
_DOCUMENTS = select(_D.session_id, _D.document_id).order_by(_D.rowid)
_DOCUMENTS_OF = _DOCUMENTS.where(_D.session_id == _ID)
_ADD_RESULT = insert(_RESULTS).returning(_R.number)
_RESULTS_OF = select(_R.result).where(_R.session_id == _ID).order_by(_R.number)
_RESULT = _RESULTS_OF.where(_R.number == bindparam("result_number"))


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


class StoredSession(Frozen):
    """A session as `readroom sessions` lists it."""

    session_id: str
    used: float = Field(description="When it was last used, in seconds since 1970.")
    turns: int
    question: str = Field(description="The first one; empty before it is answered.")
    document_ids: tuple[str, ...]


class SessionDatabase:
    """The queries of the sessions' database, which is opened at its first use.

    Every method raises SessionError when it cannot be used, and StorageError when it is of a newer version.

    Args:
        data_dir: The folder of sessions.db; it and the folder are made if they are missing.
        settings: How many tokens stay unarchived.
        count: Counts tokens, and caches the counts: llama-index counts every message again on each put.
        database_url: Of a PostgreSQL that holds the sessions instead.
    """

    def __init__(
        self, data_dir: Path, settings: MemorySettings, count: TokenCounter, database_url: SecretStr | None = None
    ) -> None:
        self._database = Database(LAYOUT, data_dir, database_url)
        self._settings = settings
        self._count = count
        self._pending: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Open the database, and make it if it is missing."""
        await self._complete(self._database.open)

    async def touch(self, session_id: str, now: float, oldest: float) -> bool:
        """Record that a session is in use; False if there is none that was used since `oldest`."""
        return await self._changed(_TOUCH, session=session_id, now=now, oldest=oldest) > 0

    async def exists(self, session_id: str) -> bool:
        """Return whether there is such a session, expired or not."""
        return bool(await self._rows(_EXISTS, session=session_id))

    async def promise(
        self, session_id: str, same_call: str, document_ids: Sequence[str], now: float, oldest: float
    ) -> None:
        """Record that a caller knows of a session without a turn; forget those told of before `oldest`."""
        row = {"session_id": session_id, "same_call": same_call, "told": now}

        def promise() -> None:
            with self._database.transaction(alone=True) as connection:
                for statement in _BREAK_STALE:
                    connection.execute(statement, {"oldest": oldest})
                put(connection, _PROMISED, row)
                put_missing(connection, _SESSION_DOCUMENTS, *_document_rows(session_id, document_ids))

        await self._complete(promise)

    async def take_promised(self, same_call: str) -> str | None:
        """Return the session that was promised first for a call, and to nobody else."""

        def take() -> str | None:
            with self._database.connected() as connection:
                # Most calls are new; a statement that may write would wait for others that do.
                if connection.execute(_FIRST_PROMISED, {"call": same_call}).first() is None:
                    return None
                return connection.execute(_TAKE, {"call": same_call}).scalar()

        return await self._complete(take)

    async def keep_promised(self, session_id: str) -> bool:
        """Return whether a session was promised; from now on it is given to nobody who does not name it."""
        return await self._changed(_KEEP, session=session_id) > 0

    async def count_sessions(self, oldest: float) -> int:
        """Return how many sessions were used since `oldest`."""
        return (await self._rows(_COUNT, oldest=oldest))[0][0]

    async def sessions(self, oldest: float) -> tuple[StoredSession, ...]:
        """Return the sessions used since `oldest`, the one last used first."""
        documents: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
        for session_id, document_id in await self._rows(_DOCUMENTS):
            documents[session_id] += (document_id,)
        return tuple(
            StoredSession(
                session_id=row.id,
                used=row.used,
                turns=row.messages // 2,
                question=next((message.content or "" for message in _messages([row.first])), ""),
                document_ids=documents[row.id],
            )
            for row in await self._rows(_LIST, oldest=oldest)
        )

    async def erase(self, session_id: str) -> None:
        """Delete a session with all that was said in it."""

        def erase() -> None:
            with self._database.erasure() as connection:
                for statement in _ERASE:
                    connection.execute(statement, {"session": session_id})

        await self._complete(erase)

    async def document_ids(self, session_id: str) -> tuple[str, ...]:
        """Return a session's documents in the order in which they came."""
        return tuple(document_id for _, document_id in await self._rows(_DOCUMENTS_OF, session=session_id))

    async def add_documents(self, session_id: str, document_ids: Sequence[str]) -> None:
        """Add documents to a session; those that it has keep their place."""

        def add() -> None:
            with self._database.transaction() as connection:
                put_missing(connection, _SESSION_DOCUMENTS, *_document_rows(session_id, document_ids))

        await self._complete(add)

    async def add_result(self, session_id: str, result: str) -> int:
        """Store a result and return its number."""
        return (await self._rows(_ADD_RESULT, session_id=session_id, result=result))[0].number

    async def result(self, session_id: str, number: int) -> str | None:
        """Return one of a session's results; None if it has none of this number."""
        rows = await self._rows(_RESULT, session=session_id, result_number=number)
        return rows[0].result if rows else None

    async def results(self, session_id: str) -> tuple[str, ...]:
        """Return all of a session's results, oldest first."""
        return tuple(row.result for row in await self._rows(_RESULTS_OF, session=session_id))

    async def state(self, session_id: str) -> SessionState:
        """Return what a session holds; nothing if there is no such session."""
        rows = await self._rows(_STATE, session=session_id)
        if not rows:
            return SessionState()
        summary, summarized, messages, archived = rows[0]
        return SessionState(turns=messages // 2, archived=archived // 2, summary=summary, summarized=summarized)

    async def summarize(self, session_id: str, summary: str, before: int, after: int) -> None:
        """Store a summary that tells of `after` archived turns; nothing if the stored one is not of `before` turns."""
        # PostgreSQL stores no text with a NUL.
        text = summary.replace("\0", " ")
        await self._changed(_SUMMARIZE, session=session_id, text=text, before=before, after=after)

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
        query = _TURNS if archived is None else _TURNS.where(_M.status == ("archived" if archived else "active"))
        query = query.limit(None if limit is None else 2 * limit).offset(2 * offset)
        turns: list[Turn] = []
        question = ""
        for message in _messages(row.data for row in await self._rows(query, session=session_id)):
            if message.role.value == "user":
                question = message.content or ""
            else:
                turns.append(Turn(question=question, answer=message.content or "", archived=bool(archived)))
        return tuple(turns)

    async def put(self, session_id: str, question: str, answer: str, new: "NewSession | None" = None) -> None:
        """Store a turn, and archive the oldest ones if the limit is passed; with it, a session that is `new`.

        Raises:
            SessionError: The session was deleted meanwhile.
        """
        # No UTF-8 text can hold lone surrogates: they are replaced.
        turn = question.encode(errors="replace").decode(), answer.encode(errors="replace").decode()

        def store() -> None:
            # Imported here: it takes a second, which nobody must wait for that waits for the transaction.
            from agents.sessions.messages import Messages

            # What new sessions delete of expired ones would have them wait for each other.
            with self._database.transaction(alone=new is not None) as connection:
                if new:
                    _create(connection, session_id, new)
                elif connection.execute(_LOCK, {"session": session_id}).first() is None:
                    raise SessionError(f"Session {session_id} is unknown.", hint="It was deleted; start a new one.")
                Messages(connection, _MESSAGES).add_turn(session_id, *turn, self._settings, self._tokens)

        await self._complete(store)

    async def close(self) -> None:
        """Wait for what is under way and close every connection."""
        await asyncio.gather(*self._pending, return_exceptions=True)
        await asyncio.to_thread(self._database.close)

    def _tokens(self, text: str) -> range:
        """Return something as long as the text has tokens: llama-index asks no more of a tokenizer."""
        return range(self._count(text))

    async def _changed(self, statement: Executable, **values: object) -> int:
        """Execute one statement and return how many rows it has changed."""

        def execute() -> int:
            with self._database.connected() as connection:
                return connection.execute(statement, values).rowcount

        return await self._complete(execute)

    async def _rows(self, query: Executable, **values: object) -> Sequence[Any]:
        """Execute one statement and return its rows."""

        def execute() -> Sequence[Any]:
            with self._database.connected() as connection:
                return connection.execute(query, values).all()

        return await self._complete(execute)

    async def _complete(self, step: Callable[[], T]) -> T:
        """Run a step on a thread, to its end even when its caller is cancelled: it may be in the middle of a write."""
        task = asyncio.create_task(asyncio.to_thread(step))
        self._pending.add(task)
        task.add_done_callback(self._forget)
        hint = "Free space on the disk and check the file's permissions; if it is damaged, move it away."
        with self._database.naming_errors(SessionError, hint):
            return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._pending.discard(task)
        if not task.cancelled():
            task.exception()


def _create(connection: Connection, session_id: str, new: NewSession) -> None:
    """Store a new session, and delete what others held that are old enough."""
    for statement in _EXPIRE:
        connection.execute(statement, {"oldest": new.oldest_use, "forgotten": new.oldest_known})
    connection.execute(_FULFIL, {"session": session_id})
    put_missing(connection, _SESSIONS, {"id": session_id, "created": new.now, "used": new.now})
    put_missing(connection, _SESSION_DOCUMENTS, *_document_rows(session_id, new.document_ids))


def _document_rows(session_id: str, document_ids: Iterable[str]) -> Iterator[dict[str, object]]:
    return ({"session_id": session_id, "document_id": document_id} for document_id in document_ids)


def _messages(rows: Iterable[Mapping[str, object] | None]) -> "Iterator[ChatMessage]":
    """Parse messages as llama-index stores them; a session without any has None for its first."""
    from llama_index.core.base.llms.types import ChatMessage

    return map(ChatMessage.model_validate, filter(None, rows))
