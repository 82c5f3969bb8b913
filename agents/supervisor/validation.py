"""Validation: every quote located in code, then every claim judged against its quotes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from agents.engine.extractive.matching import unmentioned
from agents.engine.tasks.answering import ClaimToJudge, Revise, Verdict
from agents.errors import EngineError
from agents.grounding.claims import GroundedClaim, Judgement, check, ground, weaker
from agents.language.section_references import without
from agents.schema import Support
from agents.supervisor.answer import to_markdown
from agents.supervisor.run import Run
from agents.supervisor.scope import scope

CLAIMS_AT_ONCE = 12


async def validate(run: Run) -> str:
    """Keep what stands: located quotes, supported claims; rewrite once what its quotes do not support."""
    draft = run.draft or ()
    claims = await asyncio.to_thread(ground, draft, run.request.documents, run.read_spans())
    judged = await _judge(run, claims)
    revised = await asyncio.gather(*(_revise(run, claim) for claim in judged))
    judgement = settle(run, [claim for claim in revised if claim.support != "not"], len(draft))
    run.judgement = _better(judgement, run.earlier)
    if run.judgement.claims:
        await asyncio.to_thread(_note_unmentioned, run)
    run.report(0.95, f"{len(run.judgement.claims)} of {run.judgement.drafted} claims stand")
    return run.judgement.markdown


def _note_unmentioned(run: Run) -> None:
    """Say which words of a question the documents never use, where no model has understood it."""
    if run.engine.info.generative or run.kind == "whole_document":
        return
    asked = without(run.question) if scope(run, run.question) else run.question
    if missing := unmentioned(asked, [document.text for document in run.request.documents]):
        quoted = ", ".join(f"“{word}”" for word in missing)
        run.warnings.append(
            f"Nowhere in what was read: {quoted}. Without a language model the answer may be about something else."
        )


def settle(run: Run, claims: Sequence[GroundedClaim], drafted: int) -> Judgement:
    """Put the claims that stand into a judgement and its Markdown."""
    return Judgement(tuple(claims), drafted, to_markdown(run, claims))


def _better(judgement: Judgement, earlier: Judgement | None) -> Judgement:
    """Return the judgement with more that stands; a second look must not lose what the first had found."""
    if earlier is None or (judgement.claims and judgement.grounded >= earlier.grounded):
        return judgement
    return earlier if earlier.claims else judgement


async def _judge(run: Run, claims: Sequence[GroundedClaim]) -> list[GroundedClaim]:
    """Have the engine judge each claim, a few at a time; the code's own judgement is never improved upon."""
    open_to_doubt = [claim for claim in claims if not claim.verbatim]
    batches = [open_to_doubt[start : start + CLAIMS_AT_ONCE] for start in range(0, len(open_to_doubt), CLAIMS_AT_ONCE)]
    judged = await asyncio.gather(*(_verdicts(run, batch) for batch in batches))
    flat: list[Support] = [verdict for batch in judged for verdict in batch]
    verdicts = iter(flat)
    return [
        claim if claim.verbatim else replace(claim, support=weaker(claim.support, next(verdicts))) for claim in claims
    ]


async def _verdicts(run: Run, claims: Sequence[GroundedClaim]) -> tuple[Support, ...]:
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
    # Made for a longer claim, a quote may say otherwise than what is left of it.
    quotes = tuple(quote for quote in claim.quotes if check(text, [quote]) != "not") or claim.quotes
    revised = replace(claim, text=text, quotes=quotes, support=check(text, quotes))
    return (await _judge(run, [revised]))[0]


def _to_judge(claim: GroundedClaim) -> ClaimToJudge:
    return ClaimToJudge(text=claim.text, quotes=tuple(quote.located.quote for quote in claim.quotes))
