"""How a call is refused that comes when there is too much work: it is told after how many seconds to come again.

As a tool's error, which every host shows its model; over the 2026 protocol, while nothing of the answer has been sent,
as HTTP's 429 with Retry-After, which load balancers and clients of HTTP know, with the same words in its body. Clients
go on with their connection after either. The older protocol begins to answer before a tool is called, and stdio has no
status.

refusal           what a tool raises in place of a BusyError
told_to_wait      middleware of the server, which chooses between the two forms
TooManyRequests   middleware of HTTP, which sets the status and the header
"""

from contextvars import ContextVar
from typing import Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.errors import BusyError
from agents.escaping import as_markdown

BUSY = -32029
"""The code of the error in JSON-RPC; the protocol leaves it to servers."""
MCP_PATH = "/mcp"
"""Where an answer comes by the request itself; over SSE it comes by another."""
RETRY_AFTER = "readroom/retryAfterSeconds"
"""In the `_meta` of a tool's error, and in the data of a JSON-RPC error."""
_BEGUN, _REFUSED = "readroom.begun", "readroom.refused"
"""What the two kinds of middleware tell each other in the request's scope."""
_refused: ContextVar[list[BusyError]] = ContextVar("refused")


def refusal(error: BusyError) -> ToolError:
    """Return the error as the model is told it, and note it for the middleware."""
    _refused.get([]).append(error)
    return ToolError(as_markdown(str(error)))


async def told_to_wait(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Give a refused call its answer.

    Raises:
        MCPError: It is refused, and HTTP can still say so.
    """
    refused: list[BusyError] = []
    _refused.set(refused)
    answered = await call_next(ctx)
    if not refused:
        return answered
    error, scope = refused[0], cast("Scope", ctx.request.scope if ctx.request else {})
    told = {RETRY_AFTER: error.retry_after_seconds}
    if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS and scope.get(_BEGUN) is False:
        scope[_REFUSED] = error.retry_after_seconds
        raise MCPError(BUSY, str(error), told)
    if isinstance(answered, dict):
        answered["_meta"] = {**(answered.get("_meta") or {}), **told}
    return answered


class TooManyRequests:
    """Answers 429 with Retry-After where `told_to_wait` has refused a call.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or scope["path"] != MCP_PATH:
            await self._app(scope, receive, send)
            return
        scope[_BEGUN] = False

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope[_BEGUN] = True
                if seconds := scope.get(_REFUSED):
                    message["status"] = 429
                    MutableHeaders(scope=message)["Retry-After"] = str(seconds)
            await send(message)

        await self._app(scope, receive, say)
