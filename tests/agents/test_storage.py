import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError

from agents import storage
from agents.documents import store as documents
from agents.documents.parsing.parsed import PARSER_VERSION
from agents.documents.store import Store
from agents.errors import DocumentError, SessionError, SettingsError, StorageError
from agents.jobs import window_cache
from agents.jobs.window_cache import WindowCache
from agents.language.tokens import estimate_tokens
from agents.sessions import store as sessions
from agents.sessions.history import Turn
from agents.sessions.sessions import SessionStore
from agents.settings import MemorySettings, Settings
from agents.storage import Database, Layout, put, put_missing
from agents.stored_data import list_stored, migrate
from tests.support import postgres
from tests.support.postgres import Cluster, both

REPOSITORY = Path(__file__).parents[2]
MIGRATIONS = ("CREATE TABLE words (word TEXT PRIMARY KEY);",)
SECOND = "ALTER TABLE words ADD COLUMN length INTEGER; UPDATE words SET length = length(word);"

MAKE_AND_PUT = """
import sys
from pathlib import Path
from pydantic import SecretStr
from tests.agents.test_storage import WORDS, open_words
from agents.storage import put_missing

folder, word, *url = sys.argv[1:]
with open_words(Path(folder), SecretStr(url[0]) if url else None).transaction() as connection:
    put_missing(connection, WORDS, {"word": word})
"""

WORDS = Table("words", MetaData(), Column("word", Text, primary_key=True))
LATER_WORDS = Table("words", MetaData(), Column("word", Text, primary_key=True), Column("length", Integer))


def open_words(folder: Path, url: SecretStr | None = None, *later: str) -> Database:
    """Open a database of words, with a script for each later version."""
    table = LATER_WORDS if later else WORDS
    return Database(Layout("words", "words.db", table.metadata, (*MIGRATIONS, *later)), folder, url)


@pytest.fixture
def opened(tmp_path: Path, database_url: SecretStr | None) -> Iterator[Callable[..., Database]]:
    """Open the test's own database of words, as another process would."""
    databases: list[Database] = []

    def open_another(*later: str) -> Database:
        databases.append(open_words(tmp_path / "new", database_url, *later))
        return databases[-1]

    yield open_another
    for database in databases:
        database.close()


Opened = Callable[..., Database]


def add(database: Database, *words: str) -> None:
    with database.transaction() as connection:
        for word in words:
            connection.execute(insert(WORDS), {"word": word})


def add_naming_errors(database: Database, word: str) -> None:
    with database.naming_errors(SessionError, hint="Mend it."):
        add(database, word)


def words(database: Database) -> list[str]:
    with database.connected() as connection:
        return sorted(connection.execute(select(WORDS.c.word)).scalars())


