import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from mcp_server import server
from mcp_server.transports import serve_stdio
from tests.support.messages import INITIALIZE, INITIALIZED
from tests.support.processes import HEAVY, REPOSITORY, environment, server_process, server_started_by


def test_importing_the_server_loads_nothing_heavy() -> None:
    script = (
        "import json, sys, mcp_server.server; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(json.loads(done.stdout))


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
async def test_a_client_of_either_era_finds_the_tools(mode: str, version: str, tmp_path: Path) -> None:
    async with Client(server_process(tmp_path), mode=mode) as connected:
        assert connected.protocol_version == version
        assert connected.server_info.name == "readroom"
        names = [tool.name for tool in (await connected.list_tools()).tools]
        assert names == ["ask", "analyze_document", "benchmark", "list_documents", "read_document"]


def test_the_handshake_is_answered_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    parameters = server_process(tmp_path)
    command = [sys.executable, "-X", "importtime", *parameters.args]
    done = subprocess.run(
        command,
        input=json.dumps(INITIALIZE) + "\n",
        cwd=REPOSITORY,
        env=parameters.env,
        capture_output=True,
        text=True,
        check=True,
    )
    (answer,) = done.stdout.splitlines()
    assert json.loads(answer)["result"]["serverInfo"]["name"] == "readroom"
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "mcp" in imported
    assert HEAVY.isdisjoint(imported)


@pytest.mark.parametrize("tool", ["ask", "analyze_document"])
async def test_the_polls_of_a_call_name_one_session_from_the_first_on(tool: str, tmp_path: Path) -> None:
    pump = tmp_path / "pump.txt"
    pump.write_text("The pump holds 40 litres.")
    call = {"question": "How many litres?", "documents": [str(pump)]} if tool == "ask" else {"document": str(pump)}
    polls = []
    async with Client(server_process(tmp_path, "--root", str(tmp_path))) as connected:
        while not polls or polls[-1].structured_content["status"] == "running":
            polls.append(await connected.call_tool(tool, {**call, "wait_seconds": 0}))
        sessions = {poll.structured_content["session"]["session_id"] for poll in polls}
        assert len(sessions) == 1
        # And it is one to go on with.
        further = {"question": "How much does it hold?", "session_id": sessions.pop()}
        assert "40 litres" in (await connected.call_tool("ask", further)).content[0].text
    starting = [poll for poll in polls if poll.structured_content["engine"]["name"] == "starting"]
    assert not [poll for poll in starting if "no language model" in poll.content[0].text]


async def test_a_session_named_while_the_server_starts_can_be_named_in_the_next_poll(tmp_path: Path) -> None:
    pump = tmp_path / "pump.txt"
    pump.write_text("The pump holds 40 litres.")
    call = {"question": "How many litres?", "documents": [str(pump)]}
    async with Client(server_process(tmp_path, "--root", str(tmp_path))) as connected:
        poll = await connected.call_tool("ask", {**call, "wait_seconds": 0})
        named = poll.structured_content["session"]["session_id"]
        answer = await connected.call_tool("ask", {**call, "session_id": named})
        assert answer.structured_content["session"]["session_id"] == named
        assert "40 litres" in answer.content[0].text


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_what_is_printed_by_the_way_never_reaches_the_client(mode: str, tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w+") as stderr:
        transport = stdio_client(server_started_by(tmp_path, "tests/support/printing_server.py"), errlog=stderr)
        async with Client(transport, mode=mode) as connected:
            result = await connected.call_tool("ask", {"question": "How much?", "documents": ["/manuals/pump.pdf"]})
        assert result.structured_content["claims"][0]["text"] == "The pump holds 40 litres."
        stderr.seek(0)
        assert "a stray line" in stderr.read()


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode")
async def test_a_name_that_no_message_can_hold_does_not_end_the_server(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"B\xfccher")
    folder.mkdir()
    for path in (folder / "a.txt", tmp_path / "pump.txt"):
        path.write_text("The pump holds 40 litres.")
    async with Client(server_process(tmp_path, "--root", str(tmp_path), "--root", str(folder))) as connected:
        listed = await connected.call_tool("list_documents", {})
        answer = await connected.call_tool("ask", {"question": "How many litres?", "documents": [str(tmp_path)]})
    assert [each["path"] for each in listed.structured_content["documents"]] == [str(tmp_path / "pump.txt")]
    assert "not in UTF-8" in listed.structured_content["notes"][0]
    assert "40 litres" in answer.content[0].text
    assert "not in UTF-8" in answer.content[0].text


async def test_mcp_run_finds_the_server(tmp_path: Path) -> None:
    process = server_process(tmp_path)
    run = ["-c", "from mcp.cli import app; app()", "run", str(REPOSITORY / "mcp_server" / "server.py")]
    async with Client(StdioServerParameters(command=sys.executable, args=run, env=process.env)) as connected:
        assert connected.server_info.name == "readroom"


def test_a_client_that_is_killed_in_a_call_ends_the_server_quietly(tmp_path: Path) -> None:
    tmp_path.joinpath("pump.txt").write_text("The pump holds 40 litres.")
    arguments = {"question": "How many litres?", "documents": [str(tmp_path / "pump.txt")]}
    call = {"name": "ask", "arguments": arguments, "_meta": {"progressToken": "ours"}}
    messages = [
        INITIALIZE,
        INITIALIZED,
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call},
    ]
    how = server_process(tmp_path, "--root", str(tmp_path))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([how.command, *how.args], env=how.env, cwd=how.cwd, text=True, **pipes) as server:
        server.stdin.write("".join(json.dumps(message) + "\n" for message in messages))
        server.stdin.flush()
        assert '"id":1' in server.stdout.readline()
        assert "notifications/progress" in server.stdout.readline()
        # What the system does to the pipes of a process that is killed.
        server.stdout.close()
        server.stdin.close()
        said = server.stderr.read()
        assert server.wait() == 0, said
    assert [line.partition("mcp_server.transports: ")[2] for line in said.splitlines()] in ([], ["The client is gone."])


class BreakingServer:
    """A server that ends with these errors."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = errors

    def run(self, transport: str) -> None:
        raise ExceptionGroup("the transport", [ExceptionGroup("the session", self.errors)])


@pytest.mark.parametrize(
    "gone", [BrokenPipeError(), ConnectionResetError(), anyio.BrokenResourceError(), anyio.ClosedResourceError()]
)
def test_a_client_that_is_gone_is_no_error(gone: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mcp_server"):
        serve_stdio(BreakingServer(gone, gone))
    assert caplog.messages == ["The client is gone."]


def test_an_error_beside_the_client_that_is_gone_is_not_hidden() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        serve_stdio(BreakingServer(BrokenPipeError(), ValueError("a real one")))
    (session,) = raised.value.exceptions
    assert [str(error) for error in session.exceptions] == ["a real one"]


def test_mcp_dev_is_told_where_readroom_is_installed_from() -> None:
    (where,) = server.server.dependencies
    assert (Path(where) / "pyproject.toml").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="The stand-in for npx is a shell script")
async def test_mcp_dev_opens_the_inspector_from_any_folder(tmp_path: Path) -> None:
    npx = tmp_path / "bin" / "npx"
    npx.parent.mkdir()
    # In the Inspector's place: it is told how to start the server, which is not done here, for uv would fetch packages.
    npx.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    npx.chmod(0o755)
    file = str(REPOSITORY / "mcp_server" / "server.py")
    variables = environment(tmp_path, PATH=f"{npx.parent}:{os.environ['PATH']}")
    command = [sys.executable, "-c", "from mcp.cli import app; app()", "dev", file]
    done = await anyio.run_process(command, cwd=npx.parent, env=variables)
    inspector, *words = done.stdout.decode().splitlines()
    assert inspector == "@modelcontextprotocol/inspector"
    assert server.server.dependencies[0] in words
    assert words[-3:] == ["mcp", "run", file]
    # The last words are the server's start, from this folder.
    run = ["-c", "from mcp.cli import app; app()", *words[-2:]]
    how = StdioServerParameters(command=sys.executable, args=run, env=variables, cwd=npx.parent)
    async with Client(how) as connected:
        assert connected.server_info.name == "readroom"


def test_a_request_that_cannot_be_read_is_answered_with_an_error(tmp_path: Path) -> None:
    asked = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "ask", "arguments": {"q": "SIGN"}}}
    lines = [INITIALIZE, asked, {"jsonrpc": "2.0", "id": "SIGN", "method": "ping"}]
    parameters = server_process(tmp_path)
    done = subprocess.run(
        [sys.executable, *parameters.args],
        input="".join(f"{json.dumps(line)}\n" for line in lines).replace("SIGN", "\\ud800"),
        cwd=REPOSITORY,
        env=parameters.env,
        capture_output=True,
        text=True,
        check=True,
    )
    answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    assert answers[7]["error"]["code"] == -32700
    assert answers[7]["error"]["message"].startswith("The message cannot be read: Invalid JSON")
    # The id itself cannot be sent back.
    assert answers[None]["error"]["code"] == -32700
