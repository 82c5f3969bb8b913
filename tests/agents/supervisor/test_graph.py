import asyncio
from dataclasses import replace
from typing import Any

import langgraph_supervisor.supervisor as upstream
import pytest
from langchain_core.messages import HumanMessage

from agents.engine.engine import ChoiceResult
from agents.engine.extractive.engine import ExtractiveEngine
from agents.engine.tasks.answering import Answerable, Draft, DraftResult, RewriteAnswer
from agents.engine.tasks.decisions import NextStep, Plan, PlanResult, Route, RouteResult
from agents.engine.tasks.reading import WindowNotes
from agents.errors import EngineError
from agents.supervisor.answer import Completed
from agents.supervisor.graph import AGENTS, build_graph
from agents.supervisor.policy import SECOND_LOOK_TOKENS, Agent
from agents.supervisor.run import Budget, Ledger, Run
from agents.supervisor.state import EVERYTHING, Evidence, State, Update, merge
from tests.agents.supervisor.conftest import RULES, Reading
from tests.support.fakes import FakeEngine, RandomEngine

TWO_FACTS = "When does it open, and what does a late volume cost?"
POLISH = "Kiedy otwiera się czytelnia?"
COMPLEX = RouteResult(kind="complex", reason="Two facts.")
UNANSWERED = ChoiceResult(log_odds=-3.0)


def agents(completed: Completed) -> list[str]:
    return [step.agent for step in completed.run.ledger.steps]


async def test_a_simple_question_takes_retrieval_synthesis_and_validation(read: Reading) -> None:
    completed = await read(FakeEngine())

    assert agents(completed) == ["router", "retrieval", "synthesis", "validation"]
    assert completed.state["judgement"].claims


async def test_a_complex_question_is_planned_and_its_parts_are_retrieved(read: Reading) -> None:
    completed = await read(FakeEngine(), TWO_FACTS)

    assert agents(completed) == ["router", "planner", "retrieval", "retrieval", "synthesis", "validation"]


async def test_a_plain_question_costs_a_model_two_calls(read: Reading) -> None:
    engine = FakeEngine()

    await read(engine)

    assert [type(task) for task in engine.tasks] == [Answerable, Draft]


async def test_whether_the_text_answers_is_asked_over_the_best_three_passages(read: Reading) -> None:
    text = "\n\n".join(f"# Part {n}\n\n" + f"The wick of lamp {n} burned for {n} hours. " * 40 for n in range(1, 9))
    engine = FakeEngine()

    completed = await read(engine, "How long did the wick of lamp 7 burn?", text)

    (asked,) = [task for task in engine.tasks if isinstance(task, Answerable)]
    assert asked.evidence == completed.state["evidence"][0].ranking[:3]


async def test_the_engine_routes_and_plans_in_a_language_that_the_rules_do_not_know(read: Reading) -> None:
    parts = ("Kiedy otwiera się czytelnia?", "Ile kosztuje spóźnienie?")
    engine = FakeEngine({Route: COMPLEX, Plan: PlanResult(sub_questions=parts)})

    completed = await read(engine, POLISH)

    assert engine.count(Route) == engine.count(Plan) == 1
    assert completed.state["routed"].reason.startswith("Two facts.")
    assert completed.state["planned"].questions == parts
    assert [each.question for each in completed.state["evidence"].values()] == list(parts)


async def test_the_rules_route_and_plan_in_a_language_that_they_know(read: Reading) -> None:
    engine = FakeEngine({Route: RuntimeError("Not asked."), Plan: RuntimeError("Not asked.")})

    completed = await read(engine, TWO_FACTS)

    assert engine.count(Route) == engine.count(Plan) == 0
    assert completed.state["routed"].language == "English"
    assert completed.state["planned"].questions == ("When does it open?", "What does a late volume cost?")


async def test_an_engine_without_a_model_decides_by_rule_in_any_language(read: Reading) -> None:
    completed = await read(ExtractiveEngine(), POLISH)

    assert completed.state["routed"].kind == "simple"
    assert completed.run.ledger.failures("router") == 0


async def test_two_hand_offs_in_one_decision_overlap_in_time(read: Reading) -> None:
    engine = FakeEngine(seconds=0.01)

    await read(engine, TWO_FACTS)

    assert engine.most_running == 2


async def test_without_parallel_tool_calls_the_parts_are_read_one_by_one(read: Reading) -> None:
    engine = FakeEngine(seconds=0.01)

    await read(engine, TWO_FACTS, settings={"parallel_tool_calls": False})

    assert engine.most_running == 1