def write_file(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def schema(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


@both
def test_a_database_is_made_and_read_by_others_while_it_is_written(opened: Opened) -> None:
    one, other = opened(), opened()

    with one.transaction() as connection:
        connection.execute(insert(WORDS), {"word": "first"})
        assert words(other) == []
    assert words(other) == ["first"]


@both
def test_what_fails_is_undone_as_a_whole(opened: Opened) -> None:
    database = opened()

    with pytest.raises(IntegrityError):
        add(database, "first", "first")

    assert words(database) == []
    add(database, "second")
    assert words(database) == ["second"]


@both
def test_rows_are_put_in_place_of_others_or_only_where_they_are_missing(opened: Opened) -> None:
    database = opened(SECOND)

    with database.transaction() as connection:
        put(connection, LATER_WORDS, {"word": "a", "length": 1}, {"word": "b", "length": 1})
        put(connection, LATER_WORDS, {"word": "a", "length": 2})
        put_missing(connection, LATER_WORDS, {"word": "b", "length": 2}, {"word": "c", "length": 2})

    with database.connected() as connection:
        found = connection.execute(select(LATER_WORDS).order_by(LATER_WORDS.c.word)).all()
    assert [tuple(row) for row in found] == [("a", 2), ("b", 1), ("c", 2)]


@both
def test_processes_that_make_the_tables_at_once_all_get_them(
    tmp_path: Path, opened: Opened, database_url: SecretStr | None
) -> None:
    url = [database_url.get_secret_value()] if database_url else []
    command = [sys.executable, "-c", MAKE_AND_PUT, str(tmp_path / "new")]

    makers = [subprocess.Popen([*command, name, *url], cwd=REPOSITORY) for name in "abcdef"]

    assert [maker.wait(120) for maker in makers] == [0] * 6
    assert words(opened()) == list("abcdef")


@both
def test_a_database_gets_the_migrations_that_it_lacks_and_keeps_its_rows(opened: Opened) -> None:
    old = opened()
    add(old, "first")
    old.close()

    for _ in range(2):
        with opened(SECOND).connected() as connection:
            assert connection.execute(select(LATER_WORDS)).all() == [("first", 5)]


@both
def test_a_migration_that_fails_leaves_the_database_as_it_was(opened: Opened) -> None:
    old = opened()
    add(old, "first")
    old.close()

    with pytest.raises((DBAPIError, sqlite3.Error), match="missing"):
        opened("CREATE TABLE half (a INTEGER); UPDATE missing SET a = 1;").open()

    with opened(SECOND, "CREATE TABLE half (a INTEGER);").connected() as connection:
        assert connection.execute(select(LATER_WORDS)).all() == [("first", 5)]


@both
def test_a_database_of_a_newer_version_is_refused_with_what_to_do(
    opened: Opened, database_url: SecretStr | None
) -> None:
    opened(SECOND).open()

    with pytest.raises(StorageError, match="was written by a newer version of Readroom") as caught:
        opened().open()

    other = (
        "name another database in READROOM_DATABASE_URL" if database_url else "set READROOM_DATA_DIR to another folder"
    )
    assert caught.value.hint == f"Update Readroom, or {other}."


def test_what_is_no_database_is_refused_and_let_go(tmp_path: Path) -> None:
    (tmp_path / "words.db").write_text("no database, but long enough to be looked at")

    with pytest.raises(DatabaseError, match="not a database"):
        open_words(tmp_path).open()


@both
def test_a_lock_that_is_held_for_too_long_is_named(
    monkeypatch: pytest.MonkeyPatch, opened: Opened, database_url: SecretStr | None
) -> None:
    monkeypatch.setattr(storage, "BUSY_SECONDS", 0.1)
    one, other = opened(), opened()

    with one.transaction() as connection:
        connection.execute(insert(WORDS), {"word": "first"})
        with pytest.raises(SessionError, match=r"Another process has held .* for 0\.1 seconds") as caught:
            add_naming_errors(other, "first")

    assert ("pg_stat_activity" if database_url else "Stop the other Readroom process") in caught.value.hint


async def refused(tmp_path: Path, url: str) -> str:
    """Return what the sessions and the library say of an address, which is the same but for their names."""
    store = SessionStore(MemorySettings(), tmp_path, estimate_tokens, database_url=SecretStr(url))
    library = Store(tmp_path, SecretStr(url))
    with pytest.raises((SessionError, SettingsError)) as caught:
        await store.create()
    with pytest.raises((DocumentError, SettingsError)) as caught_too:
        library.count()
    await store.close()
    library.close()
    assert "hunter2" not in f"{caught.value} {caught_too.value}"
    assert str(caught_too.value) == str(caught.value).replace("The sessions", "The library")
    return str(caught.value)


async def test_a_wrong_password_is_said_and_not_shown(tmp_path: Path, cluster: Cluster) -> None:
    said = await refused(tmp_path, cluster.url(password="hunter2").get_secret_value())

    assert said.startswith("The sessions in PostgreSQL at ")
    assert "password authentication failed" in said
    assert "Check that the server runs and what READROOM_DATABASE_URL says" in said


async def test_a_missing_database_is_named(tmp_path: Path, cluster: Cluster) -> None:
    assert 'database "elsewhere" does not exist' in await refused(tmp_path, cluster.url("elsewhere").get_secret_value())


async def test_a_server_that_is_down_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        # Bound and never listened at: whoever connects is refused.
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        said = await refused(tmp_path, f"postgresql+psycopg://readroom:hunter2@127.0.0.1:{port}/readroom")

    assert f"The sessions in PostgreSQL at 127.0.0.1:{port}/readroom cannot be read or written" in said


async def test_a_server_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The driver's own least.
    monkeypatch.setattr(storage, "CONNECT_SECONDS", 2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        assert "timeout expired" in await refused(tmp_path, f"postgresql+psycopg://readroom:hunter2@{address}/readroom")


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "mysql://readroom:hunter2@host/readroom",
        "postgresql+psycopg://r:a@hunter2@host/r",
    ],
)
def test_what_is_no_address_of_a_postgresql_is_refused_and_not_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="is not the address of a PostgreSQL database") as caught:
        Store(tmp_path, SecretStr(url))

    assert "postgresql+psycopg://user:password@host:5432/database" in caught.value.hint
    assert "hunter2" not in str(caught.value)


