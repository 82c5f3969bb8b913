"""A stranger with a client and fifty documents of many kinds: finds one, asks, reads the cited page, checks a quote."""

from pathlib import Path

import pytest
from mcp import Client
from mcp_types import CallToolResult, PromptReference

from agents.schema import Answer, DocumentList, DocumentText
from tests.support.processes import server_process
from tests.support.samples import write_docx, write_epub, write_pdf, write_pptx, write_xlsx

CONTRACT = "Contracts/contract_orlov_transfer_servicing.pdf"
FEE = "The servicing fee is 4,200 euros a quarter."


RULES = """# Rules of the harbour office

## Approvals

The harbour master may approve overtime of up to ten hours a week. The treasurer approves every purchase above 500
euros. The board approves the yearly accounts. Hot work on the quay needs the approval of the safety officer.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Fifty documents, one of which is a contract of three pages."""
    folder = tmp_path / "Documents"
    folder.joinpath("Contracts").mkdir(parents=True)
    folder.joinpath("rules.md").write_text(RULES)
    write_docx(folder / "guide.docx")
    write_pptx(folder / "talk.pptx")
    write_xlsx(folder / "prices.xlsx")
    write_epub(folder / "novel.epub")
    for number in range(44):
        kind = "contract" if number % 2 else "minutes"
        text = f"Number {number}. The committee of ward {number} met in room {number} and discussed the garden."
        suffix, head, tail = (("txt", "", ""), ("html", "<h1>Ward</h1><p>", "</p>"), ("csv", "said\n", "\n"))[
            number % 3
        ]
        folder.joinpath(f"{kind}_ward_{number}.{suffix}").write_text(f"{head}{text}{tail}")
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


async def test_fifty_documents_of_every_kind_are_listed_and_each_can_be_read(folder: Path, tmp_path: Path) -> None:
    async with Client(server_process(tmp_path, "--root", str(folder))) as client:
        listed = DocumentList.model_validate((await called(client, "list_documents")).structured_content)
        assert listed.total == len(listed.documents) == 50
        in_contracts = await called(client, "list_documents", folder="Contracts")
        assert [each["path"] for each in in_contracts.structured_content["documents"]] == [str(folder / CONTRACT)]
        one_of_each = {Path(each.path).suffix: each.path for each in listed.documents}
        assert set(one_of_each) == {".pdf", ".docx", ".pptx", ".xlsx", ".epub", ".md", ".txt", ".html", ".csv"}
        for path in one_of_each.values():
            read = await called(client, "read_document", document=path)
            assert DocumentText.model_validate(read.structured_content).spans


async def test_what_the_rules_do_not_say_is_not_answered_with_what_they_say_beside_it(
    folder: Path, tmp_path: Path
) -> None:
    asked = {"question": "Who may order the evacuation?", "documents": [str(folder / "rules.md")]}
    async with Client(server_process(tmp_path, "--root", str(folder))) as client:
        result = await called(client, "ask", **asked)
        answer = Answer.model_validate(result.structured_content)
        assert answer.weak or answer.not_found
        assert answer.weak == ("A weak match" in result.content[0].text)

        told = "In a fire the officer on watch may order the evacuation of the quay."
        folder.joinpath("rules.md").write_text(f"{RULES}\n## Fire\n\n{told}\n")
        answer = Answer.model_validate((await called(client, "ask", **asked)).structured_content)
        assert told in answer.claims[0].text
        assert not answer.weak
