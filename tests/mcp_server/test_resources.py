import json

import pytest
from mcp import Client, MCPError

from agents.settings import Settings
from mcp_server.resources import PART_CHARACTERS
from mcp_server.server import create_server
from tests.support.fake_assistant import DOCUMENT_ID, SESSION_ID, FakeAssistant


def client(assistant: FakeAssistant | None = None) -> Client:
    return Client(create_server(Settings(), assistant or FakeAssistant()))


async def read(connected: Client, uri: str) -> str:
    return (await connected.read_resource(uri)).contents[0].text


async def test_every_resource_is_described() -> None:
    async with client() as connected:
        templates = (await connected.list_resource_templates()).resource_templates
        resources = (await connected.list_resources()).resources
    assert all(one.title and one.description for one in [*templates, *resources])
    assert [str(one.uri) for one in resources] == ["readroom://status"]


async def test_a_documents_text_is_read_by_page_and_whole() -> None:
    async with client() as connected:
        assert await read(connected, f"readroom://documents/{DOCUMENT_ID}/pages/2") == "Page two."
        assert await read(connected, f"readroom://documents/{DOCUMENT_ID}/text") == "Page one.\fPage two."


async def test_a_long_text_comes_in_parts_that_name_the_next() -> None:
    text = "x" * PART_CHARACTERS + "the end"
    async with client(FakeAssistant(text=text)) as connected:
        first = await read(connected, f"readroom://documents/{DOCUMENT_ID}/text")
        following = first.rpartition("[Goes on at ")[2].rstrip("]")
        assert await read(connected, following) == "the end"


async def test_a_start_beyond_the_end_is_an_error_that_says_how_long_the_text_is() -> None:
    async with client() as connected:
        with pytest.raises(MCPError, match="the text has 19 characters"):
            await read(connected, f"readroom://documents/{DOCUMENT_ID}/text?start=99")


async def test_a_session_is_read_as_its_transcript() -> None:
    async with client() as connected:
        assert (await read(connected, f"readroom://sessions/{SESSION_ID}")).startswith("## How much")


async def test_an_unknown_session_is_an_error_with_a_hint() -> None:
    async with client() as connected:
        with pytest.raises(MCPError, match=r"no session 77.* Leave session_id out"):
            await read(connected, "readroom://sessions/77")


async def test_the_status_is_json() -> None:
    async with client() as connected:
        status = json.loads(await read(connected, "readroom://status"))
    assert (status["version"], status["documents"], status["engine_reason"]) == ("1.2.3", 4, "No GPU.")


@pytest.mark.parametrize("name", ["../../etc/passwd", "%2e%2e%2fpasswd", "/etc/passwd"])
async def test_a_path_is_no_document_id(name: str) -> None:
    assistant = FakeAssistant()
    async with client(assistant) as connected:
        with pytest.raises(MCPError):
            await read(connected, f"readroom://documents/{name}/text")
