"""Which steps make sense now. What is not listed here cannot be chosen, whatever the engine says."""

from dataclasses import dataclass

from agents.supervisor.run import Run

ATTEMPTS = 2
"""Turns that an agent gets before the run goes on without it."""


@dataclass(frozen=True)
class Options:
    """Agents that can do something useful now, the usual one first; or those whose message can be the answer."""

    agents: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()
    parallel: int = 1

    @property
    def forced(self) -> bool:
        """Whether there is only one thing to do, so that nobody needs to be asked."""
        return len(self.agents) + len(self.finish) <= 1


def next_options(run: Run) -> Options:
    """Return what may happen next in this run."""
    if run.judgement is not None:
        return _after_validation(run)
    if run.budget.spent or run.failed("synthesis") >= ATTEMPTS:
        return Options()
    if run.draft is not None:
        return Options(("validation",)) if run.failed("validation") < ATTEMPTS else Options()
    return _before_drafting(run)


def _before_drafting(run: Run) -> Options:
    if run.kind is None:
        return Options(("router",))
    if run.kind == "whole_document":
        return Options(("synthesis",))
    if run.kind == "complex" and not run.parts:
        return Options(("planner",))
    waiting = [part for part in run.parts if not part.done]
    if not run.parts or waiting:
        several = run.settings.parallel_tool_calls and not run.sequential
        return Options(("retrieval",), parallel=min(3, max(1, len(waiting))) if several else 1)
    return Options(("synthesis",))


def _after_validation(run: Run) -> Options:
    """Look once more, at everything, where the first look found nothing that stands."""
    judgement = run.judgement
    may_look_further = not run.nowhere and not run.widened and not run.everything_read and run.kind != "whole_document"
    if judgement is None or run.budget.spent or not may_look_further:
        return Options(finish=("validation",))
    if not judgement.claims:
        return Options(("retrieval",))
    if judgement.grounded < 1.0:
        return Options(("retrieval",), finish=("validation",))
    return Options(finish=("validation",))


def describe(run: Run) -> str:
    """Say in one line what has been done, for whoever decides."""
    done = ", ".join(f"{step.agent} {step.outcome}" for step in run.steps[-6:]) or "nothing yet"
    if run.judgement is None:
        return done
    return f"{done}; {len(run.judgement.claims)} of {run.judgement.drafted} claims stand"
