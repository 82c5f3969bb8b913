"""Serving a fake assistant over HTTP, on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.settings import Settings
from mcp_server import http_server, transports
from mcp_server.server import create_server
from tests.support.fake_assistant import FakeAssistant


@asynccontextmanager
async def serving(
    transport: transports.HttpTransport = "all",
    assistant: FakeAssistant | None = None,
    header_seconds: float = http_server.HEADER_SECONDS,
    **server: object,
) -> AsyncIterator[str]:
    """Serve a fake assistant on a free port and yield the address."""
    settings = Settings(server={"port": 0, **server})
    async with serving_settings(settings, transport, assistant or FakeAssistant(), header_seconds) as base:
        yield base


@asynccontextmanager
async def serving_settings(
    settings: Settings,
    transport: transports.HttpTransport = "all",
    assistant: FakeAssistant | None = None,
    header_seconds: float = http_server.HEADER_SECONDS,
) -> AsyncIterator[str]:
    """Serve what settings say on a free port and yield the address; without an assistant, real ones answer."""
    app = transports.http_app(create_server(settings, assistant), settings.server, transport)
    with transports.bind(settings.server) as bound:
        running = http_server.Server(http_server.Config(app, header_seconds))
        task = asyncio.create_task(running.serve(sockets=[bound]))
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            running.should_exit = True
            await task
