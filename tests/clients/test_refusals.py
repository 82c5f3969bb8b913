"""Clients from npm at a server that has too much work when they call first."""

import asyncio
import json
import subprocess

import pytest

from agents.errors import BusyError
from agents.schema import OnProgress
from tests.clients.visit import HERE
from tests.support.fake_assistant import FakeAssistant
from tests.support.serving import serving


@pytest.mark.parametrize(("made", "mode"), [("sdk", "legacy"), ("client", "legacy"), ("client", "auto")])
async def test_a_client_in_typescript_is_told_to_wait_and_goes_on(node: str, made: str, mode: str) -> None:
    refusals = [BusyError("Too much work.", hint="Make the same call again in 7 seconds.", retry_after_seconds=7)]

    async def refuse_once(_: OnProgress) -> None:
        if refusals:
            raise refusals.pop()

    async with serving("http", FakeAssistant(work=refuse_once)) as base:
        client = await asyncio.create_subprocess_exec(
            node, "refused.mjs", made, mode, f"{base}/mcp", cwd=HERE, stdout=subprocess.PIPE
        )
        printed, _ = await client.communicate()

    refused, answered = json.loads(printed)
    assert "Make the same call again in 7 seconds" in refused
    assert "The pump holds 40 litres" in answered
