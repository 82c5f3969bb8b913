import json
import re
from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult

from agents.cursors import encode_cursor
from agents.language.tokens import estimate_tokens
from agents.markdown import SOURCES
from agents.schema import Analysis, Answer, Claim, Coverage, DocumentInfo, RouteReport
from agents.settings import Settings
from mcp_server.parts import MAX_NAMED, PART_CHARACTERS, PART_TOKENS, ResultPlace
from mcp_server.server import create_server
from tests.support.fake_assistant import ANSWER, COMMON, DOCUMENT_ID, SESSION_ID, FakeAssistant

EXTRACTION = {"document": DOCUMENT_ID, "mode": "extraction", "focus": "every valve"}
QUESTION = {"question": "Which valves are there?", "documents": [DOCUMENT_ID]}
MARK = re.compile(r"\[(\d+)\]")
ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])


def client(assistant: FakeAssistant, mode: str = "auto") -> Client:
    return Client(create_server(Settings(), assistant), mode=mode)


def large(claims: int, **fields: Any) -> Analysis:
    """Return an extraction: every third claim shares a source with the one before it, or has two."""
    quotes = [f"Valve {n} | closes\nat {n} bar, and is | tested every {n} days." for n in range(claims)]
    cited = [(n - 1,) if n % 3 == 1 else (n, n - 1) if n % 3 == 2 else (n,) for n in range(claims)]
    return Analysis(
        mode="extraction",
        focus="every valve",
        **COMMON
        | {
            "markdown": "not this",
            "route": RouteReport(kind="whole_document", reason="The extraction reads the whole document."),
            "claims": tuple(
                Claim(
                    text=" ".join(quotes[n].split()) if n % 3 else f"Valve {n} closes at {n} bar.",
                    citations=tuple(str(number + 1) for number in numbers),
                    supported="supported",
                    kind="item",
                    section=f"Line {n // 50}",
                )
                for n, numbers in enumerate(cited)
            ),
            "citations": tuple(
                COMMON["citations"][0].model_copy(update={"id": str(n + 1), "page": n // 9 + 1, "quote": quote})
                for n, quote in enumerate(quotes)
            ),
        }
        | fields,
    )


def cursor_of(number: int) -> str:
    return encode_cursor(ResultPlace.model_construct(session=SESSION_ID, number=number, start=2))


def text_of(result: CallToolResult) -> str:
    assert not result.is_error, result.content[0].text
    return result.content[0].text


async def every_part(connected: Client, tool: str, arguments: dict[str, Any]) -> list[CallToolResult]:
    parts = [await connected.call_tool(tool, arguments)]
    while cursor := parts[-1].structured_content.get("next_cursor"):
        assert f"make the same call with cursor `{cursor}`" in text_of(parts[-1])
        parts.append(await connected.call_tool(tool, {**arguments, "cursor": cursor}))
    return parts


@ERAS
async def test_the_parts_together_hold_every_claim_and_each_stands_alone(mode: str) -> None:
    whole = large(1_000)
    async with client(FakeAssistant(analysis=whole), mode) as connected:
        parts = await every_part(connected, "analyze_document", EXTRACTION)
    contents = [Analysis.model_validate(part.structured_content) for part in parts]
    assert len(parts) > 5
    assert tuple(claim for content in contents for claim in content.claims) == whole.claims
    assert {each for content in contents for each in content.citations} == {
        each.model_copy(update={"title": ""})
        for each in whole.citations
        if any(each.id in claim.citations for claim in whole.claims)
    }
    for part, content in zip(parts, contents, strict=True):
        assert content.part
        assert (content.part.last - content.part.first + 1, content.part.total) == (len(content.claims), 1_000)
        sources = {each.id for each in content.citations}
        assert sources == {number for claim in content.claims for number in claim.citations}
        said, _, listed = text_of(part).partition(SOURCES)
        assert set(MARK.findall(said)) == sources == set(MARK.findall(listed))
        for claim in content.claims:
            assert (
                f"| {claim.text.replace('|', chr(92) + '|')} | {''.join(f'[{n}]' for n in claim.citations)} |" in said
            )
        assert "…" not in text_of(part)


async def test_no_part_is_longer_than_hosts_show() -> None:
    async with client(FakeAssistant(analysis=large(1_000))) as connected:
        parts = await every_part(connected, "analyze_document", EXTRACTION)
    for part in parts:
        for form in (text_of(part), json.dumps(part.structured_content, ensure_ascii=False, separators=(",", ":"))):
            assert estimate_tokens(form) <= PART_TOKENS
            assert len(form) <= PART_CHARACTERS
    assert all(estimate_tokens(json.dumps(part.structured_content)) > PART_TOKENS / 2 for part in parts[:-1])


async def test_nothing_is_said_twice_in_either_form() -> None:
    async with client(FakeAssistant(analysis=large(30))) as connected:
        result = await connected.call_tool("analyze_document", EXTRACTION)
    assert result.structured_content.keys().isdisjoint({"markdown", "outline"})
    structured = json.dumps(result.structured_content)
    assert structured.count("Valve 15 closes at 15 bar.") == 1
    assert structured.count(r"Valve 15 | closes\nat 15 bar") == 1
    text = text_of(result).replace("\\|", "|")
    assert text.count("Valve 17 | closes at 17 bar") == 2, "one claim with two sources, which are quoted"
    assert text.count("Line 0") == 1


async def test_a_claim_that_is_longer_than_a_part_comes_whole_with_its_source() -> None:
    words = "A long sentence of many words. " * 3_000
    long = large(3)
    claims = tuple(claim.model_copy(update={"text": words}) for claim in long.claims)
    async with client(FakeAssistant(analysis=long.model_copy(update={"claims": claims}))) as connected:
        parts = await every_part(connected, "analyze_document", EXTRACTION)
    assert [len(part.structured_content["claims"]) for part in parts] == [1, 1, 1]
    assert all(words.strip() in text_of(part) for part in parts)


async def test_an_answer_goes_on_with_a_cursor_too() -> None:
    analysis = large(300)
    answer = ANSWER.model_copy(update={"claims": analysis.claims, "citations": analysis.citations})
    async with client(FakeAssistant(answer=answer)) as connected:
        parts = await every_part(connected, "ask", QUESTION)
    answers = [Answer.model_validate(part.structured_content) for part in parts]
    assert len(answers) > 1
    assert tuple(claim for each in answers for claim in each.claims) == answer.claims
    assert answers[0].usage == ANSWER.usage
    assert [each.title for each in answers[-1].documents] == ["Pump manual"]


async def test_a_reworded_answer_comes_whole_or_as_its_claims() -> None:
    reworded = ANSWER.model_copy(update={"message": "It holds 40 litres, as the manual says. [1]"})
    async with client(FakeAssistant(answer=reworded)) as connected:
        result = await connected.call_tool("ask", QUESTION)
    assert result.structured_content["message"] == reworded.message
    assert text_of(result).startswith(f"{reworded.message}\n\n{SOURCES}\n\nPump manual:\n[1] page 3: “The pump holds")

    async with client(FakeAssistant(analysis=large(1_000, message="All valves. [999]"))) as connected:
        first = await connected.call_tool("analyze_document", EXTRACTION)
    assert first.structured_content["message"] == ""
    assert "[999]" not in text_of(first)


async def test_many_documents_and_warnings_are_counted_not_listed() -> None:
    cited = COMMON["documents"][0]
    others = tuple(
        DocumentInfo(document_id=f"{n:016x}", title=f"File {n}", pages=1, tokens=9, parsed=True) for n in range(999)
    )
    skipped = tuple(f"File {n}: 3 of 4 passages were not read" for n in range(999))
    answer = ANSWER.model_copy(
        update={
            "documents": (*others, cited),
            "coverage": Coverage(tokens_total=9_000, skipped=skipped),
            "warnings": tuple(f"File {n}: no text" for n in range(100)),
        }
    )
    async with client(FakeAssistant(answer=answer)) as connected:
        result = await connected.call_tool("ask", QUESTION)
    content = Answer.model_validate(result.structured_content)
    assert content.documents[0] == cited
    assert len(content.documents) == MAX_NAMED
    assert content.coverage.skipped[-1] == "979 more documents were not read whole"
    assert content.warnings[-2:] == ("80 more warnings.", "980 more documents were searched than are named here.")
    assert estimate_tokens(text_of(result)) < 2_000


@pytest.mark.parametrize(
    ("cursor", "message"),
    [
        ("next", "'next' is no cursor of this tool. Pass next_cursor of an earlier result of the same tool as it is"),
        ("", "'' is no cursor"),
        ("é" * 100, "is no cursor"),
        ("MGQ1ZjRkN2UuMS4y", "'MGQ1ZjRkN2UuMS4y' is no cursor"),
        (cursor_of(10**40), "is no cursor"),
        (
            cursor_of(7),
            "The result that this cursor belongs to is not stored any more. Make the call",
        ),
    ],
)
async def test_a_cursor_that_leads_nowhere_says_so(cursor: str, message: str) -> None:
    async with client(FakeAssistant()) as connected:
        result = await connected.call_tool("ask", {**QUESTION, "cursor": cursor})
    assert result.is_error
    assert message in result.content[0].text


async def test_a_cursor_whose_result_is_gone_or_unreadable_says_so() -> None:
    assistant = FakeAssistant(analysis=large(1_000))
    async with client(assistant) as connected:
        first = await connected.call_tool("analyze_document", EXTRACTION)
        again = {**EXTRACTION, "cursor": first.structured_content["next_cursor"]}
        other_tool = await connected.call_tool("ask", {**QUESTION, "cursor": again["cursor"]})
        assistant.kept[SESSION_ID, 1] = '{"of": "another version"}'
        unreadable = await connected.call_tool("analyze_document", again)
        assistant.kept.clear()
        gone = await connected.call_tool("analyze_document", again)
    assert "This cursor is of another tool's result. Pass it to analyze_document." in other_tool.content[0].text
    for refused in (unreadable, gone):
        assert refused.is_error
        assert "is not stored any more. Make the call again without cursor." in refused.content[0].text


async def test_a_result_that_fits_has_no_parts() -> None:
    async with client(FakeAssistant()) as connected:
        result = await connected.call_tool("ask", QUESTION)
    assert result.structured_content.keys().isdisjoint({"part", "next_cursor"})
