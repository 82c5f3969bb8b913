import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
from mcp import Client
from mcp_types import JSONRPCNotification

from agents.schema import OnProgress, Progress
from mcp_server.resumption import RecentEvents
from tests.support.fake_assistant import FakeAssistant
from tests.support.messages import ACCEPT, INITIALIZE, INITIALIZED
from tests.support.serving import serving

ASK = {
    "jsonrpc": "2.0",
    "id": 2,
    "method": "tools/call",
    "params": {
        "name": "ask",
        "arguments": {"question": "How much?", "documents": ["/manuals/pump.pdf"]},
        "_meta": {"progressToken": "ours"},
    },
}


class Conversation:
    """A client of the 2025 protocol, down to its single events."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self.http, self.url = http, url
        self.headers = {**ACCEPT, "mcp-protocol-version": "2025-11-25"}

    @classmethod
    async def begin(cls, http: httpx.AsyncClient, base: str) -> "Conversation":
        begun = cls(http, f"{base}/mcp")
        opened = await http.post(begun.url, json=INITIALIZE, headers=begun.headers)
        begun.headers["mcp-session-id"] = opened.headers["mcp-session-id"]
        await http.post(begun.url, json=INITIALIZED, headers=begun.headers)
        return begun

    async def break_off(self, text: str) -> str:
        """Ask, and hang up at the event that holds this text; return the event's id."""
        async with self.http.stream("POST", self.url, json=ASK, headers=self.headers) as response:
            return next(number for number, data in [event async for event in events(response, text)] if text in data)

    async def resumed(self, after: str, until: str) -> list[str]:
        """Come back, and return what is sent up to the event that holds this text."""
        headers = {**self.headers, "Last-Event-ID": after}
        async with self.http.stream("GET", self.url, headers=headers) as response:
            return [data async for _, data in events(response, until)]


async def events(response: httpx.Response, until: str) -> AsyncIterator[tuple[str, str]]:
    """Yield the ids and the data of events up to the one that holds this text."""
    number = ""
    async for line in response.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "id":
            number = value
        if field == "data":
            yield number, value
            if until in value:
                return


class Pausing:
    """Work that reports one step, then waits until it is told to go on and reports another."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, on_progress: OnProgress) -> None:
        on_progress(Progress(fraction=0.25, message="first"))
        await self.go_on.wait()
        on_progress(Progress(fraction=0.5, message="second"))


async def test_a_stream_that_broke_is_taken_up_where_it_broke() -> None:
    work = Pausing()
    async with serving("http", FakeAssistant(work=work)) as base, httpx.AsyncClient() as http, asyncio.timeout(30):
        client = await Conversation.begin(http, base)
        last = await client.break_off("first")
        work.go_on.set()
        missed = await client.resumed(last, until="40 litres")
    assert not [data for data in missed if "first" in data]
    assert [data for data in missed if "second" in data]
    assert json.loads(missed[-1])["id"] == ASK["id"]


async def test_another_session_is_told_nothing_of_it() -> None:
    work = Pausing()
    async with serving("http", FakeAssistant(work=work)) as base, httpx.AsyncClient() as http, asyncio.timeout(30):
        ours, theirs = await Conversation.begin(http, base), await Conversation.begin(http, base)
        # Both number their requests alike.
        last = await ours.break_off("first")
        work.go_on.set()
        await theirs.break_off("40 litres")
        headers = {**theirs.headers, "Last-Event-ID": last}
        assert (await http.get(theirs.url, headers=headers)).text == ""
        assert len([data for data in await ours.resumed(last, until="40 litres") if "40 litres" in data]) == 1


class Proxy:
    """Passes bytes on to a server, until the connections are cut; new ones may be made after that."""

    def __init__(self, base: str) -> None:
        self.target = urlsplit(base)
        self.writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        async with await asyncio.start_server(self.connect, "127.0.0.1", 0) as server:
            yield "http://{}:{}".format(*server.sockets[0].getsockname())
            self.cut()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self.target.hostname, self.target.port)
        self.writers += [writer, back]
        await asyncio.gather(self.pass_on(reader, back), self.pass_on(there, writer))

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while read := await reader.read(65_536):
                writer.write(read)
        writer.close()

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


async def test_the_sdks_client_gets_its_answer_over_a_connection_that_broke() -> None:
    work = Pausing()
    async with serving("http", FakeAssistant(work=work)) as base, asyncio.timeout(30):
        proxy = Proxy(base)

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            if message == "first":
                proxy.cut()
                work.go_on.set()

        async with proxy.listening() as address, Client(f"{address}/mcp", mode="legacy") as client:
            result = await client.call_tool("ask", ASK["params"]["arguments"], progress_callback=on_progress)
    assert "40 litres" in result.content[0].text


def notification(text: str) -> JSONRPCNotification:
    return JSONRPCNotification(jsonrpc="2.0", method="notifications/message", params={"text": text})


async def replayed(store: RecentEvents, after: str) -> list[Any]:
    sent: list[Any] = []

    async def send(event: Any) -> None:
        sent.append(event.message.params["text"])

    await store.replay_events_after(after, send)
    return sent


async def test_the_oldest_events_make_room() -> None:
    store = RecentEvents(max_bytes=10_000)
    ids = [await store.store_event("1", notification(f"{number} {'x' * 1_000}")) for number in range(20)]
    primed = [await store.store_event("2", None) for _ in range(3)]
    assert await replayed(store, ids[0]) == []
    kept = await replayed(store, ids[15])
    assert [text.split()[0] for text in kept] == ["16", "17", "18", "19"]
    assert await replayed(store, primed[0]) == []


async def test_events_without_a_message_take_room_as_well() -> None:
    store = RecentEvents(max_bytes=10_000)
    first = await store.store_event("1", notification("kept?"))
    for _ in range(1_000):
        await store.store_event("2", None)
    await store.store_event("1", notification("late"))
    assert await replayed(store, first) == []
