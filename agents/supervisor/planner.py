"""The planner: a complex question in sub-questions."""

from agents.engine.tasks.decisions import Plan
from agents.supervisor.run import Part, Run


async def plan(run: Run) -> None:
    """Split the question into two or three sub-questions that can be looked up one by one."""
    result = await run.ask(Plan(question=run.question))
    questions = list(dict.fromkeys(question.strip() for question in result.sub_questions if question.strip()))
    run.parts = [Part(question) for question in questions or [run.question]]
    run.sequential = result.order == "sequential"
    run.report(0.2, f"Planned {len(run.parts)} sub-questions, {result.order}")


def go_without_plan(run: Run) -> None:
    """Treat the question as a simple one where the planner has failed."""
    if not run.parts:
        run.kind = "simple"
