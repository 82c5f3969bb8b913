"""llama-index's store of messages, on a connection in the middle of a transaction.

Its own inserts, counts and archives in three transactions: a killed process could leave a turn half archived, and two
writers at once would archive twice.
"""

from typing import Any

from llama_index.core.storage.chat_store.sql import SQLAlchemyChatStore
from pydantic import PrivateAttr
from sqlalchemy import Connection, Executable, Table
from typing_extensions import override


class Messages(SQLAlchemyChatStore):
    """The messages in a table, for the time of one transaction.

    Args:
        connection: What it reads and writes with; whoever opened it commits.
        table: Of llama-index's form.
    """

    _connection: Connection = PrivateAttr()
    _messages: Table = PrivateAttr()

    def __init__(self, connection: Connection, table: Table) -> None:
        super().__init__(table_name=table.name)
        self._connection = connection
        self._messages = table

    @override
    async def _initialize(self) -> Any:
        return lambda: _Within(self._connection), self._messages


class _Within:
    """What llama-index asks of a session of SQLAlchemy, in a transaction that it does not end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aenter__(self) -> "_Within":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def execute(self, statement: Executable) -> object:
        return self._connection.execute(statement)

    async def commit(self) -> None:
        pass
