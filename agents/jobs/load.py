"""Work under way, and the pace at which it gets done: whether one more piece would wait too long, and for how long."""

import os
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager

RECENT = 16
"""Pieces whose pace counts. With 8 of them what is foretold is off by 21 % in place of 17, and 32 notice slower work so
late that half as many calls again wait too long (`python -m benchmarks.back_pressure`)."""


class Load:
    """The pieces of work that are under way; belongs to one event loop.

    The pace is the number of pieces that ended lately over the seconds in which there was work. What it foretells rests
    on no guess at how long a piece takes, or at how many the machine and the model do at once.

    Args:
        at_once: So many pieces wait for no other, however slow they are.
        clock: Monotonic seconds.
        recent: Pieces whose pace counts.
    """

    def __init__(self, at_once: int, clock: Callable[[], float] = time.monotonic, recent: int = RECENT) -> None:
        self.under_way = 0
        self._at_once = at_once
        self._recent = recent
        self._clock = clock
        self._measured_at = clock()
        self._busy = 0.0
        """Seconds with work under way, up to `_measured_at`."""
        self._back_at = self._measured_at
        """When the one that was turned away last is to come back."""
        self._ended: deque[float] = deque([0.0], recent + 1)
        """When the latest pieces ended, in these seconds; at first, when measuring began."""

    @property
    def is_measured(self) -> bool:
        """Whether as many pieces have ended as the pace counts.

        Before that it says little: the first piece of all waits for whatever a server loads with it, and of many that
        begin together the first ends late and the others soon after.
        """
        return len(self._ended) > self._recent

    @contextmanager
    def counted(self) -> Generator[None]:
        """Count what the body does as a piece of work that is about to begin."""
        self._measure()
        self.under_way += 1
        try:
            yield
        finally:
            self._measure()
            self.under_way -= 1

    @contextmanager
    def working(self) -> Generator[None]:
        """Count what the body does as a piece of work, and its end, however it ends, for the pace."""
        with self.counted():
            try:
                yield
            finally:
                self._measure()
                self._ended.append(self._busy)

    def seconds_over(self, limit: float) -> float:
        """Return by how many seconds one more piece would wait longer than the limit; 0: it would not.

        While it is refused the wait gets shorter at the same pace, so after as many seconds it may be tried again.
        """
        self._measure()
        ahead = self.under_way + 1 - self._at_once
        return max(0.0, ahead * self._seconds_each() - limit)

    def turn_away(self, limit: float) -> float:
        """Return after how many seconds a piece that would wait longer than the limit may be tried again.

        Of many that are turned away each is told a later time, by the pace, and the last ones `limit` seconds later
        than the first: otherwise all would come back at once, to be turned away again.
        """
        over = self.seconds_over(limit)
        later = self._back_at + self._seconds_each() - self._measured_at
        self._back_at = self._measured_at + min(max(over, later), over + limit)
        return self._back_at - self._measured_at

    def _seconds_each(self) -> float:
        # What is being done counts as one that ends now: there is a pace from the first moment, and in a standstill.
        return (self._busy - self._ended[0]) / len(self._ended)

    def _measure(self) -> None:
        now = self._clock()
        if self.under_way:
            self._busy += now - self._measured_at
        self._measured_at = now


def computed_at_once() -> int:
    """Return how many pieces of work this machine computes at once: as many as it has cores, and at least two."""
    return max(2, os.cpu_count() or 1)
