"""Messages that cannot be read: whoever sent a request is told so, where the SDK would say nothing and let it wait."""

import json
from contextlib import suppress
from typing import Any, Protocol

from anyio.abc import ObjectReceiveStream, ObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError
from pydantic import ValidationError

_PARSE_ERROR, _INVALID_REQUEST = -32700, -32600
"""Of JSON-RPC."""


class Incoming(Protocol):
    """What the SDK's stdio transport hands over."""

    def __aiter__(self) -> Any: ...  # noqa: ANN401


async def answer_unreadable(
    incoming: "ObjectReceiveStream[SessionMessage | Exception]",
    outgoing: "ObjectSendStream[SessionMessage]",
    readable: "ObjectSendStream[SessionMessage | Exception]",
) -> None:
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
    line, identity, code = found.get("input"), None, _INVALID_REQUEST
    if found["type"] == "json_invalid":
        code = _PARSE_ERROR
        # Python's parser takes lone surrogates, for which pydantic's refuses the whole message.
        with suppress(ValueError, RecursionError, TypeError):
            line = json.loads(line)
    if isinstance(line, dict) and isinstance(line.get("id"), str | int):
        identity = line["id"]
    message = f"The message cannot be read: {found['msg']}."
    return JSONRPCError(jsonrpc="2.0", id=identity, error=ErrorData(code=code, message=message))
