"""The planner: a complex question in the questions that it consists of."""

from agents.engine.tasks.decisions import Plan
from agents.supervisor.run import Run
from agents.supervisor.state import Planned, State, Update


async def plan(run: Run, state: State) -> Update:
    """Split the question into up to three to look up."""
    question = state["routed"].question
    result = await run.decide(Plan(question=question))
    questions = tuple(dict.fromkeys(part.strip() for part in result.sub_questions if part.strip()))
    run.report(0.2, f"Planned {len(questions) or 1} sub-questions")
    return {"planned": Planned(questions or (question,))}


def go_without_plan(_run: Run, state: State) -> Update:
    """Look the question up as a whole where the planner has failed."""
    return {"planned": Planned((state["routed"].question,))}
