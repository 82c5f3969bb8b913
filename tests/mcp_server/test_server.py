import base64
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from mcp import Client

from agents.settings import Settings
from mcp_server.server import create_server
from tests.support.fake_assistant import FakeAssistant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_is_told_who_it_talks_to(mode: str) -> None:
    async with Client(create_server(Settings(), FakeAssistant()), mode=mode) as client:
        server, instructions = client.server_info, client.instructions

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (server.name, server.title) == ("readroom", "Readroom")
    assert server.website_url == project["urls"]["Source"]
    assert all(tool in instructions for tool in ("ask", "analyze_document", "list_documents", "read_document"))


async def test_the_icon_comes_with_the_handshake_and_loads_nothing() -> None:
    async with Client(create_server(Settings(), FakeAssistant())) as client:
        (icon,) = client.server_info.icons

    kind, _, data = icon.src.partition(",")
    assert kind == "data:image/svg+xml;base64"
    drawing = base64.b64decode(data)
    assert len(drawing) < 1_000
    shapes = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(drawing).iter()}  # noqa: S314
    assert shapes == {"svg", "rect", "path"}
    assert b"href" not in drawing
