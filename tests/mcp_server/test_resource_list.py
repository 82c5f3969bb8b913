from pathlib import Path
from types import SimpleNamespace

import pytest
from mcp import Client, MCPError

from agents.documents.store import KnownDocument
from agents.sessions.store import StoredSession
from agents.settings import Settings
from mcp_server.server import create_server
from tests.support.fake_assistant import DOCUMENT_ID, SESSION_ID, FakeAssistant

MODES = pytest.mark.parametrize("mode", ["legacy", "auto"])


def client(documents: int = 1, mode: str = "auto") -> Client:
    opened = tuple(
        KnownDocument(
            document_id=f"{number:016x}", title=f"Manual {number}", pages=9, paths=(f"/manuals/{number}.pdf",)
        )
        for number in range(documents)
    )
    session = StoredSession(session_id=SESSION_ID, used=0.0, turns=2, question="How much?", document_ids=())
    assistant = FakeAssistant(names=SimpleNamespace(documents=opened, sessions=(session,)))
    return Client(create_server(Settings(), assistant), mode=mode)


@MODES
async def test_opened_documents_and_sessions_are_resources(mode: str) -> None:
    async with client(mode=mode) as connected:
        status, document, session = (await connected.list_resources()).resources
    assert status.uri == "readroom://status"
    assert (document.uri, document.title) == ("readroom://documents/0000000000000000/text", "Manual 0")
    assert document.description == "The text of 9 pages, read from /manuals/0.pdf."
    assert (session.uri, session.title) == (f"readroom://sessions/{SESSION_ID}", "How much?")
    assert session.annotations.last_modified == "1970-01-01T00:00:00+00:00"


@MODES
async def test_a_long_list_of_resources_comes_in_parts(mode: str) -> None:
    async with client(documents=250, mode=mode) as connected:
        parts = [await connected.list_resources()]
        while cursor := parts[-1].next_cursor:
            parts.append(await connected.list_resources(cursor=cursor))
    assert [len(part.resources) for part in parts] == [101, 100, 51]
    uris = [each.uri for part in parts for each in part.resources]
    assert len(set(uris)) == len(uris) == 252


@MODES
async def test_a_cursor_that_is_none_is_an_invalid_parameter(mode: str) -> None:
    async with client(mode=mode) as connected:
        with pytest.raises(MCPError) as refused:
            await connected.list_resources(cursor="x")
    assert refused.value.code == -32602


@pytest.mark.parametrize(("mode", "code"), [("legacy", -32002), ("auto", -32602)])
@pytest.mark.parametrize(
    "uri", ["readroom://sessions/77", f"readroom://documents/{DOCUMENT_ID}/text?start=99", "readroom://nothing"]
)
async def test_a_resource_that_is_not_there_has_the_code_of_the_clients_era(uri: str, mode: str, code: int) -> None:
    async with client(mode=mode) as connected:
        with pytest.raises(MCPError) as refused:
            await connected.read_resource(uri)
    assert refused.value.code == code
    assert refused.value.data == {"uri": uri}


@pytest.mark.parametrize(("mode", "code"), [("legacy", -32002), ("auto", -32602)])
async def test_a_page_that_is_not_there_is_no_internal_error(tmp_path: Path, mode: str, code: int) -> None:
    settings = Settings(data_dir=tmp_path / "data", documents={"roots": (tmp_path,)}, engine={"kind": "extractive"})
    path = tmp_path / "a.txt"
    path.write_text("Words.")
    async with Client(create_server(settings), mode=mode) as connected:
        read = await connected.call_tool("read_document", {"document": str(path)})
        page = f"readroom://documents/{read.structured_content['document_id']}/pages"
        assert (await connected.read_resource(f"{page}/1")).contents[0].text == "Words."
        with pytest.raises(MCPError, match=r"has no page 2\. It has 1") as refused:
            await connected.read_resource(f"{page}/2")
    assert refused.value.code == code
