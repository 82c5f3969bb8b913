"""The router: which way the question takes.

By rule, in the languages that the rules know: a decision of the engine's costs a call, and 233 real questions are
answered well without one (benchmarks/results/quality_h100.json). In any other language the engine is asked.
"""

import asyncio
from dataclasses import replace

from agents.engine.tasks.decisions import Route, StandaloneQuestion
from agents.grounding.version_diff import asks_for_differences
from agents.language.section_references import find_references, strip_references
from agents.supervisor.run import Run
from agents.supervisor.scope import missing_pages, reference_names, scope
from agents.supervisor.state import Routed, State, Update

MAX_WORDS_BESIDE_REFERENCES = 6
"""A question with more words than this beside its references asks for more than what stands there."""


async def route(run: Run, _state: State) -> Update:
    """Decide whether the question is simple, complex, or needs the whole document."""
    routed = await _route(run)
    if routed.kind == "whole_document":
        run.budget.max_seconds += run.reading_seconds
    run.report(0.1, f"Routed: {routed.kind.replace('_', ' ')}")
    return {"routed": routed}


def route_as_simple(run: Run, _state: State) -> Update:
    """Take the simple route where the router has failed."""
    return {"routed": Routed(run.request.question, reason="The router failed, so the short way was taken.")}


async def _route(run: Run) -> Routed:
    request = run.request
    if request.mode is not None:
        return Routed(request.question, "whole_document", f"The {request.mode} reads the whole document.")
    question = await _standing_alone(run)
    if not run.settings.adaptive_routing:
        reason = "Adaptive routing is off, so every question is planned."
        return await asyncio.to_thread(_by_references, run, Routed(question, "complex", reason))
    result = await run.decide(Route(question=question))
    routed = Routed(question, result.kind, result.reason, result.language)
    if len(request.documents) > 1 and asks_for_differences(question) and not find_references(question):
        reason = "The documents are compared, from beginning to end."
        routed = replace(routed, kind="whole_document", reason=reason)
    return await asyncio.to_thread(_by_references, run, routed)


async def _standing_alone(run: Run) -> str:
    """Return the question, rewritten to make sense without the conversation."""
    asked = run.request.question
    if not run.conversation:
        return asked
    return (await run.ask(StandaloneQuestion(question=asked, history=run.conversation))).question.strip() or asked


def _by_references(run: Run, routed: Routed) -> Routed:
    """Adapt the route to the pages and sections that the question names, and warn of those that do not exist."""
    # What a wish for the whole follows upon, as its rewritten form says, is not what is to be read.
    question = run.request.question if routed.kind == "whole_document" else routed.question
    if not (named := reference_names(question)):
        return routed
    only_named = len(strip_references(question).split()) <= MAX_WORDS_BESIDE_REFERENCES
    if routed.kind == "whole_document" and not only_named:
        # "Summarise it. Does section 1 cover all staff?" is not about section 1 alone.
        return routed
    missing, found = missing_pages(run, question), scope(run, question)
    if missing and not found and only_named:
        return replace(routed, kind="simple", reason=f"There is no {named}.", missing_pages=missing)
    run.warn(*missing)
    if found:
        reason = f"{routed.reason} Only {named}: the question is about that.".strip()
        return replace(routed, reason=reason, named=found)
    if routed.kind != "whole_document":
        return routed
    # What was not found cannot be summed up, and the whole is not what was asked about.
    if not all(reference.is_page for reference in find_references(question)):
        run.warn(f"Nothing bears the number or name of {named}, so these words were searched for.")
    return replace(routed, kind="simple", reason=f"Searched: {named} was not found by its number.")
