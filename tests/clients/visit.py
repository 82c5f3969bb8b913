"""What every client does at the server, whatever it is made of. Uses the standard library alone: some clients live in
environments of their own."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypedDict

HERE = Path(__file__).parent
QUESTION = "How many litres does the pump hold?"
TOOLS = {"ask", "analyze_document", "benchmark", "list_documents", "read_document"}
Structured = dict[str, Any]


class Texts(TypedDict):
    """The paths of the documents."""

    short: str
    long: str
    """Takes seconds to analyse."""
    longest: str
    """Is never analysed to its end."""


class Report(TypedDict):
    """What the client saw."""

    tools: list[str]
    answer: str
    polls: list[str]
    """The statuses of an analysis that is asked for again until it is finished."""
    parts: list[str]
    """A document's text as it came, part by part."""
    results: list[list[str]]
    """What the parts of one long result say, claim by claim."""
    claims: int
    """How many claims the result says that it has."""
    cancelled: bool
    """Whether a call ended when its caller gave it up."""
    afterwards: str
    """The answer to the same question after that."""


class Visitor(Protocol):
    """A client that is connected."""

    async def list_tools(self) -> list[str]:
        """Return the names of the tools."""
        ...

    async def call(self, tool: str, arguments: Structured, on_progress: Callable[[], None] | None = None) -> Structured:
        """Call a tool and return its structured result; tell each progress notification."""
        ...


async def visit(client: Visitor, texts: Texts) -> Report:
    """List the tools, ask, poll an analysis, read a document and a result in parts, give a call up, and ask again."""
    tools = await client.list_tools()
    results, claims = await follow(client, texts)
    return Report(
        tools=tools,
        answer=await answer(client, texts),
        polls=await poll(client, texts),
        parts=await read_in_parts(client, texts),
        results=results,
        claims=claims,
        cancelled=await cancel(client, texts),
        afterwards=await answer(client, texts),
    )


async def answer(client: Visitor, texts: Texts) -> str:
    return (await client.call("ask", {"question": QUESTION, "documents": [texts["short"]]}))["claims"][0]["text"]


async def poll(client: Visitor, texts: Texts) -> list[str]:
    statuses: list[str] = []
    while not statuses or statuses[-1] == "running":
        waits = 1 if statuses else 0
        analysis = await client.call("analyze_document", {"document": texts["long"], "wait_seconds": waits})
        statuses.append(analysis["status"])
    return statuses


async def read_in_parts(client: Visitor, texts: Texts) -> list[str]:
    """Read a document to its end, each part by the cursor of the one before."""
    parts: list[str] = []
    cursor: str | None = None
    while cursor or not parts:
        more = {"cursor": cursor} if cursor else {}
        read = await client.call("read_document", {"document": texts["long"], **more})
        parts.append("".join(span["text"] for span in read["spans"]))
        cursor = read.get("next_cursor")
    return parts


def extraction(texts: Texts) -> Structured:
    """Return the arguments of an analysis whose result one part does not hold."""
    return {"document": texts["long"], "mode": "extraction", "focus": "every engine"}


async def follow(client: Visitor, texts: Texts) -> tuple[list[list[str]], int]:
    """Return the claims of a long result, each part by the cursor of the one before, and how many it says there are."""
    call = extraction(texts)
    part = await client.call("analyze_document", call)
    while part["status"] == "running":
        part = await client.call("analyze_document", call)
    results = [[claim["text"] for claim in part["claims"]]]
    while cursor := part.get("next_cursor"):
        part = await client.call("analyze_document", {**call, "cursor": cursor})
        results.append([claim["text"] for claim in part["claims"]])
    return results, part["part"]["total"]


async def cancel(client: Visitor, texts: Texts) -> bool:
    started = asyncio.Event()
    arguments = {"document": texts["longest"], "mode": "detailed", "wait_seconds": 300}
    call = asyncio.create_task(client.call("analyze_document", arguments, started.set))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({call, waiting}, return_when=asyncio.FIRST_COMPLETED)
    call.cancel()
    waiting.cancel()
    await asyncio.wait({call})
    return call.cancelled()


def printed(report: Report) -> None:
    """Print the report for a test that waits for this process."""
    print(json.dumps(report))  # noqa: T201


def check(report: Report, texts: Texts) -> None:
    """Check what a client saw."""
    assert set(report["tools"]) == TOOLS
    assert "40 litres" in report["answer"]
    assert report["polls"][0] == "running"
    assert report["polls"][-1] == "complete"
    assert report["cancelled"]
    assert "40 litres" in report["afterwards"]
    assert len(report["parts"]) > 1
    assert "".join(report["parts"]) == Path(texts["long"]).read_text()
    assert len(report["results"]) > 1
    said = [claim for part in report["results"] for claim in part]
    assert len(said) == len(set(said)) == report["claims"]


def read(stdout: str) -> Report:
    """Return the report that a client has printed."""
    return json.loads(stdout.splitlines()[-1])
