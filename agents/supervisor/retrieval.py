"""Retrieval: the passages that may answer the question, or one of its parts, and whether they do."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from agents.engine.tasks.answering import Answerable, Draft
from agents.errors import EngineError
from agents.language.section_references import strip_references
from agents.schema import Passage
from agents.supervisor.context_budget import evidence_fits, fits_one_pass
from agents.supervisor.run import Run
from agents.supervisor.scope import scope
from agents.supervisor.state import EVERYTHING, Evidence, State, Update, questions

_logger = logging.getLogger(__name__)
MAX_OPENINGS = 3
"""Documents whose first passages are added to what a search finds."""
MAX_RANKED_PASSAGES = 12_000
"""That are ranked by rule, some 12 million characters: their index takes 4 s to make and 52 MiB, and is kept."""
RANKED_OF_MORE = 3_000
"""Of longer texts, the best of which are others for each question, and so their index is made for each: 1.5 s."""
JUDGED = 3
"""Passages from which the engine says whether they answer. Over 186 questions the best three told the unanswerable ones
best: area under the curve 0.92; two, five and eight passages 0.89, twenty 0.88 (benchmarks/results/prompts_h100.json).
"""


async def retrieve(run: Run, state: State) -> Update:
    """Find the passages for one of the questions; several may be retrieved concurrently, one per call."""
    if state["part"] == EVERYTHING:
        return {"evidence": {EVERYTHING: await _everything(run, state)}}
    question = questions(state)[state["part"]]
    evidence = await _find(run, state, question)
    if not state["routed"].named:
        evidence = replace(evidence, log_odds=await _log_odds(run, question, evidence.ranking[:JUDGED]))
    run.report(0.4, f"Found {len(evidence.passages) or 'all'} passages for: {question}")
    return {"evidence": {state["part"]: evidence}}


def go_without_passages(_run: Run, state: State) -> Update:
    """Go on without the passages of a failed retrieval; a failed second look is not repeated."""
    part = state["part"]
    if part == EVERYTHING:
        return {"evidence": {part: Evidence(state["routed"].question, look=2)}}
    return {"evidence": {part: Evidence(questions(state)[part])}}


def reads_whole(run: Run, *, fits: bool) -> tuple[bool, str]:
    """Return whether to hand over whole documents instead of searching them, and why.

    Documents in the engine's prefix cache cost next to nothing to read again. Of others, the best passages are read:
    they answered more questions than long texts do, for a fraction of the tokens.

    Args:
        run: Knows whether the engine has the documents cached.
        fits: Whether the documents fit into one prompt.
    """
    if run.engine.info.context_tokens is None:
        return False, ""
    if not fits:
        return False, "Searched: the documents are longer than one window."
    if run.prefix_cached:
        return True, "Read whole: the engine has just read it and has it at hand."
    return False, "Searched first: reading everything costs more than a narrow question needs."


async def _find(run: Run, state: State, question: str) -> Evidence:
    """Return the pages and sections that are named, the whole documents, or what a search finds."""
    routed = state["routed"]
    named = await asyncio.to_thread(scope, run, question) if len(questions(state)) > 1 else ()
    if named := named or routed.named:
        draft = Draft(evidence=named, question=routed.question, history=run.history)
        whole = await asyncio.to_thread(evidence_fits, run, draft)
        passages = named if whole else await _search_within(run, named, question)
        return Evidence(question, passages, passages)
    if not run.engine.info.generative:
        # It ranks everything itself (`rankable`); in the state, which the graph copies at every step, that is slow.
        return Evidence(question)
    limit = -(-run.settings.passages // len(questions(state)))
    ranking = await _search(run, question, limit)
    # In a thread: an engine that counts tokens on a server takes a while.
    fits = await asyncio.to_thread(fits_one_pass, run, Draft(question=question), run.request.documents)
    whole, reason = reads_whole(run, fits=fits)
    if whole:
        return Evidence(question, run.texts.all_passages, ranking, reason)
    # A document's opening says who wrote it, when, and what it is, in words that no question uses.
    openings = [run.texts.passages[each.document_id][0] for each in run.request.documents[:MAX_OPENINGS]]
    return Evidence(question, (*ranking, *(each for each in openings if each not in ranking)), ranking, reason)


async def rankable(run: Run, question: str) -> tuple[Passage, ...]:
    """Return every passage, to be ranked by rule; of the very longest texts the best, in order."""
    passages = run.texts.all_passages
    if len(passages) <= MAX_RANKED_PASSAGES:
        return passages
    places = {document.document_id: place for place, document in enumerate(run.request.documents)}
    best = await _search(run, question, RANKED_OF_MORE)
    return tuple(sorted(best, key=lambda each: (places[each.document_id], each.index)))


async def _search(run: Run, question: str, limit: int) -> tuple[Passage, ...]:
    ids = [document.document_id for document in run.request.documents]
    hits = await run.library.search(question, ids, limit)
    return tuple(hit.passage for hit in hits)


async def _search_within(run: Run, named: Sequence[Passage], question: str) -> tuple[Passage, ...]:
    """Return the best of the named passages, in the order of the text."""
    found = await _search(run, strip_references(question), len(run.texts.all_passages))
    inside = {(passage.document_id, passage.index) for passage in named}
    ranked = [key for passage in found if (key := (passage.document_id, passage.index)) in inside]
    best = ranked[: run.settings.passages]
    within = tuple(each for each in named if (each.document_id, each.index) in best)
    return within or tuple(named[: run.settings.passages])


async def _log_odds(run: Run, question: str, passages: Sequence[Passage]) -> float | None:
    """Return how sure the engine is that passages answer a question; None where it cannot say.

    Whatever goes wrong: the passages that were found must not be lost for it, so it gets but half of the turn's time.
    """
    if not passages or not run.engine.info.generative:
        return None
    try:
        async with asyncio.timeout(run.turn_seconds / 2):
            return (await run.ask(Answerable(evidence=tuple(passages), question=question))).log_odds
    except Exception as error:
        reason = error.message if isinstance(error, EngineError) else f"{type(error).__name__}."
        _logger.warning("Whether the passages answer was not judged: %r", error)
        run.warn(f"Whether the passages answer was not judged: {reason}")
        return None


async def _everything(run: Run, state: State) -> Evidence:
    """Put every passage up for a second draft, where nothing stands of the first one."""
    routed = state["routed"]
    if routed.named:
        run.warn("What the question names did not answer it, so the rest was read too.")
    if not run.engine.info.generative:
        return Evidence(routed.question, look=2)
    passages = run.texts.all_passages
    ranking = await _search(run, routed.question, run.settings.passages)
    log_odds = await _log_odds(run, routed.question, passages)
    return Evidence(routed.question, passages, ranking, log_odds=log_odds, look=2)
