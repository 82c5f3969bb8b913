"""The fallback: plain retrieval with extractive synthesis, where the agents came to no answer."""

from agents.engine.extractive.engine import ExtractiveEngine
from agents.schema import AgentStep
from agents.supervisor.retrieval import retrieve
from agents.supervisor.run import Run
from agents.supervisor.synthesis import synthesize
from agents.supervisor.validation import conclude, locate_quotes

NOTICE = "The agents came to no answer, so the fallback did: passages searched and quoted without a language model."


async def fall_back(run: Run) -> None:
    """Judge the run without a language model; an agent's draft is used as far as its quotes are in the documents."""
    started = run.budget.clock()
    if run.draft is None:
        run.warnings.append(NOTICE)
        run.engine, run.parts = ExtractiveEngine(), []
        run.sequential = run.full_scan = False
        run.kind = "whole_document" if run.request.mode else "simple"
        if not run.request.mode:
            await retrieve(run)
        await synthesize(run)
    run.judgement = conclude(run, await locate_quotes(run))
    run.steps.append(AgentStep(agent="fallback", seconds=run.budget.clock() - started))
