import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import httpx
import pytest
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from agents.errors import SettingsError
from agents.schema import OnProgress
from agents.settings import ServerSettings, Settings
from mcp_server import transports
from mcp_server.server import create_server
from tests.support.fake_assistant import FakeAssistant
from tests.support.messages import ACCEPT, INITIALIZE
from tests.support.serving import serving

TOKEN = "correct horse battery staple"
REACHABLE = ["0.0.0.0", "::", "192.0.2.1", "example.org"]  # noqa: S104
QUESTION = {"question": "How much does the pump hold?", "documents": ["/manuals/pump.pdf"]}


@asynccontextmanager
async def over_http(base: str, mode: str = "auto", token: str | None = None) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        create_mcp_http_client(headers=headers) as http,
        Client(streamable_http_client(f"{base}/mcp", http_client=http), mode=mode) as connected,
    ):
        yield connected


@asynccontextmanager
async def over_sse(base: str, mode: str = "auto", token: str | None = None) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with Client(sse_client(f"{base}/sse", headers=headers), mode=mode) as connected:
        yield connected


Connect = Callable[..., AbstractAsyncContextManager[Client]]
CLIENTS = [over_http, over_sse]


@pytest.mark.parametrize("connect", CLIENTS)
@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
async def test_a_client_of_either_era_is_answered(connect: Connect, mode: str, version: str) -> None:
    seen: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    async with serving() as base, connect(base, mode) as connected:
        assert connected.protocol_version == version
        assert len((await connected.list_tools()).tools) == 5
        result = await connected.call_tool("ask", QUESTION, progress_callback=on_progress)
    assert result.structured_content["claims"][0]["text"] == "The pump holds 40 litres."


@pytest.mark.parametrize("connect", CLIENTS)
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_cancelled_call_cancels_the_work(connect: Connect, mode: str) -> None:
    started = asyncio.Event()

    async def work(_: OnProgress) -> None:
        started.set()
        await asyncio.Event().wait()

    assistant = FakeAssistant(work=work)
    async with serving(assistant=assistant) as base, connect(base, mode) as connected, asyncio.timeout(30):
        call = asyncio.create_task(connected.call_tool("ask", QUESTION))
        await started.wait()
        call.cancel()
        await assistant.cancelled.wait()
        assert (await connected.list_tools()).tools


@pytest.mark.parametrize(("transport", "path", "other"), [("http", "/mcp", "/sse"), ("sse", "/sse", "/mcp")])
async def test_one_form_alone_serves_no_other(transport: transports.HttpTransport, path: str, other: str) -> None:
    async with serving(transport) as base, httpx.AsyncClient() as http:
        assert (await http.get(base + other)).status_code == 404
        async with http.stream("GET", base + path, headers=ACCEPT) as response:
            assert response.status_code != 404


@pytest.mark.parametrize("connect", CLIENTS)
async def test_a_client_with_the_token_is_answered(connect: Connect) -> None:
    async with serving(token=TOKEN) as base, connect(base, token=TOKEN) as connected:
        assert len((await connected.list_tools()).tools) == 5


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}])
async def test_a_client_without_the_token_is_refused(headers: dict[str, str]) -> None:
    async with serving(token=TOKEN) as base, httpx.AsyncClient() as http:
        assert (await http.post(f"{base}/mcp", json=INITIALIZE, headers={**ACCEPT, **headers})).status_code == 401
        assert (await http.get(f"{base}/sse", headers=headers)).status_code == 401


@pytest.mark.parametrize("transport", ["http", "sse"])
async def test_a_probe_needs_no_token_and_may_name_any_host(transport: transports.HttpTransport) -> None:
    async with serving(transport, token=TOKEN) as base, httpx.AsyncClient() as http:
        probed = await http.get(f"{base}/health", headers={"Host": "10.1.2.3:8765"})
    assert (probed.status_code, probed.content) == (204, b"")


async def test_a_foreign_host_or_origin_is_refused() -> None:
    async with serving() as base, httpx.AsyncClient() as http:
        rebound = await http.post(f"{base}/mcp", json=INITIALIZE, headers={**ACCEPT, "Host": "evil.example"})
        page = await http.post(f"{base}/mcp", json=INITIALIZE, headers={**ACCEPT, "Origin": "http://evil.example"})
        own = await http.post(f"{base}/mcp", json=INITIALIZE, headers=ACCEPT)
    assert (rebound.status_code, page.status_code, own.status_code) == (421, 403, 200)


@pytest.mark.parametrize("host", REACHABLE)
def test_any_address_accepts_the_named_hosts_only(host: str) -> None:
    security = transports.transport_security(ServerSettings(host=host, allowed_hosts=("readroom.lan",)))
    assert security.enable_dns_rebinding_protection
    assert {"127.0.0.1:*", "readroom.lan", "readroom.lan:*"} <= set(security.allowed_hosts)
    assert "0.0.0.0:*" not in security.allowed_hosts


@pytest.mark.parametrize("host", REACHABLE)
def test_an_address_that_others_reach_needs_a_token(host: str) -> None:
    with pytest.raises(SettingsError, match=r"no token is set.*READROOM_SERVER__TOKEN"):
        transports.require_token(Settings(server=ServerSettings(host=host)))
    transports.require_token(Settings(server=ServerSettings(host=host, token=TOKEN)))


def test_an_empty_token_is_refused_by_the_name_of_its_variable() -> None:
    with pytest.raises(SettingsError, match="READROOM_SERVER__TOKEN is empty"):
        create_server(Settings(server=ServerSettings(token="")))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.10"])
def test_an_address_of_this_machine_alone_needs_none(host: str) -> None:
    transports.require_token(Settings(server=ServerSettings(host=host)))


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"127.0.0.1:{port} cannot be bound.*--port"):
            transports.bind(ServerSettings(port=port))


async def test_the_server_stops_while_a_client_is_connected() -> None:
    server = AsyncExitStack()
    base = await server.enter_async_context(serving())
    async with over_sse(base) as connected, asyncio.timeout(30):
        await server.aclose()
        with pytest.raises(MCPError):
            await connected.list_tools()
