"""The MCP server: its tools, resources and prompts behind optional bearer tokens.

`mcp run mcp_server/server.py` and `mcp dev mcp_server/server.py` find it as `server`.
"""

import base64
import functools
import importlib.resources
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp.server import MCPServer
from mcp.server.auth.settings import AuthSettings
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import Icon
from pydantic import AnyHttpUrl

from agents.errors import SettingsError
from agents.settings import ServerSettings, Settings, load_settings
from agents.users import Users
from mcp_server.arguments import PlainSpokenServer
from mcp_server.back_pressure import told_to_wait
from mcp_server.completion import add_completion
from mcp_server.environment import readroom_version, source
from mcp_server.evidence_app import add_evidence_tool, evidence_app, only_for_apps
from mcp_server.lazy_assistant import LazyAssistant
from mcp_server.observability import measured_calls
from mcp_server.prompts import add_prompts
from mcp_server.reading_tools import add_reading_tools
from mcp_server.resource_list import coded_errors, opened_resources
from mcp_server.resources import add_resources
from mcp_server.tools import add_tools
from mcp_server.users import HANDSHAKE, Tokens, known_caller

if TYPE_CHECKING:
    from agents.assistant import Assistant

INSTRUCTIONS = (
    "Readroom reads long documents on this machine and answers with quotes located in them by code. "
    "ask answers a question; analyze_document reads a whole document; list_documents finds a document by its name; "
    "read_document shows its pages and checks quotes. Give absolute paths of files or folders, or a document_id. "
    "Pass the session_id of a result to go on with its history. When status is 'running', make the "
    "same call again to get the result. When a result has a next_cursor, the same call with it as cursor gives the "
    "next part. Show the user the citations with their pages."
)
WEBSITE = "https://github.com/readroom/readroom"
_LOCALHOST = AnyHttpUrl("http://localhost")


def create_server(settings: Settings, assistant: "Assistant | None" = None, *, refuses: bool = False) -> MCPServer[Any]:
    """Return the server with its tools, resources and prompts.

    What an answer needs is imported on a thread of its own, from the first request after the handshake on.

    Args:
        settings: All settings.
        assistant: Answers in place of one built from the settings; whoever made it closes it.
        refuses: Whether calls are refused that would wait too long for the work of all others.
    """
    lazy = LazyAssistant(settings, assistant, refuses=refuses)

    @asynccontextmanager
    async def lifespan(_: MCPServer[Any]) -> AsyncGenerator[None]:
        async with lazy.held():
            yield

    async def warm_up(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method not in HANDSHAKE:
            lazy.warm_up()
        return await call_next(ctx)

    verifier = token_verifier(settings)
    server = PlainSpokenServer(
        name="readroom",
        title="Readroom",
        description="Local agents read long documents and answer with checked quotes.",
        instructions=INSTRUCTIONS,
        website_url=WEBSITE,
        icons=[icon()],
        version=readroom_version(),
        lifespan=lifespan,
        middleware=[
            measured_calls,
            known_caller(settings.server, needs_token=verifier is not None),
            told_to_wait,
            warm_up,
            coded_errors,
            only_for_apps,
            opened_resources(lazy),
        ],
        extensions=[evidence_app()],
        auth=verifier and auth_settings(settings.server),
        token_verifier=verifier,
    )
    add_tools(server, lazy, settings.server.wait_seconds)
    add_reading_tools(server, lazy)
    add_evidence_tool(server, lazy)
    add_resources(server, lazy)
    add_prompts(server)
    add_completion(server, lazy)
    return server


def token_verifier(settings: Settings) -> Tokens | None:
    """Return what says whose a bearer token is; None where nobody needs one.

    Raises:
        SettingsError: The users cannot be read, or what is said of tokens is not enough.
    """
    users = Users(settings.users_file) if settings.users_file else None
    if settings.server.oauth_issuer is None:
        needs_none = settings.server.token is None and users is None
        return None if needs_none else Tokens(settings.server.token, users)
    from mcp_server.oauth import IssuedTokens, configured_issuer

    if users is None:
        raise SettingsError(
            "READROOM_SERVER__OAUTH_ISSUER is set, and no user is named.",
            hint="Set READROOM_USERS_FILE and add users by `readroom users add --subject`.",
        )
    return Tokens(settings.server.token, users, IssuedTokens(configured_issuer(settings.server)))


def auth_settings(settings: ServerSettings) -> AuthSettings:
    """Return what the SDK is to tell clients of where tokens come from."""
    if settings.oauth_issuer is None or settings.oauth_resource is None:
        # Without a resource URL: the SDK would announce an OAuth server, and clients would look for it in vain.
        return AuthSettings(issuer_url=_LOCALHOST, resource_server_url=None)
    # As texts: an address made of one has a slash behind it, and issuers are compared by the character.
    return AuthSettings.model_validate(
        {
            "issuer_url": settings.oauth_issuer,
            "resource_server_url": settings.oauth_resource,
            # The verifier has checked what they were issued for.
            "validate_token_resource": False,
        }
    )


def icon() -> Icon:
    """Return the icon that clients show beside the server's name, as an image of any size."""
    image = importlib.resources.files("mcp_server").joinpath("icon.svg").read_bytes()
    data = base64.b64encode(image).decode()
    return Icon(src=f"data:image/svg+xml;base64,{data}", mime_type="image/svg+xml", sizes=["any"])


@functools.cache
def __getattr__(name: str) -> MCPServer[Any]:
    # The SDK's own command looks for `server`; made only then, because importing this module must do nothing.
    if name == "server":
        server = create_server(load_settings())
        # `mcp dev` starts it in an environment of its own, which holds nothing but these and the SDK.
        server.dependencies = [where] if (where := source()) else []
        return server
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
