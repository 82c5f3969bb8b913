import json
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.mcp_server.processes import HEAVY, REPOSITORY, server_process, server_started_by

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


def test_importing_the_server_loads_nothing_heavy() -> None:
    script = (
        "import json, sys, mcp_server.server; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(json.loads(done.stdout))


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
async def test_a_client_of_either_era_finds_three_tools(mode: str, version: str, tmp_path: Path) -> None:
    async with Client(server_process(tmp_path), mode=mode) as connected:
        assert connected.protocol_version == version
        assert connected.server_info.name == "readroom"
        assert [tool.name for tool in (await connected.list_tools()).tools] == ["ask", "analyze_document", "benchmark"]


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


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_what_is_printed_by_the_way_never_reaches_the_client(mode: str, tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w+") as stderr:
        transport = stdio_client(server_started_by(tmp_path, "tests/mcp_server/printing_server.py"), errlog=stderr)
        async with Client(transport, mode=mode) as connected:
            result = await connected.call_tool("ask", {"question": "How much?", "documents": ["/manuals/pump.pdf"]})
        assert result.structured_content["markdown"] == "The pump holds 40 litres [1]."
        stderr.seek(0)
        assert "a stray line" in stderr.read()


async def test_mcp_run_finds_the_server(tmp_path: Path) -> None:
    process = server_process(tmp_path)
    run = ["-c", "from mcp.cli import app; app()", "run", str(REPOSITORY / "mcp_server" / "server.py")]
    async with Client(StdioServerParameters(command=sys.executable, args=run, env=process.env)) as connected:
        assert connected.server_info.name == "readroom"