def again(run: Run) -> Run:
    """The run with nothing spent or done, so that a graph can be run over it once more."""
    budget = Budget(run.budget.max_steps, run.budget.max_seconds, run.budget.clock)
    return replace(run, budget=budget, ledger=Ledger(run.texts))


async def test_two_agents_named_in_one_message_meet(read: Reading) -> None:
    """Fails when langgraph-supervisor runs parallel hand-offs one by one, or only one of them, again."""
    here = asyncio.Barrier(2)

    async def meet(_run: Run, _state: State) -> Update:
        async with asyncio.timeout(5), here:
            return {}

    completed = await read(FakeEngine(), TWO_FACTS)
    run = again(completed.run)
    looked_for: Any = {key: completed.state[key] for key in ("routed", "planned")}
    graph = build_graph(tuple(replace(each, turn=meet) if each.name == "retrieval" else each for each in AGENTS))
    with pytest.raises(Exception, match=r"[Rr]ecursion"):
        await graph.ainvoke({"messages": [HumanMessage("?")], **looked_for}, {"recursion_limit": 4}, context=run)

    assert [step.outcome for step in run.ledger.steps[:2]] == ["done", "done"]


async def test_what_two_retrievals_return_at_once_is_merged(read: Reading) -> None:
    completed = await read(FakeEngine(), TWO_FACTS)

    evidence = completed.state["evidence"]
    assert [evidence[number].question for number in (0, 1)] == ["When does it open?", "What does a late volume cost?"]
    assert all(each.passages for each in evidence.values())


def test_merged_evidence_keeps_what_each_retrieval_found() -> None:
    first, second, all_of_it = Evidence("a"), Evidence("b"), Evidence("c", look=2)

    merged = merge(merge({0: first}, {1: second}), {EVERYTHING: all_of_it})

    assert merged == {0: first, 1: second, EVERYTHING: all_of_it}


async def test_every_agent_returns_its_own_field_and_no_other(read: Reading) -> None:
    returned: dict[str, set[str]] = {}

    def watched(agent: Agent) -> Agent:
        async def turn(run: Run, state: State) -> Update:
            update = await agent.turn(run, state)
            returned.setdefault(agent.name, set()).update(update)
            return update

        return replace(agent, turn=turn)

    run = again((await read(FakeEngine(), TWO_FACTS)).run)
    graph = build_graph(tuple(map(watched, AGENTS)))
    await graph.ainvoke({"messages": [HumanMessage("?")]}, {"recursion_limit": 60}, context=run)

    assert returned == {
        "router": {"routed"},
        "planner": {"planned"},
        "retrieval": {"evidence"},
        "synthesis": {"drafted"},
        "validation": {"judgement"},
    }


def test_building_the_graph_leaves_upstream_as_it_was() -> None:
    shipped = upstream.create_react_agent

    build_graph()

    assert upstream.create_react_agent is shipped


@pytest.mark.parametrize("task", [Route, Plan, Draft])
async def test_an_agent_that_raises_does_not_end_the_run(read: Reading, task: type) -> None:
    failing = FakeEngine({Route: COMPLEX, task: RuntimeError("The engine fell over.")})

    completed = await read(failing, POLISH)

    assert completed.state["judgement"].markdown
    assert any("failed" in warning for warning in completed.run.ledger.warnings)


async def test_what_was_found_is_answered_from_where_the_engine_cannot_judge_it(read: Reading) -> None:
    engine = FakeEngine({Answerable: RuntimeError("The engine fell over.")})

    completed = await read(engine)

    assert agents(completed) == ["router", "retrieval", "synthesis", "validation"]
    assert completed.state["judgement"].claims
    assert "Whether the passages answer was not judged: RuntimeError." in completed.run.ledger.warnings


async def test_an_engine_that_never_answers_leaves_a_fallback_answer(read: Reading) -> None:
    stalled = FakeEngine(seconds=3_600)

    completed = await read(
        stalled, "When does the reading room open?", settings={"max_seconds": 0.2, "agent_seconds": 0.05}
    )

    assert completed.run.engine.info.name == "extractive"
    assert "9 in the morning" in completed.state["judgement"].markdown
    assert any("fallback" in warning for warning in completed.run.ledger.warnings)


async def test_an_unreachable_engine_leaves_a_fallback_answer(read: Reading) -> None:
    error = EngineError("The engine is gone.", hint="Start it.")

    completed = await read(FakeEngine(dict.fromkeys((Answerable, Draft), error)), "When does the reading room open?")

    assert completed.run.engine.info.name == "extractive"
    assert completed.state["judgement"].claims


