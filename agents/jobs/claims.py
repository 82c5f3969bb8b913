"""Claims on work: of all who would do the same at once, one does it.

With PostgreSQL that holds between processes, too, wherever they run. A claim is a lock there that ends with the
connection: what a killed process had claimed is free at once, and what a lost machine had as soon as it is missed.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.exc import SQLAlchemyError

from agents.errors import ReadroomError, SessionError
from agents.storage import Database

RETRY_SECONDS = 0.25
"""After which a claim that another has is worth trying again."""
_logger = logging.getLogger(__name__)
_NUMBER = func.hashtextextended(bindparam("key"), 0)
_LOCK, _UNLOCK = select(func.pg_try_advisory_lock(_NUMBER)), select(func.pg_advisory_unlock(_NUMBER))


class Claims:
    """The claims of one process. They only save work: where the database cannot be reached, everything is granted.

    Args:
        database: Where they are held if other machines use it; else this process's claims stand against each other.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._holders: dict[str, object] = {}
        self._connection: Connection | None = None
        self._closing = ExitStack()
        # One thread: the connection belongs to it, and a claim is given up only after it was taken.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="claims")

    @asynccontextmanager
    async def claim(self, key: str) -> AsyncGenerator[bool]:
        """Yield whether the work of this key is the caller's, until the body ends; otherwise another is doing it."""
        loop, holder = asyncio.get_running_loop(), object()
        try:
            yield await loop.run_in_executor(self._thread, self._take, key, holder)
        finally:
            await asyncio.shield(loop.run_in_executor(self._thread, self._give_up, key, holder))

    def close(self) -> None:
        """End the thread; every claim has been given up."""
        self._thread.shutdown()

    def _take(self, key: str, holder: object) -> bool:
        if key in self._holders:
            return False
        granted = not self._database.is_shared or self._locked(key)
        if granted:
            self._holders[key] = holder
        self._close_if_unused()
        return granted

    def _give_up(self, key: str, holder: object) -> None:
        if self._holders.get(key) is not holder:
            return
        del self._holders[key]
        if self._connection is not None:
            try:
                self._connection.execute(_UNLOCK, {"key": key})
            except SQLAlchemyError:
                # With the connection its locks are gone.
                self._connection.invalidate()
        self._close_if_unused()

    def _locked(self, key: str) -> bool:
        try:
            with self._database.naming_errors(SessionError, hint=""):
                if self._connection is None:
                    self._connection = self._closing.enter_context(self._database.connected())
                return self._connection.execute(_LOCK, {"key": key}).scalar_one()
        except ReadroomError as error:
            _logger.warning("Work is done unclaimed, perhaps twice: %s", error)
            if self._connection is not None:
                self._connection.invalidate()
            return True

    def _close_if_unused(self) -> None:
        """Return the connection: the next one is tried before it is used."""
        if not self._holders and self._connection is not None:
            self._connection = None
            self._closing.close()
