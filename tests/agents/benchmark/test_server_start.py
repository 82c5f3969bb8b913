import sys

import pytest

from agents.benchmark.server_start import SERVER, measure_start
from agents.errors import EngineError

ANSWERS = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "method": "notifications/message"}), flush=True)
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"pad": "x" * 100_000}}), flush=True)
"""


async def test_both_answers_are_waited_for_past_other_messages_and_long_lines() -> None:
    start = await measure_start((sys.executable, "-c", ANSWERS))

    assert 0 < start.initialize < start.tools_list


async def test_our_own_server_answers() -> None:
    start = await measure_start(SERVER)

    assert 0 < start.initialize < start.tools_list


@pytest.mark.parametrize("program", ["pass", "print('no JSON', flush=True)"])
async def test_a_program_that_is_no_server_is_an_error_that_names_it(program: str) -> None:
    with pytest.raises(EngineError, match=r"did not answer as an MCP server.*readroom doctor"):
        await measure_start((sys.executable, "-c", program))


async def test_a_program_that_is_not_there_is_an_error_too() -> None:
    with pytest.raises(EngineError, match="did not answer"):
        await measure_start(("/no/such/program",))
