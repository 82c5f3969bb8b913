from mcp import Client

from agents.settings import Settings
from mcp_server.server import create_server
from tests.support.fake_assistant import FakeAssistant


async def test_every_prompt_and_every_argument_is_described() -> None:
    async with Client(create_server(Settings(), FakeAssistant())) as connected:
        prompts = (await connected.list_prompts()).prompts
    assert {prompt.name for prompt in prompts} == {
        "summarise_document",
        "compare_documents",
        "answer_with_quotes",
        "extract_table",
    }
    for prompt in prompts:
        assert prompt.title
        assert prompt.description
        assert all(argument.description and argument.required for argument in prompt.arguments)


async def test_a_prompt_names_the_tool_and_the_document() -> None:
    async with Client(create_server(Settings(), FakeAssistant())) as connected:
        prompt = await connected.get_prompt(
            "answer_with_quotes", {"document": "/manuals/pump.pdf", "question": "How much does it hold?"}
        )
    text = prompt.messages[0].content.text
    assert "ask" in text
    assert "'/manuals/pump.pdf'" in text
    assert "'How much does it hold?'" in text
