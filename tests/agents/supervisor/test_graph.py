import asyncio
from dataclasses import replace

import langgraph_supervisor.supervisor as upstream
import pytest
from langchain_core.messages import HumanMessage

from agents.engine.tasks.answering import Draft, DraftClaim, DraftResult, RewriteAnswer
from agents.engine.tasks.decisions import NextStep, Plan, Route, RouteResult
from agents.errors import EngineError
from agents.supervisor.graph import AGENTS, build_graph
from agents.supervisor.run import Run
from tests.agents.supervisor.conftest import RULES, Reading
from tests.support.fakes import FakeEngine, RandomEngine

COMPLEX = RouteResult(kind="complex", reason="Two facts.")


def agents(run: Run) -> list[str]:
    return [step.agent for step in run.steps]


async def test_a_simple_question_takes_retrieval_synthesis_and_validation(read: Reading) -> None:
    run = await read(FakeEngine())

    assert agents(run) == ["router", "retrieval", "synthesis", "validation"]
    assert run.judgement is not None
    assert run.judgement.claims


async def test_a_complex_question_is_planned_and_its_parts_are_retrieved(read: Reading) -> None:
    run = await read(FakeEngine({Route: COMPLEX}))

    assert agents(run) == ["router", "planner", "retrieval", "retrieval", "synthesis", "validation"]


async def test_two_hand_offs_in_one_decision_overlap_in_time(read: Reading) -> None:
    engine = FakeEngine({Route: COMPLEX}, seconds=0.01)

    await read(engine)

    assert engine.most_running == 2


async def test_without_parallel_tool_calls_the_parts_are_read_one_by_one(read: Reading) -> None:
    engine = FakeEngine({Route: COMPLEX}, seconds=0.01)

    await read(engine, settings={"parallel_tool_calls": False})

    assert engine.most_running == 1


async def test_two_agents_named_in_one_message_meet(read: Reading) -> None:
    """Fails when langgraph-supervisor runs parallel hand-offs one by one, or only one of them, again."""
    here = asyncio.Barrier(2)

    async def meet(_run: Run) -> None:
        async with asyncio.timeout(5), here:
            pass

    engine = FakeEngine({Route: COMPLEX})
    run = await read(engine)
    run.judgement, run.draft, run.steps = None, None, []
    for part in run.parts:
        part.taken = part.done = False
    graph = build_graph(tuple(replace(each, turn=meet) if each.name == "retrieval" else each for each in AGENTS))
    with pytest.raises(Exception, match=r"[Rr]ecursion"):
        await graph.ainvoke({"messages": [HumanMessage("?")]}, {"recursion_limit": 4}, context=run)

    assert [step.outcome for step in run.steps[:2]] == ["done", "done"]


def test_building_the_graph_leaves_upstream_as_it_was() -> None:
    shipped = upstream.create_react_agent

    build_graph()

    assert upstream.create_react_agent is shipped


@pytest.mark.parametrize("task", [Route, Plan, Draft])
async def test_an_agent_that_raises_does_not_end_the_run(read: Reading, task: type) -> None:
    run = await read(FakeEngine({Route: COMPLEX, task: RuntimeError("The engine fell over.")}))

    assert run.judgement is not None
    assert run.judgement.claims
    assert any("failed" in warning for warning in run.warnings)


async def test_an_engine_that_never_answers_leaves_a_fallback_answer(read: Reading) -> None:
    run = await read(FakeEngine(seconds=3_600), settings={"max_seconds": 0.2, "agent_seconds": 0.05})

    assert run.engine.info.name == "extractive"
    assert run.judgement is not None
    assert "9 in the morning" in run.judgement.markdown
    assert any("fallback" in warning for warning in run.warnings)


async def test_an_unreachable_engine_leaves_a_fallback_answer(read: Reading) -> None:
    error = EngineError("The engine is gone.", hint="Start it.")
    run = await read(FakeEngine(dict.fromkeys((Route, Plan, Draft), error)))

    assert run.engine.info.name == "extractive"
    assert run.judgement is not None
    assert run.judgement.claims


@pytest.mark.parametrize("seed", range(200))
async def test_random_decisions_end_within_the_budget_with_a_well_formed_answer(read: Reading, seed: int) -> None:
    run = await read(RandomEngine(seed), settings={"max_steps": 10})

    assert run.budget.steps <= 12
    assert run.judgement is not None
    for claim in run.judgement.claims:
        for quote in claim.quotes:
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
    assert first.judgement is not None
    assert second.judgement is not None
    assert first.judgement.markdown == second.judgement.markdown


async def test_a_rewritten_message_that_loses_its_citations_is_not_shown(read: Reading) -> None:
    lossy = FakeEngine({RewriteAnswer: lambda task: type(task).result_type()(markdown="It opens early.")})

    run = await read(lossy, settings={"message_forwarding": False})

    assert run.judgement is not None
    assert "[1]" in run.judgement.markdown
    assert any("lost citations" in warning for warning in run.warnings)


async def test_nothing_found_at_first_leads_to_a_second_look_at_everything(read: Reading) -> None:
    late = DraftClaim(text="The fine is waived for illness.", quotes=("The fine is waived for illness.",))
    answers = iter([DraftResult(not_found=True), DraftResult(claims=(late,))])

    run = await read(FakeEngine({Draft: lambda _: next(answers)}), settings={"passages": 1}, text=RULES * 20)

    assert run.full_scan
    assert run.everything_read
    assert run.judgement is not None
    assert [claim.text for claim in run.judgement.claims] == ["The fine is waived for illness."]


async def test_adaptive_routing_off_plans_every_question(read: Reading) -> None:
    engine = FakeEngine()

    run = await read(engine, settings={"adaptive_routing": False})

    assert "planner" in agents(run)
    assert engine.count(Route) == 0
