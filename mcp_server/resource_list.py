"""What was opened and asked, in `resources/list`, and the errors of resources with the codes of the client's era."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, Annotations, Resource
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from agents.cursors import Count, decode_cursor, encode_cursor
from agents.errors import ReadroomError, RequestError
from agents.escaping import one_line
from agents.schema import Frozen
from mcp_server.lazy_assistant import LazyAssistant
from mcp_server.render import pluralize
from mcp_server.resources import document_uri, session_uri

if TYPE_CHECKING:
    from agents.documents.store import KnownDocument
    from agents.sessions.store import StoredSession

LISTED = 100
"""Resources of one answer."""
RESOURCE_NOT_FOUND = -32002
"""The code of every revision before 2026-07-28, which has "invalid params" in its place."""


class ResourcePlace(Frozen):
    """Where the list of opened resources goes on."""

    after: int = Count


def opened_resources(lazy: LazyAssistant) -> ServerMiddleware[Any]:
    """Return middleware that adds the opened documents and the sessions to the list of resources.

    The SDK lists only what is registered when the server is made, all at once.
    """

    async def add_opened(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method != "resources/list":
            return await call_next(ctx)
        after = _after((ctx.params or {}).get("cursor"))
        # The next middleware's result is what goes over the wire.
        listed = cast("dict[str, Any]", await call_next(ctx))
        try:
            stored = await (await lazy.get()).stored()
        except ReadroomError as error:
            raise MCPError(INTERNAL_ERROR, one_line(str(error))) from error
        opened = [*map(_of_document, stored.documents), *map(_of_session, stored.sessions)]
        fixed: list[object] = [] if after else listed["resources"]
        shown = [
            each.model_dump(by_alias=True, mode="json", exclude_none=True) for each in opened[after : after + LISTED]
        ]
        goes_on = after + LISTED < len(opened)
        more = {"nextCursor": encode_cursor(ResourcePlace(after=after + LISTED))} if goes_on else {}
        return {**listed, "resources": [*fixed, *shown], **more}

    return add_opened


async def coded_errors(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Give a resource that is not there the code that the client's era has for it; the SDK knows only the newest.

    Raises:
        MCPError: Whatever the call raised.
    """
    try:
        return await call_next(ctx)
    except MCPError as error:
        of_old = ctx.method == "resources/read" and ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS
        # Whatever names a resource's URI is about that resource; other invalid parameters name none.
        if of_old and error.code == INVALID_PARAMS and "uri" in (error.data or ()):
            raise MCPError(RESOURCE_NOT_FOUND, error.message, error.data) from error
        raise


def _after(cursor: object) -> int:
    if not cursor:
        return 0
    try:
        return decode_cursor(ResourcePlace, str(cursor)).after
    except RequestError as error:
        raise MCPError(INVALID_PARAMS, "The cursor is none of this list.") from error


def _of_document(document: "KnownDocument") -> Resource:
    file = f", read from {one_line(document.paths[0])}" if document.paths else ""
    return Resource(
        uri=document_uri(document.document_id),
        name=document.document_id,
        title=one_line(document.title),
        description=f"The text of {pluralize(document.pages, 'page')}{file}.",
        mime_type="text/plain",
    )


def _of_session(session: "StoredSession") -> Resource:
    return Resource(
        uri=session_uri(session.session_id),
        name=session.session_id,
        title=one_line(session.question)[:100] or "A session without an answer",
        description=f"The transcript of {pluralize(session.turns, 'turn')}.",
        mime_type="text/markdown",
        annotations=Annotations(last_modified=datetime.fromtimestamp(session.used, UTC).isoformat(timespec="seconds")),
    )
