"""Who may begin work: by the limit of each user, and by what the server gets done while a call waits.

A call that was told to come again is let in whatever the load, on every server of a shared database.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Literal, cast

from cachetools import TTLCache

from agents import telemetry
from agents.errors import BusyError
from agents.jobs.load import Load, computed_at_once
from agents.jobs.window_cache import WindowCache

Task = Literal["ask", "analyze"]
Loads = Mapping[Task, Load]
"""All users' work on one server, by its kind: many questions are answered while one long document is read."""
PROMISED_SECONDS = 900.0
"""As long as work goes on that nobody waits for (`agents.jobs.single_flight`)."""
_PLACES = 1_024
"""More than a user has calls that were told to come again and whose work has not begun."""


def server_loads() -> Loads:
    """Return the loads of a server that has nothing to do."""
    return {"ask": Load(computed_at_once()), "analyze": Load(computed_at_once())}


class Admission:
    """Lets one user's calls begin work.

    Args:
        max_runs: Pieces of the user's work that may be under way at once; None: any number.
        loads: All users' work; None: the user has the server alone.
        wait_seconds: How long a call may wait for its turn.
        results: Where promises are kept; opened when it is needed.
    """

    def __init__(
        self, max_runs: int | None, loads: Loads | None, wait_seconds: float, results: Callable[[], WindowCache]
    ) -> None:
        self._max_runs = max_runs
        self._own = Load(max_runs or 0)
        self._places = cast("TTLCache[str, bool, float]", TTLCache(_PLACES, wait_seconds))
        """Of calls that were told to come again before their work began: whoever polls comes sooner than this ends."""
        self._loads = loads or {}
        self._wait_seconds = wait_seconds
        self._results = results

    async def check(self, task: Task, same_call: str) -> None:
        """Check that a call may begin work.

        Args:
            task: What it asks for.
            same_call: Equal for calls that are the same.

        Raises:
            BusyError: Too much work is under way, and the call was not told to come again.
        """
        by_user = self._by_user()
        refused = by_user or self._by_server(task)
        if refused and await self._results().get(_promise(same_call), PROMISED_SECONDS) is None:
            telemetry.REFUSED.add(1, {"task": task, "limit": "user" if by_user else "server"})
            raise refused

    async def promise(self, same_call: str, *, begun: bool) -> None:
        """Remember that a call was told to come again; work that has not begun keeps its place among the user's."""
        if not begun:
            self._places[same_call] = True
        await self._results().put(_promise(same_call), "")

    def beginning(self, task: Task, same_call: str) -> ExitStack:
        """Return what counts work that is about to begin, until it is closed."""
        return self._counting(task, same_call, Load.counted)

    def working(self, task: Task, same_call: str) -> ExitStack:
        """Return what counts work, until it is closed."""
        return self._counting(task, same_call, Load.working)

    def _counting(self, task: Task, same_call: str, count: Callable[[Load], AbstractContextManager[None]]) -> ExitStack:
        """Count in the user's load and in the server's; a place that was kept for the call is free again."""
        self._places.pop(same_call, None)
        counting = ExitStack()
        for load in (self._own, *([self._loads[task]] if task in self._loads else [])):
            counting.enter_context(count(load))
        return counting

    def _by_user(self) -> BusyError | None:
        taken = self._own.under_way + len(self._places)
        if self._max_runs is None or taken < self._max_runs:
            return None
        seconds = _whole(self._own.seconds_over(0.0))
        return BusyError(
            f"{taken} of your calls are being worked on, and at most {self._max_runs} may be at once.",
            hint=f"Make the same call again in {seconds} seconds; the server's READROOM_SERVER__MAX_RUNS, or the "
            "user's own max_runs, is the limit.",
            retry_after_seconds=seconds,
        )

    def _by_server(self, task: Task) -> BusyError | None:
        load = self._loads.get(task)
        if load is None or not load.is_measured or not load.seconds_over(self._wait_seconds):
            return None
        seconds = _whole(load.turn_away(self._wait_seconds))
        return BusyError(
            "The server has more work than it gets done while a call waits.",
            hint=f"Make the same call again in {seconds} seconds.",
            retry_after_seconds=seconds,
        )


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))


def _promise(same_call: str) -> str:
    return f"promise of {same_call}"
