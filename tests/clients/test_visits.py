"""Real clients at the real server: each lists tools, asks, polls a long analysis, reads on, and gives a call up."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import fastmcp
import psutil
import pytest
from mcp import Client

from tests.clients.visit import HERE, QUESTION, TOOLS, Structured, Texts, check, extraction, read, visit
from tests.support.processes import REPOSITORY, environment


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
SLOW_START = ("--connect-timeout", "120000")
"""Milliseconds; a machine that is busy with other tests takes longer than the Inspector's 15 seconds."""


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
    inspector = [node, INSPECTOR, "--cli", "--cwd", str(REPOSITORY), *SLOW_START]
    listed = json.loads(run(*inspector, *server, "--method", "tools/list", *AS_JSON))
    assert {tool["name"] for tool in listed["result"]["tools"]} == TOOLS


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_asks(inspect: Callable[..., Structured], texts: Texts, era: str) -> None:
    assert "40 litres" in inspect("ask", era, question=QUESTION, documents=[texts["short"]])["claims"][0]["text"]


def test_the_inspector_polls(inspect: Callable[..., Structured], texts: Texts) -> None:
    assert inspect("analyze_document", document=texts["long"], wait_seconds=0)["status"] == "running"
    assert inspect("analyze_document", document=texts["long"], wait_seconds=300)["status"] == "complete"


def test_the_inspector_reads_the_next_part_of_a_result(inspect: Callable[..., Structured], texts: Texts) -> None:
    first = inspect("analyze_document", **extraction(texts), wait_seconds=300)
    second = inspect("analyze_document", **extraction(texts), cursor=first["next_cursor"])
    assert second["part"]["first"] == first["part"]["last"] + 1 == len(first["claims"]) + 1
    assert {claim["text"] for claim in first["claims"]}.isdisjoint(claim["text"] for claim in second["claims"])


def test_an_inspector_that_is_ended_in_a_call_has_the_server_let_go_of_the_work(
    texts: Texts, node: str, tmp_path: Path
) -> None:
    server = [sys.executable, "-m", "mcp_server", "serve", "--root", str(Path(texts["short"]).parent)]
    arguments = [f"document={texts['longest']}", "mode=detailed", "wait_seconds=300"]
    call = ["--method", "tools/call", "--tool-name", "analyze_document", "--tool-arg", *arguments, *AS_JSON]
    command = [node, INSPECTOR, "--cli", "--cwd", str(REPOSITORY), *SLOW_START, *server, *call]
    with subprocess.Popen(command, cwd=HERE, env=environment(tmp_path, HOME=str(tmp_path))) as inspector:
        at_work = analysing(inspector, tmp_path)
        inspector.kill()
    # The server, and the processes in which it reads.
    assert len(at_work) > 1
    _, left = psutil.wait_procs(at_work, timeout=60)
    assert left == []


def analysing(inspector: "subprocess.Popen[bytes]", home: Path) -> list[psutil.Process]:
    """Return the processes that the Inspector has started, as soon as the server has begun to analyse."""
    while inspector.poll() is None:
        # Where the notes of an analysis are kept.
        if next(home.rglob("runs.db"), None):
            return psutil.Process(inspector.pid).children(recursive=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            inspector.wait(0.1)
    pytest.fail("The Inspector ended before the work had begun.")
