"""A stranger with a client and fifty documents: finds one by its name, asks, reads the cited page, checks a quote."""

from pathlib import Path

import pytest
from mcp import Client
from mcp_types import CallToolResult, PromptReference

from agents.schema import Answer, DocumentList, DocumentText
from tests.support.processes import server_process
from tests.support.samples import write_pdf

CONTRACT = "Contracts/contract_orlov_transfer_servicing.pdf"
FEE = "The servicing fee is 4,200 euros a quarter."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Fifty documents, one of which is a contract of three pages."""
    folder = tmp_path / "Documents"
    folder.joinpath("Contracts").mkdir(parents=True)
    for number in range(49):
        kind = "contract" if number % 2 else "minutes"
        text = f"Number {number}. The committee of ward {number} met in room {number} and discussed the garden."
        folder.joinpath(f"{kind}_ward_{number}.txt").write_text(text)
    pages = [
        ["Servicing Transfer Agreement", "This agreement is made between Orlov Pumps and the Port of Emden."],
        ["Fees", FEE, "It is paid within 30 days."],
        ["Termination", "Either party may end this agreement with ninety days' notice."],
    ]
    write_pdf(folder / CONTRACT, pages)
    return folder


async def called(client: Client, tool: str, **arguments: object) -> CallToolResult:
    result = await client.call_tool(tool, arguments)
    while (result.structured_content or {}).get("status") == "running":
        result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    return result


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_stranger_finds_asks_reads_and_checks(folder: Path, tmp_path: Path, mode: str) -> None:
    async with Client(server_process(tmp_path, "--root", str(folder)), mode=mode) as client:
        listed = await called(client, "list_documents", query="the Orlov contract")
        found = DocumentList.model_validate(listed.structured_content)
        assert found.documents[0].path == str(folder / CONTRACT)
        assert f"In {folder}/:\n- {CONTRACT}: not opened yet" in listed.content[0].text

        asked = await called(
            client, "ask", question="How much is the servicing fee?", documents=[found.documents[0].path]
        )
        answer = Answer.model_validate(asked.structured_content)
        citation = next(each for each in answer.citations if "4,200 euros" in each.quote)

        page = await called(client, "read_document", document=citation.document_id, pages=str(citation.page))
        read = DocumentText.model_validate(page.structured_content)
        (span,) = read.spans
        assert (span.page, read.pages_total) == (2, 3)
        assert span.text[citation.start - span.start : citation.end - span.start] == citation.quote
        assert FEE in page.content[0].text
        assert (await client.read_resource(page.content[1].uri)).contents[0].text.count("\n") > 2

        checks = [
            DocumentText.model_validate(
                (await called(client, "read_document", document=citation.document_id, find=words)).structured_content
            ).check
            for words in (FEE, "The servicing fee is 42,000 euros a quarter.")
        ]
        assert [check.verdict for check in checks] == ["exact", "absent"]
        assert checks[0].places[0].page == 2
        assert "4,200 euros" in checks[1].places[0].sentence

        resources = (await client.list_resources()).resources
        assert {answer.session.session_id, citation.document_id} <= {each.name for each in resources}
        completed = await client.complete(
            PromptReference(type="ref/prompt", name="answer_with_quotes"), {"name": "document", "value": "orlov"}
        )
        assert completed.completion.values == [str(folder / CONTRACT)]


async def test_a_folder_is_asked_as_one(folder: Path, tmp_path: Path) -> None:
    async with Client(server_process(tmp_path, "--root", str(folder))) as client:
        question = {"question": "How much is the servicing fee?", "documents": [str(folder)]}
        answer = Answer.model_validate((await called(client, "ask", **question)).structured_content)
    assert "4,200 euros" in answer.claims[0].text
    assert answer.citations[0].page == 2
