import pytest
from mcp import Client
from mcp_types import CallToolResult, ResourceLink

from agents.errors import RequestError
from agents.language.tokens import estimate_tokens
from agents.schema import DocumentList, DocumentText, ListedDocument, OnProgress, QuoteCheck, QuotePlace, Verdict
from agents.settings import Settings
from mcp_server.reading_text import list_text, reading_text
from mcp_server.server import create_server
from tests.support.fake_assistant import DOCUMENT_ID, LISTED, READ, FakeAssistant


async def called(assistant: FakeAssistant, tool: str, **arguments: object) -> CallToolResult:
    async with Client(create_server(Settings(), assistant)) as connected:
        return await connected.call_tool(tool, arguments)


async def test_a_list_comes_as_fields_and_as_text_that_stands_alone() -> None:
    result = await called(FakeAssistant(), "list_documents", folder="/manuals", query="the pump")
    assert DocumentList.model_validate(result.structured_content) == LISTED
    assert result.content[0].text.splitlines() == [
        "70 documents, 2 of them here. Put the folder before a name to get its path:",
        "",
        "In /manuals/:",
        "- pump.pdf: not opened yet, 900 bytes, 2026-05-01",
        f"- valve.pdf: “Valves”, 9 pages, 900 tokens, `{DOCUMENT_ID}`",
        "",
        "For the rest call list_documents with cursor='eyJ9'.",
    ]


async def test_a_part_comes_as_fields_as_text_and_with_a_link() -> None:
    result = await called(FakeAssistant(), "read_document", document="/manuals/pump.pdf", pages="3")
    assert DocumentText.model_validate(result.structured_content) == READ
    text, link = result.content
    assert "[page 3, characters 10-35]\n\n```\nThe pump holds 40 litres.\n```\n" in text.text
    assert f"read_document with document='{DOCUMENT_ID}', cursor='eyJ8'" in text.text
    assert isinstance(link, ResourceLink)
    assert link.uri == f"readroom://documents/{DOCUMENT_ID}/text"


async def test_nothing_stands_twice_in_one_form() -> None:
    result = await called(FakeAssistant(), "read_document", document="/manuals/pump.pdf")
    assert str(result.structured_content).count("40 litres") == 1
    assert result.content[0].text.count("40 litres") == 1
    assert "None" not in str(result.structured_content)


async def test_the_arguments_reach_the_assistant_and_numbers_are_taken_for_words() -> None:
    assistant = FakeAssistant()
    await called(assistant, "read_document", document=DOCUMENT_ID, pages=3)
    await called(assistant, "read_document", document=DOCUMENT_ID, section=4.2, find="a quote")
    nothing = {"document": DOCUMENT_ID, "pages": None, "section": None, "find": None, "cursor": None}
    assert assistant.asked == [{**nothing, "pages": "3"}, {**nothing, "section": "4.2", "find": "a quote"}]


async def test_an_empty_quote_is_none_that_was_left_out() -> None:
    assistant = FakeAssistant()
    await called(assistant, "read_document", document=DOCUMENT_ID, pages="", section="", find="", cursor="")
    nothing = {"document": DOCUMENT_ID, "pages": None, "section": None, "cursor": None}
    assert assistant.asked == [{**nothing, "find": ""}]


async def test_a_missing_page_is_refused_with_those_there_are() -> None:
    async def refuse(_: OnProgress) -> None:
        raise RequestError("Pump manual has no page 12.", hint="It has 9 pages.")

    result = await called(FakeAssistant(work=refuse), "read_document", document=DOCUMENT_ID, pages="12")
    assert result.is_error
    assert result.content[0].text.endswith("Pump manual has no page 12. It has 9 pages.")


def test_each_folder_of_several_is_said_once() -> None:
    paths = ["/b/deep/new.txt", "/a/pump.txt", "/b/old.txt"]
    documents = (*(ListedDocument(path=path, pages=1) for path in paths), ListedDocument(title="Gone", pages=2))
    text = list_text(DocumentList(folders=("/a", "/b"), total=4, documents=documents))
    assert text.splitlines()[1:] == [
        "",
        "In /b/:",
        "- deep/new.txt: 1 page",
        "- old.txt: 1 page",
        "",
        "In /a/:",
        "- pump.txt: 1 page",
        "",
        "Elsewhere:",
        "- Without a file: “Gone”, 2 pages",
    ]


def test_an_empty_list_says_what_to_do() -> None:
    text = list_text(DocumentList(folders=("/manuals",), total=0, documents=()))
    assert text == "No document was found in /manuals. Try other words, or another folder."


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("exact", "Yes, character by character, 1 place."),
        ("same_words", "Yes, in the same words; capitals, white space, hyphenation or typography differ, 1 place."),
        ("similar", "Not in these words; this is what stands there instead, 1 place."),
        ("absent", "No, they do not stand there.\nWhat comes nearest:"),
    ],
)
def test_a_check_is_told_in_words(verdict: Verdict, said: str) -> None:
    place = QuotePlace(page=3, page_name="page 3", start=10, end=18, text="the pump", sentence="So the pump is blue.")
    check = QuoteCheck(find="The pump", verdict=verdict, count=int(verdict != "absent"), places=(place,))
    text = reading_text(READ.model_copy(update={"spans": (), "next_cursor": None, "check": check}))
    assert f"Looked for: “The pump”\n{said}\n" in text
    assert text.endswith("- page 3, characters 10-18: “the pump”, in: “So the pump is blue.”")


def test_what_differs_is_told_behind_the_place_that_it_is_told_of() -> None:
    place = QuotePlace(page=3, page_name="page 3", start=10, end=18, text="It is 45.", sentence="It is 45.")
    check = QuoteCheck(find="It is 54.", verdict="absent", count=0, places=(place,))
    text = reading_text(
        READ.model_copy(update={"spans": (), "next_cursor": None, "check": check, "notes": ("Of it.",)})
    )
    assert text.endswith("- page 3, characters 10-18: “It is 45.”\nNote: Of it.")


async def test_what_the_tools_say_of_themselves_is_short() -> None:
    async with Client(create_server(Settings(), FakeAssistant())) as connected:
        tools = {tool.name: tool for tool in (await connected.list_tools()).tools}
    for name in ("list_documents", "read_document"):
        assert estimate_tokens(tools[name].description + str(tools[name].input_schema)) < 1_200
        assert tools[name].annotations.idempotent_hint is True
