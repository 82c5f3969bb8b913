"""The graph's state: what the agents have returned so far.

Each field belongs to one agent, which alone returns it; the others read it. Nothing is taken back: a second look
returns values with a higher `look`, and what was made of the first is known by its lower one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypedDict

from agents.grounding.claims import Judgement, UncheckedClaim
from agents.schema import Passage, RouteKind


@dataclass(frozen=True)
class Routed:
    """The router's result: which way the question takes."""

    question: str
    """Rewritten to stand alone where it follows up on the conversation."""
    kind: RouteKind = "simple"
    reason: str = ""
    language: str = ""
    named: tuple[Passage, ...] = ()
    """The passages of the pages and sections that the question is about; none where it names none."""
    missing_pages: tuple[str, ...] = ()
    """The whole answer, where the question is only about pages that no document has."""


@dataclass(frozen=True)
class Planned:
    """The planner's result: the questions to look up, one to three."""

    questions: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """Retrieval's result for one question: the passages that may answer it."""

    question: str
    passages: tuple[Passage, ...] = ()
    """As a prompt shows them: the best first, or in the order of the text where it is read as a whole."""
    ranking: tuple[Passage, ...] = ()
    """What the search found, best first."""
    reason: str = ""
    log_odds: float | None = None
    """Of the engine's view that they answer the question; None where it was not asked or did not tell."""
    look: int = 1


@dataclass(frozen=True)
class Drafted:
    """The synthesis agent's result: claims whose quotes nobody has looked for yet."""

    claims: tuple[UncheckedClaim, ...] = ()
    outline: tuple[str, ...] = ()
    """Of a whole document: its headings, or its windows' topics."""
    look: int = 1
    confidence: float | None = None
    """How likely the excerpts answer the question."""
    excerpts: tuple[UncheckedClaim, ...] = ()
    """The document's own sentences, chosen by rule, for where the claims do not stand."""
    closest: tuple[UncheckedClaim, ...] | None = None
    """The sentences that come closest to an answer, for where nothing is one; None where they were not looked for."""


def merge(first: Mapping[int, Evidence], second: Mapping[int, Evidence]) -> Mapping[int, Evidence]:
    """Merge the evidence that several retrievals returned at once."""
    return {**first, **second}


class Update(TypedDict, total=False):
    """What an agent adds to the state: its own field."""

    routed: Routed
    planned: Planned
    evidence: Annotated[Mapping[int, Evidence], merge]
    drafted: Drafted
    judgement: Judgement


class State(TypedDict):
    """What the agents have returned so far. An agent is given a turn only once all that it reads is there."""

    part: int
    """Which of the questions a retrieval is to look up: its number from 0; `EVERYTHING` is a second look."""
    routed: Routed
    planned: Planned
    evidence: Annotated[Mapping[int, Evidence], merge]
    drafted: Drafted
    judgement: Judgement


EVERYTHING = -1
"""The part of a second look, at everything."""


def questions(state: State) -> tuple[str, ...]:
    """Return the questions to look up: the planned ones, or the whole question."""
    return state["planned"].questions if "planned" in state else (state["routed"].question,)


def open_parts(state: State) -> list[int]:
    """Return the numbers of the questions that have not been looked up."""
    return [number for number in range(len(questions(state))) if number not in _evidence(state)]


def latest_look(state: State) -> int:
    """Return which look at the documents the evidence is from: 1, or 2 once everything was looked at; 0 for none."""
    return max((each.look for each in _evidence(state).values()), default=0)


def latest_evidence(state: State) -> list[Evidence]:
    """Return the evidence of the latest look, by the number of its question."""
    look = latest_look(state)
    return [each for _, each in sorted(_evidence(state).items()) if each.look == look]


def all_evidence(state: State) -> list[Evidence]:
    """Return all evidence that was found, by the number of its question."""
    return [each for _, each in sorted(_evidence(state).items())]


def _evidence(state: State) -> Mapping[int, Evidence]:
    return state.get("evidence", {})
