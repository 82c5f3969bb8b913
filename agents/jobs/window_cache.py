"""The results of reading windows, on disk, so that after a crash only the rest is read.

Where servers share a database, it holds the results of whole runs, too.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Identity,
    Index,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
)

from agents.errors import ReadroomError, SessionError
from agents.jobs.claims import Claims
from agents.storage import Database, Layout, put

_logger = logging.getLogger(__name__)
_TABLES = MetaData()
_RESULTS = Table(
    "results",
    _TABLES,
    Column("rowid", BigInteger, Identity()),
    Column("key", Text, primary_key=True),
    Column("created", Double),
    Column("size", BigInteger),
    Column("json", Text),
)
Index("results_by_age", _RESULTS.c.created, _RESULTS.c.size)
_MIGRATIONS = (
    # IF NOT EXISTS: the first versions made this table without counting their schema.
    """
    CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, created REAL, size INTEGER, json TEXT);
    CREATE INDEX IF NOT EXISTS results_by_age ON results (created, size);
    """,
)
LAYOUT = Layout("results", "runs.db", _TABLES, _MIGRATIONS)
_R = _RESULTS.c
_GET = select(_R.json).where(_R.key == bindparam("key"), _R.created >= bindparam("oldest"))
_DELETE_EXPIRED = delete(_RESULTS).where(_R.created < bindparam("oldest"))
_SIZES = select(
    _R.rowid, func.sum(_R.size).over(order_by=(_R.created.desc(), _R.rowid.desc())).label("total")
).subquery()
_DELETE_OVER = delete(_RESULTS).where(_R.rowid.in_(select(_SIZES.c.rowid).where(_SIZES.c.total > bindparam("most"))))


class WindowCache:
    """Results by the key of their job; several processes may use it at once.

    It only saves work: a result that cannot be read or written is logged and counts as missing.

    Args:
        data_dir: Where runs.db lies or will lie. Nothing is opened yet.
        expire_seconds: A result expires this long after it was put.
        max_bytes: Bytes of all results together; the oldest are evicted. A larger one is not stored.
        clock: Seconds since 1970.
        database_url: Of a PostgreSQL that holds the results instead.
        claims: Of another user in the same process, whose connection serves for both; closed with that one's.
    """

    def __init__(
        self,
        data_dir: Path,
        expire_seconds: float = 7 * 86_400.0,
        max_bytes: int = 256 * 1024**2,
        clock: Callable[[], float] = time.time,
        *,
        database_url: SecretStr | None = None,
        claims: Claims | None = None,
    ) -> None:
        self._database = Database(LAYOUT, data_dir, database_url)
        self.claims = claims or Claims(self._database)
        self._owns_claims = claims is None
        self._expire_seconds = expire_seconds
        self._max_bytes = max_bytes
        self._clock = clock

    @property
    def is_shared(self) -> bool:
        """Whether other machines may use it."""
        return self._database.is_shared

    def claim(self, key: str) -> AbstractAsyncContextManager[bool]:
        """Claim the work that a result is missing of, against all who would keep it here; as `Claims.claim`."""
        return self.claims.claim(f"{self._database.name} {key}")

    async def get(self, key: str, seconds: float = math.inf) -> str | None:
        """Return the JSON text stored under a key within the last `seconds`, or None."""
        return await asyncio.to_thread(self._get, key, seconds)

    async def put(self, key: str, json_text: str) -> None:
        """Store a JSON text under a key, in place of an earlier one; when this returns it outlives the process."""
        await asyncio.to_thread(self._put, key, json_text)

    async def erase(self) -> None:
        """Delete every result, from the disk too: a key does not tell what its result is about.

        Raises:
            SessionError: They cannot be deleted.
            StorageError: A newer version has written the database.
        """
        await asyncio.to_thread(self._erase)

    async def close(self) -> None:
        """Close the database."""
        if self._owns_claims:
            await asyncio.to_thread(self.claims.close)
        await asyncio.to_thread(self._database.close)

    def _oldest(self, seconds: float = math.inf) -> float:
        return self._clock() - min(self._expire_seconds, seconds)

    def _get(self, key: str, seconds: float) -> str | None:
        with self._errors_logged(), self._database.connected() as connection:
            return connection.execute(_GET, {"key": key, "oldest": self._oldest(seconds)}).scalar()
        return None

    def _put(self, key: str, json_text: str) -> None:
        row = {"key": key, "created": self._clock(), "size": len(json_text.encode()), "json": json_text}
        with self._errors_logged(), self._database.connected() as connection:
            # One by one: two that delete the same results in one transaction could wait for each other.
            put(connection, _RESULTS, row)
            connection.execute(_DELETE_EXPIRED, {"oldest": self._oldest()})
            connection.execute(_DELETE_OVER, {"most": self._max_bytes})

    def _erase(self) -> None:
        hint = "Stop other Readroom processes and run it again, or delete the file."
        with self._database.naming_errors(SessionError, hint), self._database.erasure() as connection:
            connection.execute(delete(_RESULTS))

    @contextmanager
    def _errors_logged(self) -> Generator[None]:
        try:
            with self._database.naming_errors(SessionError, hint=""):
                yield
        except ReadroomError as error:
            _logger.warning("A window's result is not kept or had: %s", error)
