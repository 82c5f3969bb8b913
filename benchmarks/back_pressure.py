"""How well the waits are foretold by which calls are refused: `python -m benchmarks.back_pressure`.

A simulation, on a clock of its own. Calls come half as fast again as they can be worked on. Each takes a random time
(exponential), and the time that one takes on average changes every ten minutes. What `agents.jobs.load` foretells for
each is compared with how long it then waits, for several numbers of recent pieces.
"""

import heapq
import random
import statistics
from contextlib import ExitStack
from dataclasses import dataclass

from agents.jobs.load import RECENT, Load
from benchmarks.record import record

LIMIT = 45.0
"""Seconds that a call waits; the default of READROOM_SERVER__WAIT_SECONDS."""
LATE = 1.25 * LIMIT
HOURS = 6
RECENT_PIECES = (4, 8, 16, 32, 64)
AT_ONCE = (2, 8)
"""Pieces that are worked on at once."""
MEAN_SECONDS = (1.0, 10.0)
"""That a piece takes, in turn."""
CHANGE_SECONDS = 600.0


@dataclass(frozen=True)
class Foretold:
    """How well waits were foretold.

    Attributes:
        error: Of waits of 10 seconds and more, as a share of them; the median.
        late: Share of the calls that were taken and waited for longer than `LATE` seconds.
    """

    error: float
    late: float


def simulate(recent: int, at_once: int, seed: int = 7) -> Foretold:
    """Return how well waits are foretold by the pace of so many recent pieces.

    Args:
        recent: The pieces.
        at_once: How many are worked on at once.
        seed: Of the arrivals and of the work.
    """
    chance, now, taken = random.Random(seed), 0.0, 0
    load = Load(at_once, lambda: now, recent)
    under_way: list[tuple[float, int, ExitStack]] = []
    free_at = [0.0] * at_once
    waits: list[tuple[float, float]] = []
    while now < HOURS * 3_600:
        mean = MEAN_SECONDS[int(now / CHANGE_SECONDS) % len(MEAN_SECONDS)]
        arrival = now + chance.expovariate(1.5 * at_once / mean)
        while under_way and under_way[0][0] <= arrival:
            now, _, piece = heapq.heappop(under_way)
            piece.close()
        now = arrival
        if load.seconds_over(LIMIT):
            continue
        begins = max(now, free_at[0])
        waits.append((load.seconds_over(0.0), begins - now))
        ends = begins + chance.expovariate(1 / mean)
        heapq.heapreplace(free_at, ends)
        piece, taken = ExitStack(), taken + 1
        piece.enter_context(load.working())
        heapq.heappush(under_way, (ends, taken, piece))
    errors = [abs(foretold - true) / true for foretold, true in waits if true >= 10.0]
    late = sum(true > LATE for _, true in waits) / len(waits)
    return Foretold(statistics.median(errors), late)


def main() -> None:
    """Simulate all, and keep what comes of it."""
    figures: dict[str, float] = {}
    for recent in RECENT_PIECES:
        for at_once in AT_ONCE:
            foretold = simulate(recent, at_once)
            figures[f"error_share_{recent}_pieces_{at_once}_at_once"] = round(foretold.error, 3)
            figures[f"late_share_{recent}_pieces_{at_once}_at_once"] = round(foretold.late, 4)
    used = [figures[f"{name}_share_{RECENT}_pieces_2_at_once"] for name in ("error", "late")]
    record(
        "back_pressure",
        "a simulation: python -m benchmarks.back_pressure",
        figures,
        goal="waits are foretold to a quarter, and of the calls taken at most 3 % wait longer than 56 s",
        met=used[0] <= 0.25 and used[1] <= 0.03,
    )


if __name__ == "__main__":
    main()
