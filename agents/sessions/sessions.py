"""Sessions: what was asked and answered, stored on disk and found again by an id.

A conversation lives in llama-index's `Memory` (agents.sessions.store). Its newest turns, up to `token_limit` tokens, go
into the prompt; older ones are archived behind a running summary, written in the background by an engine
(`SummarizeTurns`) or, without one, by a rule. A session is stored with its first turn: a call that fails leaves none.
Of a call that ends before its work does, only the id is: the next poll goes on with it, at whichever server.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from pathlib import Path

from pydantic import SecretStr

from agents.errors import SessionError
from agents.language.tokens import TokenCounter
from agents.schema import SessionInfo
from agents.sessions.history import (
    SUMMARY_TOKENS,
    Turn,
    first_turns,
    newest_turns,
    opening_line,
    summary_by_rule,
    truncate_middle,
)
from agents.sessions.store import NewSession, SessionDatabase, StoredSession
from agents.settings import MemorySettings

SummarizeTurns = Callable[[str, tuple[str, ...]], Awaitable[str]]
"""Returns a new running summary, given the summary so far and the turns, as text, to add to it."""

_logger = logging.getLogger(__name__)
_NEW_SESSION = "Leave session_id out to start a new session."
_DAY = 86_400.0
_CACHED_COUNTS = 8_192
_BATCH_TURNS = 64


class SessionStore:
    """All sessions of one data folder; several processes may use it at once.

    Args:
        settings: How much is stored, and for how long.
        data_dir: Where sessions.db lies or will lie. Nothing is opened yet.
        count_tokens: Counts as the engine does; safe to call from any thread.
        summarize: Writes the running summaries; without it, or when it fails, a rule does.
        clock: Seconds since 1970.
        database_url: Of a PostgreSQL that holds the sessions instead.
    """

    def __init__(
        self,
        settings: MemorySettings,
        data_dir: Path,
        count_tokens: TokenCounter,
        summarize: SummarizeTurns | None = None,
        *,
        clock: Callable[[], float] = time.time,
        database_url: SecretStr | None = None,
    ) -> None:
        self.settings = settings
        self.summarize = summarize
        self.clock = clock
        self.count: TokenCounter = lru_cache(_CACHED_COUNTS)(count_tokens)
        self.database = SessionDatabase(data_dir, settings, self.count, database_url)
        self._updates: dict[str, asyncio.Task[None]] = {}

    async def create(self, session_id: str | None = None) -> "Session":
        """Start a session, which is stored with its first turn.

        Args:
            session_id: The id that its caller was given already; None: a new one.

        Raises:
            SessionError: The store cannot be opened.
        """
        await self.database.open()
        return Session(session_id or str(uuid.uuid4()), self, is_new=True)

    async def leave(self, same_call: str, session: "Session") -> None:
        """Promise the caller of a call that ends before its work a session that is not stored yet.

        Args:
            same_call: Equal for calls that are the same but for the session.
            session: What the next of them goes on with, or whoever names it.

        Raises:
            SessionError: The store cannot be written.
        """
        documents = await session.document_ids()
        await self.database.promise(session.session_id, same_call, documents, self.clock(), self.clock() - _DAY)

    async def take(self, same_call: str) -> "Session | None":
        """Return the session that was left first for such a call, to no other: two that wait must not share one.

        Raises:
            SessionError: The store cannot be read or written.
        """
        session_id = await self.database.take_promised(same_call)
        return await self._promised(session_id) if session_id else None

    def new_session(self, document_ids: Sequence[str]) -> NewSession:
        """Return what is stored of a new session with its first turn."""
        oldest = self.oldest_use()
        # An expired id stays known for as long again, so that its owner is told what became of it.
        forgotten = oldest - self.settings.expire_days * _DAY
        return NewSession(document_ids=tuple(document_ids), now=self.clock(), oldest_use=oldest, oldest_known=forgotten)

    async def open(self, session_id: str) -> "Session":
        """Continue a session.

        Raises:
            SessionError: The id is malformed, unknown or expired, or the store cannot be read.
        """
        try:
            canonical = str(uuid.UUID(session_id.strip()))
        except ValueError as error:
            raise SessionError(f"{session_id[:60]!r} is not a session id.", hint=_NEW_SESSION) from error
        if await self.database.touch(canonical, self.clock(), self.oldest_use()):
            return Session(canonical, self)
        if await self.database.keep_promised(canonical):
            return await self._promised(canonical)
        raise await self.refusal(canonical)

    async def refusal(self, session_id: str) -> SessionError:
        """Return why a session cannot be continued."""
        why = "is unknown."
        if await self.database.exists(session_id):
            why = f"has expired: it was not used for {self.settings.expire_days} days."
        return SessionError(f"Session {session_id} {why}", hint=_NEW_SESSION)

    async def count_sessions(self) -> int:
        """Return how many sessions have not expired.

        Raises:
            SessionError: The store cannot be read.
        """
        return await self.database.count_sessions(self.oldest_use())

    async def sessions(self, *, expired: bool = False) -> tuple[StoredSession, ...]:
        """Return the sessions, last used first; those that have expired only if asked for.

        Raises:
            SessionError: The store cannot be read.
        """
        return await self.database.sessions(0.0 if expired else self.oldest_use())

    async def forget(self, session_id: str) -> None:
        """Delete a session and all that was said in it, from the disk too.

        Raises:
            SessionError: The store cannot be written.
        """
        await self.database.erase(session_id)

    async def wait_for_summaries(self) -> None:
        """Wait until the running summaries under way are written."""
        await asyncio.gather(*self._updates.values(), return_exceptions=True)

    async def close(self) -> None:
        """Stop the running summaries (the next turn resumes them) and close the database."""
        for task in self._updates.values():
            task.cancel()
        await self.wait_for_summaries()
        await self.database.close()

    def oldest_use(self) -> float:
        """Return the time of last use before which a session has expired."""
        return self.clock() - self.settings.expire_days * _DAY

    def update_summary_later(self, session: "Session") -> None:
        """Bring a session's running summary up to date in the background."""
        if session.session_id not in self._updates:
            task = asyncio.create_task(session.update_summary())
            self._updates[session.session_id] = task
            task.add_done_callback(lambda done: self._summary_updated(session.session_id, done))

    async def _promised(self, session_id: str) -> "Session":
        """Return a session that is not stored, but promised to a caller."""
        session = Session(session_id, self, is_new=True)
        await session.add_documents(await self.database.document_ids(session_id))
        return session

    def _summary_updated(self, session_id: str, task: asyncio.Task[None]) -> None:
        del self._updates[session_id]
        if not task.cancelled() and (error := task.exception()):
            _logger.warning("The running summary of session %s is behind: %s", session_id, error)


