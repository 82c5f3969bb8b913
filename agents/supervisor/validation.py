"""Validation: every quote located by code, then every claim judged against its quotes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from agents.engine.extractive.matching import unmentioned
from agents.engine.tasks.answering import ClaimToJudge, Revise, Verdict
from agents.errors import EngineError
from agents.grounding.claims import GroundedClaim, Judgement, check, ground, weaker
from agents.language.section_references import strip_references
from agents.schema import Support
from agents.supervisor.answer import to_markdown
from agents.supervisor.run import Run
from agents.supervisor.scope import scope

VERDICT_BATCH = 12
"""Claims that the engine judges in one task."""


async def validate(run: Run) -> None:
    """Keep the claims that stand: quotes located, claims supported; unsupported ones are rewritten once."""
    judged = await _judge(run, await locate_quotes(run))
    revised = await asyncio.gather(*(_revise(run, claim) for claim in judged))
    judgement, earlier = conclude(run, revised), run.earlier
    if earlier and earlier.claims and not (judgement.claims and judgement.grounded >= earlier.grounded):
        # A second look must not lose what the first had found.
        judgement = earlier
    run.judgement = judgement
    if judgement.claims:
        await asyncio.to_thread(_warn_of_unmentioned_words, run)
    run.report(0.95, f"{len(judgement.claims)} of {judgement.drafted} claims stand")


async def locate_quotes(run: Run) -> list[GroundedClaim]:
    """Return the draft's claims whose quotes are in the documents, as far as code can judge them."""
    return await asyncio.to_thread(ground, run.draft or (), run.request.documents, run.read_spans())


def conclude(run: Run, claims: Sequence[GroundedClaim]) -> Judgement:
    """Return the judgement on the draft: the claims that stand, and their Markdown."""
    standing = tuple(claim for claim in claims if claim.support != "not")
    return Judgement(standing, len(run.draft or ()), to_markdown(run, standing))


async def _judge(run: Run, claims: Sequence[GroundedClaim]) -> list[GroundedClaim]:
    """Have the engine judge the claims in batches; it may lower the support that code has found, never raise it."""
    open_to_doubt = [claim for claim in claims if not claim.verbatim]
    batches = [open_to_doubt[start : start + VERDICT_BATCH] for start in range(0, len(open_to_doubt), VERDICT_BATCH)]
    judged = await asyncio.gather(*(_verdicts(run, batch) for batch in batches))
    flat: list[Support] = [verdict for batch in judged for verdict in batch]
    verdicts = iter(flat)
    return [
        claim if claim.verbatim else replace(claim, support=weaker(claim.support, next(verdicts))) for claim in claims
    ]


async def _verdicts(run: Run, claims: Sequence[GroundedClaim]) -> tuple[Support, ...]:
    """Return the engine's verdict on each claim, and the code's own where the engine gives none."""
    task = Verdict(question=run.question, claims=tuple(_to_judge(claim) for claim in claims))
    verdicts: tuple[Support, ...] = ()
    try:
        verdicts = (await run.ask(task)).verdicts[: len(claims)]
    except EngineError as error:
        run.warnings.append(f"The claims were checked by code alone: {error.message}")
    unjudged: tuple[Support, ...] = tuple(claim.support for claim in claims[len(verdicts) :])
    return verdicts + unjudged


async def _revise(run: Run, claim: GroundedClaim) -> GroundedClaim:
    """Rewrite an unsupported claim once, and judge it again."""
    if claim.support != "not":
        return claim
    try:
        text = (await run.ask(Revise(question=run.question, claim=_to_judge(claim)))).text
    except EngineError:
        return claim
    # A quote given for a longer claim may contradict what is left of it.
    quotes = tuple(quote for quote in claim.quotes if check(text, [quote]) != "not") or claim.quotes
    revised = replace(claim, text=text, quotes=quotes, support=check(text, quotes))
    return (await _judge(run, [revised]))[0]


def _to_judge(claim: GroundedClaim) -> ClaimToJudge:
    return ClaimToJudge(text=claim.text, quotes=tuple(quote.located.quote for quote in claim.quotes))


def _warn_of_unmentioned_words(run: Run) -> None:
    """Warn of the question's words that the documents never use, where no language model has understood it."""
    if run.engine.info.generative or run.kind == "whole_document":
        return
    asked = strip_references(run.question) if scope(run, run.question) else run.question
    if missing := unmentioned(asked, [document.text for document in run.request.documents]):
        quoted = ", ".join(f"“{word}”" for word in missing)
        run.warnings.append(
            f"Nowhere in what was read: {quoted}. Without a language model the answer may be about something else."
        )
