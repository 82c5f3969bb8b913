"""One caller's call: its session, its deadline and its progress."""

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agents.jobs.single_flight import job_key
from agents.schema import Mode, OnProgress, Progress

if TYPE_CHECKING:
    # The server hands out sessions before it has imported what stores them.
    from agents.sessions.sessions import Session

MAX_STARTED = 256
"""Calls whose sessions wait for the store."""


class WaitOverError(Exception):
    """The caller's time has run out; the work goes on, and the same call finds it again."""


@dataclass
class Call:
    """One caller's session, deadline and progress."""

    same_call: str
    """Equal for calls that are the same but for the session."""
    session: "Session"
    deadline: float
    """On the monotonic clock; infinity: none."""
    on_progress: OnProgress | None
    beginning: ExitStack = field(default_factory=ExitStack)
    """Counts the call as work that is about to begin, until `begin`."""
    begun: bool = False
    """Whether its work has begun."""
    latest: Progress = field(default_factory=lambda: Progress(fraction=0.0, message="Starting"))
    notes: tuple[str, ...] = ()
    """What the work has found so far."""
    waits: bool = False
    """Whether it ends before its work does, so that the same call may be made again."""

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the caller still waits; None: as long as it takes."""
        return None if math.isinf(self.deadline) else max(0.0, self.deadline - time.monotonic())

    def begin(self) -> None:
        """Note that the work begins, or has begun before."""
        self.begun = True
        self.beginning.close()

    def report(self, progress: Progress) -> None:
        """Pass progress on to the caller."""
        self.latest = progress
        if self.on_progress:
            self.on_progress(progress)

    def part(self, start: float, end: float) -> OnProgress:
        """Return a callback for a part of the work, which takes the progress from `start` to `end`."""
        return lambda progress: self.report(
            Progress(fraction=start + (end - start) * progress.fraction, message=progress.message)
        )


class StartedSessions:
    """The sessions of calls that ended before there was a store of sessions: the same call made again has its own."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, str]] = []

    def leave(self, same_call: str, session_id: str) -> None:
        """Keep a session for the next call that is the same."""
        self.discard(session_id)
        self._waiting.append((same_call, session_id))
        del self._waiting[:-MAX_STARTED]

    def take(self, same_call: str) -> str | None:
        """Return the session that was left first for such a call: two that wait at once must not share one."""
        found = next((each for each in self._waiting if each[0] == same_call), None)
        if found is None:
            return None
        self._waiting.remove(found)
        return found[1]

    def discard(self, session_id: str) -> bool:
        """Give a session to nobody else, for a caller has named it; return whether it was kept here."""
        before = len(self._waiting)
        self._waiting = [each for each in self._waiting if each[1] != session_id]
        return len(self._waiting) < before


def ask_key(question: str, documents: Sequence[str]) -> str:
    """Return the key of `ask`, equal for calls that are the same but for the session."""
    return job_key(task="ask", question=question, documents=list(documents))


def analysis_key(documents: Sequence[str], mode: Mode, focus: str | None, window_tokens: int | None) -> str:
    """Return the key of `analyze`, whose first document is the one that is analysed."""
    return job_key(task="analyze", documents=list(documents), mode=mode, focus=focus, window=window_tokens)
