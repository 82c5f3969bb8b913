"""Messages that cannot be read: whoever sent a request is told so, where the SDK would say nothing and let it wait."""

import json
from contextlib import suppress
from typing import Any, cast

import anyio
from mcp.server import MCPServer
from mcp.server.stdio import stdio_server
from mcp.shared._context_streams import create_context_streams
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError
from pydantic import ValidationError
from typing_extensions import override

from agents.escaping import is_unicode

_PARSE_ERROR, _INVALID_REQUEST = -32700, -32600
"""Of JSON-RPC."""
Stream = Any
"""One of the SDK's own, which name no public class."""


class AnsweringServer(MCPServer[Any]):
    """A server that answers over stdio what it cannot read."""

    @override
    async def run_stdio_async(self) -> None:
        """Serve over stdio until the client hangs up."""
        lowlevel: Any = self._lowlevel_server
        async with stdio_server() as (incoming, outgoing), anyio.create_task_group() as tasks:
            readable, read = create_context_streams[SessionMessage | Exception](0)
            tasks.start_soon(answer_unreadable, incoming, outgoing, readable)
            await lowlevel.run(read, outgoing, lowlevel.create_initialization_options())
            tasks.cancel_scope.cancel()


async def answer_unreadable(incoming: Stream, outgoing: Stream, readable: Stream) -> None:
    """Pass messages on, and answer those that could not be read.

    Args:
        incoming: From the client.
        outgoing: To the client.
        readable: Where the server reads.
    """
    async with readable:
        async for message in incoming:
            if isinstance(message, ValidationError):
                await outgoing.send(SessionMessage(refusal(message)))
            else:
                await readable.send(message)


def refusal(error: ValidationError) -> JSONRPCError:
    """Return the answer to what could not be read, with the id of the request where that can be found."""
    found = error.errors(include_url=False, include_context=False)[0]
    code = _PARSE_ERROR if found["type"] == "json_invalid" else _INVALID_REQUEST
    message = f"The message cannot be read: {found['msg']}."
    return JSONRPCError(jsonrpc="2.0", id=_id_in(found.get("input")), error=ErrorData(code=code, message=message))


def _id_in(message: object) -> str | int | None:
    """Return the id in a message or in its line."""
    if isinstance(message, str):
        # Python's parser takes lone surrogates, for which pydantic's refuses the whole message.
        with suppress(ValueError, RecursionError):
            message = json.loads(message)
    identity = cast("dict[str, object]", message).get("id") if isinstance(message, dict) else None
    # One that holds a lone surrogate could not be sent back, and the server would end in trying.
    return identity if isinstance(identity, int) or (isinstance(identity, str) and is_unicode(identity)) else None
