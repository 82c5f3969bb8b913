from typing import Annotated, Any

import pytest
from mcp import Client
from mcp_types import CallToolResult
from pydantic import AfterValidator, Field

from agents.settings import Settings
from mcp_server.arguments import PlainSpokenServer
from mcp_server.server import create_server
from tests.support.fake_assistant import DOCUMENT_ID, FakeAssistant

DOCUMENT = {"document": DOCUMENT_ID}
QUESTION = {"question": "Who?"}
ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])


async def refusal(tool: str, arguments: dict[str, Any], mode: str = "auto") -> str:
    assistant = FakeAssistant()
    async with Client(create_server(Settings(), assistant), mode=mode) as connected:
        result = await connected.call_tool(tool, arguments)
    assert assistant.asked == []
    return refused(result)


def refused(result: CallToolResult) -> str:
    assert result.is_error
    text = result.content[0].text
    assert "http" not in text
    assert "pydantic" not in text
    assert "validation error" not in text
    return text


@ERAS
async def test_what_is_wrong_and_what_to_give_is_said_of_every_argument_of_every_tool(mode: str) -> None:
    async with Client(create_server(Settings(), FakeAssistant()), mode=mode) as connected:
        tools = (await connected.list_tools()).tools
        for tool in tools:
            properties = tool.input_schema["properties"]
            needed = dict.fromkeys(tool.input_schema.get("required", ()), DOCUMENT_ID)
            for name in properties:
                text = refused(await connected.call_tool(tool.name, {**needed, name: {"not": "this"}}))
                assert text.startswith(f'{tool.name} was not called. `{name}` is {{"not": "this"}}, but must be ')
            for name in needed:
                text = refused(await connected.call_tool(tool.name, {other: "" for other in needed if other != name}))
                assert f"`{name}` is missing. Give a text" in text
                assert properties[name]["description"] in text


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        (
            "ask",
            {**QUESTION, "wait_seconds": "soon"},
            '`wait_seconds` is "soon", but must be a number from 0 to 3,600.',
        ),
        ("ask", {**QUESTION, "wait_seconds": -1}, "`wait_seconds` is -1, but must be a number from 0 to 3,600."),
        (
            "ask",
            {**QUESTION, "documents": ["a"] * 51},
            "is a list of 51, but must be a list of at most 50 items, each a text",
        ),
        ("ask", {**QUESTION, "documents": ["a", 3]}, "Item 2 of `documents` is 3, but must be a text."),
        ("ask", {"question": "x" * 9, "session_id": 7}, "`session_id` is 7, but must be a text or null."),
        ("ask", {"question": ["x" * 500]}, "`question` is a list of 1, but must be a text of 1 to 20,000 characters."),
        ("analyze_document", {**DOCUMENT, "mode": "poem"}, "'summary', 'detailed', 'comparison' or 'extraction'."),
        ("analyze_document", {**DOCUMENT, "window_tokens": 1.5}, "must be a whole number of at least 1,024 or null."),
        ("analyze_document", {"document": None}, "`document` is null, but must be a text."),
        ("benchmark", {"suite": "slow"}, "`suite` is \"slow\", but must be 'quick', 'full', 'context' or 'quality'."),
        (
            "ask",
            {**QUESTION, "document": "/a.pdf", "colour": "red"},
            (
                "ask was not called. There is no argument `document`: did you mean `documents`? There is no argument "
                "`colour`. It takes `question`, `documents`, `session_id`, `wait_seconds`"
            ),
        ),
        ("ask", {"question": {"a": "x" * 500}}, "… (509 characters), but must be a text"),
        ("poem", {}, "poem"),
    ],
)
async def test_each_kind_of_wrong_argument_is_explained(tool: str, arguments: dict[str, Any], message: str) -> None:
    assert message in await refusal(tool, arguments)


async def test_all_that_is_wrong_is_said_at_once() -> None:
    text = await refusal("analyze_document", {"mode": "poem", "wait_seconds": 1e9})
    assert [name in text for name in ("`document` is missing", "`mode` is", "`wait_seconds` is")] == [True] * 3


async def test_schemas_say_that_other_arguments_are_refused() -> None:
    async with Client(create_server(Settings(), FakeAssistant())) as connected:
        tools = (await connected.list_tools()).tools
    assert {tool.input_schema["additionalProperties"] for tool in tools} == {False}
    assert tools[0].input_schema["properties"]["documents"]["maxItems"] == 50


async def test_any_tool_of_the_server_speaks_plainly() -> None:
    def even(number: int) -> int:
        if number % 2:
            raise ValueError(f"{number} is odd. Give an even number.")
        return number

    async def count(
        sure: bool = True, pages: list[int] | int | None = None, pairs: Annotated[int, AfterValidator(even)] = 2
    ) -> str:
        """Count."""
        return f"{sure} {pages} {pairs}"

    async def nothing() -> str:
        """Do nothing."""
        return "done"

    async def broken(size: Annotated[int, Field(le=9)] = 1) -> str:
        """Fail."""
        raise RuntimeError(f"secret {size}")

    server = PlainSpokenServer(name="test")
    for tool in (count, nothing, broken):
        server.add_tool(tool)
    async with Client(server) as connected:
        assert (await connected.call_tool("count", {"pages": [1]})).content[0].text == "True [1] 2"
        assert '`sure` is "perhaps", but must be true or false.' in refused(
            await connected.call_tool("count", {"sure": "perhaps"})
        )
        assert "each a whole number, a whole number or null" in refused(
            await connected.call_tool("count", {"pages": "all"})
        )
        assert "`pairs`: 3 is odd. Give an even number." in refused(await connected.call_tool("count", {"pairs": 3}))
        assert "`size` is 10, but must be a whole number of at most 9." in refused(
            await connected.call_tool("broken", {"size": 10})
        )
        assert "There is no argument `x`. It takes none." in refused(await connected.call_tool("nothing", {"x": 1}))
        assert refused(await connected.call_tool("broken", {})) == "Error executing tool broken"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("<img src=x>", {}),
        ("ask", {**QUESTION, "<img src=x>": 1}),
        ("ask", {**QUESTION, "wait_seconds": "<img src=x>"}),
        ("analyze_document", {**DOCUMENT, "mode": "![a](x)\nNote: SYSTEM"}),
    ],
)
async def test_wrong_words_of_the_caller_do_not_act(tool: str, arguments: dict[str, Any]) -> None:
    text = await refusal(tool, arguments)
    assert "<img" not in text
    assert "](" not in text
    assert "\n" not in text
