"""Databases that several processes share: a file of SQLite for each store, or one PostgreSQL for all of them.

A store declares its tables once, and both run the same statements. What differs between the two is here: how each is
opened, migrated, locked and emptied, and what its errors mean.
"""

import contextlib
import math
import re
import sqlite3
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock
from filelock import Timeout as FileLockTimeout
from pydantic import SecretStr
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Engine,
    Insert,
    LargeBinary,
    MetaData,
    Table,
    create_engine,
    event,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import UserDefinedType

from agents.errors import ReadroomError, SettingsError, StorageError
from agents.extras import add_extra
from agents.telemetry import DATABASE_ERRORS

BUSY_SECONDS = 30
"""How long a statement waits for another process's write."""
TURN_SECONDS = 600
"""How long a process waits for others that open or make the same tables. A turn takes milliseconds and ends with its
process, but of many processes that start at once each waits for all others, and for their share of the processor."""
CONNECT_SECONDS = 10
"""How long a PostgreSQL server may take to accept a connection."""
CONNECTIONS = 5
"""Connections to PostgreSQL that one store of one process holds at most: a server has 100 by default, for all."""
FRESH_SECONDS = 0.1
"""A connection that was used so lately is taken to be open."""
SCHEMA = "readroom"
"""What the names of the schemas in PostgreSQL begin with, where its address says nothing else."""
_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,52}")
"""With the layout's name behind it, PostgreSQL's longest name has 63 characters."""
_KEEPALIVE = "-ctcp_keepalives_idle=10 -ctcp_keepalives_interval=5 -ctcp_keepalives_count=4"
_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True)
class Layout:
    """What one store keeps, and where."""

    name: str
    """Of its schema in PostgreSQL, behind the prefix that `postgres_schema` returns."""
    file: str
    """Of SQLite, in the data folder."""
    tables: MetaData
    """As they are now. A `rowid` that numbers the rows is SQLite's own there, and a column in PostgreSQL."""
    migrations: tuple[str, ...]
    """SQL scripts, oldest first, which have made a file of SQLite what it is now; a database of PostgreSQL begins with
    the tables as they are. Either records how many it has had, so they are never changed, only appended to, and what is
    appended must run on both."""


class Database:
    """One store's tables. It is opened at its first use, then made or brought to the newest schema.

    Its methods may be called from several threads; a method raises, beside what it names:
        SettingsError: The address is none of PostgreSQL, or its driver is not installed.
        StorageError: A newer version of Readroom has written the database.
        SQLAlchemyError, sqlite3.Error, OSError: Whatever `naming_errors` turns into a message.

    Args:
        layout: What it keeps.
        data_dir: The folder of its file; made if it is missing.
        url: Of a PostgreSQL that keeps it instead.
    """

    def __init__(self, layout: Layout, data_dir: Path, url: SecretStr | None = None) -> None:
        self._layout = layout
        self._server: _Server = _Postgres(layout, url) if url else _SQLite(layout, data_dir / layout.file)
        self._opening = threading.Lock()
        self._engine: Engine | None = None

    @contextmanager
    def connected(self) -> Generator[Connection]:
        """Yield a connection on which each statement is a transaction by itself: a reader waits for no writer."""
        with self._opened().connect() as connection:
            yield connection

    @contextmanager
    def transaction(self, *, alone: bool = False) -> Generator[Connection]:
        """Commit what the body executes, or roll all of it back.

        Args:
            alone: Wait until no other such transaction is under way; SQLite's are always alone.
        """
        with self.connected() as connection, self._transaction(connection):
            if alone:
                self._server.wait_for_others(connection)
            yield connection

    @contextmanager
    def erasure(self) -> Generator[Connection]:
        """Commit what the body deletes, and leave it readable neither in SQLite's file nor in its write-ahead log."""
        with self.connected() as connection:
            with self._transaction(connection):
                yield connection
            self._server.empty_log(connection)

    @property
    def place(self) -> str:
        """Where it is, without a password."""
        return self._server.place

    @property
    def name(self) -> str:
        """What tells it from others: its file, or its schema in PostgreSQL."""
        return self._server.name

    @property
    def is_shared(self) -> bool:
        """Whether other machines may use it."""
        return isinstance(self._server, _Postgres)

    def open(self) -> None:
        """Open it, and bring it to the newest schema."""
        self._opened()

    def close(self) -> None:
        """Close every connection; it opens again when it is next used."""
        with self._opening:
            engine, self._engine = self._engine, None
        if engine is not None:
            self._server.close(engine)

    @contextmanager
    def naming_errors(self, kind: type[ReadroomError], hint: str) -> Generator[None]:
        """Turn what the disk or the database says into an error that names where it is; other errors pass.

        Args:
            kind: The error's class.
            hint: What to do where a file of SQLite cannot be used.
        """
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            DATABASE_ERRORS.add(1, {"database": self._layout.name})
            cause = getattr(error, "orig", None) or error
            place = self._server.place
            if _is_busy(cause):
                busy = f"Another process has held {place} for {BUSY_SECONDS} seconds."
                raise kind(busy, hint=self._server.busy_hint) from error
            reason = self._server.reason(cause)
            message = f"The {self._layout.name} in {place} cannot be read or written: {reason}."
            raise kind(message, hint=self._server.hint or hint) from error

    def _opened(self) -> Engine:
        with self._opening:
            if self._engine is None:
                engine = self._server.engine()
                try:
                    self._server.migrate(engine)
                except BaseException:
                    self._server.close(engine)
                    raise
                self._engine = engine
            return self._engine

    @contextmanager
    def _transaction(self, connection: Connection) -> Generator[None]:
        connection.exec_driver_sql(self._server.begin)
        try:
            yield
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            try:
                connection.exec_driver_sql("ROLLBACK")
            except DBAPIError:
                # A full disk has rolled back by itself, and with a server that is gone nothing is to be undone.
                connection.invalidate()
            raise


