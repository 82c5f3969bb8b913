from pathlib import Path

from mcp import Client
from mcp_types import PromptReference, ResourceTemplateReference

from agents.settings import Settings
from mcp_server.server import create_server

PROMPT = PromptReference(type="ref/prompt", name="compare_documents")
PAGES = ResourceTemplateReference(type="ref/resource", uri="readroom://documents/{document_id}/pages/{page}")
SESSIONS = ResourceTemplateReference(type="ref/resource", uri="readroom://sessions/{session_id}{?start}")


def client(folder: Path) -> Client:
    """Return a client of a server that may read two documents."""
    folder.joinpath("pump_manual.txt").write_text("The pump holds 40 litres.")
    folder.joinpath("valve_list.txt").write_text("The valve was made by Orlov.")
    settings = Settings(data_dir=folder / "data", documents={"roots": (folder,)}, engine={"kind": "extractive"})
    return Client(create_server(settings))


async def completed(
    client: Client, ref: PromptReference | ResourceTemplateReference, name: str, value: str, **given: str
) -> list[str]:
    result = await client.complete(ref, {"name": name, "value": value}, given or None)
    assert result.completion.total == len(result.completion.values)
    return result.completion.values


async def test_a_prompts_documents_are_completed_by_name_and_by_path(tmp_path: Path) -> None:
    pump = str(tmp_path / "pump_manual.txt")
    async with client(tmp_path) as connected:
        for name in ("document", "other"):
            for typed in ("pum", "the pump manual", pump[:-3]):
                assert await completed(connected, PROMPT, name, typed) == [pump]
        assert len(await completed(connected, PROMPT, "document", "")) == 2
        assert await completed(connected, PROMPT, "question", "pu") == []


async def test_ids_pages_and_sessions_are_completed(tmp_path: Path) -> None:
    question = {"question": "How much does the pump hold?", "documents": [str(tmp_path / "pump_manual.txt")]}
    async with client(tmp_path) as connected:
        assert await completed(connected, PAGES, "document_id", "pump") == []
        answer = (await connected.call_tool("ask", question)).structured_content
        document_id, session_id = answer["documents"][0]["document_id"], answer["session"]["session_id"]
        for typed in ("", "pump", document_id[:5]):
            assert await completed(connected, PAGES, "document_id", typed) == [document_id]
        assert await completed(connected, PAGES, "page", "", document_id=document_id) == ["1"]
        assert await completed(connected, PAGES, "page", "2", document_id=document_id) == []
        assert await completed(connected, PAGES, "page", "1", document_id="0" * 16) == []
        for typed in ("", "pump", session_id[:5]):
            assert await completed(connected, SESSIONS, "session_id", typed) == [session_id]
