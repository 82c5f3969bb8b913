"""The real server in a process of its own, asked by a real client."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from mcp import Client, MCPError
from mcp_types import CallToolResult

from agents.schema import Analysis, Answer
from tests.mcp_server import hostile
from tests.mcp_server.processes import server_process

QUESTION = "How many litres does the pump hold?"
FACTS = "The pump holds 40 litres. The valve was made by Orlov in 1987. The filter is replaced every 90 days."


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    papers = tmp_path / "papers"
    papers.mkdir()
    papers.joinpath("pump.txt").write_text(FACTS)
    return papers


def reading(papers: Path, mode: str = "auto") -> Client:
    return Client(server_process(papers.parent, "--root", str(papers)), mode=mode)


@pytest.fixture
async def connected(papers: Path) -> AsyncIterator[Client]:
    async with reading(papers) as connected:
        yield connected


async def ask(connected: Client, question: str = QUESTION, **arguments: object) -> CallToolResult:
    return await connected.call_tool("ask", {"question": question, **arguments})


def text_of(result: CallToolResult) -> str:
    return result.content[0].text


async def answered(connected: Client, question: str = QUESTION, **arguments: object) -> Answer:
    result = await ask(connected, question, **arguments)
    assert not result.is_error, text_of(result)
    return Answer.model_validate(result.structured_content)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_question_is_answered_with_a_quote_and_progress(papers: Path, mode: str) -> None:
    seen: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    pump = papers / "pump.txt"
    async with reading(papers, mode) as connected:
        result = await connected.call_tool(
            "ask", {"question": QUESTION, "documents": [str(pump)]}, progress_callback=on_progress
        )
        answer = Answer.model_validate(result.structured_content)
        (source,) = (
            await connected.read_resource(f"readroom://documents/{answer.documents[0].document_id}/text")
        ).contents
        (page,) = (
            await connected.read_resource(f"readroom://documents/{answer.documents[0].document_id}/pages/1")
        ).contents
        (session,) = (await connected.read_resource(f"readroom://sessions/{answer.session.session_id}")).contents
        (status,) = (await connected.read_resource("readroom://status")).contents
    assert "40 litres" in answer.markdown
    assert all(source.text[one.start : one.end] == one.quote for one in answer.citations)
    assert page.text == source.text == FACTS
    assert QUESTION in session.text
    assert '"documents": 1' in status.text
    assert seen
    assert seen == sorted(set(seen))


async def test_a_follow_up_needs_only_the_session(connected: Client, papers: Path) -> None:
    first = await answered(connected, documents=[str(papers / "pump.txt")])
    second = await answered(connected, "Who made the valve?", session_id=first.session.session_id)
    assert "Orlov" in second.markdown
    assert second.session.turns == 2


async def test_a_whole_document_is_analysed(connected: Client, papers: Path) -> None:
    result = await connected.call_tool("analyze_document", {"document": str(papers / "pump.txt")})
    analysis = Analysis.model_validate(result.structured_content)
    assert analysis.coverage.complete
    assert "40 litres" in analysis.markdown


@pytest.mark.parametrize("name", hostile.FILES)
async def test_a_file_that_cannot_be_read_gets_its_own_error_and_the_server_lives_on(
    connected: Client, papers: Path, name: str
) -> None:
    make, message = hostile.FILES[name]
    async with asyncio.timeout(150):
        refused = await ask(connected, documents=[str(make(papers))])
    assert refused.is_error
    assert re.search(message, text_of(refused), re.IGNORECASE), text_of(refused)
    assert "unexpectedly" not in text_of(refused)
    assert "4711" not in text_of(refused)
    assert "40 litres" in (await answered(connected, documents=[str(papers / "pump.txt")])).markdown


async def test_every_such_error_is_another(connected: Client, papers: Path) -> None:
    sentences = set()
    for name, (make, _) in hostile.FILES.items():
        if name not in ("linked outside the roots", "one gibibyte", "zip bomb"):
            folder = papers / name.replace(" ", "-")
            folder.mkdir()
            sentences.add(text_of(await ask(connected, documents=[str(make(folder))])).replace(str(folder), ""))
    assert len(sentences) == len(hostile.FILES) - 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"session_id": "0d5f4d7e-9f0e-4a54-8f5c-5b0c5ff7a111"}, "0d5f4d7e-9f0e-4a54-8f5c-5b0c5ff7a111"),
        ({"session_id": "../../etc/passwd"}, "session"),
        ({"question": ""}, "The question is empty."),
        ({"question": " \n"}, "The question is empty."),
        ({"question": "why " * 25_000}, r"100,000|99,999.*20,000"),
        ({"documents": []}, "document"),
    ],
    ids=["unknown session", "malformed session", "no question", "white space", "long question", "no document"],
)
async def test_a_request_that_makes_no_sense_gets_its_own_error(
    connected: Client, papers: Path, arguments: dict[str, object], message: str
) -> None:
    request = {"question": QUESTION, "documents": [str(papers / "pump.txt")], **arguments}
    refused = await ask(connected, **request)
    assert refused.is_error
    assert re.search(message, text_of(refused)), text_of(refused)
    assert "unexpectedly" not in text_of(refused)
    assert (await connected.list_tools()).tools


async def test_two_sessions_never_see_each_other(connected: Client, papers: Path) -> None:
    papers.joinpath("crane.txt").write_text("The crane lifts 12 tonnes. It stands in Bergen.")
    pump, crane = await asyncio.gather(
        answered(connected, documents=[str(papers / "pump.txt")]),
        answered(connected, "How much does the crane lift?", documents=[str(papers / "crane.txt")]),
    )
    crossed = await answered(connected, "How much does the crane lift?", session_id=pump.session.session_id)
    assert pump.session.session_id != crane.session.session_id
    assert "12 tonnes" in crane.markdown
    assert "12 tonnes" not in crossed.markdown
    assert [one.title for one in crossed.documents] == [one.title for one in pump.documents]


async def test_a_killed_server_loses_no_answered_turn(papers: Path) -> None:
    async with reading(papers) as connected:
        first = await answered(connected, documents=[str(papers / "pump.txt")])
        (server,) = [one for one in psutil.Process().children() if "mcp_server" in one.cmdline()]
        server.kill()
        with pytest.raises(MCPError):
            await connected.list_tools()
    async with reading(papers) as connected:
        second = await answered(connected, "Who made the valve?", session_id=first.session.session_id)
        (transcript,) = (await connected.read_resource(f"readroom://sessions/{first.session.session_id}")).contents
    assert second.session.turns == 2
    assert second.documents[0].parsed is False
    assert QUESTION in transcript.text