def put(connection: Connection, table: Table, *rows: Mapping[str, object]) -> None:
    """Insert rows, in place of those with the same primary key."""
    if rows:
        connection.execute(_upsert(connection.dialect.name, table), list(rows))


def put_missing(connection: Connection, table: Table, *rows: Mapping[str, object]) -> None:
    """Insert those rows whose primary key is not there yet."""
    if rows:
        connection.execute(_insert_missing(connection.dialect.name, table), list(rows))


@cache
def _upsert(dialect: str, table: Table) -> Insert:
    insert = _INSERT[dialect](table)
    values = {
        each.name: insert.excluded[each.name] for each in table.c if not each.primary_key and each.name != "rowid"
    }
    return insert.on_conflict_do_update(index_elements=table.primary_key.columns, set_=values)


@cache
def _insert_missing(dialect: str, table: Table) -> Insert:
    return _INSERT[dialect](table).on_conflict_do_nothing()


class Utf8(UserDefinedType[bytes]):
    """A text that travels as bytes: a driver decodes it at one go, and holds the interpreter's lock meanwhile."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return its type in the database."""
        return "TEXT"

    def bind_expression(self, bindvalue: BindParameter[bytes]) -> ColumnElement[bytes]:
        """Return the text of given bytes."""
        return _TextOfBytes(type_coerce(bindvalue, LargeBinary))

    def column_expression(self, colexpr: ColumnElement[bytes]) -> ColumnElement[bytes]:
        """Return the bytes of a column's text."""
        return _BytesOfText(colexpr)


class _TextOfBytes(FunctionElement[bytes]):
    inherit_cache = True


class _BytesOfText(FunctionElement[bytes]):
    type = LargeBinary()
    inherit_cache = True


@compiles(_TextOfBytes, "sqlite")
def _text_in_sqlite(element: _TextOfBytes, compiler: SQLCompiler, **options: object) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS TEXT)"


@compiles(_TextOfBytes, "postgresql")
def _text_in_postgres(element: _TextOfBytes, compiler: SQLCompiler, **options: object) -> str:
    return f"convert_from({compiler.process(element.clauses, **options)}, 'UTF8')"


@compiles(_BytesOfText, "sqlite")
def _bytes_in_sqlite(element: _BytesOfText, compiler: SQLCompiler, **options: object) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS BLOB)"


@compiles(_BytesOfText, "postgresql")
def _bytes_in_postgres(element: _BytesOfText, compiler: SQLCompiler, **options: object) -> str:
    return f"convert_to({compiler.process(element.clauses, **options)}, 'UTF8')"


class _Server(Protocol):
    """What differs between SQLite and PostgreSQL."""

    place: str
    """For messages; without a password."""
    name: str
    begin: str
    """Begins a transaction."""
    hint: str
    """What to do where it cannot be used; empty: the store knows better."""
    busy_hint: str

    def engine(self) -> Engine:
        """Return an engine; on its connections each statement is a transaction by itself."""
        ...

    def close(self, engine: Engine) -> None:
        """Close the engine's connections, if no other store has them, too."""
        ...

    def migrate(self, engine: Engine) -> None:
        """Make the tables, or bring them to the newest schema; one process at a time."""
        ...

    def wait_for_others(self, connection: Connection) -> None:
        """Wait until no other transaction is alone."""
        ...

    def empty_log(self, connection: Connection) -> None:
        """Remove what was deleted from the log of writes."""
        ...

    def reason(self, cause: BaseException) -> str:
        """Return in words what is wrong."""
        ...


