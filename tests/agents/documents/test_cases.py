"""Small files made after public reports on tools of this kind, each with what a person would expect of it."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agents.assistant import Assistant
from agents.errors import DocumentError
from agents.settings import DocumentsSettings, EngineSettings, Settings

CASES = Path(__file__).parents[2] / "cases"
PENDING = frozenset({"hyph_en.pdf"})
"""Cases that are not answered right yet; one that comes right fails until its name is gone from here."""


def cases() -> list[Any]:
    """Return the cases, each named by its file and what is looked at."""
    found: list[Any] = []
    for case in json.loads((CASES / "cases.json").read_text()):
        kind = "text" if case.get("text") else "ask"
        pending = case["file"] in PENDING or f"{case['file']}:{kind}" in PENDING
        marks = [pytest.mark.xfail(strict=True, raises=(AssertionError, DocumentError))] if pending else []
        found.append(pytest.param(case, id=f"{case['file']}-{case.get('ask', 'text')}", marks=marks))
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def assistant(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Assistant]:
    """An assistant without a model that may read the cases."""
    assistant = Assistant(
        Settings(
            data_dir=tmp_path_factory.mktemp("cases"),
            engine=EngineSettings(kind="extractive"),
            documents=DocumentsSettings(roots=(CASES,)),
        )
    )
    yield assistant
    await assistant.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", cases())
async def test_a_file_is_read_as_a_person_would_read_it(assistant: Assistant, case: dict[str, Any]) -> None:
    path = str(CASES / case["file"])
    answer = await assistant.ask(case.get("ask", "What is it about?"), [path])
    if "ask" in case:
        shown = re.split(r"\n\*\*Sources\*\*", answer.markdown)[0]
        assert answer.citations
        assert not answer.not_found
        assert [words for words in case["answer_has"] if words not in shown] == []
        assert [words for words in case["answer_lacks"] if words in shown] == []
    else:
        text = (await assistant.library.open(path)).text
        assert [words for words in case["text_has"] if words not in text] == []
        assert [words for words in case["text_lacks"] if words in text] == []
        assert case.get("warning_has", "") in " ".join(answer.warnings)


def test_every_file_is_a_case() -> None:
    asked = {case["file"] for case in json.loads((CASES / "cases.json").read_text())}

    assert {path.name for path in CASES.iterdir()} - {"cases.json"} == asked
