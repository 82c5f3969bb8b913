"""llama-index's memory and its store of messages, on a connection in the middle of a transaction.

Its own inserts, counts and archives in three transactions: a killed process could leave a turn half archived, and two
writers at once would archive twice.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import InsertMethod, Memory
from llama_index.core.storage.chat_store.sql import SQLAlchemyChatStore
from pydantic import PrivateAttr
from sqlalchemy import Connection, Executable, Table
from typing_extensions import override

from agents.settings import MemorySettings


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

    def add_turn(
        self, session_id: str, question: str, answer: str, settings: MemorySettings, tokens: Callable[[str], range]
    ) -> None:
        """Add a turn to a session, and archive the oldest ones if the limit is passed.

        Args:
            session_id: Whose turn.
            question: What was asked.
            answer: What was answered.
            settings: How many tokens stay unarchived.
            tokens: Returns something as long as a text has tokens: llama-index asks no more of a tokenizer.
        """
        memory = cast("Any", Memory).from_defaults(
            session_id=session_id,
            token_limit=settings.token_limit,
            chat_history_token_ratio=1.0,
            token_flush_size=settings.flush_tokens,
            tokenizer_fn=tokens,
            insert_method=InsertMethod.USER,
            chat_store=self,
        )
        said = (MessageRole.USER, question), (MessageRole.ASSISTANT, answer)
        # A loop of its own, on this thread: llama-index awaits nothing but the connection.
        asyncio.run(memory.aput_messages([ChatMessage(role=role, content=text) for role, text in said]))

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