class _SQLite:
    begin = "BEGIN IMMEDIATE"
    hint = ""
    busy_hint = "Stop the other Readroom process, or set READROOM_DATA_DIR to another folder."

    def __init__(self, layout: Layout, path: Path) -> None:
        self._layout = layout
        self._path = path
        self.place = self.name = str(path)

    def engine(self) -> Engine:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # One connection: SQLite lets one write at a time, and its own wait for that is neither fair nor short.
        engine = create_engine(
            URL.create("sqlite", database=str(self._path)),
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            hide_parameters=True,
            pool_size=1,
            max_overflow=0,
            pool_timeout=BUSY_SECONDS,
            # A cached statement would keep what was bound to it, a whole book, until it is used again.
            connect_args={"cached_statements": 0},
        )
        event.listen(engine, "connect", _set_pragmas)
        return engine

    def close(self, engine: Engine) -> None:
        engine.dispose()

    def migrate(self, engine: Engine) -> None:
        # SQLite does not wait its turn to switch a new file to WAL.
        with FileLock(f"{self._path}.lock", timeout=TURN_SECONDS), engine.connect() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            _check_version(self._layout, self.place, version, hint="set READROOM_DATA_DIR to another folder")
            file: Any = connection.connection.driver_connection
            for number, script in enumerate(self._layout.migrations[version:], version + 1):
                # Committed together with its number: a crash leaves the file before the migration or after it.
                file.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")

    def wait_for_others(self, connection: Connection) -> None:
        pass

    def empty_log(self, connection: Connection) -> None:
        # What another process is reading meanwhile stays in the log.
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()

    def reason(self, cause: BaseException) -> str:
        return getattr(cause, "strerror", None) or str(cause)


def _set_pragmas(connection: DBAPIConnection, _record: object) -> None:
    """Set what every connection to a shared file needs."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1_000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # Deleted content is overwritten with zeros.
    cursor.execute("PRAGMA secure_delete = ON")
    # A commit survives the death of the process; only a power failure may lose the last ones.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


@dataclass
class _Pool:
    """Connections, and how many stores have them."""

    engine: Engine
    stores: int = 0


_POOLS: dict[tuple[str, str], _Pool] = {}
"""Of this process, by address and layout: the stores of all users share their connections."""
_POOLS_LOCK = threading.Lock()


class _Postgres:
    begin = "BEGIN"
    hint = "Check that the server runs and what READROOM_DATABASE_URL says: address, database, user and password."
    busy_hint = "Make the same call again; where it stays so, look in pg_stat_activity for a session that hangs."

    def __init__(self, layout: Layout, url: SecretStr) -> None:
        self._layout = layout
        self.name = f"{postgres_schema(url)}_{layout.name}"
        self._url = postgres_url(url).difference_update_query(["schema"])
        self._pool_key = self._url.render_as_string(hide_password=False), layout.name
        host = self._url.host or self._url.query.get("host") or "localhost"
        self.place = f"PostgreSQL at {host}:{self._url.port or 5432}/{self._url.database or ''}"

    def engine(self) -> Engine:
        with _POOLS_LOCK:
            pool = _POOLS.get(self._pool_key) or _Pool(self._pooled())
            _POOLS[self._pool_key] = pool
            pool.stores += 1
        return pool.engine.execution_options(schema_translate_map={None: self.name})

    def close(self, engine: Engine) -> None:
        with _POOLS_LOCK:
            pool = _POOLS[self._pool_key]
            pool.stores -= 1
            if not pool.stores:
                del _POOLS[self._pool_key]
                engine.dispose()

    def _pooled(self) -> Engine:
        # What a machine held that is gone without a word is given up after half a minute.
        options = f"-clock_timeout={BUSY_SECONDS * 1_000} " + _KEEPALIVE
        defaults: dict[str, object] = {"connect_timeout": CONNECT_SECONDS, "options": options}
        try:
            engine = create_engine(
                self._url,
                isolation_level="AUTOCOMMIT",
                skip_autocommit_rollback=True,
                hide_parameters=True,
                pool_size=CONNECTIONS,
                max_overflow=0,
                pool_timeout=BUSY_SECONDS,
                use_native_hstore=False,
                connect_args={name: value for name, value in defaults.items() if name not in self._url.query},
            )
        except ImportError as error:
            raise SettingsError(
                "READROOM_DATABASE_URL is set, and the driver for PostgreSQL is not installed.",
                hint=f"Install it: {add_extra('postgres')}",
            ) from error
        event.listen(engine, "checkin", _note_use)
        event.listen(engine, "checkout", _ping_unused)
        return engine

    def migrate(self, engine: Engine) -> None:
        with engine.connect() as connection:
            version = self._version(connection)
            if version == len(self._layout.migrations):
                # Where a role may make no tables, `readroom admin migrate` has done so as another.
                return
            _check_version(self._layout, self.place, version, hint="name another database in READROOM_DATABASE_URL")
        with engine.connect() as connection, connection.execution_options(isolation_level="READ COMMITTED").begin():
            self.wait_for_others(connection)
            version = self._version(connection)
            if version == 0:
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {self.name}")
                connection.exec_driver_sql(f"CREATE TABLE {self.name}.migrations (number INTEGER PRIMARY KEY)")
                self._layout.tables.create_all(connection)
            else:
                connection.exec_driver_sql(f"SET LOCAL search_path = {self.name}")
                for script in self._layout.migrations[version:]:
                    connection.exec_driver_sql(script)
            connection.exec_driver_sql(
                f"INSERT INTO {self.name}.migrations "
                f"SELECT generate_series({version + 1}, {len(self._layout.migrations)})"
            )

    def wait_for_others(self, connection: Connection) -> None:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext(%s))", (self.name,))

    def empty_log(self, connection: Connection) -> None:
        # The server's own matter, as are its backups.
        pass

    def reason(self, cause: BaseException) -> str:
        words = " ".join(str(cause).split()).rstrip(".")
        return words.replace(str(self._url.password), "***") if self._url.password else words

    def _version(self, connection: Connection) -> int:
        # A query, for `to_regclass` may answer from before another process's commit.
        tables = "SELECT FROM pg_catalog.pg_tables WHERE schemaname = %s AND tablename = 'migrations'"
        if connection.exec_driver_sql(tables, (self.name,)).first() is None:
            return 0
        numbers = f"SELECT coalesce(max(number), 0) FROM {self.name}.migrations"  # noqa: S608
        return connection.exec_driver_sql(numbers).scalar_one()


def _note_use(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _ping_unused(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Have the pool make a new connection in place of one that a restarted server has closed.

    SQLAlchemy's own ping, before each use, doubles the way to the server and back.
    """
    if time.monotonic() - record.info.get("used", math.inf) < FRESH_SECONDS:
        return
    try:
        connection.cursor().execute("SELECT 1")
    except Exception as error:
        raise DisconnectionError from error


