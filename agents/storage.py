"""SQLite files that several processes share: one way to open, migrate and write them."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from agents.errors import StorageError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

BUSY_SECONDS = 30
"""How long a statement waits for another process's write."""
TURN_SECONDS = 600
"""How long a process waits for its turn with a file. A turn takes milliseconds and ends with its process, but of many
processes that start at once each waits for all others, and for their share of the processor."""


def open_shared(path: Path, migrations: tuple[str, ...]) -> sqlite3.Connection:
    """Open a file for several processes and threads, made if it is missing and brought to the newest schema.

    Args:
        path: The file; its folder is made, too.
        migrations: As in `migrate`.

    Raises:
        StorageError: A newer version of Readroom has written the file.
        OSError: The folder cannot be made, or other processes have held the lock for TURN_SECONDS.
        sqlite3.Error: The file is damaged, or cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # SQLite does not wait its turn to switch a new file to WAL.
    with FileLock(f"{path}.lock", timeout=TURN_SECONDS):
        # A cached statement would keep what was bound to it, a whole book, until it is used again.
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=0)
        try:
            set_pragmas(connection)
            migrate(connection, path, migrations)
        except BaseException:
            connection.close()
            raise
    return connection


def migrate(connection: sqlite3.Connection, path: Path, migrations: tuple[str, ...]) -> None:
    """Bring a file to the newest schema. The caller holds the file's lock.

    Args:
        connection: To the file.
        path: The file, for messages.
        migrations: SQL scripts, oldest first. The file's `user_version` says how many of them it has had, so they are
            never changed, only appended to.

    Raises:
        StorageError: A newer version of Readroom has written the file.
        sqlite3.Error: A migration failed; the file stays as it was before that one.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise StorageError(
            f"{path} was written by a newer version of Readroom: its schema is {version}, and this version knows "
            f"{len(migrations)}.",
            hint="Update Readroom, or set READROOM_DATA_DIR to another folder.",
        )
    for number, script in enumerate(migrations[version:], version + 1):
        # Committed together with its number: a crash leaves the file before the migration or after it.
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def set_pragmas(connection: "DBAPIConnection | sqlite3.Connection", _record: object = None) -> None:
    """Set what every connection to a shared file needs."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1_000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # Deleted content is overwritten with zeros.
    cursor.execute("PRAGMA secure_delete = ON")
    # A commit survives the death of the process; only a power failure may lose the last ones.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """Commit what the body executes, or roll all of it back.

    Raises:
        sqlite3.Error: Another process has been writing for BUSY_SECONDS, or the disk is full.
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


@contextmanager
def erasure(connection: sqlite3.Connection) -> Generator[None]:
    """Commit what the body deletes, and leave it readable neither in the file nor in its write-ahead log.

    Raises:
        sqlite3.Error: As in `transaction`.
    """
    with transaction(connection):
        yield
    # What another process is reading meanwhile stays in the log.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
