"""A toy agent: warns of the years that the passages are from, before the answer is drafted."""

import re

from agents.supervisor.policy import Agent
from agents.supervisor.run import Run
from agents.supervisor.state import State, Update, latest_evidence


async def note_years(run: Run, state: State) -> Update:
    """Add one warning that names the years in the passages found."""
    text = " ".join(passage.text for found in latest_evidence(state) for passage in found.passages)
    years = sorted(set(re.findall(r"\b(?:19|20)\d\d\b", text)))
    run.warn(f"The passages are about {', '.join(years) or 'no year'}.")
    return {}


def has_unread_passages(run: Run, state: State) -> bool:
    """Whether passages have been found, and this agent has not seen them."""
    seen = any(step.agent == "years" for step in run.ledger.steps)
    return bool(latest_evidence(state)) and "drafted" not in state and not seen


YEARS = Agent("years", "says which years the passages are from", note_years, has_unread_passages)
