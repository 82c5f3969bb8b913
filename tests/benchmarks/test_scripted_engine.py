from agents.engine.tasks.answering import Draft
from agents.engine.tasks.decisions import Plan, PlanResult, Route, RouteResult
from agents.schema import Passage
from benchmarks.scripted_engine import STEERED, ScriptedEngine
from tests.support.fakes import FakeEngine


async def test_a_script_over_an_engine_replaces_only_the_replies_it_names_at_the_engines_cost() -> None:
    computing = FakeEngine({Plan: PlanResult(sub_questions=("By the engine?",))})
    scripted = ScriptedEngine({**STEERED, Route: RouteResult(kind="complex", reason="By rule.")}, engine=computing)

    route, plan = await scripted.run(Route(question="What?")), await scripted.run(Plan(question="What?"))

    assert route.result.kind == "complex"
    assert plan.result.sub_questions == ("By the engine?",)
    assert route.usage.engine_calls == computing.count(Route) == scripted.count(Route) == 1
    assert scripted.info == computing.info


async def test_a_script_alone_answers_every_task_from_its_evidence_in_a_models_place() -> None:
    text = "The feed pump is checked every 14 days by Maria Holm."
    passage = Passage(document_id="d", title="Rules", index=0, start=0, end=len(text), page=1, text=text)

    draft = (await ScriptedEngine().run(Draft(evidence=(passage,), question="How often?"))).result

    assert draft.quotes == ("The feed pump is checked every 14 days",)
    assert draft.answer in text
    assert ScriptedEngine().info.generative
