"""Retrieval: the passages that may answer one part of the question."""

import asyncio

from agents.engine.tasks.answering import Draft
from agents.engine.tasks.decisions import StandaloneQuestion
from agents.language.section_references import without
from agents.schema import Passage
from agents.supervisor.context_budget import evidence_fits, fits_one_pass
from agents.supervisor.run import Part, Run
from agents.supervisor.scope import scope

_MOST_OPENINGS = 3


async def retrieve(run: Run) -> str:
    """Find the passages for the next part that nobody has taken; parts are read at once, each by its own turn."""
    if run.judgement is not None:
        return _look_further(run)
    if not run.parts:
        run.parts = [Part(run.question)]
    part = next((part for part in run.parts if not part.taken), None)
    if part is None:
        return "Every part has been looked up."
    part.taken = True
    if run.sequential:
        part.question = await _resolve(run, part)
    part.passages = await _passages(run, part.question)
    if len(run.parts) > 1:
        await _read(run, part)
    part.done = True
    run.report(0.4, f"Found {len(part.passages)} passages for: {part.question}")
    return f"{len(part.passages)} passages for: {part.question}"


def choose_whole(run: Run, *, fits: bool) -> bool:
    """Choose whether to hand over the whole documents instead of searching them; the route's reason says why.

    A window that the engine has just read costs next to nothing to read again, and several parts share
    one reading. A narrow question about cold documents is cheaper to search for.

    Args:
        run: Is told the reason.
        fits: Whether the documents fit one prompt.
    """
    if run.engine.info.context_tokens is None:
        return False
    if not fits:
        run.add_reason("Searched: the documents are longer than one window.")
    elif run.warm:
        run.add_reason("Read whole: the engine has just read it and has it at hand.")
    elif run.kind == "complex":
        run.add_reason("Read whole: all parts share one reading.")
    else:
        run.add_reason("Searched first: reading everything costs more than a narrow question needs.")
    return fits and (run.warm or run.kind == "complex")


async def _passages(run: Run, question: str) -> tuple[Passage, ...]:
    """Return the pages and sections that are named, the whole documents, or what a search finds."""
    if run.missing_pages:
        return ()
    named = await asyncio.to_thread(scope, run, question) or await asyncio.to_thread(scope, run, run.question)
    if named:
        draft = Draft(evidence=named, question=run.question, history=run.history, language=run.language)
        whole = await asyncio.to_thread(evidence_fits, run, draft)
        return named if whole else await _search_within(run, named, question)
    # Counting what fits may take a while, above all where a server counts.
    fits = await asyncio.to_thread(fits_one_pass, run, Draft(question=run.question), run.request.documents)
    if choose_whole(run, fits=fits):
        return run.all_passages
    return _with_openings(run, await _search(run, question, run.settings.passages))


def _with_openings(run: Run, found: tuple[Passage, ...]) -> tuple[Passage, ...]:
    """Return passages with how each document begins: who made it, when and what it is, in words of its own."""
    openings = [run.passages[document.document_id][0] for document in run.request.documents[:_MOST_OPENINGS]]
    return (*found, *(each for each in openings if each not in found))


async def _search(run: Run, question: str, limit: int) -> tuple[Passage, ...]:
    ids = [document.document_id for document in run.request.documents]
    hits = await run.library.search(question, ids, limit)
    return tuple(hit.passage for hit in hits)


async def _search_within(run: Run, named: tuple[Passage, ...], question: str) -> tuple[Passage, ...]:
    """Return the best of the passages that are named, in the order of the text."""
    found = await _search(run, without(question), len(run.all_passages))
    best = [(passage.document_id, passage.index) for passage in found]
    inside = {(passage.document_id, passage.index) for passage in named}
    kept = [key for key in best if key in inside][: run.settings.passages]
    return tuple(each for each in named if (each.document_id, each.index) in kept) or named[: run.settings.passages]


async def _read(run: Run, part: Part) -> None:
    """Have the engine answer one part, so that several parts are read side by side."""
    draft = await run.ask(
        Draft(evidence=part.passages, history=run.history, question=part.question, language=run.language)
    )
    run.mark_read(part.passages)
    part.claims = draft.claims


async def _resolve(run: Run, part: Part) -> str:
    """Put the answers to the earlier parts into a question that refers to them."""
    earlier = [f"User: {done.question}\nAssistant: {done.claims[0].text}" for done in run.parts if done.claims]
    if not earlier:
        return part.question
    return (await run.ask(StandaloneQuestion(question=part.question, history="\n".join(earlier)))).question


def _look_further(run: Run) -> str:
    """Lay out everything for a second look, after a first one that found too little."""
    if scope(run, run.question):
        run.beyond_scope = True
        run.warnings.append("What the question names did not answer it, so the rest was read too.")
    run.parts = [Part(run.question, passages=run.all_passages, taken=True, done=True)]
    run.earlier, run.judgement, run.draft, run.full_scan = run.judgement, None, None, True
    return f"All {len(run.parts[0].passages)} passages, for a second look."
