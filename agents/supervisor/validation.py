"""Validation: every quote located and every claim checked against its quotes, by code.

A model's second opinion on its claims cost a call and more: one of 1.5 billion parameters took true claims away.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from agents.engine.extractive.weights import WEAK_BELOW
from agents.grounding.claims import GroundedClaim, Judgement, Quote, UncheckedClaim, ground
from agents.supervisor.answer import nothing_said, to_markdown
from agents.supervisor.run import Run
from agents.supervisor.state import State, Update
from agents.supervisor.synthesis import as_claims, to_excerpt

MAX_CLOSEST = 3
"""Passages that are handed over where nothing answers."""


async def validate(run: Run, state: State) -> Update:
    """Keep the claims that stand, or the document's own sentences where none does, or else the closest passages.

    Sentences that stand in for a model's claim are said to be weak: what it took for the answer is not there.
    """
    drafted = state["drafted"]
    claims, checked = await check_claims(run, drafted.claims), len(drafted.claims)
    weak = bool(claims) and drafted.confidence is not None and drafted.confidence < WEAK_BELOW
    if drafted.excerpts and not claims:
        claims, checked = await check_claims(run, drafted.excerpts), len(drafted.excerpts)
        weak = bool(claims)
    closest = () if claims or is_analysis(state) else await find_closest(run, state)
    judgement = Judgement(claims, checked, "", closest, drafted.look)
    run.report(0.95, f"{len(claims)} of {checked} claims stand")
    judgement = replace(judgement, message="" if claims else nothing_said(run, state), weak=weak)
    return {"judgement": replace(judgement, markdown=to_markdown(run, state["routed"], judgement))}


def is_analysis(state: State) -> bool:
    """Whether whole documents were read, and not passages that may answer a question."""
    return state["routed"].kind == "whole_document"


async def check_claims(run: Run, unchecked: Iterable[UncheckedClaim]) -> tuple[GroundedClaim, ...]:
    """Return the claims that stand."""
    grounded = await asyncio.to_thread(ground, unchecked, run.request.documents, run.ledger.read_spans())
    return tuple(claim for claim in grounded if claim.support != "not")


async def find_closest(run: Run, state: State) -> tuple[Quote, ...]:
    """Return the sentences that come closest to an answer where nothing is one, for the reader to judge."""
    claims = state["drafted"].closest
    if claims is None:
        claims = as_claims(await run.apply_rules(await to_excerpt(run, state)))
    grounded = await asyncio.to_thread(ground, claims, run.request.documents, {})
    return tuple(claim.quotes[0] for claim in grounded)[:MAX_CLOSEST]
