"""A plain connection to sessions.db, for the tables that are our own and for reading."""

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.storage import connect, erasure, transaction


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
