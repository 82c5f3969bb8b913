"""The viewer in a browser on this machine, for clients that do not show MCP Apps.

The address holds a token that is good for one opening. It stands behind a `#`, so that no browser sends it to a server
and no log holds it; the page trades it for a key, which it sends with every request for what is stored.
"""

import asyncio
import hmac
import secrets
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from agents.errors import ReadroomError, SessionError, SettingsError
from agents.schema import MAX_QUOTES, Analysis, Answer
from mcp_server import http_server
from mcp_server.viewer.page import viewer_page

if TYPE_CHECKING:
    from agents.assistant import Assistant

HOST = "127.0.0.1"
MAX_BODY = 100_000
"""Bytes of a request: a page's quotes take some thousands."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageRequest(BaseModel):
    """What the page asks for."""

    document_id: str
    page: int
    quotes: tuple[tuple[int, int], ...] = Field(default=(), max_length=MAX_QUOTES)


async def serve_session(assistant: "Assistant", session_id: str, port: int, tell: Callable[[str], None]) -> None:
    """Serve the viewer with a session's results until a signal arrives.

    Args:
        assistant: Has the session, and the documents that may be read here.
        session_id: The session.
        port: Where to serve; 0: a free port.
        tell: Told the address once it can be opened.

    Raises:
        SessionError: The session is unknown or has expired, or its results are not stored.
        SettingsError: The port is taken.
    """
    results = await assistant.results(session_id)
    if not results:
        raise SessionError(
            f"Of session {session_id} no result is stored that could be shown.",
            hint="An older version of Readroom may have answered it; ask again.",
        )
    try:
        bound = socket.create_server((HOST, port))
    except OSError as error:
        raise SettingsError(
            f"{HOST}:{port} cannot be bound: {error.strerror or error}.", hint="Leave --port out to take a free one."
        ) from error
    with bound:
        viewer = LocalViewer(assistant, results)
        tell(f"http://{HOST}:{bound.getsockname()[1]}/#{viewer.token}")
        await http_server.serve(viewer.app(), bound)


class LocalViewer:
    """The viewer's server.

    Args:
        assistant: Has the documents.
        results: What is shown; only of its documents are pages handed out.
    """

    def __init__(self, assistant: "Assistant", results: tuple[Answer | Analysis, ...]) -> None:
        self._assistant = assistant
        self._results = results
        self._documents = {each.document_id for result in results for each in result.documents}
        self.token: str = secrets.token_urlsafe(32)
        """Good for one opening."""
        self._key = secrets.token_urlsafe(32)

    def app(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/", self._page),
                Route("/open", self._open, methods=["POST"]),
                Route("/results", self._stored),
                Route("/page", self._evidence, methods=["POST"]),
            ],
            # Another site's name may lead to this address.
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"], www_redirect=False)],
            exception_handlers={HTTPException: _refused, ReadroomError: _failed},
        )

    async def _page(self, _: Request) -> Response:
        page = await asyncio.to_thread(lambda: viewer_page(alone=True))
        return HTMLResponse(page, headers=_HEADERS)

    async def _open(self, request: Request) -> Response:
        given = await _body(request)
        if not self.token or not hmac.compare_digest(given, self.token.encode()):
            raise HTTPException(403, "This address was opened before. Run `readroom view` again for a new one.")
        self.token = ""
        return JSONResponse({"key": self._key}, headers=_HEADERS)

    async def _stored(self, request: Request) -> Response:
        self._check(request)
        results = [each.model_dump(mode="json") for each in self._results]
        return JSONResponse({"results": results}, headers=_HEADERS)

    async def _evidence(self, request: Request) -> Response:
        self._check(request)
        try:
            asked = PageRequest.model_validate_json(await _body(request))
        except ValidationError as error:
            raise HTTPException(400, "This is no request for a page.") from error
        if asked.document_id not in self._documents:
            raise HTTPException(404, "The session is about no such document.")
        shown = await self._assistant.show_page(asked.document_id, asked.page, asked.quotes)
        return JSONResponse(shown.model_dump(mode="json"), headers=_HEADERS)

    def _check(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._key.encode()):
            raise HTTPException(403, "Open the address that `readroom view` prints.")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise HTTPException(413, "The request is too long.")
    return bytes(body)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    return JSONResponse({"error": error.detail}, error.status_code, headers=_HEADERS)


async def _failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, ReadroomError)  # noqa: S101
    return JSONResponse({"error": str(error)}, 404, headers=_HEADERS)
