"""A question set over real documents.

The set is a folder with `qa.json` (one object a question: id, q, doc, pages, evidence, a, kind, lang, check) and the
documents it names. It is not part of this repository.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Part = Literal["all", "work", "check"]
"""all, work (what may be looked at while the agents are changed) or check (set aside until the end)."""


@dataclass(frozen=True)
class Question:
    """One question and what is known of its answer.

    Args:
        pages: Gold pages, counted from 1; empty where the document has none, or does not answer.
        evidence: Words that stand in the document and answer the question.
        answer: The gold answer; None where the document does not say.
    """

    id: str
    text: str
    document: Path
    pages: tuple[int, ...]
    evidence: str
    answer: str | None
    kind: str
    language: str
    check: bool


def load(folder: Path, part: Part = "all") -> list[Question]:
    """Return the questions of a set, in its order.

    Raises:
        SystemExit: The folder holds no such set.
    """
    file = folder / "qa.json"
    if not file.is_file():
        raise SystemExit(f"There is no question set at {file}. Name the folder of one with --set.")
    questions = [
        Question(
            id=each["id"],
            text=each["q"],
            document=folder / each["doc"],
            pages=tuple(each["pages"] or ()),
            evidence=each["evidence"] or "",
            answer=each["a"],
            kind=each["kind"],
            language=each["lang"],
            check=bool(each.get("check")),
        )
        for each in json.loads(file.read_text())
    ]
    return [question for question in questions if part == "all" or question.check == (part == "check")]
