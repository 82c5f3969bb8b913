"""The evidence viewer as an MCP App: its page as a `ui://` resource, and the tool by which it asks for pages.

Clients that do not show MCP Apps are told of neither.
"""

import functools
from typing import Annotated, Any, cast

from mcp.server import MCPServer
from mcp.server.apps import APP_MIME_TYPE, Apps, client_supports_apps
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver.resources import FunctionResource
from mcp_types import CallToolResult, TextContent

from agents.schema import EvidencePage
from mcp_server.lazy_assistant import LazyAssistant
from mcp_server.parameters import DocumentId, PageNumber, QuoteSpans
from mcp_server.tools import add_tool, readable_errors
from mcp_server.viewer.page import VIEWER_URI, viewer_page

_META: dict[str, Any] = {"ui": {"csp": {}, "prefersBorder": True}}
"""It needs nothing from anywhere."""
_LISTS = {"tools/list": "tools", "resources/list": "resources"}


def evidence_app() -> Apps:
    """Return the extension that has the viewer's page; it is read from the disk when a client asks for it."""
    apps = Apps()
    apps.add_resource(
        FunctionResource(
            uri=VIEWER_URI,
            name="evidence",
            title="Evidence viewer",
            description="Shows an answer, and each quote on its page.",
            mime_type=APP_MIME_TYPE,
            meta=_META,
            fn=functools.partial(viewer_page, alone=False),
        )
    )
    return apps


def add_evidence_tool(server: MCPServer[Any], lazy: LazyAssistant) -> None:
    """Register the tool, which only the viewer may call."""

    async def show_page(
        document_id: DocumentId, page: PageNumber, quotes: QuoteSpans = ()
    ) -> Annotated[CallToolResult, EvidencePage]:
        """Show a page of a document with quotes marked on it: as a picture of a PDF's page, and as text."""
        with readable_errors():
            shown = await (await lazy.get()).show_page(document_id, page, quotes)
            return CallToolResult(
                content=[TextContent(type="text", text=f"{shown.title}, {shown.page_name}")],
                structured_content=shown.model_dump(mode="json"),
            )

    meta = {"ui": {"visibility": ["app"]}}
    add_tool(server, show_page, "Show a page with its quotes", idempotent=True, meta=meta)


async def only_for_apps(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Leave what only the viewer is for out of the lists of clients that cannot show it."""
    result = await call_next(ctx)
    name = _LISTS.get(ctx.method)
    if name is None or client_supports_apps(ctx):
        return result
    # The next middleware's result is what goes over the wire.
    listed = cast("dict[str, Any]", result)
    return {**listed, name: [each for each in listed[name] if not _is_for_apps(each)]}


def _is_for_apps(item: dict[str, Any]) -> bool:
    visibility = item.get("_meta", {}).get("ui", {}).get("visibility")
    return visibility == ["app"] or item.get("mimeType") == APP_MIME_TYPE
