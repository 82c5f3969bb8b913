"""Folders in place of documents, on the engine without a model."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.assistant import NAMED_DOCUMENTS, READ_DOCUMENTS, Assistant
from agents.errors import DocumentError, RequestError
from agents.settings import Settings
from tests.support.postgres import both


@pytest.fixture
async def assistant(tmp_path: Path, database_url: SecretStr | None) -> AsyncIterator[Assistant]:
    settings = Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        documents={"roots": (tmp_path / "papers",), "folder_documents": 70},
        engine={"kind": "extractive"},
    )
    assistant = Assistant(settings)
    yield assistant
    await assistant.close()


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    papers = tmp_path / "papers"
    papers.mkdir()
    papers.joinpath("pump.txt").write_text("The feed pump holds 40 litres. It was made by Orlov in 1987.")
    papers.joinpath("crane.txt").write_text("The crane lifts 12 tonnes. It stands in Bergen.")
    return papers


@both
async def test_a_folder_is_asked_like_its_documents(assistant: Assistant, papers: Path) -> None:
    answer = await assistant.ask("How many litres does the feed pump hold?", [str(papers)], wait_seconds=60)
    assert "40 litres" in answer.markdown
    assert {document.title for document in answer.documents} == {"pump", "crane"}
    assert answer.warnings == ()


@both
async def test_a_new_file_is_found_and_one_that_went_is_not(assistant: Assistant, papers: Path) -> None:
    await assistant.ask("How many litres does the feed pump hold?", [str(papers)], wait_seconds=60)
    papers.joinpath("pump.txt").unlink()
    papers.joinpath("mast.txt").write_text("The mast is 30 metres high.")
    answer = await assistant.ask("How high is the mast?", [str(papers)], wait_seconds=60)
    assert "30 metres" in answer.markdown
    assert {document.title for document in answer.documents} == {"mast", "crane"}


@both
async def test_of_many_documents_those_with_the_best_passages_are_read(assistant: Assistant, papers: Path) -> None:
    for number in range(NAMED_DOCUMENTS):
        text = f"Ward {number} has {number + 3} beds. The feed is cleaned on Mondays."
        papers.joinpath(f"ward_{number}.txt").write_text(text)
    question = "How many litres does the feed pump hold?"
    answer = await assistant.ask(question, [str(papers)], wait_seconds=120)
    assert "40 litres" in answer.markdown
    assert len(answer.documents) <= READ_DOCUMENTS
    others = NAMED_DOCUMENTS + 2 - len(answer.documents)
    assert answer.coverage.skipped[-1].startswith(f"{others} more documents were searched and not read")
    follow_up = await assistant.ask("Where does the crane stand?", session_id=answer.session.session_id)
    assert "Bergen" in follow_up.markdown
    nothing = await assistant.ask("Who was the first king of the moon?", [str(papers)], wait_seconds=120)
    assert nothing.claims == ()
    assert not nothing.not_found
    assert "documents whose passages match best" in nothing.markdown


@both
async def test_what_is_beyond_the_limit_or_unreadable_is_said(assistant: Assistant, papers: Path) -> None:
    papers.joinpath("scan.pdf").write_bytes(b"%PDF-1.4 cut off")
    answer = await assistant.ask("Where does the crane stand?", [str(papers)], wait_seconds=60)
    assert "Bergen" in answer.markdown
    (warning,) = answer.warnings
    assert warning.startswith(f"1 file in {papers} cannot be read, and the rest was: scan.pdf is truncated")


@both
async def test_a_folder_is_analysed_as_a_whole(assistant: Assistant, papers: Path) -> None:
    analysis = await assistant.analyze(str(papers), wait_seconds=60)
    assert analysis.coverage.complete
    assert len(analysis.documents) == 2
    assert "40 litres" in analysis.markdown
    assert "12 tonnes" in analysis.markdown


async def test_many_documents_of_an_analysis_are_counted_in_its_title(assistant: Assistant, papers: Path) -> None:
    for number in range(3):
        papers.joinpath(f"ward_{number}.txt").write_text(f"Ward {number} has {number + 3} beds and one nurse.")
    analysis = await assistant.analyze(str(papers), wait_seconds=60)
    assert analysis.markdown.startswith("# Summary: 5 documents")


async def test_the_documents_of_a_folder_are_compared(assistant: Assistant, papers: Path) -> None:
    papers.joinpath("crane.txt").write_text("The feed pump holds 50 litres. It was made by Orlov in 1987.")
    analysis = await assistant.analyze(str(papers), "comparison", wait_seconds=60)
    assert "40 litres" in analysis.markdown
    assert "50 litres" in analysis.markdown


async def test_a_comparison_needs_two_documents_in_the_folder(assistant: Assistant, papers: Path) -> None:
    papers.joinpath("crane.txt").unlink()
    with pytest.raises(RequestError, match="holds only one document"):
        await assistant.analyze(str(papers), "comparison", wait_seconds=60)


async def test_a_folder_is_no_document_to_read(assistant: Assistant, papers: Path) -> None:
    with pytest.raises(DocumentError, match=r"is a folder\. Name a file in it; list_documents"):
        await assistant.read_document(str(papers))
    with pytest.raises(DocumentError, match="outside the folders"):
        await assistant.read_document("/etc")
