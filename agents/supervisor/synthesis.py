"""Synthesis: claims with quotes, out of what was found or of everything."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from agents.engine.tasks.answering import Draft, DraftClaim, Finding
from agents.grounding.claims import UncheckedClaim
from agents.schema import Passage
from agents.supervisor.context_budget import evidence_fits
from agents.supervisor.map_reduce import Window, analyze, reading_windows
from agents.supervisor.run import Run


@dataclass(frozen=True)
class _Found:
    """What one window, or several together, answer, and the passages that hold the quotes."""

    finding: Finding
    cited: tuple[Passage, ...]


async def synthesize(run: Run) -> str:
    """Draft the answer: from the whole documents, from all windows, or from the passages found."""
    if run.missing_pages:
        run.draft = ()
    elif run.kind == "whole_document":
        run.draft = await analyze(run)
    elif run.full_scan:
        run.draft = _statements(await _read_windows(run))
    else:
        run.draft = _statements(await _answer(run))
    run.report(0.8, f"Drafted {len(run.draft)} claims")
    return f"{len(run.draft)} claims"


async def _answer(run: Run) -> tuple[DraftClaim, ...]:
    evidence = _distinct(passage for part in run.parts for passage in part.passages)
    planned = len(run.parts) > 1
    findings = tuple(Finding(question=part.question, claims=part.claims) for part in run.parts) if planned else ()
    task = _task(run, evidence, findings)
    if findings and not await asyncio.to_thread(evidence_fits, run, task):
        # Every part has been read beside everything; the whole need not stand beside all of their findings.
        task = task.model_copy(update={"evidence": _cited(evidence, findings)})
    return await _draft(run, task)


def _task(run: Run, evidence: tuple[Passage, ...], findings: tuple[Finding, ...] = ()) -> Draft:
    return Draft(
        evidence=evidence, history=run.history, question=run.question, language=run.language, findings=findings
    )


async def _draft(run: Run, task: Draft) -> tuple[DraftClaim, ...]:
    draft = await run.ask(task)
    run.mark_read(task.evidence)
    return () if draft.not_found else draft.claims


async def _read_windows(run: Run) -> tuple[DraftClaim, ...]:
    """Put the question to every window at once; where several answer, bring their answers together."""
    # Without a context there is no window to fill: the engine is given everything at once.
    limit = run.window_tokens if run.engine.info.context_tokens else None
    windows = await asyncio.to_thread(reading_windows, run, _task(run, ()), limit)
    slots = asyncio.Semaphore(run.parallel_windows)
    answers = await asyncio.gather(*(_read_window(run, window, slots) for window in windows))
    found = [answer for answer in answers if answer.finding.claims]
    while len(found) > 1:
        joined = await asyncio.gather(*(_join(run, batch) for batch in _batches(run, found)))
        found = [answer for answer in joined if answer.finding.claims]
    return found[0].finding.claims if found else ()


async def _read_window(run: Run, window: Window, slots: asyncio.Semaphore) -> _Found:
    async with slots:
        claims = await _draft(run, _task(run, window.passages))
    run.windows += 1
    return _found(run, claims, window.passages)


async def _join(run: Run, batch: list[_Found]) -> _Found:
    """Make one answer of several, from the passages that they quote."""
    if len(batch) == 1:
        return batch[0]
    cited = _distinct(passage for answer in batch for passage in answer.cited)
    claims = await _draft(run, _task(run, cited, tuple(answer.finding for answer in batch)))
    return _found(run, claims, cited)


def _batches(run: Run, found: list[_Found]) -> list[list[_Found]]:
    """Cut answers into batches of two at least, of as many as a window holds with what they quote."""
    batches: list[list[_Found]] = [[]]
    tokens = 0
    for answer in found:
        cost = run.engine.count_tokens(answer.finding.as_text())
        cost += sum(run.tokens[passage.document_id][passage.index] for passage in answer.cited)
        if len(batches[-1]) > 1 and tokens + cost > run.window_tokens:
            batches.append([])
            tokens = 0
        batches[-1].append(answer)
        tokens += cost
    return batches


def _found(run: Run, claims: tuple[DraftClaim, ...], passages: tuple[Passage, ...]) -> _Found:
    finding = Finding(question=run.question, claims=claims)
    return _Found(finding, _cited(passages, [finding]))


def _cited(passages: Iterable[Passage], findings: Iterable[Finding]) -> tuple[Passage, ...]:
    """Return the passages that hold a quote of these findings, word for word."""
    quotes = [quote for finding in findings for claim in finding.claims for quote in claim.quotes]
    return tuple(passage for passage in passages if any(quote in passage.text for quote in quotes))


def _distinct(passages: Iterable[Passage]) -> tuple[Passage, ...]:
    return tuple({(passage.document_id, passage.start): passage for passage in passages}.values())


def _statements(claims: tuple[DraftClaim, ...]) -> tuple[UncheckedClaim, ...]:
    return tuple(UncheckedClaim(claim.text, claim.quotes) for claim in claims)
