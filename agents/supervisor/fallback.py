"""The fallback: plain retrieval with extractive synthesis, when the agents came to no answer."""

import asyncio

from agents.engine.extractive.engine import ExtractiveEngine
from agents.grounding.claims import ground
from agents.schema import AgentStep
from agents.supervisor.retrieval import retrieve
from agents.supervisor.run import Run
from agents.supervisor.synthesis import synthesize
from agents.supervisor.validation import settle

NOTICE = "The agents came to no answer, so the fallback did: passages searched and quoted without a language model."


async def fall_back(run: Run) -> None:
    """Put a judgement on the table that needs no engine; what an agent had drafted is used if its quotes are real."""
    started = run.budget.clock()
    if run.draft is None:
        run.warnings.append(NOTICE)
        await _draft(run)
    draft = run.draft or ()
    claims = await asyncio.to_thread(ground, draft, run.request.documents, run.read_spans())
    run.judgement = settle(run, [claim for claim in claims if claim.support != "not"], len(draft))
    run.steps.append(AgentStep(agent="fallback", seconds=run.budget.clock() - started))


async def _draft(run: Run) -> None:
    run.engine, run.parts = ExtractiveEngine(), []
    run.sequential = run.full_scan = False
    run.kind = "whole_document" if run.request.mode else "simple"
    if not run.request.mode:
        await retrieve(run)
    await synthesize(run)
