"""The router: which way a request takes."""

from agents.engine.tasks.decisions import Condense, Route
from agents.supervisor.state import Run


async def route(run: Run) -> str:
    """Decide whether the question is simple, complex, or needs the whole document."""
    if run.conversation and run.request.mode is None:
        run.question = await _self_contained(run)
    await _choose(run)
    if run.kind == "whole_document":
        run.budget.max_seconds += run.reading_seconds
    run.report(0.1, f"Routed: {str(run.kind).replace('_', ' ')}")
    return f"{run.kind}: {run.reason}"


async def _choose(run: Run) -> None:
    if run.request.mode is not None:
        run.kind, run.reason = "whole_document", f"The {run.request.mode} reads the whole document."
    elif not run.settings.adaptive_routing:
        run.kind, run.reason = "complex", "Adaptive routing is off, so every question is planned."
    else:
        result = await run.ask(Route(question=run.question))
        run.kind, run.reason, run.language = result.kind, result.reason, result.language


async def _self_contained(run: Run) -> str:
    """Return the question as it makes sense without the conversation."""
    condensed = await run.ask(Condense(question=run.request.question, history=run.conversation))
    return condensed.question.strip() or run.request.question
