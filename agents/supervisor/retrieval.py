"""Retrieval: the passages that may answer the question, or one of its parts."""

import asyncio

from agents.engine.tasks.answering import Draft
from agents.engine.tasks.decisions import StandaloneQuestion
from agents.language.section_references import strip_references
from agents.schema import Passage
from agents.supervisor.context_budget import evidence_fits, fits_one_pass
from agents.supervisor.run import Part, Run
from agents.supervisor.scope import scope

MAX_OPENINGS = 3
"""Documents whose first passages are added to what a search finds."""


async def retrieve(run: Run) -> None:
    """Find the passages for the next open part; several parts may be retrieved concurrently, one per call."""
    if run.judgement is not None:
        _widen_to_everything(run)
        return
    if not run.parts:
        run.parts = [Part(run.question)]
    part = next((part for part in run.parts if not part.taken), None)
    if part is None:
        return
    part.taken = True
    if run.sequential:
        part.question = await _resolve_references(run, part)
    part.passages = await _find_passages(run, part.question)
    if len(run.parts) > 1:
        # Each part is answered as soon as it has its passages, so that parts are read side by side.
        task = Draft(evidence=part.passages, history=run.history, question=part.question, language=run.language)
        part.claims = (await run.ask(task)).claims
        run.mark_read(part.passages)
    part.done = True
    run.report(0.4, f"Found {len(part.passages)} passages for: {part.question}")


def close_taken_parts(run: Run) -> None:
    """Go on without the passages of a failed retrieval; a failed second look is not repeated."""
    for part in run.parts:
        part.done = part.done or part.taken
    if run.judgement is not None:
        run.full_scan = True


def should_read_whole(run: Run, *, fits: bool) -> bool:
    """Whether to hand over whole documents instead of searching them; adds the reason to the route's.

    Documents in the engine's prefix cache cost next to nothing to read again, and several parts share one
    reading. For a narrow question about documents that are not cached, searching is cheaper.

    Args:
        run: Gets the reason.
        fits: Whether the documents fit into one prompt.
    """
    if run.engine.info.context_tokens is None:
        return False
    if not fits:
        run.add_reason("Searched: the documents are longer than one window.")
    elif run.prefix_cached:
        run.add_reason("Read whole: the engine has just read it and has it at hand.")
    elif run.kind == "complex":
        run.add_reason("Read whole: all parts share one reading.")
    else:
        run.add_reason("Searched first: reading everything costs more than a narrow question needs.")
    return fits and (run.prefix_cached or run.kind == "complex")


async def _find_passages(run: Run, question: str) -> tuple[Passage, ...]:
    """Return the pages and sections that are named, the whole documents, or what a search finds."""
    if run.missing_pages:
        return ()
    named = await asyncio.to_thread(scope, run, question) or await asyncio.to_thread(scope, run, run.question)
    if named:
        draft = Draft(evidence=named, question=run.question, history=run.history, language=run.language)
        whole = await asyncio.to_thread(evidence_fits, run, draft)
        return named if whole else await _search_within(run, named, question)
    # In a thread: an engine that counts tokens on a server takes a while.
    fits = await asyncio.to_thread(fits_one_pass, run, Draft(question=run.question), run.request.documents)
    if should_read_whole(run, fits=fits):
        return run.all_passages
    found = await _search(run, question, run.settings.passages)
    # A document's opening says who wrote it, when, and what it is, in words that no question uses.
    openings = [run.passages[document.document_id][0] for document in run.request.documents[:MAX_OPENINGS]]
    return (*found, *(opening for opening in openings if opening not in found))


async def _search_within(run: Run, named: tuple[Passage, ...], question: str) -> tuple[Passage, ...]:
    """Return the best of the named passages, in the order of the text."""
    found = await _search(run, strip_references(question), len(run.all_passages))
    inside = {(passage.document_id, passage.index) for passage in named}
    ranked = [key for passage in found if (key := (passage.document_id, passage.index)) in inside]
    best = ranked[: run.settings.passages]
    return tuple(each for each in named if (each.document_id, each.index) in best) or named[: run.settings.passages]


async def _search(run: Run, question: str, limit: int) -> tuple[Passage, ...]:
    ids = [document.document_id for document in run.request.documents]
    hits = await run.library.search(question, ids, limit)
    return tuple(hit.passage for hit in hits)


async def _resolve_references(run: Run, part: Part) -> str:
    """Return a part's question with references to earlier parts replaced by their answers."""
    earlier = [f"User: {done.question}\nAssistant: {done.claims[0].text}" for done in run.parts if done.claims]
    if not earlier:
        return part.question
    return (await run.ask(StandaloneQuestion(question=part.question, history="\n".join(earlier)))).question


def _widen_to_everything(run: Run) -> None:
    """Put every passage up for a second draft, where too little of the first one stands."""
    if scope(run, run.question):
        run.ignore_scope = True
        run.warnings.append("What the question names did not answer it, so the rest was read too.")
    run.parts = [Part(run.question, passages=run.all_passages, taken=True, done=True)]
    run.earlier, run.judgement, run.draft, run.full_scan = run.judgement, None, None, True
