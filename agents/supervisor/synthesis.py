"""Synthesis: claims with quotes, out of what was found or of everything."""

import asyncio
from collections.abc import Iterable

from agents.engine.tasks.answering import Draft, DraftClaim, Finding
from agents.schema import Passage
from agents.supervisor.analysis import analyze, reading_windows
from agents.supervisor.state import Run, Statement
from agents.supervisor.windows import Window


async def synthesize(run: Run) -> str:
    """Draft the answer: from the whole documents, from all windows, or from the passages found."""
    if run.kind == "whole_document":
        run.draft = await analyze(run)
    elif run.widened:
        run.draft = _statements(await _read_windows(run))
    else:
        run.draft = _statements(await _answer(run))
    run.report(0.8, f"Drafted {len(run.draft)} claims")
    return f"{len(run.draft)} claims"


async def _answer(run: Run) -> tuple[DraftClaim, ...]:
    evidence = _distinct(passage for part in run.parts for passage in part.passages)
    planned = len(run.parts) > 1
    findings = tuple(Finding(question=part.question, claims=part.claims) for part in run.parts) if planned else ()
    return await _draft(run, evidence, findings)


async def _draft(run: Run, evidence: tuple[Passage, ...], findings: tuple[Finding, ...] = ()) -> tuple[DraftClaim, ...]:
    request = run.request
    task = Draft(
        evidence=evidence,
        history=request.history,
        question=run.question,
        language=run.language,
        findings=findings,
    )
    draft = await run.ask(task)
    run.mark_read(evidence)
    return () if draft.not_found else draft.claims


async def _read_windows(run: Run) -> tuple[DraftClaim, ...]:
    """Put the question to every window at once; where several answer, bring their answers together."""
    # Without a context there is no window to fill: the engine is given everything at once.
    limit = run.settings.window_tokens if run.engine.info.context_tokens else None
    windows = reading_windows(run, limit)
    answers = await asyncio.gather(*(_read_window(run, window) for window in windows))
    found = tuple(Finding(question=run.question, claims=claims) for claims in answers if claims)
    if len(found) <= 1:
        return found[0].claims if found else ()
    cited = _distinct(
        passage
        for window in windows
        for passage in window.passages
        if any(quote in passage.text for finding in found for claim in finding.claims for quote in claim.quotes)
    )
    return await _draft(run, cited, found)


async def _read_window(run: Run, window: Window) -> tuple[DraftClaim, ...]:
    claims = await _draft(run, window.passages)
    run.windows += 1
    return claims


def _distinct(passages: Iterable[Passage]) -> tuple[Passage, ...]:
    return tuple({(passage.document_id, passage.index): passage for passage in passages}.values())


def _statements(claims: tuple[DraftClaim, ...]) -> tuple[Statement, ...]:
    return tuple(Statement(claim.text, claim.quotes) for claim in claims)
