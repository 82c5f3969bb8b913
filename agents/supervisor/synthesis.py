"""Synthesis: a direct answer with its quotes, drafted from the passages that were found, or an analysis."""

import itertools
from collections.abc import Iterable, Sequence

from agents.engine.tasks.answering import Draft, Excerpts, ExcerptsResult
from agents.grounding.claims import UncheckedClaim
from agents.schema import Passage
from agents.supervisor.map_reduce import analyze
from agents.supervisor.retrieval import rankable
from agents.supervisor.run import Run
from agents.supervisor.state import Drafted, Evidence, State, Update, latest_evidence, latest_look, questions

MIN_LOG_ODDS = 0.25
"""Below it the passages do not answer, in the engine's view. At 0 4 % of 165 answerable questions were refused and 71 %
of 21 unanswerable ones; at 0.25 8 % and 71 %; at 0.5 13 % and 81 %: benchmarks/results/prompts_h100.json."""


async def synthesize(run: Run, state: State) -> Update:
    """Draft the answer or the analysis."""
    if state["routed"].kind == "whole_document":
        drafted = await analyze(run, state["routed"])
    else:
        drafted = await _answer(run, state)
    run.report(0.8, f"Drafted {len(drafted.claims)} claims")
    return {"drafted": drafted}


def is_answerable(evidence: Sequence[Evidence]) -> bool:
    """Whether any of the questions is answered by its passages, as far as the engine could tell."""
    return any(each.log_odds is None or each.log_odds >= MIN_LOG_ODDS for each in evidence)


async def _answer(run: Run, state: State) -> Drafted:
    """Answer from the evidence: in the engine's words where it is a model, in the document's own where it is none."""
    evidence, look = latest_evidence(state), latest_look(state)
    question = state["routed"].question
    passages = interleave([each.passages for each in evidence])
    if not (passages or run.engine.info.generative or state["routed"].missing_pages):
        passages = await rankable(run, question)
    if not passages or not is_answerable(evidence):
        return Drafted(look=look)
    if run.engine.info.generative:
        draft = await run.ask(Draft(evidence=passages, question=question, history=run.history))
        return Drafted((UncheckedClaim(draft.answer, draft.quotes),), look=look)
    excerpts = await run.ask(Excerpts(evidence=passages, question=question, parts=questions(state)))
    if excerpts.claims and excerpts.unknown:
        quoted = ", ".join(f"“{word}”" for word in excerpts.unknown)
        run.warn(
            f"Nowhere in what was read: {quoted}. Without a language model the answer may be about something else."
        )
    return Drafted(as_claims(excerpts), look=look, confidence=excerpts.confidence)


def as_claims(excerpts: ExcerptsResult) -> tuple[UncheckedClaim, ...]:
    """Return excerpts as claims to be checked."""
    return tuple(UncheckedClaim(each.text, each.quotes, within=each.within) for each in excerpts.claims)


def interleave(lists: Iterable[Sequence[Passage]]) -> tuple[Passage, ...]:
    """Return the passages of several lists, the first of each, then the second of each, none twice."""
    mixed = (each for row in itertools.zip_longest(*lists) for each in row if each is not None)
    return tuple({(passage.document_id, passage.start): passage for passage in mixed}.values())
