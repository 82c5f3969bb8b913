"""Synthesis: claims with quotes, drafted from the passages that were found, from every window, or by an analysis."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from agents.engine.tasks.answering import Draft, DraftClaim, Finding
from agents.grounding.claims import UncheckedClaim
from agents.schema import Passage
from agents.supervisor.context_budget import evidence_fits, tokens_of
from agents.supervisor.map_reduce import Window, analyze, pack, reading_windows
from agents.supervisor.run import Run


async def synthesize(run: Run) -> None:
    """Draft the answer or the analysis."""
    if run.missing_pages:
        run.draft = ()
    elif run.kind == "whole_document":
        run.draft = await analyze(run)
    else:
        claims = await (_answer_from_windows(run) if run.full_scan else _answer_from_passages(run))
        run.draft = tuple(UncheckedClaim(claim.text, claim.quotes) for claim in claims)
    run.report(0.8, f"Drafted {len(run.draft)} claims")


async def _answer_from_passages(run: Run) -> tuple[DraftClaim, ...]:
    evidence = _distinct(passage for part in run.parts for passage in part.passages)
    planned = len(run.parts) > 1
    findings = tuple(Finding(question=part.question, claims=part.claims) for part in run.parts) if planned else ()
    task = _draft_task(run, evidence, findings)
    if findings and not await asyncio.to_thread(evidence_fits, run, task):
        # Every part was read with all of its evidence; beside the findings, what they cite is enough.
        task = task.model_copy(update={"evidence": _cited(evidence, findings)})
    return await _draft(run, task)


@dataclass(frozen=True)
class PartialAnswer:
    """What one window, or several merged, answer, and the passages that hold the quotes."""

    finding: Finding
    cited: tuple[Passage, ...]

    @classmethod
    async def draft(cls, run: Run, evidence: tuple[Passage, ...], merged: Iterable["PartialAnswer"] = ()) -> Self:
        """Answer the question from passages, or merge answers that quote them."""
        claims = await _draft(run, _draft_task(run, evidence, tuple(answer.finding for answer in merged)))
        finding = Finding(question=run.question, claims=claims)
        return cls(finding, _cited(evidence, [finding]))

    def tokens(self, run: Run) -> int:
        """Return the tokens that this answer takes in a prompt, with the passages that it quotes."""
        return run.engine.count_tokens(self.finding.as_text()) + tokens_of(run, self.cited)


async def _answer_from_windows(run: Run) -> tuple[DraftClaim, ...]:
    """Put the question to every window concurrently, then merge the answers until one is left."""
    # An engine without a context has no window to fill: it is given everything at once.
    limit = run.window_tokens if run.engine.info.context_tokens else None
    windows = await asyncio.to_thread(reading_windows, run, _draft_task(run, ()), limit)
    slots = asyncio.Semaphore(run.parallel_windows)
    answers = await asyncio.gather(*(_read_window(run, window, slots) for window in windows))
    while len(found := [answer for answer in answers if answer.finding.claims]) > 1:
        batches = pack(found, lambda answer: answer.tokens(run), run.window_tokens)
        answers = await asyncio.gather(*(_merge(run, batch) for batch in batches))
    return found[0].finding.claims if found else ()


async def _read_window(run: Run, window: Window, slots: asyncio.Semaphore) -> PartialAnswer:
    async with slots:
        answer = await PartialAnswer.draft(run, window.passages)
    run.windows += 1
    return answer


async def _merge(run: Run, answers: list[PartialAnswer]) -> PartialAnswer:
    """Merge several answers into one, drafted from the passages that they quote."""
    if len(answers) == 1:
        return answers[0]
    return await PartialAnswer.draft(run, _distinct(each for answer in answers for each in answer.cited), answers)


def _draft_task(run: Run, evidence: tuple[Passage, ...], findings: tuple[Finding, ...] = ()) -> Draft:
    return Draft(
        evidence=evidence, history=run.history, question=run.question, language=run.language, findings=findings
    )


async def _draft(run: Run, task: Draft) -> tuple[DraftClaim, ...]:
    draft = await run.ask(task)
    run.mark_read(task.evidence)
    return () if draft.not_found else draft.claims


def _cited(passages: Iterable[Passage], findings: Iterable[Finding]) -> tuple[Passage, ...]:
    """Return the passages that hold a quote of these findings, word for word."""
    quotes = [quote for finding in findings for claim in finding.claims for quote in claim.quotes]
    return tuple(passage for passage in passages if any(quote in passage.text for quote in quotes))


def _distinct(passages: Iterable[Passage]) -> tuple[Passage, ...]:
    return tuple({(passage.document_id, passage.start): passage for passage in passages}.values())
