"""Tokens of answers as a client gets them: as text, as structured content, and part by part.

    READROOM_ENGINE__KIND=extractive python -m benchmarks.answer_tokens FILE... --ask QUESTION --focus WHAT

Each file is asked, summarised in both lengths, and extracted from, by a client of the real server; cursors are followed
to the end, and every part is checked: its marks are its sources, and the parts together hold every claim once. `before`
are the same answers in the forms that the tools had at commit c27f4c5, without their limits: each source with its title
and its quote, and all of it again in the structure. (That an extraction's rows stood there twice is not counted.)
"""

import argparse
import asyncio
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcp import Client
from mcp_types import CallToolResult, TextContent

from agents.assistant import Assistant
from agents.language.tokens import estimate_tokens
from agents.markdown import SOURCES
from agents.schema import Response
from agents.settings import DocumentsSettings, load_settings
from benchmarks.record import record
from mcp_server.parts import part_text
from mcp_server.server import create_server

NAME = "answer_tokens"
GOAL = 2 / 3
"""Tokens after, of those before, in each form of an answer."""
_MARK = re.compile(r"\[(\d+)\]")
_LISTED = re.compile(rf"({re.escape(SOURCES)}\n\n).*?(?=\n\n(?:_|---))", re.DOTALL)


def forms(result: CallToolResult) -> tuple[str, str]:
    """Return what a client gets as text, and as structured content.

    Raises:
        ValueError: The tool failed.
    """
    text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
    if result.is_error:
        raise ValueError(text)
    return text, json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))


async def every_part(client: Client, tool: str, arguments: dict[str, Any]) -> list[CallToolResult]:
    """Return the parts of one result."""
    parts = [await client.call_tool(tool, {**arguments, "wait_seconds": 3_600})]
    while cursor := (parts[-1].structured_content or {}).get("next_cursor"):
        parts.append(await client.call_tool(tool, {**arguments, "cursor": cursor}))
    return parts


def measure(parts: Sequence[CallToolResult]) -> dict[str, Any]:
    """Return the tokens of a result's parts, and what is wrong with them."""
    texts, structured = zip(*map(forms, parts), strict=True)
    contents = [part.structured_content or {} for part in parts]
    claims = [claim for content in contents for claim in content["claims"]]
    faults = 0
    for text, content in zip(texts, contents, strict=True):
        sources = {each["id"] for each in content["citations"]}
        said, _, listed = text.partition(SOURCES)
        used = {number for claim in content["claims"] for number in claim["citations"]}
        faults += used != sources or (bool(listed) and not used <= set(_MARK.findall(listed)))
        said = " ".join(said.replace("\\|", "|").split())
        faults += sum(" ".join(claim["text"].split()) not in said for claim in content["claims"])
    total = contents[0]["part"]["total"] if contents[0].get("part") else len(contents[0]["claims"])
    return {
        "claims": len(claims),
        "parts": len(parts),
        "text_tokens": sum(map(estimate_tokens, texts)),
        "structured_tokens": sum(map(estimate_tokens, structured)),
        "largest_part_tokens": max(estimate_tokens(form) for form in (*texts, *structured)),
        "largest_part_characters": max(map(len, (*texts, *structured))),
        "faults": faults + (len(claims) != total),
    }


def tokens_before(response: Response) -> dict[str, int]:
    """Return the tokens that a response took in its earlier forms."""
    sources = "\n".join(
        f"[{each.id}] {each.title}, {each.place or f'page {each.page}'}: “{' '.join(each.quote.split())}”"
        for each in response.citations
    )
    text = _LISTED.sub(lambda found: found[1] + sources, part_text(response), count=1)
    structured = response.model_dump(mode="json") | {"markdown": text}
    return {
        "text_tokens": estimate_tokens(text),
        "structured_tokens": estimate_tokens(json.dumps(structured, ensure_ascii=False, separators=(",", ":"))),
    }


async def whole(assistant: Assistant, part: CallToolResult) -> Response:
    """Return the stored response that a part is of.

    Raises:
        LookupError: It is not stored.
    """
    session = (part.structured_content or {})["session"]
    if (response := await assistant.result(session["session_id"], session["result"])) is None:
        raise LookupError(f"No result {session['result']} is stored.")
    return response


async def main(files: Sequence[Path], question: str, focus: str) -> None:
    """Measure every answer and record the figures."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        documents = DocumentsSettings(roots=tuple({file.parent for file in files}))
        settings = load_settings().model_copy(update={"documents": documents, "data_dir": Path(folder)})
        assistant = Assistant(settings)
        async with Client(create_server(settings, assistant)) as client:
            for file in files:
                calls: dict[str, tuple[str, dict[str, Any]]] = {
                    "ask": ("ask", {"question": question, "documents": [str(file)]}),
                    **{
                        mode: ("analyze_document", {"document": str(file), "mode": mode})
                        for mode in ("summary", "detailed")
                    },
                    "extraction": ("analyze_document", {"document": str(file), "mode": "extraction", "focus": focus}),
                }
                for name, (tool, arguments) in calls.items():
                    parts = await every_part(client, tool, arguments)
                    before[f"{name} {file.name}"] = tokens_before(await whole(assistant, parts[0]))
                    after[f"{name} {file.name}"] = measure(parts)
        await assistant.close()
    ratios = {
        case: {form: round(after[case][form] / old[form], 3) for form in ("text_tokens", "structured_tokens")}
        for case, old in before.items()
    }
    record(
        NAME,
        "READROOM_ENGINE__KIND=extractive python -m benchmarks.answer_tokens FILE... --ask QUESTION --focus WHAT; "
        "tokens are estimated; before are the same answers in the forms of commit c27f4c5 without its limits",
        {"question": question, "focus": focus, "after_to_before": ratios, "after": after, "before": before},
        goal="each answer takes at most two thirds of the tokens in each form; all claims, each with its sources",
        met=bool(ratios)
        and all(form <= GOAL for ratio in ratios.values() for form in ratio.values())
        and not any(each["faults"] for each in after.values()),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=lambda name: Path(name).resolve())
    parser.add_argument("--ask", required=True, help="a question")
    parser.add_argument("--focus", required=True, help="what is extracted")
    options = parser.parse_args()
    asyncio.run(main(options.files, options.ask, options.focus))
