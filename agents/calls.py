"""One caller's call: its session, its deadline and its progress."""

import math
import time
from dataclasses import dataclass, field

from agents.schema import OnProgress, Progress
from agents.sessions.sessions import Session


class WaitOverError(Exception):
    """The caller's time has run out; the work goes on, and the same call finds it again."""


@dataclass
class Call:
    """One caller's session, deadline and progress."""

    session: Session
    deadline: float
    """On the monotonic clock; infinity: none."""
    on_progress: OnProgress | None
    latest: Progress = field(default_factory=lambda: Progress(fraction=0.0, message="Starting"))
    notes: tuple[str, ...] = ()
    """What the work has found so far."""
    waits: bool = False
    """Whether it ends before its work does, so that the same call may be made again."""

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the caller still waits; None: as long as it takes."""
        return None if math.isinf(self.deadline) else max(0.0, self.deadline - time.monotonic())

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
