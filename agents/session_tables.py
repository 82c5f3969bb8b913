"""A plain connection to sessions.db, for the tables that are our own and for reading."""

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

BUSY_SECONDS = 30
"""How long a statement waits for another process's write."""


class OwnTables:
    """The connection to our own tables: a statement through llama-index's takes ten times as long.

    Args:
        path: The file; it must be there.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        set_pragmas(self._connection)

    def execute(self, statements: Sequence[str], values: Mapping[str, object]) -> list[dict[str, Any]]:
        """Execute statements in one transaction and return the rows of the last one."""
        with self._lock:
            if len(statements) == 1:
                return self._rows(statements[0], values)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                rows = [self._rows(statement, values) for statement in statements]
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk has rolled back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            return rows[-1]

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _rows(self, statement: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(statement, values)]


def set_pragmas(connection: "DBAPIConnection | sqlite3.Connection", _record: object = None) -> None:
    """Set what every connection to the file has."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1_000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # What is committed survives the death of the process; only a machine that loses power may lose the last turns.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()
