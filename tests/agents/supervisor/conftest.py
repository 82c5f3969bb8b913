"""What the supervisor's tests share: a small document, and runs over it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agents.documents.library import Library
from agents.engine.engine import Engine
from agents.jobs.window_cache import WindowCache
from agents.settings import SupervisorSettings
from agents.supervisor.answer import Completed
from agents.supervisor.run import Request
from agents.supervisor.supervisor import Supervisor

RULES = """# Rules of the reading room

## Opening hours

The reading room opens at 9 in the morning and closes at 17 on weekdays. On Saturdays it closes at noon.

## Lending

A reader may borrow 5 volumes for 28 days. Atlases are never lent. Maria Holm signs every loan.

## Fines

A late volume costs 2 euros a day, and no more than 40 euros in all. The fine is waived for illness.
"""

Reading = Callable[..., Awaitable[Completed]]


@pytest.fixture
def read(library: Library, store: WindowCache, write: Callable[[str, str], str]) -> Reading:
    """Run a request over a small document with a given engine and settings."""

    async def run(engine: Engine, question: str = "When does it open?", text: str = RULES, **options: Any) -> Completed:
        document = await library.open(write("rules.md", text))
        settings = SupervisorSettings(**options.pop("settings", {}))
        supervisor = Supervisor(library, store, settings)
        cached = options.pop("prefix_cached", False)
        return await supervisor.run(Request(question, (document,), **options), engine, prefix_cached=cached)

    return run