def test_a_driver_that_is_not_installed_is_named_with_what_installs_it(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["psycopg"] = None
from pathlib import Path
from pydantic import SecretStr
from agents.documents.store import Store
Store(Path(sys.argv[1]), SecretStr("postgresql://readroom@127.0.0.1:1/readroom")).count()
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True)

    assert "the driver for PostgreSQL is not installed" in done.stderr
    assert "-m pip install" in done.stderr


@both
async def test_the_tables_are_made_ahead_for_a_user_who_may_make_none(
    tmp_path: Path, database_url: SecretStr | None
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=database_url)

    made = await migrate(settings)

    assert [store.name for store in made] == ["sessions", "library", "results"]
    if database_url is None:
        return
    with postgres.connect(database_url) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        for (schema,) in connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'readroom%'"
        ).fetchall():
            connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO guest")
            connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO guest")
    address = make_url(database_url.get_secret_value()).set(username="guest", password="guest")
    guests = SecretStr(address.render_as_string(hide_password=False))
    store = SessionStore(MemorySettings(), tmp_path, estimate_tokens, database_url=guests)
    session = await store.create()
    await session.add_turn("Who signs?", "Maria Holm.")
    assert (await session.info()).turns == 1
    await store.close()
    with postgres.connect(database_url) as connection:
        connection.execute("DROP OWNED BY guest")
        connection.execute("DROP ROLE guest")


@pytest.mark.parametrize("layout", [documents.LAYOUT, sessions.LAYOUT, window_cache.LAYOUT], ids=lambda each: each.name)
def test_the_tables_of_a_file_are_those_that_are_declared(tmp_path: Path, layout: Layout) -> None:
    database = Database(layout, tmp_path)

    with database.connected() as connection:
        inspector = inspect(connection)
        found = {
            name: (
                [column["name"] for column in inspector.get_columns(name)],
                inspector.get_pk_constraint(name)["constrained_columns"],
            )
            for name in inspector.get_table_names()
        }

    database.close()
    assert found == {
        table.name: (
            [column.name for column in table.c if column.name != "rowid"],
            [column.name for column in table.primary_key],
        )
        for table in layout.tables.sorted_tables
    }


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
    assert schema(tmp_path / "sessions.db") == 4


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
    library = Store(tmp_path)

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


def test_an_address_names_the_schemas_so_that_nobody_finds_another_s_rows(
    empty_postgres: SecretStr, tmp_path: Path
) -> None:
    hers, his = (
        open_words(tmp_path, storage.for_schema(empty_postgres, schema)) for schema in ("readroom_ada", "readroom_ben")
    )
    with hers.transaction() as connection:
        put_missing(connection, WORDS, {"word": "hers"})
    with his.transaction() as connection:
        put_missing(connection, WORDS, {"word": "his"})
        assert connection.execute(select(WORDS.c.word)).scalars().all() == ["his"]
    hers.close()
    his.close()


def test_stores_at_one_address_share_their_connections(empty_postgres: SecretStr, tmp_path: Path) -> None:
    stores = [open_words(tmp_path, storage.for_schema(empty_postgres, f"readroom_{n}")) for n in range(9)]
    for store in stores:
        store.open()
    with postgres.connect(empty_postgres) as connection:
        asked = (
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        opened = connection.execute(asked).fetchone()
    for store in stores:
        store.close()
    assert opened
    assert opened[0] <= storage.CONNECTIONS


@pytest.mark.parametrize("schema", ["Ada", "ada;drop", "ada-b", 'a"b', "a" * 54, "1a"])
def test_a_schema_that_is_no_plain_name_is_refused(schema: str) -> None:
    url = make_url("postgresql://h/d").update_query_dict({"schema": schema})
    with pytest.raises(SettingsError, match="is no name"):
        storage.postgres_schema(SecretStr(url.render_as_string()))
