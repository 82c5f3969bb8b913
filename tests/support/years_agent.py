"""A toy agent: warns of the years that the passages are from, before the answer is drafted."""

import re

from agents.supervisor.policy import Agent
from agents.supervisor.run import Run


async def note_years(run: Run) -> None:
    """Add one warning that names the years in the passages found."""
    text = " ".join(passage.text for part in run.parts for passage in part.passages)
    years = sorted(set(re.findall(r"\b(?:19|20)\d\d\b", text)))
    run.warnings.append(f"The passages are about {', '.join(years) or 'no year'}.")


def has_unread_passages(run: Run) -> bool:
    """Whether passages have been found, and this agent has not seen them."""
    found = run.draft is None and any(part.done for part in run.parts)
    return found and all(step.agent != "years" for step in run.steps)


YEARS = Agent("years", "says which years the passages are from", note_years, has_unread_passages)
