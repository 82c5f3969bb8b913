"""The router: which way a request takes."""

import asyncio

from agents.engine.tasks.decisions import Route, StandaloneQuestion
from agents.grounding.version_diff import asks_for_differences
from agents.language.section_references import named, without
from agents.supervisor.run import Run
from agents.supervisor.scope import called, missing_pages, scope

_ASKS_FOR_MORE = 6
"""Words beside the places that a question names, from which on it asks for more than what stands there."""


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
        if len(run.request.documents) > 1 and asks_for_differences(run.question) and not named(run.question):
            run.kind, run.reason = "whole_document", "The documents are compared, from beginning to end."
        await asyncio.to_thread(_look_for_places, run)


def _look_for_places(run: Run) -> None:
    """Say what is read where the question names pages or sections, and which pages there are not."""
    if not (places := called(run.question)):
        return
    if run.kind == "whole_document" and len(without(run.question).split()) > _ASKS_FOR_MORE:
        # "Summarise it. Does section 1 cover all staff?" is not about section 1 alone.
        run.beyond_scope = True
        return
    missing, found = missing_pages(run, run.question), scope(run, run.question)
    if missing and not found and len(without(run.question).split()) <= _ASKS_FOR_MORE:
        run.kind, run.reason, run.missing_pages = "simple", f"There is no {places}.", missing
        return
    run.warnings.extend(missing)
    if found:
        run.add_reason(f"Only {places}: the question is about that.")
    elif run.kind == "whole_document":
        # What was not found cannot be summed up, and the whole is not what was asked about.
        run.kind, run.reason = "simple", f"Searched: {places} was not found by its number."
        if not all(place.is_page for place in named(run.question)):
            run.warnings.append(f"Nothing begins with the number of {places}, so these words were searched for.")


async def _self_contained(run: Run) -> str:
    """Return the question as it makes sense without the conversation."""
    condensed = await run.ask(StandaloneQuestion(question=run.request.question, history=run.conversation))
    return condensed.question.strip() or run.request.question
