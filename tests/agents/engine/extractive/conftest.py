"""Passages for the extractive engine, cut by hand from texts that a test can read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.schema import Passage

HERE = Path(__file__).parent


def as_passage(text: str, index: int = 0, heading: str = "", title: str = "A document") -> Passage:
    return Passage(
        document_id="d", title=title, index=index, start=0, end=len(text), page=1, heading=heading, text=text
    )


@pytest.fixture
def passage() -> Callable[..., Passage]:
    """Make a passage of a text: passage(text, index=0, heading="")."""
    return as_passage


@pytest.fixture(scope="session")
def observatory() -> tuple[Passage, ...]:
    """A text of eight sections, two paragraphs to a passage."""
    passages: list[Passage] = []
    for section in (HERE / "observatory.md").read_text().split("\n## ")[1:]:
        heading, _, body = section.partition("\n\n")
        paragraphs = body.strip().split("\n\n")
        for first in range(0, len(paragraphs), 2):
            text = "\n\n".join(paragraphs[first : first + 2])
            passages.append(as_passage(text, len(passages), f"Marrick Observatory > {heading}"))
    return tuple(passages)


@pytest.fixture(scope="session")
def observatory_questions() -> dict[str, list[Any]]:
    """Questions about the observatory: with words of the answering sentence, and without an answer."""
    return json.loads((HERE / "observatory.json").read_text())
