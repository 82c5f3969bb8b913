"""The results of reading windows, on disk, so that after a crash only the rest is read."""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from agents.errors import SessionError, StorageError
from agents.storage import erasure, open_shared, transaction

_logger = logging.getLogger(__name__)
_MIGRATIONS = (
    # IF NOT EXISTS: the first versions made this table without counting their schema.
    """
    CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, created REAL, size INTEGER, json TEXT);
    CREATE INDEX IF NOT EXISTS results_by_age ON results (created, size);
    """,
)
_DELETE_OVER = """
    DELETE FROM results WHERE rowid IN (
        SELECT rowid FROM (
            SELECT rowid, SUM(size) OVER (ORDER BY created DESC, rowid DESC) AS total FROM results
        ) WHERE total > ?
    )
"""


class WindowCache:
    """Results by the key of their job; several processes may use it at once.

    It only saves work: a result that cannot be read or written is logged and counts as missing.

    Args:
        data_dir: Where runs.db lies or will lie. Nothing is opened yet.
        expire_seconds: A result expires this long after it was put.
        max_bytes: Bytes of all results together; the oldest are evicted. A larger one is not stored.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        data_dir: Path,
        expire_seconds: float = 7 * 86_400.0,
        max_bytes: int = 256 * 1024**2,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = data_dir / "runs.db"
        self._expire_seconds = expire_seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    async def get(self, key: str) -> str | None:
        """Return the JSON text stored under a key, or None."""
        query = "SELECT json FROM results WHERE key = ? AND created >= ?"
        rows = await asyncio.to_thread(self._execute, (query, key, self._oldest()))
        return rows[0][0] if rows else None

    async def put(self, key: str, json_text: str) -> None:
        """Store a JSON text under a key, in place of an earlier one; when this returns it outlives the process."""
        insert = "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)"
        await asyncio.to_thread(
            self._execute,
            (insert, key, self._clock(), len(json_text.encode()), json_text),
            ("DELETE FROM results WHERE created < ?", self._oldest()),
            (_DELETE_OVER, self._max_bytes),
        )

    async def erase(self) -> None:
        """Delete every result, from the disk too: a key does not tell what its result is about.

        Raises:
            SessionError: They cannot be deleted.
            StorageError: A newer version has written the file.
        """
        await asyncio.to_thread(self._erase)

    async def close(self) -> None:
        """Close the file."""
        await asyncio.to_thread(self._close)

    def _oldest(self) -> float:
        return self._clock() - self._expire_seconds

    def _execute(self, *statements: tuple[Any, ...]) -> list[Any]:
        """Execute statements, each followed by its values, in one transaction; return the rows of the last one."""
        rows: list[Any] = []
        try:
            with self._lock:
                connection = self._open()
                # A single statement is a transaction by itself, and a reader waits for no writer.
                with transaction(connection) if len(statements) > 1 else nullcontext():
                    for statement, *values in statements:
                        rows = connection.execute(statement, values).fetchall()
        except (sqlite3.Error, OSError, StorageError) as error:
            _logger.warning("Results in %s cannot be read or written: %s", self._path, error)
        return rows

    def _erase(self) -> None:
        try:
            with self._lock, erasure(self._open()):
                self._open().execute("DELETE FROM results")
        except (sqlite3.Error, OSError) as error:
            raise SessionError(
                f"The results in {self._path} cannot be deleted: {error}.",
                hint="Stop other Readroom processes and run it again, or delete the file.",
            ) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_shared(self._path, _MIGRATIONS)
        return self._connection

    def _close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
