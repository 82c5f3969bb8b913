import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agents.documents.parsing.parsed import PARSER_VERSION
from agents.documents.store import Store
from agents.errors import StorageError
from agents.jobs.window_cache import WindowCache
from agents.language.tokens import estimate_tokens
from agents.sessions.history import Turn
from agents.sessions.sessions import SessionStore
from agents.settings import MemorySettings, Settings
from agents.storage import open_shared, transaction
from agents.stored_data import list_stored

MIGRATIONS = ("CREATE TABLE words (word TEXT PRIMARY KEY);",)
TWO_MIGRATIONS = (*MIGRATIONS, "ALTER TABLE words ADD COLUMN length INTEGER; UPDATE words SET length = length(word);")


MAKE_AND_PUT = """
import sys
from pathlib import Path
from agents.storage import open_shared, transaction

connection = open_shared(Path(sys.argv[1]), (sys.argv[2],))
with transaction(connection):
    connection.execute("INSERT INTO words VALUES (?)", (sys.argv[3],))
"""


def put_twice(connection: sqlite3.Connection, word: str) -> None:
    with transaction(connection):
        connection.execute("INSERT INTO words VALUES (?)", (word,))
        connection.execute("INSERT INTO words VALUES (?)", (word,))


def write_file(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def schema(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def words(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT word FROM words ORDER BY word")]


def test_a_file_is_made_with_its_folder_and_read_by_others_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "words.db"
    one, other = open_shared(path, MIGRATIONS), open_shared(path, MIGRATIONS)

    with transaction(one):
        one.execute("INSERT INTO words VALUES ('first')")
        assert words(other) == []
    assert words(other) == ["first"]
    for connection in (one, other):
        connection.close()


def test_what_fails_is_undone_as_a_whole(tmp_path: Path) -> None:
    connection = open_shared(tmp_path / "words.db", MIGRATIONS)

    with pytest.raises(sqlite3.IntegrityError):
        put_twice(connection, "first")

    assert words(connection) == []
    with transaction(connection):
        connection.execute("INSERT INTO words VALUES ('second')")
    assert words(connection) == ["second"]
    connection.close()


def test_processes_that_make_the_file_at_once_all_get_it(tmp_path: Path) -> None:
    path = tmp_path / "words.db"

    makers = [subprocess.Popen([sys.executable, "-c", MAKE_AND_PUT, str(path), *MIGRATIONS, name]) for name in "abcdef"]

    assert [maker.wait(60) for maker in makers] == [0] * 6
    connection = open_shared(path, MIGRATIONS)
    assert words(connection) == list("abcdef")
    connection.close()


def test_what_is_no_database_is_refused_and_let_go(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    path.write_text("no database, but long enough to be looked at")

    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        open_shared(path, MIGRATIONS)


def test_a_file_gets_the_migrations_that_it_lacks_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    old = open_shared(path, MIGRATIONS)
    old.execute("INSERT INTO words VALUES ('first')")
    old.close()

    for _ in range(2):
        new = open_shared(path, TWO_MIGRATIONS)
        assert new.execute("SELECT word, length FROM words").fetchall() == [("first", 5)]
        new.close()
    assert schema(path) == 2


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    open_shared(path, MIGRATIONS).close()

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        open_shared(path, (*MIGRATIONS, "CREATE TABLE half (a); UPDATE missing SET a = 1;"))

    assert schema(path) == 1
    connection = open_shared(path, TWO_MIGRATIONS)
    assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall() == []
    connection.close()


def test_a_file_of_a_newer_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    open_shared(path, TWO_MIGRATIONS).close()

    with pytest.raises(StorageError, match=r"words\.db was written by a newer version of Readroom") as caught:
        open_shared(path, MIGRATIONS)

    assert caught.value.hint == "Update Readroom, or set READROOM_DATA_DIR to another folder."


# The three files as versions wrote them that did not number their schema: `user_version` is 0.
SESSIONS = """
CREATE TABLE messages (
    id INTEGER NOT NULL, "key" VARCHAR NOT NULL, timestamp BIGINT NOT NULL, role VARCHAR NOT NULL,
    status VARCHAR NOT NULL, data JSON NOT NULL, PRIMARY KEY (id)
);
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, created REAL NOT NULL, used REAL NOT NULL,
    summary TEXT NOT NULL DEFAULT '', summarized INTEGER NOT NULL DEFAULT 0);
CREATE INDEX sessions_used ON sessions (used);
CREATE TABLE session_documents (
    session_id TEXT NOT NULL, document_id TEXT NOT NULL, PRIMARY KEY (session_id, document_id));
INSERT INTO sessions VALUES ('229b3b23-5f2c-4918-a043-bc73cacc713f', 1000000000.0, 1000000000.0, '', 0);
INSERT INTO session_documents VALUES ('229b3b23-5f2c-4918-a043-bc73cacc713f', '00000000deadbeef');
INSERT INTO messages VALUES (1, '229b3b23-5f2c-4918-a043-bc73cacc713f', 1, 'user', 'active',
    '{"role": "user", "additional_kwargs": {}, "blocks": [{"block_type": "text", "text": "Who signs?"}]}');
INSERT INTO messages VALUES (2, '229b3b23-5f2c-4918-a043-bc73cacc713f', 2, 'assistant', 'active',
    '{"role": "assistant", "additional_kwargs": {}, "blocks": [{"block_type": "text", "text": "Maria Holm."}]}');
"""
RUNS = """
CREATE TABLE results (key TEXT PRIMARY KEY, created REAL, size INTEGER, json TEXT);
CREATE INDEX results_by_age ON results (created, size);
INSERT INTO results VALUES ('k', 1000000000.0, 1, '1');
"""
LIBRARY = """
CREATE TABLE documents (
    document_id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, parser INTEGER NOT NULL, name TEXT NOT NULL,
    title TEXT NOT NULL, text TEXT NOT NULL, pages TEXT NOT NULL, headings TEXT NOT NULL, warnings TEXT NOT NULL
);
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, document_id TEXT NOT NULL
);
INSERT INTO documents VALUES
    ('00000000deadbeef', '00', 0, 'rules.md', 'Rules', 'No dogs.', '[[1, 0, 8]]', '[]', '[]');
INSERT INTO files VALUES ('/rules.md', 8, 1, '00000000deadbeef');
"""


async def test_sessions_without_a_schema_number_are_taken_over(tmp_path: Path) -> None:
    write_file(tmp_path / "sessions.db", SESSIONS)
    store = SessionStore(MemorySettings(), tmp_path, estimate_tokens, clock=lambda: 1_000_000_000.0)

    session = await store.open("229b3b23-5f2c-4918-a043-bc73cacc713f")

    assert await session.history() == (Turn(question="Who signs?", answer="Maria Holm."),)
    assert await session.document_ids() == ("00000000deadbeef",)
    await session.add_turn("Who else?", "Nobody.")
    assert (await session.info()).turns == 2
    await store.close()
    assert schema(tmp_path / "sessions.db") == 2


async def test_results_without_a_schema_number_are_taken_over(tmp_path: Path) -> None:
    write_file(tmp_path / "runs.db", RUNS)
    cache = WindowCache(tmp_path, clock=lambda: 1_000_000_000.0)

    assert await cache.get("k") == "1"
    await cache.close()
    assert schema(tmp_path / "runs.db") == 1


def test_a_library_without_a_schema_number_is_taken_over(tmp_path: Path) -> None:
    write_file(tmp_path / "library.sqlite3", LIBRARY)
    with closing(sqlite3.connect(tmp_path / "library.sqlite3")) as connection, connection:
        connection.execute("UPDATE documents SET parser = ?", (PARSER_VERSION,))
    library = Store(tmp_path / "library.sqlite3")

    document = library.document("00000000deadbeef")

    assert document is not None
    assert (document.title, document.text) == ("Rules", "No dogs.")
    assert library.origins("00000000deadbeef") == ("/rules.md",)
    library.close()
    assert schema(tmp_path / "library.sqlite3") == 1


@pytest.mark.parametrize("name", ["sessions.db", "library.sqlite3"])
async def test_data_of_a_newer_version_is_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    write_file(tmp_path / name, "PRAGMA user_version = 99;")

    with pytest.raises(StorageError, match=f"{name} was written by a newer version") as caught:
        await list_stored(Settings(data_dir=tmp_path))

    assert "Update Readroom" in caught.value.hint


async def test_results_of_a_newer_version_cost_time_and_not_the_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_file(tmp_path / "runs.db", "PRAGMA user_version = 99;")
    cache = WindowCache(tmp_path)

    await cache.put("k", "1")

    assert await cache.get("k") is None
    assert "Update Readroom" in caplog.text
    with pytest.raises(StorageError, match="newer version"):
        await cache.erase()
    await cache.close()
