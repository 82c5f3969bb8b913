"""SQLite files that several processes share: how they are made, opened and written."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

BUSY_SECONDS = 30
"""How long a statement waits for another process's write, and a process for another that makes the file."""


def open_shared(path: Path, schema: str) -> sqlite3.Connection:
    """Open a file, made with its folder if it is missing, for several processes and threads.

    Args:
        path: The file.
        schema: Statements that make the tables which are missing.

    Raises:
        OSError: The folder cannot be made, or another process has held the lock for BUSY_SECONDS.
        sqlite3.Error: The file is damaged, or cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # SQLite does not wait its turn to switch a new file to WAL.
    with FileLock(f"{path}.lock", timeout=BUSY_SECONDS):
        connection = connect(path)
        try:
            connection.executescript(schema)
        except sqlite3.Error:
            connection.close()
            raise
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """Connect to a file, with transactions left to `transaction`.

    Raises:
        sqlite3.Error: The file cannot be opened.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        set_pragmas(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def set_pragmas(connection: "DBAPIConnection | sqlite3.Connection", _record: object = None) -> None:
    """Set what every connection to a shared file has."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1_000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # What is deleted is overwritten, also where it is only old.
    cursor.execute("PRAGMA secure_delete = ON")
    # What is committed survives the death of the process; only a machine that loses power may lose the last of it.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


@contextmanager
def erasure(connection: sqlite3.Connection) -> Generator[None]:
    """Commit what is deleted meanwhile, so that it can be read neither from the file nor from its log.

    Raises:
        sqlite3.Error: As in `transaction`.
    """
    with transaction(connection):
        yield
    # What another process is reading meanwhile stays in the log.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """Commit what is executed meanwhile, or all of it is undone.

    Raises:
        sqlite3.Error: Another process has written for BUSY_SECONDS, or the disk is full.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk has rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
