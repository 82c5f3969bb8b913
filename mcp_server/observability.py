"""What a server over HTTP tells those who run it: figures for Prometheus at /metrics, spans for a collector.

measured_calls   middleware of the server, which counts calls of tools
TraceContext     middleware of HTTP, which goes on with the client's trace
metrics_routes   /metrics, for whoever has its token
export_spans     sends spans, where the environment names a collector
"""

import hmac
import importlib
import logging
import os
from collections.abc import Sequence
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from agents import telemetry
from agents.errors import SettingsError
from agents.extras import add_extra
from agents.settings import ServerSettings
from agents.users import token_digest
from mcp_server.users import CallEnd, with_its_end_told

METRICS_PATH = "/metrics"
TOOLS = frozenset({"ask", "analyze_document", "list_documents", "read_document", "show_page", "benchmark"})
"""A client may call anything by any name, which must not make a figure of its own each time."""
_COLLECTOR = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_logger = logging.getLogger(__name__)


async def measured_calls(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Count a call of a tool, how it ends and how long it takes."""
    if ctx.method != "tools/call":
        return await call_next(ctx)
    name = str((ctx.params or {}).get("name"))
    tool = name if name in TOOLS else "other"

    def count(end: CallEnd) -> None:
        telemetry.CALLS.add(1, {"tool": tool, "outcome": end.outcome})
        telemetry.CALL_SECONDS.record(end.seconds, {"tool": tool})

    return await with_its_end_told(call_next(ctx), count)


class TraceContext:
    """Has a request's spans go on with the trace that its headers name.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        with telemetry.continued(Headers(scope=scope) if scope["type"] == "http" else {}):
            await self._app(scope, receive, send)


def metrics_routes(settings: ServerSettings) -> Sequence[BaseRoute]:
    """Return what serves the figures, and have them collected; nothing where they have no token.

    Raises:
        SettingsError: The token is empty, or the extra is not installed.
    """
    if settings.metrics_token is None:
        return ()
    if not settings.metrics_token:
        raise SettingsError(
            "READROOM_SERVER__METRICS_TOKEN is empty.", hint="Set it to a long random text, or leave it unset."
        )
    try:
        prometheus = importlib.import_module("prometheus_client")
        registry = importlib.import_module("agents.exporters").figures()
    except ImportError as error:
        raise SettingsError(
            f"READROOM_SERVER__METRICS_TOKEN is set, and {error.name} is not installed.",
            hint=f"Run {add_extra('telemetry')}, or unset it.",
        ) from error
    return (Route(METRICS_PATH, _Metrics(prometheus.make_asgi_app(registry), settings.metrics_token), methods=["GET"]),)


class _Metrics:
    """Serves the figures to whoever shows their token, and says nothing to others."""

    def __init__(self, figures: ASGIApp, token: SecretStr) -> None:
        self._figures = figures
        self._digest = token_digest(token.get_secret_value())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scheme, _, shown = Request(scope).headers.get("Authorization", "").partition(" ")
        known = hmac.compare_digest(token_digest(shown), self._digest)
        refused = Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        await (self._figures if known and scheme.casefold() == "bearer" else refused)(scope, receive, send)


def export_spans() -> bool:
    """Send spans to the collector that the environment names; return whether there is one."""
    if not any(os.environ.get(name) for name in _COLLECTOR):
        return False
    try:
        importlib.import_module("agents.exporters").export_spans()
    except ImportError as error:
        _logger.warning("No spans are sent: %s is not installed. Run %s", error.name, add_extra("telemetry"))
        return False
    return True