def postgres_url(url: SecretStr) -> URL:
    """Return the parts of a database's address.

    Raises:
        SettingsError: It is none of PostgreSQL. The message does not repeat it, for it may hold a password.
    """
    with contextlib.suppress(ArgumentError, ValueError):
        parts = make_url(url.get_secret_value())
        # Of an "@" in a password that is not escaped, the rest would be taken for the host.
        if parts.drivername in ("postgresql", "postgresql+psycopg") and "@" not in (parts.host or ""):
            return parts.set(drivername="postgresql+psycopg")
    raise SettingsError(
        "READROOM_DATABASE_URL is not the address of a PostgreSQL database.",
        hint="It looks like postgresql+psycopg://user:password@host:5432/database; write special characters of the "
        "password as %40 and the like.",
    )


def postgres_schema(url: SecretStr) -> str:
    """Return what the names of the schemas begin with, `readroom` or what `?schema=` in the address says.

    Raises:
        SettingsError: It is no name, or the address is none of PostgreSQL.
    """
    schema = postgres_url(url).query.get("schema", SCHEMA)
    if not isinstance(schema, str) or not _SCHEMA.fullmatch(schema):
        raise SettingsError(
            "The schema in READROOM_DATABASE_URL is no name.",
            hint="Write ?schema= and at most 53 small letters of a to z, digits and underscores, or leave it out.",
        )
    return schema


def for_schema(url: SecretStr, schema: str) -> SecretStr:
    """Return the address of other schemas in the same PostgreSQL.

    Raises:
        SettingsError: As `postgres_url`.
    """
    other = postgres_url(url).update_query_dict({"schema": schema})
    return SecretStr(other.render_as_string(hide_password=False))


def _check_version(layout: Layout, place: str, version: int, hint: str) -> None:
    if version > len(layout.migrations):
        raise StorageError(
            f"{place} was written by a newer version of Readroom: its schema is {version}, and this version knows "
            f"{len(layout.migrations)}.",
            hint=f"Update Readroom, or {hint}.",
        )


def _is_busy(cause: BaseException) -> bool:
    """Whether another process, or another thread, has held what is needed for too long."""
    if isinstance(cause, FileLockTimeout | PoolTimeout):
        return True
    # The low byte of SQLite's code is the kind of its error.
    code: int = getattr(cause, "sqlite_errorcode", 0)
    return code & 0xFF in _SQLITE_BUSY or getattr(cause, "sqlstate", None) == _LOCK_NOT_AVAILABLE
