"""Validation: every quote located and every claim checked against its quotes, by code.

A model's second opinion on its claims cost a call and more: one of 1.5 billion parameters took true claims away.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from agents.engine.extractive.weights import WEAK_BELOW
from agents.engine.tasks.answering import Excerpts
from agents.grounding.claims import GroundedClaim, Judgement, Quote, UncheckedClaim, ground
from agents.schema import Passage
from agents.supervisor.answer import nothing_said, to_markdown
from agents.supervisor.retrieval import rankable
from agents.supervisor.run import Run
from agents.supervisor.state import State, Update, latest_evidence, questions
from agents.supervisor.synthesis import as_claims, interleave

MAX_CLOSEST = 3
"""Passages that are handed over where nothing answers."""


async def validate(run: Run, state: State) -> Update:
    """Keep the claims that stand, or the document's own sentences where none does, or else the closest passages."""
    drafted, found = state["drafted"], ranked_passages(state)
    claims, checked = await check_claims(run, drafted.claims, found), len(drafted.claims)
    if drafted.claims and not claims and run.engine.info.generative and not is_analysis(state):
        excerpts = await find_excerpts(run, state)
        claims, checked = await check_claims(run, excerpts, found), len(excerpts) or checked
    closest = () if claims or is_analysis(state) else await find_closest(run, state)
    judgement = Judgement(claims, checked, "", closest, drafted.look)
    run.report(0.95, f"{len(claims)} of {checked} claims stand")
    weak = bool(claims) and drafted.confidence is not None and drafted.confidence < WEAK_BELOW
    judgement = replace(judgement, message="" if claims else nothing_said(run, state), weak=weak)
    return {"judgement": replace(judgement, markdown=to_markdown(run, state["routed"], judgement))}


def is_analysis(state: State) -> bool:
    """Whether whole documents were read, and not passages that may answer a question."""
    return state["routed"].kind == "whole_document"


async def check_claims(
    run: Run, unchecked: Iterable[UncheckedClaim], ranked: Sequence[Passage]
) -> tuple[GroundedClaim, ...]:
    """Return the claims that stand, each with its quotes in the order in which the search ranked their passages.

    The first was on a page that answers for 72 % of 165 questions in the search's order, and for 70 % in the model's
    (benchmarks/results/prompts_h100.json).
    """
    grounded = await asyncio.to_thread(ground, unchecked, run.request.documents, run.ledger.read_spans())
    standing = [claim for claim in grounded if claim.support != "not"]
    return tuple(replace(claim, quotes=_in_order(claim.quotes, ranked)) for claim in standing)


def _in_order(quotes: Sequence[Quote], ranked: Sequence[Passage]) -> tuple[Quote, ...]:
    def rank(quote: Quote) -> int:
        holders = (
            place
            for place, passage in enumerate(ranked)
            if passage.document_id == quote.document.document_id and passage.start <= quote.located.start < passage.end
        )
        return next(holders, len(ranked))

    return tuple(sorted(quotes, key=rank))


def ranked_passages(state: State) -> tuple[Passage, ...]:
    """Return what the searches found, best first."""
    return interleave([each.ranking for each in latest_evidence(state)])


async def find_excerpts(run: Run, state: State) -> tuple[UncheckedClaim, ...]:
    """Return the sentences that answer, chosen by rule, where what the model said of them does not stand."""
    task = Excerpts(evidence=await _to_rank(run, state), question=state["routed"].question, parts=questions(state))
    return as_claims(await run.apply_rules(task))


async def find_closest(run: Run, state: State) -> tuple[Quote, ...]:
    """Return the sentences that come closest to an answer where nothing is one, for the reader to judge."""
    task = Excerpts(evidence=await _to_rank(run, state), question=state["routed"].question, closest=True)
    claims = as_claims(await run.apply_rules(task))
    grounded = await asyncio.to_thread(ground, claims, run.request.documents, {})
    return tuple(claim.quotes[0] for claim in grounded)[:MAX_CLOSEST]


async def _to_rank(run: Run, state: State) -> tuple[Passage, ...]:
    """Return the passages of what the question names, or all: how rare a word is shows in the whole text."""
    routed = state["routed"]
    return routed.named or await rankable(run, routed.question)
