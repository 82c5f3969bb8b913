import asyncio
import threading

import pytest
from mcp import Client
from mcp_types import CallToolResult, ResourceLink, TextContent

from agents.errors import DocumentError
from agents.schema import Answer, OnProgress, Progress
from agents.settings import Settings
from mcp_server.server import create_server
from tests.support.fake_assistant import COMMON, DOCUMENT_ID, SESSION_ID, FakeAssistant

TOOLS = ["ask", "analyze_document", "benchmark", "list_documents", "read_document"]
QUESTION = {"question": "How much does the pump hold?", "documents": ["/manuals/pump.pdf"]}


def client(assistant: FakeAssistant, mode: str = "auto", settings: Settings | None = None) -> Client:
    return Client(create_server(settings or Settings(), assistant), mode=mode)


def text_of(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


async def test_there_are_exactly_five_tools_and_each_says_what_it_does() -> None:
    async with client(FakeAssistant()) as connected:
        tools = (await connected.list_tools()).tools
    assert [tool.name for tool in tools] == TOOLS
    for tool in tools:
        assert tool.title
        assert tool.description
        assert not any(line.startswith(" ") for line in tool.description.splitlines())
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.open_world_hint is False
        assert tool.output_schema["type"] == "object"


async def test_every_parameter_is_described_and_bounded() -> None:
    async with client(FakeAssistant()) as connected:
        tools = {tool.name: tool for tool in (await connected.list_tools()).tools}
    for tool in tools.values():
        for name, schema in tool.input_schema["properties"].items():
            assert schema.get("description"), f"{tool.name}.{name}"
    ask = tools["ask"].input_schema["properties"]
    assert tools["ask"].input_schema["required"] == ["question"]
    assert (ask["question"]["minLength"], ask["question"]["maxLength"]) == (1, 20_000)
    assert ask["documents"]["default"] == []
    assert (ask["wait_seconds"]["default"], ask["wait_seconds"]["maximum"]) == (45, 3_600)
    analyze = tools["analyze_document"].input_schema["properties"]
    assert analyze["mode"]["enum"] == ["summary", "detailed", "comparison", "extraction"]
    assert analyze["compare_with"]["default"] == []


async def test_an_answer_comes_as_fields_and_as_text_that_stands_alone() -> None:
    async with client(FakeAssistant()) as connected:
        result = await connected.call_tool("ask", QUESTION)
    answer = Answer.model_validate(result.structured_content)
    asked = FakeAssistant().answer
    assert [each.title for each in answer.documents] == ["Pump manual"]
    untitled = tuple(each.model_copy(update={"title": ""}) for each in asked.citations)
    assert answer == asked.model_copy(update={"markdown": "", "session": answer.session, "citations": untitled})
    text = text_of(result)
    assert text.startswith("The pump holds 40 litres. [1]\n\n**Sources**\n\nPump manual:\n[1] page 3: verbatim")
    assert SESSION_ID in text
    assert DOCUMENT_ID in text
    assert "300 of 900 tokens" in text
    assert "{" not in text


async def test_an_answer_links_to_the_documents_that_it_cites() -> None:
    async with client(FakeAssistant()) as connected:
        result = await connected.call_tool("ask", QUESTION)
    (link,) = [block for block in result.content if isinstance(block, ResourceLink)]
    assert (link.uri, link.title) == (f"readroom://documents/{DOCUMENT_ID}/text", "Pump manual")


async def test_the_arguments_reach_the_assistant() -> None:
    assistant = FakeAssistant()
    async with client(assistant) as connected:
        await connected.call_tool("ask", {**QUESTION, "session_id": SESSION_ID, "wait_seconds": 3})
        extraction = {"document": DOCUMENT_ID, "mode": "extraction", "focus": "dates", "window_tokens": 131_072}
        await connected.call_tool("analyze_document", extraction)
    asked, analysed = assistant.asked
    assert asked["documents"] == ("/manuals/pump.pdf",)
    assert (asked["session_id"], asked["wait_seconds"]) == (SESSION_ID, 3)
    assert analysed == {"compare_with": (), **extraction}


async def test_one_document_may_stand_without_its_list() -> None:
    assistant = FakeAssistant()
    async with client(assistant) as connected:
        await connected.call_tool("ask", {**QUESTION, "documents": "/manuals/pump.pdf"})
    assert assistant.asked[0]["documents"] == ("/manuals/pump.pdf",)


async def test_the_default_wait_is_a_setting() -> None:
    assistant = FakeAssistant()
    async with client(assistant, settings=Settings(server={"wait_seconds": 7})) as connected:
        await connected.call_tool("ask", QUESTION)
    assert assistant.asked[0]["wait_seconds"] == 7


async def test_work_that_still_runs_says_how_to_go_on() -> None:
    progress = Progress(fraction=0.25, message="Reading window 2 of 8")
    message = "Still working: Reading window 2 of 8 (25%). Make the same call again to get the result."
    work = {"status": "running", "progress": progress, "message": message, "claims": (), "citations": ()}
    running = Answer(question="?", **{**COMMON, **work})
    async with client(FakeAssistant(answer=running)) as connected:
        result = await connected.call_tool("ask", QUESTION)
    assert result.structured_content["status"] == "running"
    assert result.structured_content["message"] == message
    assert text_of(result).startswith(f"{message}\n\n---\nSession `{SESSION_ID}`")


async def test_an_error_that_a_model_can_act_on_carries_its_hint() -> None:
    async def refuse(_: OnProgress) -> None:
        raise DocumentError("/etc/passwd is outside the allowed folders.", hint="Put the file under /home/ada.")

    async with client(FakeAssistant(work=refuse)) as connected:
        result = await connected.call_tool("ask", QUESTION)
    assert result.is_error
    assert text_of(result).endswith("/etc/passwd is outside the allowed folders. Put the file under /home/ada.")


async def test_an_unexpected_error_is_named_by_its_type_and_keeps_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async def break_down(_: OnProgress) -> None:
        raise RuntimeError("secret words of a document")

    async with client(FakeAssistant(work=break_down)) as connected:
        result = await connected.call_tool("ask", QUESTION)
        again = await connected.list_tools()
    assert result.is_error
    assert "RuntimeError" in text_of(result)
    assert "readroom doctor" in text_of(result)
    assert "secret" not in text_of(result)
    assert any(record.exc_info for record in caplog.records)
    assert again.tools


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_progress_rises_whatever_the_agents_report(mode: str) -> None:
    async def work(on_progress: OnProgress) -> None:
        for fraction, message in [
            (0.0, "Opening"),
            (0.2, "Searching"),
            (0.1, "Searching again"),
            (0.2, "Searching again"),
        ]:
            on_progress(Progress(fraction=fraction, message=message))
        thread = threading.Thread(target=on_progress, args=(Progress(fraction=0.9, message="Checking quotes"),))
        thread.start()
        await asyncio.to_thread(thread.join)

    seen: list[tuple[float, float | None, str | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    async with client(FakeAssistant(work=work), mode) as connected:
        await connected.call_tool("ask", QUESTION, progress_callback=on_progress)
    values = [progress for progress, _, _ in seen]
    assert values == sorted(set(values))
    assert {total for _, total, _ in seen} == {1.0}
    assert [message for _, _, message in seen] == ["Opening", "Searching", "Searching again", "Checking quotes"]
    assert values[-1] == 0.9


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_cancelled_call_cancels_the_work(mode: str) -> None:
    started = asyncio.Event()

    async def work(_: OnProgress) -> None:
        started.set()
        await asyncio.Event().wait()

    assistant = FakeAssistant(work=work)
    async with client(assistant, mode) as connected:
        call = asyncio.create_task(connected.call_tool("ask", QUESTION))
        await started.wait()
        call.cancel()
        async with asyncio.timeout(10):
            await assistant.cancelled.wait()
