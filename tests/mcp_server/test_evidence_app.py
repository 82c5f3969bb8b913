import pytest
from mcp import Client
from mcp.client import advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID

from agents.settings import Settings
from mcp_server.server import create_server
from mcp_server.viewer.page import VIEWER_URI
from tests.support.fake_assistant import DOCUMENT_ID, FakeAssistant

MODES = pytest.mark.parametrize("mode", ["legacy", "auto"])
APPS = (advertise(EXTENSION_ID, {"mimeTypes": [APP_MIME_TYPE]}),)


@MODES
async def test_a_client_that_shows_apps_finds_the_viewer_and_its_tool(mode: str) -> None:
    async with Client(create_server(Settings(), FakeAssistant()), mode=mode, extensions=APPS) as connected:
        tools = {tool.name: tool.meta for tool in (await connected.list_tools()).tools}
        uris = [each.uri for each in (await connected.list_resources()).resources]
        (page,) = (await connected.read_resource(VIEWER_URI)).contents
    for name in ("ask", "analyze_document", "benchmark"):
        assert tools[name] == {"ui": {"resourceUri": VIEWER_URI}}
    assert tools["show_page"] == {"ui": {"visibility": ["app"]}}
    assert VIEWER_URI in uris
    assert (page.mime_type, page.meta["ui"]["csp"]) == (APP_MIME_TYPE, {})
    assert "connect-src 'none'" in page.text


@MODES
async def test_other_clients_are_told_of_neither(mode: str) -> None:
    async with Client(create_server(Settings(), FakeAssistant()), mode=mode) as connected:
        assert "show_page" not in [tool.name for tool in (await connected.list_tools()).tools]
        assert VIEWER_URI not in [each.uri for each in (await connected.list_resources()).resources]


async def test_the_viewer_gets_a_page_with_its_quotes() -> None:
    async with Client(create_server(Settings(), FakeAssistant()), extensions=APPS) as connected:
        arguments = {"document_id": DOCUMENT_ID, "page": 3, "quotes": [[10, 35]]}
        result = await connected.call_tool("show_page", arguments)
        refused = await connected.call_tool("show_page", {**arguments, "document_id": "/etc/passwd"})
    assert [each["text"] for each in result.structured_content["text"] if each["quotes"]] == [
        "The pump holds 40 litres."
    ]
    assert refused.is_error
