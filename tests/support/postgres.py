"""A real PostgreSQL for the tests: a cluster of its own in a temporary folder, reached through a socket there."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

both = pytest.mark.parametrize("database_url", ["SQLite", "PostgreSQL"], indirect=True)
"""A test that runs on either."""
USER = "readroom"
DEBIAN = Path("/usr/lib/postgresql")
# A test's data need not outlive a power failure.
SPEED = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=16MB -c max_connections=100"


def programs() -> Path | None:
    """Return the folder with PostgreSQL's own programs; Debian keeps them off the path."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(DEBIAN.glob("*/bin"), key=lambda each: float(each.parent.name))
    return folders[-1] if folders else None


class Cluster:
    """A server with a password.

    Args:
        programs: The folder of PostgreSQL's programs.
        folder: Of its data and its socket.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._password = secrets.token_hex(8)
        # PostgreSQL refuses to run as root.
        self._run_as: dict[str, Any] = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            self._run_as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}

    def make(self) -> None:
        """Make its files."""
        password = self._folder / "password"
        password.write_text(self._password)
        password.chmod(0o644)
        self._call(
            *("initdb", "--pgdata", str(self._folder / "data"), "--username", USER, "--no-sync"),
            *("--auth", "scram-sha-256", "--pwfile", str(password), "--encoding", "UTF8", "--locale", "C.UTF-8"),
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-c listen_addresses= -c unix_socket_directories={self._folder} {SPEED}"
        log = str(self._folder / "log")
        self._call("pg_ctl", "--pgdata", str(self._folder / "data"), "--log", log, "--options", options, "-w", "start")

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        self._call("pg_ctl", "--pgdata", str(self._folder / "data"), "--mode", "fast", "-w", "stop")

    def empty_database(self) -> SecretStr:
        """Return the address of a database without anything of Readroom's: a new one would take ten times as long."""
        with connect(self.url()) as connection:
            schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'readroom%'").fetchall()
            for (schema,) in schemas:
                connection.execute(f"DROP SCHEMA {schema} CASCADE")
        return self.url()

    def url(self, database: str = "postgres", password: str | None = None) -> SecretStr:
        """Return the address of a database."""
        secret = self._password if password is None else password
        return SecretStr(f"postgresql+psycopg://{USER}:{secret}@/{database}?host={self._folder}")

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self._folder, **self._run_as, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.decode()}")


@contextmanager
def running_cluster(programs: Path) -> Generator[Cluster]:
    """Yield a server that runs until the body ends."""
    # Not pytest's folder: others than its owner may not enter that, and a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="readroom-postgres-") as folder:
        cluster = Cluster(programs, Path(folder))
        cluster.make()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


def connect(url: SecretStr) -> "psycopg.Connection[tuple[Any, ...]]":
    """Return a connection of the test's own; each statement is committed at once."""
    address = url.get_secret_value().replace("postgresql+psycopg://", "postgresql://")
    return psycopg.connect(address, autocommit=True)


def all_rows(connection: "psycopg.Connection[tuple[Any, ...]]") -> list[tuple[str, str]]:
    """Return every row of Readroom's tables as text, with its table."""
    tables = connection.execute(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname LIKE 'readroom%'"
    ).fetchall()
    return [
        (table, row)
        for (table,) in tables
        for (row,) in connection.execute(f"SELECT each::text FROM {table} AS each").fetchall()  # noqa: S608
    ]
