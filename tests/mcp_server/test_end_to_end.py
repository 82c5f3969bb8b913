"""The real server in a process of its own, asked by a real client."""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from mcp import Client, MCPError
from mcp_types import CallToolResult

from agents.benchmark.report import BenchmarkReport
from agents.schema import Analysis, Answer, Response
from tests.support import hostile
from tests.support.processes import server_process

QUESTION = "How many litres does the pump hold?"
FACTS = "The pump holds 40 litres. The valve was made by Orlov in 1987. The filter is replaced every 90 days."


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("server") / "papers"
    root.mkdir()
    return root


@pytest.fixture(scope="module")
def url(root: Path) -> Iterator[str]:
    """One server for all tests, so that each also shows that the one before did it no harm."""
    how = server_process(root.parent, "--root", str(root), "--transport", "http", "--port", "0")
    with subprocess.Popen(
        [how.command, *how.args], env=how.env, cwd=how.cwd, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr
        yield next(line for line in server.stderr if line.startswith("Streamable HTTP: ")).split()[-1]
        server.terminate()


@pytest.fixture
def pump(root: Path, request: pytest.FixtureRequest) -> Path:
    """A document in a folder for one test, in the only root."""
    folder = root / re.sub(r"\W+", "-", request.node.name)
    folder.mkdir()
    folder.joinpath("pump.txt").write_text(FACTS)
    return folder / "pump.txt"


async def ask(connected: Client, question: str = QUESTION, **arguments: object) -> CallToolResult:
    return await connected.call_tool("ask", {"question": question, **arguments})


async def answered(connected: Client, question: str = QUESTION, **arguments: object) -> Answer:
    result = await ask(connected, question, **arguments)
    assert not result.is_error, text_of(result)
    return Answer.model_validate(result.structured_content)


def said(response: Response) -> str:
    return " ".join(claim.text for claim in response.claims)


async def read(connected: Client, uri: str) -> str:
    return (await connected.read_resource(uri)).contents[0].text


def text_of(result: CallToolResult) -> str:
    return result.content[0].text


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_over_stdio_a_question_is_answered_with_progress_and_quotes(tmp_path: Path, mode: str) -> None:
    seen: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    tmp_path.joinpath("pump.txt").write_text(FACTS)
    request = {"question": QUESTION, "documents": [str(tmp_path / "pump.txt")]}
    async with Client(server_process(tmp_path, "--root", str(tmp_path)), mode=mode) as connected:
        # Nobody who does not wait is kept waiting by the server's own start.
        hasty = await answered(connected, documents=request["documents"], wait_seconds=0)
        assert hasty.status == "running"
        assert "same call again" in hasty.message
        result = await connected.call_tool("ask", request, progress_callback=on_progress)
        answer = Answer.model_validate(result.structured_content)
        document = f"readroom://documents/{answer.documents[0].document_id}"
        assert await read(connected, f"{document}/text") == await read(connected, f"{document}/pages/1") == FACTS
        assert QUESTION in await read(connected, f"readroom://sessions/{answer.session.session_id}")
        assert '"documents": 1' in await read(connected, "readroom://status")
    assert "40 litres" in said(answer)
    assert all(FACTS[one.start : one.end] == one.quote for one in answer.citations)
    assert seen
    assert seen == sorted(set(seen))


async def test_a_follow_up_needs_only_the_session(url: str, pump: Path) -> None:
    async with Client(url) as connected:
        first = await answered(connected, documents=[str(pump)])
    async with Client(url) as connected:
        second = await answered(connected, "Who made the valve?", session_id=first.session.session_id)
    assert "Orlov" in said(second)
    assert second.session.turns == 2


async def test_a_whole_document_is_analysed(url: str, pump: Path) -> None:
    async with Client(url) as connected:
        result = await connected.call_tool("analyze_document", {"document": str(pump)})
    analysis = Analysis.model_validate(result.structured_content)
    assert analysis.coverage.complete
    assert "40 litres" in said(analysis)


@pytest.mark.parametrize("name", hostile.FILES)
async def test_a_file_that_cannot_be_read_gets_its_own_error_and_the_server_lives_on(
    url: str, pump: Path, name: str
) -> None:
    make, message = hostile.FILES[name]
    async with Client(url) as connected:
        refused = await ask(connected, documents=[str(make(pump.parent))])
        assert refused.is_error
        assert re.search(message, text_of(refused)), text_of(refused)
        assert "4711" not in text_of(refused)
        assert "40 litres" in said(await answered(connected, documents=[str(pump)]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"session_id": "0d5f4d7e-9f0e-4a54-8f5c-5b0c5ff7a111"},
            "Session 0d5f4d7e-9f0e-4a54-8f5c-5b0c5ff7a111 is unknown",
        ),
        ({"session_id": "../../etc/passwd"}, "is not a session id"),
        ({"question": ""}, "The question is empty"),
        ({"question": " \n"}, "The question is empty"),
        ({"question": "why?!" * 20_000}, "The question has 100,000 characters; at most 20,000"),
        ({"documents": []}, "document"),
    ],
    ids=["unknown session", "malformed session", "no question", "white space", "long question", "no document"],
)
async def test_a_request_that_makes_no_sense_gets_its_own_error(
    url: str, pump: Path, arguments: dict[str, object], message: str
) -> None:
    async with Client(url) as connected:
        refused = await ask(connected, **{"documents": [str(pump)], **arguments})
        assert refused.is_error
        assert message in text_of(refused)
        assert "unexpectedly" not in text_of(refused)
        assert (await connected.list_tools()).tools


