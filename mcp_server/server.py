"""The MCP server; `mcp run mcp_server/server.py` and `mcp dev mcp_server/server.py` find it as `server`."""

import functools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from agents.settings import Settings, load_settings
from mcp_server.auth import auth_settings, token_verifier
from mcp_server.environment import readroom_version
from mcp_server.lazy_assistant import LazyAssistant
from mcp_server.prompts import add_prompts
from mcp_server.resources import add_resources
from mcp_server.tools import add_tools

if TYPE_CHECKING:
    from agents.assistant import Assistant

INSTRUCTIONS = (
    "Readroom reads long documents on this machine and answers with quotes located in them by code. "
    "ask answers a question; analyze_document reads a whole document. Give absolute paths, or the document_id of an "
    "earlier result. Pass the session_id of a result to go on with its history. When status is 'running', make the "
    "same call again to get the result. Show the user the citations with their pages."
)
_HANDSHAKE = {"initialize", "server/discover", "ping"}


def create_server(settings: Settings, assistant: "Assistant | None" = None) -> MCPServer[Any]:
    """Return the server with its tools, resources and prompts.

    It imports what an answer needs on a thread of its own, once the handshake is over.

    Args:
        settings: All settings.
        assistant: Answers in place of one built from the settings; whoever made it closes it.
    """
    lazy = LazyAssistant(settings, assistant)

    @asynccontextmanager
    async def lifespan(_: MCPServer[Any]) -> AsyncGenerator[None]:
        async with lazy.held():
            yield

    async def warm_up(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method not in _HANDSHAKE:
            lazy.warm_up()
        return await call_next(ctx)

    server: MCPServer[Any] = MCPServer(
        name="readroom",
        title="Readroom",
        description="Local agents read long documents and answer with checked quotes.",
        instructions=INSTRUCTIONS,
        version=readroom_version(),
        lifespan=lifespan,
        middleware=[warm_up],
        auth=auth_settings(settings.server),
        token_verifier=token_verifier(settings.server),
    )
    add_tools(server, lazy, settings.server.wait_seconds)
    add_resources(server, lazy)
    add_prompts(server)
    return server


@functools.cache
def _default_server() -> MCPServer[Any]:
    return create_server(load_settings())


def __getattr__(name: str) -> MCPServer[Any]:
    if name == "server":
        return _default_server()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
