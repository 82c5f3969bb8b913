"""Serving over stdio, Streamable HTTP and SSE."""

import asyncio
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

import anyio
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agents import telemetry
from agents.engine.registry import check_kind
from agents.errors import SettingsError
from agents.escaping import TerminalFormatter
from agents.settings import ServerSettings, Settings
from mcp_server.back_pressure import TooManyRequests
from mcp_server.observability import TraceContext, export_spans, metrics_routes
from mcp_server.resumption import RETRY_MILLISECONDS, RecentEvents, SessionContext
from mcp_server.server import create_server

HttpTransport = Literal["http", "sse", "all"]
Transport = Literal["stdio"] | HttpTransport
HEALTH_PATH = "/health"
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  # compared with, never bound here
_SWITCH_SECONDS = 0.0005
"""After which a computing thread lets others go on, a tenth of Python's own: an answer waits for its turn some fifty
times. Beside a thread that computes an ask took 0.30 s where it took 0.57 (medians, 0.16 s alone), for the same work of
the thread."""
_CLIENT_GONE = (BrokenPipeError, ConnectionResetError, anyio.BrokenResourceError, anyio.ClosedResourceError)
_logger = logging.getLogger(__name__)


def serve(settings: Settings, transport: Transport) -> None:
    """Serve until the client hangs up (stdio) or a signal arrives.

    SIGINT ends the process at once, as a kill does: every answer is stored when it is given, and helpers end with the
    process. SIGTERM lets a server over HTTP finish the answers that are in flight.

    Raises:
        SettingsError: The address cannot be bound, or needs a token, or no engine has the name that is set.
    """
    check_kind(settings.engine.kind)
    _log_to_stderr()
    sys.setswitchinterval(_SWITCH_SECONDS)
    # An orderly end would wait for a thread that reads stdin, or imports.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if transport == "stdio":
        serve_stdio(create_server(settings))
    else:
        asyncio.run(serve_http(settings, transport))


def serve_stdio(server: MCPServer[Any]) -> None:
    """Serve over stdio until the client hangs up, however it does."""
    if sys.stdin.isatty():
        _say("An MCP client is awaited on stdin. Clients start this themselves: see `readroom install --help`.")
    try:
        server.run("stdio")
    except* _CLIENT_GONE:
        # A client that is killed breaks the pipe under its answer: nobody is left to tell, and nothing is wrong here.
        _logger.info("The client is gone.")


async def serve_http(settings: Settings, transport: HttpTransport) -> None:
    """Serve Streamable HTTP at /mcp, SSE at /sse, or both from one process."""
    from mcp_server import http_server

    require_token(settings)
    with bind(settings.server) as bound:
        export_spans()
        app = http_app(create_server(settings, refuses=True), settings.server, transport)
        base = f"http://{_in_url(settings.server.host)}:{bound.getsockname()[1]}"
        for name, path, form in (("Streamable HTTP", "/mcp", "http"), ("SSE", "/sse", "sse")):
            if transport in (form, "all"):
                _say(f"{name}: {base}{path}")
        await http_server.serve(app, bound)


def require_token(settings: Settings) -> None:
    """Check that only this machine can reach a server without a token.

    Raises:
        SettingsError: Others can.
    """
    try:
        loopback = ipaddress.ip_address(settings.server.host).is_loopback
    except ValueError:
        loopback = settings.server.host == "localhost"
    if settings.server.token is None and settings.users_file is None and not loopback:
        raise SettingsError(
            f"{settings.server.host} can be reached from other machines, and no token is set.",
            hint="Set READROOM_SERVER__TOKEN to a long random text, or use --host 127.0.0.1.",
        )


def bind(settings: ServerSettings) -> socket.socket:
    """Return a socket that is bound to the configured address.

    Raises:
        SettingsError: The address is taken or not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise SettingsError(
            f"{settings.host}:{settings.port} cannot be bound: {error.strerror or error}.",
            hint="Choose another --port (0 takes a free one) or --host.",
        ) from error


def http_app(server: MCPServer[Any], settings: ServerSettings, transport: HttpTransport) -> Starlette:
    """Return the ASGI application that serves the transport's routes."""
    security = transport_security(settings)
    http = server.streamable_http_app(
        event_store=RecentEvents(), retry_interval=RETRY_MILLISECONDS, transport_security=security
    )
    sse = server.sse_app(transport_security=security)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(telemetry.flush)
            if server.settings.lifespan is not None:
                # SSE enters it for each connection; held here, the assistant outlives them.
                await stack.enter_async_context(server.settings.lifespan(server))
            await stack.enter_async_context(server.session_manager.run())
            yield

    routes = {"http": http.routes, "sse": sse.routes, "all": [*http.routes, *sse.routes]}[transport]
    routes = [*routes, Route(HEALTH_PATH, say_alive), *metrics_routes(settings)]
    own = [Middleware(each) for each in (SessionContext, TraceContext, TooManyRequests)]
    return Starlette(routes=routes, middleware=[*http.user_middleware, *own], lifespan=lifespan)


async def say_alive(_: Request) -> Response:
    """Answer a probe, which has no token: this process serves requests. Neither database nor model is asked."""
    return Response(status_code=204)


def transport_security(settings: ServerSettings) -> TransportSecuritySettings:
    """Return the Host and Origin headers that are accepted: this machine's own, the address's, and the configured."""
    own = () if settings.host in _ANY_ADDRESS else (_in_url(settings.host),)
    hosts = [form for name in (*_LOOPBACK_NAMES, *own, *settings.allowed_hosts) for form in (name, f"{name}:*")]
    origins = [f"{scheme}://{host}" for host in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def _log_to_stderr() -> None:
    stderr = logging.StreamHandler(sys.stderr)
    # The handler's own level: some libraries set their loggers to DEBUG.
    stderr.setLevel(logging.INFO)
    stderr.setFormatter(TerminalFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[stderr])
    for ours in ("mcp_server", "agents"):
        logging.getLogger(ours).setLevel(logging.INFO)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