@pytest.mark.parametrize("seed", range(200))
async def test_random_decisions_end_within_the_budget_with_a_well_formed_answer(read: Reading, seed: int) -> None:
    question = [POLISH, TWO_FACTS, "When does it open?", "Summarise it."][seed % 4]

    completed = await read(RandomEngine(seed), question, settings={"max_steps": 10})

    judgement = completed.state["judgement"]
    assert completed.run.budget.steps <= 12
    for quote in (*judgement.closest, *(quote for claim in judgement.claims for quote in claim.quotes)):
        assert RULES[quote.located.start : quote.located.end] == quote.located.quote


async def test_the_engine_is_asked_only_where_there_is_a_choice(read: Reading) -> None:
    engine = FakeEngine()

    await read(engine)

    assert engine.count(NextStep) == 0


async def test_forwarding_spends_no_tokens_on_the_final_message(read: Reading) -> None:
    forwarded, rewritten = FakeEngine(), FakeEngine()

    first = await read(forwarded)
    second = await read(rewritten, settings={"message_forwarding": False})

    assert forwarded.count(RewriteAnswer) == 0
    assert rewritten.count(RewriteAnswer) == 1
    assert first.state["judgement"].markdown == second.state["judgement"].markdown


async def test_a_rewritten_message_that_loses_its_citations_is_not_shown(read: Reading) -> None:
    lossy = FakeEngine({RewriteAnswer: lambda task: type(task).result_type()(markdown="It opens early.")})

    completed = await read(lossy, settings={"message_forwarding": False})

    assert "[1]" in completed.state["judgement"].markdown
    assert any("lost citations" in warning for warning in completed.run.ledger.warnings)


async def test_nothing_found_at_first_leads_to_a_second_look_at_everything(read: Reading) -> None:
    waived = "The fine is waived for illness."
    late = DraftResult(quotes=(waived,), answer=waived)
    answers = iter([UNANSWERED, ChoiceResult(log_odds=3.0)])
    engine = FakeEngine({Answerable: lambda _: next(answers), Draft: late})

    completed = await read(engine, settings={"passages": 1}, text=RULES * 20)

    assert agents(completed) == ["router", *["retrieval", "synthesis", "validation"] * 2]
    assert completed.run.ledger.everything_read
    assert completed.state["evidence"][EVERYTHING].passages == completed.run.texts.all_passages
    assert [claim.text for claim in completed.state["judgement"].claims] == [waived]


async def test_a_model_takes_no_second_look_at_long_documents(read: Reading) -> None:
    engine = FakeEngine({Answerable: UNANSWERED})

    completed = await read(engine, settings={"passages": 1}, text=RULES * 120)

    assert completed.run.texts.total_tokens > SECOND_LOOK_TOKENS
    assert agents(completed) == ["router", "retrieval", "synthesis", "validation"]
    assert not completed.run.ledger.everything_read
    assert completed.state["judgement"].markdown.startswith("No clear answer was found in the ")


async def test_an_engine_without_a_model_ranks_everything_at_once_however_long_it_is(read: Reading) -> None:
    completed = await read(ExtractiveEngine(), "Who painted the ceiling?", settings={"passages": 1}, text=RULES * 120)

    assert completed.run.texts.total_tokens > SECOND_LOOK_TOKENS
    assert completed.run.ledger.everything_read
    assert agents(completed).count("retrieval") == 1
    assert not completed.state["evidence"][0].passages


async def test_a_second_look_that_finds_nothing_is_the_last(read: Reading) -> None:
    engine = FakeEngine({Answerable: UNANSWERED})

    completed = await read(engine, settings={"passages": 1}, text=RULES * 20)

    assert agents(completed).count("validation") == 2
    assert completed.state["judgement"].markdown.startswith("The document does not say.")


async def test_adaptive_routing_off_plans_every_question(read: Reading) -> None:
    engine = FakeEngine()

    completed = await read(engine, settings={"adaptive_routing": False})

    assert "planner" in agents(completed)
    assert engine.count(Route) == 0


async def test_a_question_for_all_of_a_document_is_read_window_by_window(read: Reading) -> None:
    engine = FakeEngine()

    completed = await read(engine, "Summarise it.")

    assert agents(completed) == ["router", "synthesis", "validation"]
    assert engine.count(WindowNotes) == 1
    assert completed.run.ledger.everything_read