class Session:
    """One conversation, made by `SessionStore.create` or `SessionStore.open`.

    Every method raises SessionError when the store cannot be read or written.

    Args:
        session_id: Its id.
        store: Where it is stored.
        is_new: Whether it is not stored yet.
    """

    def __init__(self, session_id: str, store: SessionStore, *, is_new: bool = False) -> None:
        self.session_id = session_id
        self._store = store
        self._database = store.database
        self.is_new = is_new
        """Whether it is not stored yet."""
        self._new_documents: dict[str, None] = {}
        # The tokens of all its turns are known of a new session, which has none.
        self._counted = is_new

    async def document_ids(self) -> tuple[str, ...]:
        """Return the documents of the session, in the order in which they came."""
        return tuple(self._new_documents) if self.is_new else await self._database.document_ids(self.session_id)

    async def add_documents(self, document_ids: Sequence[str]) -> None:
        """Record that the session is about these documents."""
        if self.is_new:
            self._new_documents.update(dict.fromkeys(document_ids))
        else:
            await self._database.add_documents(self.session_id, document_ids)

    async def history(self, token_limit: int | None = None) -> tuple[Turn, ...]:
        """Return the newest whole turns that fit, oldest first.

        If not even the newest fits, it is returned with its middle left out, and a mark says so.

        Args:
            token_limit: Most tokens of the questions and answers together; at most, and by default, the session's own
                limit.
        """
        own_limit = self._store.settings.token_limit
        limit = own_limit if token_limit is None else min(token_limit, own_limit)
        turns = await self._database.turns(self.session_id, archived=False)
        fitting = await asyncio.to_thread(newest_turns, turns, limit, self._store.count)
        self._counted = True
        return fitting

    async def summary(self) -> str:
        """Return the running summary of all archived turns; empty while there are none."""
        state = await self._database.state(self.session_id)
        if state.archived <= state.summarized:
            return state.summary
        # Until the background summary has caught up, the rule covers the rest: no turn is ever in neither place.
        waiting = await self._database.turns(self.session_id, archived=True, offset=state.summarized)
        return self._summary_by_rule(state.summary, waiting)

    async def add_turn(self, question: str, answer: str) -> None:
        """Store a turn; it is on disk when this returns. A cancelled call stores it whole or not at all.

        Raises:
            SessionError: The session has expired meanwhile, or the store cannot be written.
        """
        if not self._counted:
            # llama-index would count the whole history in the transaction; this fills the cache before.
            await self.history()
        await asyncio.to_thread(Turn(question=question, answer=answer).tokens, self._store.count)
        await self.touch()
        new = self._store.new_session(tuple(self._new_documents)) if self.is_new else None
        await self._database.put(self.session_id, question, answer, new)
        if self.is_new:
            self.is_new = False
        self._store.update_summary_later(self)

    async def transcript(self) -> tuple[Turn, ...]:
        """Return every turn, the archived ones marked."""
        turns = await self._database.turns(self.session_id)
        archived = (await self._database.state(self.session_id)).archived
        return tuple(turn.model_copy(update={"archived": place < archived}) for place, turn in enumerate(turns))

    async def add_result(self, result: str) -> int:
        """Store a result with the session and for as long; return its number."""
        return await self._database.add_result(self.session_id, result)

    async def result(self, number: int) -> str | None:
        """Return the result of this number; None if the session has none."""
        return await self._database.result(self.session_id, number)

    async def results(self) -> tuple[str, ...]:
        """Return every result of the session, oldest first."""
        return await self._database.results(self.session_id)

    async def info(self) -> SessionInfo:
        """Return how many turns there are, how many of them are archived, and the tokens of the others."""
        state = await self._database.state(self.session_id)
        history = await self.history()
        return SessionInfo(
            session_id=self.session_id,
            turns=state.turns,
            tokens=sum(turn.tokens(self._store.count) for turn in history),
            token_limit=self._store.settings.token_limit,
            archived_turns=state.archived,
        )

    async def touch(self) -> None:
        """Record that the session is in use.

        Raises:
            SessionError: It is unknown or has expired.
        """
        now, oldest = self._store.clock(), self._store.oldest_use()
        if not (self.is_new or await self._database.touch(self.session_id, now, oldest)):
            raise await self._store.refusal(self.session_id)

    async def update_summary(self) -> None:
        """Bring the running summary up to date with the archived turns, a batch at a time."""
        settings, count = self._store.settings, self._store.count
        while (state := await self._database.state(self.session_id)).archived > state.summarized:
            done = state.summarized
            waiting = await self._database.turns(self.session_id, archived=True, offset=done, limit=_BATCH_TURNS)
            batch = await asyncio.to_thread(first_turns, waiting, settings.flush_tokens, count)
            if not batch:
                return
            # Another process may summarize the same turns meanwhile: the first one counts.
            summary = await self._summarized(state.summary, batch)
            await self._database.summarize(self.session_id, summary, done, done + len(batch))

    async def _summarized(self, summary: str, turns: Sequence[Turn]) -> str:
        if self._store.summarize is None:
            return self._summary_by_rule(summary, turns)
        first, _, body = (summary or opening_line(turns[0], self._summary_tokens)).partition("\n")
        try:
            text = await self._store.summarize(
                body, tuple(f"Question: {turn.question}\nAnswer: {turn.answer}" for turn in turns)
            )
        except Exception as error:
            _logger.warning("A rule makes the running summary, for the engine could not: %s", error)
            text = ""
        if not text.strip():
            return self._summary_by_rule(summary, turns)
        return truncate_middle(f"{first}\n{text.strip()}", self._summary_tokens, self._store.count)

    @property
    def _summary_tokens(self) -> int:
        return min(SUMMARY_TOKENS, self._store.settings.token_limit // 8)

    def _summary_by_rule(self, summary: str, turns: Sequence[Turn]) -> str:
        return summary_by_rule(summary, turns, self._summary_tokens, self._store.count)
