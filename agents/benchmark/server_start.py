"""How long a client waits for the first answers of an MCP server that it starts over stdio."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence

from pydantic import JsonValue

from agents.benchmark.report import Measurement
from agents.benchmark.workbench import Workbench
from agents.errors import EngineError
from agents.schema import Frozen

Message = dict[str, JsonValue]
SERVER = (sys.executable, "-m", "mcp_server")
_PROTOCOL = "2025-11-25"
_LIMIT_SECONDS = 60.0
_LINE_BYTES = 2**24
"""One message is one line, and the list of tools is a long one."""
_INITIALIZE: Message = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": _PROTOCOL,
        "capabilities": {},
        "clientInfo": {"name": "readroom-benchmark", "version": "1"},
    },
}
_INITIALIZED: Message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
_LIST_TOOLS: Message = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}


async def measure_server(bench: Workbench) -> AsyncIterator[Measurement]:
    """Yield how long a client waits for the server's first answers."""
    bench.say("Starting the MCP server")
    starts = [await measure_start() for _ in range(5 if bench.thorough else 3)]
    how = f"Median of {len(starts)} starts of `python -m mcp_server` over stdio, from the process to the answer."
    for key, method, seconds in (
        ("server_initialize_seconds", "initialize", [start.initialize for start in starts]),
        ("server_tools_seconds", "tools/list", [start.tools_list for start in starts]),
    ):
        name = f"Server start to `{method}`"
        yield Measurement(key=key, name=name, value=statistics.median(seconds), unit="s", how=how)


class ServerStart(Frozen):
    """Seconds from starting the process to its answers."""

    initialize: float
    tools_list: float


async def measure_start(command: Sequence[str] = SERVER) -> ServerStart:
    """Start an MCP server over stdio, speak with it as a client does, and end it.

    The messages are written by hand, so that no client's own start is measured.

    Args:
        command: What starts the server.

    Raises:
        EngineError: It does not answer within a minute.
    """
    try:
        async with asyncio.timeout(_LIMIT_SECONDS):
            return await _time_answers(command)
    except (TimeoutError, OSError, ValueError) as error:
        raise EngineError(
            f"`{' '.join(command)}` did not answer as an MCP server: {error or 'no answer within a minute'}.",
            hint="Run `readroom doctor` to see what is wrong with the installation.",
        ) from error


async def _time_answers(command: Sequence[str]) -> ServerStart:
    """Start a server and time its answers to `initialize` and `tools/list`."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_LINE_BYTES,
    )
    try:
        await _exchange(process, _INITIALIZE)
        initialized = time.perf_counter()
        await _exchange(process, _INITIALIZED, _LIST_TOOLS)
        return ServerStart(initialize=initialized - started, tools_list=time.perf_counter() - started)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _exchange(process: asyncio.subprocess.Process, *messages: Message) -> None:
    """Send messages, and wait for the answer to the last one."""
    to_server, from_server = process.stdin, process.stdout
    if to_server is None or from_server is None:
        raise ValueError("it has no pipes")
    for message in messages:
        to_server.write(json.dumps(message).encode() + b"\n")
    await to_server.drain()
    while line := await from_server.readline():
        if json.loads(line).get("id") == messages[-1]["id"]:
            return
    raise ValueError("it ended without an answer")
