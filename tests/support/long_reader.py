"""A process that analyses a long document with an engine that answers at once, and says what that took.

python -m tests.support.long_reader FOLDER FILE WINDOW_TOKENS [SECONDS_PER_WINDOW]
"""

import asyncio
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from agents.documents.library import Library
from agents.engine.engine import Outcome, Task
from agents.engine.tasks.reading import WindowNotes
from agents.jobs.window_cache import WindowCache
from agents.schema import Frozen, SessionInfo
from agents.settings import DocumentsSettings, SupervisorSettings
from agents.supervisor.answer import to_analysis
from agents.supervisor.run import Request
from agents.supervisor.supervisor import Supervisor
from tests.support.fakes import FakeEngine

ResultT = TypeVar("ResultT", bound=Frozen)


class Counting(FakeEngine):
    """Answers at once but for its windows; keeps no task, for they hold the whole text.

    Args:
        seconds: How long a window takes.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.window_seconds = seconds
        self.windows = 0

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        if isinstance(task, WindowNotes):
            self.windows += 1
            await asyncio.sleep(self.window_seconds)
        outcome = await super().run(task)
        self.tasks.clear()
        return outcome


def long_text(tokens: int) -> str:
    """Return numbered entries of about so many tokens in all, under a heading every 200."""
    entry = "Entry {n}: the keeper of lamp {n} wrote that the wick burned for {m} hours and was then trimmed again.\n\n"
    entries = (
        ("" if n % 200 else f"## Book {n // 200}\n\n") + entry.format(n=n, m=3 * n) for n in range(1, tokens // 23)
    )
    return "# The log\n\n" + "".join(entries)


async def analyse(folder: Path, path: str, window_tokens: int, seconds: float) -> dict[str, float]:
    """Analyse a file; return what was read, and what the process has taken."""
    started = time.monotonic()
    url = os.environ.get("READROOM_DATABASE_URL")
    database_url = SecretStr(url) if url else None
    library = Library(DocumentsSettings(roots=(Path(path).parent,)), folder, database_url=database_url)
    store = WindowCache(folder, database_url=database_url)
    engine = Counting(seconds)
    document = await library.open(path)
    settings = SupervisorSettings(window_tokens=window_tokens)
    supervisor = Supervisor(library, store, settings)
    completed = await supervisor.run(Request("Analyse it.", (document,), mode="summary"), engine)
    analysis = to_analysis(completed, SessionInfo(session_id="s"))
    await store.close()
    await library.close()
    return {
        "tokens_total": analysis.coverage.tokens_total,
        "tokens_read": analysis.coverage.tokens_read,
        "windows": analysis.coverage.windows,
        "windows_noted": engine.windows,
        "key_points": sum(claim.kind == "point" for claim in analysis.claims),
        "citations_elsewhere": sum(document.text[c.start : c.end] != c.quote for c in analysis.citations),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
        "parser_peak_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1_024,
        "seconds": round(time.monotonic() - started, 2),
    }


if __name__ == "__main__":
    folder, path, window_tokens, *seconds = sys.argv[1:]
    taken = analyse(Path(folder), path, int(window_tokens), float(seconds[0]) if seconds else 0.0)
    sys.stdout.write(json.dumps(asyncio.run(taken)) + "\n")
