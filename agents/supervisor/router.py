"""The router: which way the question takes."""

import asyncio

from agents.engine.tasks.decisions import Route, StandaloneQuestion
from agents.grounding.version_diff import asks_for_differences
from agents.language.section_references import find_references, strip_references
from agents.supervisor.run import Run
from agents.supervisor.scope import missing_pages, reference_names, scope

MAX_WORDS_BESIDE_REFERENCES = 6
"""A question with more words than this beside its references asks for more than what stands there."""


async def route(run: Run) -> None:
    """Decide whether the question is simple, complex, or needs the whole document."""
    request = run.request
    if run.conversation and request.mode is None:
        task = StandaloneQuestion(question=request.question, history=run.conversation)
        run.question = (await run.ask(task)).question.strip() or request.question
    if request.mode is not None:
        run.kind, run.reason = "whole_document", f"The {request.mode} reads the whole document."
    elif not run.settings.adaptive_routing:
        run.kind, run.reason = "complex", "Adaptive routing is off, so every question is planned."
    else:
        result = await run.ask(Route(question=run.question))
        run.kind, run.reason, run.language = result.kind, result.reason, result.language
        if len(request.documents) > 1 and asks_for_differences(run.question) and not find_references(run.question):
            run.kind, run.reason = "whole_document", "The documents are compared, from beginning to end."
        await asyncio.to_thread(_route_by_references, run)
    if run.kind == "whole_document":
        run.budget.max_seconds += run.reading_seconds
    run.report(0.1, f"Routed: {str(run.kind).replace('_', ' ')}")


def route_as_simple(run: Run) -> None:
    """Take the simple route where the router has failed."""
    if run.kind is None:
        run.kind, run.reason = "simple", "The router failed, so the short way was taken."


def _route_by_references(run: Run) -> None:
    """Adapt the route to the pages and sections that the question names, and warn of those that do not exist."""
    if not (named := reference_names(run.question)):
        return
    only_named = len(strip_references(run.question).split()) <= MAX_WORDS_BESIDE_REFERENCES
    if run.kind == "whole_document" and not only_named:
        # "Summarise it. Does section 1 cover all staff?" is not about section 1 alone.
        run.ignore_scope = True
        return
    missing, found = missing_pages(run, run.question), scope(run, run.question)
    if missing and not found and only_named:
        run.kind, run.reason, run.missing_pages = "simple", f"There is no {named}.", missing
        return
    run.warnings.extend(missing)
    if found:
        run.add_reason(f"Only {named}: the question is about that.")
    elif run.kind == "whole_document":
        # What was not found cannot be summed up, and the whole is not what was asked about.
        run.kind, run.reason = "simple", f"Searched: {named} was not found by its number."
        if not all(reference.is_page for reference in find_references(run.question)):
            run.warnings.append(f"Nothing bears the number or name of {named}, so these words were searched for.")