async def test_two_sessions_never_see_each_other(url: str, pump: Path) -> None:
    crane = pump.with_name("crane.txt")
    crane.write_text("The crane lifts 12 tonnes. It stands in Bergen.")
    about_the_crane = "How much does the crane lift?"
    async with Client(url) as one, Client(url) as other:
        first, second = await asyncio.gather(
            answered(one, documents=[str(pump)]), answered(other, about_the_crane, documents=[str(crane)])
        )
        crossed = await answered(one, about_the_crane, session_id=first.session.session_id)
    assert first.session.session_id != second.session.session_id
    assert "12 tonnes" in said(second)
    assert "12 tonnes" not in said(crossed)
    assert [document.title for document in crossed.documents] == [document.title for document in first.documents]


async def test_the_next_part_of_a_result_is_there_after_a_restart(tmp_path: Path) -> None:
    facts = "\n\n".join(
        f"Pump {n} was tested on {n % 28 + 1} May 19{n % 90 + 10} and held {n} litres." for n in range(120)
    )
    tmp_path.joinpath("pumps.txt").write_text(facts)
    call = {"document": str(tmp_path / "pumps.txt"), "mode": "extraction", "focus": "every test"}
    claims: list[str] = []
    cursor, total = None, 0
    while cursor or not claims:
        async with Client(server_process(tmp_path, "--root", str(tmp_path))) as connected:
            result = await connected.call_tool("analyze_document", {**call, **({"cursor": cursor} if cursor else {})})
        part = Analysis.model_validate(result.structured_content)
        assert part.part
        assert part.part.first == len(claims) + 1
        claims += [claim.text for claim in part.claims]
        cursor, total = part.next_cursor, part.part.total
    assert len(set(claims)) == total > 100


async def test_a_killed_server_loses_no_answered_turn(tmp_path: Path) -> None:
    tmp_path.joinpath("pump.txt").write_text(FACTS)
    process = server_process(tmp_path, "--root", str(tmp_path))
    async with Client(process) as connected:
        first = await answered(connected, documents=[str(tmp_path / "pump.txt")])
        (server,) = [child for child in psutil.Process().children() if str(tmp_path) in child.cmdline()]
        server.kill()
        with pytest.raises(MCPError):
            await connected.list_tools()
    async with Client(process) as connected:
        second = await answered(connected, "Who made the valve?", session_id=first.session.session_id)
        assert QUESTION in await read(connected, f"readroom://sessions/{first.session.session_id}")
    assert second.session.turns == 2
    assert second.documents[0].parsed is False


@pytest.mark.slow
async def test_the_machine_is_measured_and_drawn(url: str) -> None:
    seen: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    async with Client(url) as connected:
        result = await connected.call_tool("benchmark", {"suite": "quick"}, progress_callback=on_progress)
    report = BenchmarkReport.model_validate(result.structured_content)
    assert not result.is_error
    assert report.figures
    assert report.engine.name == "extractive"
    assert [block.type for block in result.content] == ["text", "image"]
    assert text_of(result).startswith("# Readroom benchmark: quick")
    assert "markdown" not in result.structured_content
    assert seen == sorted(set(seen))
