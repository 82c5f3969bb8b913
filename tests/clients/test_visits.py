"""Real clients at the real server: each lists the tools, asks, polls a long analysis, and gives a call up."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import fastmcp
import pytest
from mcp import Client

from tests.clients.visit import HERE, QUESTION, Structured, Texts, check, read, visit
from tests.support.processes import REPOSITORY


class PythonSdk:
    def __init__(self, client: Client) -> None:
        self.client = client

    async def list_tools(self) -> list[str]:
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def call(self, tool: str, arguments: Structured, on_progress: Callable[[], None] | None = None) -> Structured:
        async def told(*_: object) -> None:
            if on_progress:
                on_progress()

        return (await self.client.call_tool(tool, arguments, progress_callback=told)).structured_content


class FastMcp:
    def __init__(self, client: fastmcp.Client) -> None:
        self.client = client

    async def list_tools(self) -> list[str]:
        return [tool.name for tool in await self.client.list_tools()]

    async def call(self, tool: str, arguments: Structured, on_progress: Callable[[], None] | None = None) -> Structured:
        async def told(*_: object) -> None:
            if on_progress:
                on_progress()

        return (await self.client.call_tool(tool, arguments, progress_handler=told)).structured_content


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_python_sdk(url: str, texts: Texts, mode: str) -> None:
    async with Client(url, mode=mode) as client:
        check(await visit(PythonSdk(client), texts), texts)


async def test_fastmcp(url: str, texts: Texts) -> None:
    async with fastmcp.Client(url) as client:
        check(await visit(FastMcp(client), texts), texts)


@pytest.mark.parametrize(("made", "mode"), [("sdk", "legacy"), ("client", "legacy"), ("client", "auto")])
def test_the_typescript_sdks(url: str, texts: Texts, made: str, mode: str, node: str, run: Callable[..., str]) -> None:
    check(read(run(node, str(HERE / "visit.mjs"), made, mode, url, json.dumps(texts))), texts)


def test_langchain_mcp_adapters(url: str, texts: Texts, langchain: str, run: Callable[..., str]) -> None:
    check(read(run(langchain, "-m", "tests.clients.langchain_visit", url, json.dumps(texts))), texts)


INSPECTOR = str(HERE / "node_modules/.bin/mcp-inspector")
AS_JSON = ("--format", "json", "-q")


@pytest.fixture
def inspect(node: str, url: str, run: Callable[..., str]) -> Callable[..., Structured]:
    """Have the Inspector call a tool; it does so in a process of its own, so that giving a call up is ending it."""

    def call(tool: str, era: str = "auto", **arguments: object) -> Structured:
        given = {name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()}
        pairs = [f"{name}={value}" for name, value in given.items()]
        where = [node, INSPECTOR, "--cli", url, "--transport", "http", "--protocol-era", era]
        printed = run(*where, "--method", "tools/call", "--tool-name", tool, "--tool-arg", *pairs, *AS_JSON)
        return json.loads(printed)["result"]["structuredContent"]

    return call


def test_the_inspector_starts_the_server_and_lists_its_tools(texts: Texts, node: str, run: Callable[..., str]) -> None:
    server = [sys.executable, "-m", "mcp_server", "serve", "--root", str(Path(texts["short"]).parent)]
    inspector = [node, INSPECTOR, "--cli", "--cwd", str(REPOSITORY)]
    listed = json.loads(run(*inspector, *server, "--method", "tools/list", *AS_JSON))
    assert "ask" in [tool["name"] for tool in listed["result"]["tools"]]


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_asks(inspect: Callable[..., Structured], texts: Texts, era: str) -> None:
    assert "40 litres" in inspect("ask", era, question=QUESTION, documents=[texts["short"]])["claims"][0]["text"]


def test_the_inspector_polls(inspect: Callable[..., Structured], texts: Texts) -> None:
    assert inspect("analyze_document", document=texts["long"], wait_seconds=0)["status"] == "running"
    assert inspect("analyze_document", document=texts["long"], wait_seconds=300)["status"] == "complete"
