"""What clients see of a server that has more work than it gets done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from pydantic import SecretStr

from agents.assistant import Assistant
from agents.errors import BusyError
from agents.jobs.admission import Loads
from agents.jobs.load import Load
from agents.schema import OnProgress, Progress
from agents.settings import DocumentsSettings, ServerSettings, Settings
from mcp_server.back_pressure import BUSY, RETRY_AFTER
from tests.support.fake_assistant import FakeAssistant
from tests.support.fakes import ShutEngine
from tests.support.messages import ACCEPT
from tests.support.serving import serving, serving_settings

FIRST = "How many litres does the pump hold?"
SECOND = "Who made the valve?"
MODERN = {**ACCEPT, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "ask"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass
class Busy:
    """A server whose engine works on the first question until it is told to go on."""

    base: str
    engine: ShutEngine
    document: str

    def call(self, question: str, **more: object) -> dict[str, object]:
        return {"question": question, "documents": [self.document], **more}


@pytest.fixture
def document(tmp_path: Path) -> str:
    path = tmp_path / "pump.txt"
    path.write_text("The pump holds 40 litres. The valve was made by Orlov in 1987.")
    return str(path)


@asynccontextmanager
async def busy(document: str, loads: Loads | None = None, **server: object) -> AsyncIterator[Busy]:
    folder = Path(document).parent
    settings = Settings(
        data_dir=folder / "data",
        documents=DocumentsSettings(roots=(folder,)),
        server=ServerSettings(port=0, **server),
    )
    engine = ShutEngine()
    assistant = Assistant(settings, engine, loads=loads)
    try:
        await assistant.library.open(document)
        async with serving_settings(settings, assistant=assistant) as base:
            yield Busy(base, engine, document)
    finally:
        engine.gate.set()
        await assistant.close()


async def test_a_client_of_the_newer_era_gets_429_and_goes_on_with_its_connection(document: str) -> None:
    async with busy(document, max_runs=1) as server, Client(f"{server.base}/mcp") as client:
        begun = await client.call_tool("ask", server.call(FIRST, wait_seconds=0))
        with pytest.raises(MCPError, match=r"1 of your calls are being worked on.*same call again in") as refused:
            await client.call_tool("ask", server.call(SECOND))
        listed = await client.call_tool("list_documents", {})
        server.engine.gate.set()
        first = await client.call_tool("ask", server.call(FIRST))
        second = await client.call_tool("ask", server.call(SECOND))

    assert begun.structured_content["status"] == "running"
    assert refused.value.error.code == BUSY
    assert refused.value.error.data[RETRY_AFTER] >= 1
    assert not listed.is_error
    assert [each.structured_content["status"] for each in (first, second)] == ["complete", "complete"]


async def test_a_client_of_the_older_era_gets_an_error_that_its_model_can_read(document: str) -> None:
    async with busy(document, max_runs=1) as server, Client(f"{server.base}/mcp", mode="legacy") as client:
        await client.call_tool("ask", server.call(FIRST, wait_seconds=0))
        refused = await client.call_tool("ask", server.call(SECOND))
        server.engine.gate.set()
        await client.call_tool("ask", server.call(FIRST))
        again = await client.call_tool("ask", server.call(SECOND))

    assert refused.is_error
    assert "Make the same call again in" in refused.content[0].text
    assert refused.meta[RETRY_AFTER] >= 1
    assert not again.is_error


async def test_a_client_over_sse_gets_an_error_that_its_model_can_read(document: str) -> None:
    async with busy(document, max_runs=1) as server, Client(sse_client(f"{server.base}/sse")) as client:
        await client.call_tool("ask", server.call(FIRST, wait_seconds=0))
        refused = await client.call_tool("ask", server.call(SECOND))

    assert refused.is_error
    assert "Make the same call again in" in refused.content[0].text


async def test_the_status_and_the_header_are_those_that_http_has_for_it(document: str) -> None:
    async with busy(document, max_runs=1) as server, httpx.AsyncClient(headers=MODERN) as http:

        async def post(question: str) -> httpx.Response:
            params = {"name": "ask", "arguments": server.call(question, wait_seconds=0), "_meta": META}
            body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
            return await http.post(f"{server.base}/mcp", json=body)

        begun, refused, poll = await post(FIRST), await post(SECOND), await post(FIRST)

    assert (begun.status_code, refused.status_code, poll.status_code) == (200, 429, 200)
    assert int(refused.headers["Retry-After"]) == refused.json()["error"]["data"][RETRY_AFTER] >= 1
    assert refused.json()["id"] == 7
    assert poll.json()["result"]["structuredContent"]["status"] == "running"


async def test_an_answer_that_has_begun_with_progress_ends_as_an_error_that_the_model_can_read() -> None:
    async def begin_and_refuse(on_progress: OnProgress) -> None:
        on_progress(Progress(fraction=0.5, message="Half of it is done"))
        await told.wait()
        raise BusyError("There is too much work.", hint="Make the same call again in 7 seconds.", retry_after_seconds=7)

    async def on_progress(*_: object) -> None:
        told.set()

    told = asyncio.Event()
    async with serving(assistant=FakeAssistant(work=begin_and_refuse)) as base, Client(f"{base}/mcp") as client:
        arguments = {"question": FIRST, "documents": ["/manuals/pump.pdf"]}
        refused = await client.call_tool("ask", arguments, progress_callback=on_progress)

    assert refused.is_error
    assert "in 7 seconds" in refused.content[0].text
    assert refused.meta[RETRY_AFTER] == 7


async def test_the_work_of_all_users_has_a_new_call_refused_and_no_poll(document: str) -> None:
    load = Load(1, recent=1)
    with load.working():
        """One piece of work ends, so that there is a pace."""
    async with busy(document, {"ask": load}, wait_seconds=0) as server, Client(f"{server.base}/mcp") as client:
        begun = await client.call_tool("ask", server.call(FIRST))
        with pytest.raises(MCPError, match="more work than it gets done while a call waits"):
            await client.call_tool("ask", server.call(SECOND))
        polls = [await client.call_tool("ask", server.call(FIRST)) for _ in range(3)]
        named = begun.structured_content["session"]["session_id"]
        polls.append(await client.call_tool("ask", server.call(FIRST, session_id=named)))
        server.engine.gate.set()
        done = await client.call_tool("ask", server.call(FIRST, wait_seconds=60))

    assert {poll.structured_content["status"] for poll in polls} == {"running"}
    assert done.structured_content["status"] == "complete"


async def test_a_poll_is_let_in_by_another_server_that_has_work_enough(
    document: str, empty_postgres: SecretStr
) -> None:
    settings = Settings(
        database_url=empty_postgres,
        data_dir=Path(document).parent / "data",
        documents=DocumentsSettings(roots=(Path(document).parent,)),
        server=ServerSettings(max_runs=1),
    )
    engines = ShutEngine(), ShutEngine()
    one, other = (Assistant(settings, engine) for engine in engines)
    try:
        begun = [await one.ask(FIRST, [document], wait_seconds=0), await other.ask(SECOND, [document], wait_seconds=0)]
        polled = await other.ask(FIRST, [document], wait_seconds=0)
        with pytest.raises(BusyError):
            await other.ask("How old is the valve?", [document], wait_seconds=0)
        for engine in engines:
            engine.gate.set()
        done = await other.ask(FIRST, [document])
    finally:
        await one.close()
        await other.close()

    assert [each.status for each in (*begun, polled, done)] == ["running", "running", "running", "complete"]
