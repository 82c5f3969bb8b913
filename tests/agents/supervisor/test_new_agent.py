"""A sixth agent: one file, tests/support/years_agent.py, and one line in the registry."""

from pathlib import Path
from typing import Any

import pytest

from agents.engine.tasks.decisions import NextStep, NextStepResult
from agents.supervisor import graph
from agents.supervisor.policy import Agent
from agents.supervisor.run import Run
from agents.supervisor.state import State, Update
from tests.agents.supervisor.conftest import Reading
from tests.support import years_agent
from tests.support.fakes import FakeEngine
from tests.support.years_agent import YEARS

TEXT = (
    "# Report\n\nThe pump was built in 1987 and replaced in 2021. It runs day and night, and nobody has stopped it.\n"
)
QUESTION = "When was the pump replaced?"


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "AGENTS", (*graph.AGENTS, YEARS))


def choose(name: str) -> Any:
    return lambda task: NextStepResult(next=(name if name in task.allowed else task.allowed[0],))


async def test_an_agent_that_the_engine_chooses_has_its_turn(read: Reading) -> None:
    engine = FakeEngine({NextStep: choose("years")})

    completed = await read(engine, QUESTION, text=TEXT)

    assert [step.agent for step in completed.run.ledger.steps] == [
        "router",
        "retrieval",
        "years",
        "synthesis",
        "validation",
    ]
    assert "The passages are about 1987, 2021." in completed.run.ledger.warnings
    assert completed.state["judgement"].claims


async def test_the_engine_is_told_what_the_agents_do_that_it_may_choose(read: Reading) -> None:
    engine = FakeEngine({NextStep: choose("years")})

    await read(engine, QUESTION, text=TEXT)

    (decision,) = [task for task in engine.tasks if isinstance(task, NextStep)]
    assert decision.allowed == ("synthesis", "years")
    assert "years: says which years the passages are from" in decision.instruction()


async def test_without_the_engines_choice_the_usual_way_is_taken(read: Reading) -> None:
    completed = await read(FakeEngine({NextStep: choose("synthesis")}), QUESTION, text=TEXT)

    assert [step.agent for step in completed.run.ledger.steps] == ["router", "retrieval", "synthesis", "validation"]


async def test_an_agent_before_the_others_is_the_usual_choice(read: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "AGENTS", (YEARS, *(agent for agent in graph.AGENTS if agent is not YEARS)))

    completed = await read(FakeEngine(), QUESTION, text=TEXT)

    assert "years" in [step.agent for step in completed.run.ledger.steps]


def test_the_page_on_new_agents_shows_this_one() -> None:
    code = Path(years_agent.__file__).read_text().strip()

    assert any(code in page.read_text() for page in Path("docs").glob("extending*.md"))
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 20


async def test_an_agent_that_always_fails_is_given_up_after_two_turns(
    read: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_run: Run, _state: State) -> Update:
        raise RuntimeError("No.")

    failing = Agent("failing", "fails", fail, lambda _run, state: "routed" in state)
    monkeypatch.setattr(graph, "AGENTS", (failing, *graph.AGENTS))

    completed = await read(FakeEngine({NextStep: choose("failing")}), QUESTION, text=TEXT)

    assert [step.outcome for step in completed.run.ledger.steps if step.agent == "failing"] == ["failed", "failed"]
    assert completed.state["judgement"].claims
