import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

import httpx

from agents.schema import OnProgress
from tests.support.fake_assistant import FakeAssistant
from tests.support.messages import ACCEPT, INITIALIZE
from tests.support.serving import serving

SOON = 0.2
"""Seconds that a client has for its headers here."""
ASK = {
    "jsonrpc": "2.0",
    "id": 2,
    "method": "tools/call",
    "params": {"name": "ask", "arguments": {"question": "How much?", "documents": ["/manuals/pump.pdf"]}},
}
REQUEST = b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Connection:
    """A connection to a server over which bytes are sent as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, base: str) -> "Connection":
        address = urlsplit(base)
        return cls(*await asyncio.open_connection(address.hostname, address.port))

    async def answered(self) -> bytes:
        """Send a whole request and return the first line of its answer."""
        self.writer.write(REQUEST)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
        await self.reader.readexactly(int(length.split()[1]))
        return head.split(b"\r\n")[0]

    async def dropped(self) -> bool:
        """Wait until the server ends the connection; whether it did so without an answer.

        The system resets a connection that is closed while bytes still come.
        """
        answer = b""
        with suppress(ConnectionResetError):
            answer = await self.reader.read()
        self.writer.close()
        return answer == b""


async def test_a_client_that_sends_nothing_is_dropped() -> None:
    async with serving(header_seconds=SOON) as base, asyncio.timeout(30):
        assert await (await Connection.open(base)).dropped()


async def test_a_client_that_sends_its_headers_byte_by_byte_is_dropped_while_it_sends() -> None:
    async with serving(header_seconds=SOON) as base, asyncio.timeout(30):
        slow = await Connection.open(base)
        gone = asyncio.create_task(slow.dropped())
        while not gone.done():
            slow.writer.write(b"X")
            await asyncio.wait({gone}, timeout=SOON / 10)
        assert gone.result()


async def test_a_second_request_has_its_own_time() -> None:
    async with serving(header_seconds=SOON) as base, asyncio.timeout(30):
        twice = await Connection.open(base)
        assert await twice.answered() == await twice.answered() == b"HTTP/1.1 404 Not Found"
        twice.writer.write(REQUEST[:20])
        assert await twice.dropped()


async def test_an_answer_may_take_longer_than_the_headers() -> None:
    started, ready = asyncio.Event(), asyncio.Event()

    async def work(_: OnProgress) -> None:
        started.set()
        await ready.wait()

    async with (
        serving(assistant=FakeAssistant(work=work), header_seconds=SOON) as base,
        httpx.AsyncClient(headers=ACCEPT) as http,
        asyncio.timeout(30),
    ):
        opened = await http.post(f"{base}/mcp", json=INITIALIZE)
        session = {"mcp-session-id": opened.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
        asked = asyncio.create_task(http.post(f"{base}/mcp", json=ASK, headers=session))
        await started.wait()
        # The time for headers has passed once more when a client that came later is dropped.
        assert await (await Connection.open(base)).dropped()
        ready.set()
        assert "The pump holds 40 litres" in (await asked).text
