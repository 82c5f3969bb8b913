"""Where the time of an engine's start went, by the times that stand in vLLM's log."""

import re
from datetime import datetime, timedelta
from itertools import pairwise

_STAMPED = re.compile(r"\b(\d\d-\d\d \d\d:\d\d:\d\d)\b[^\]]*\]\s*(.*)")
_HEAD_CHARACTERS = 110
_YEAR = timedelta(days=366)
LEAST_SECONDS = 2.0


def log_gaps(log: str, least: float = LEAST_SECONDS) -> list[dict[str, float | str]]:
    """Return the times in which nothing was logged, in order: when each began, how long it was, and what stands around.

    Args:
        log: vLLM's own, whose lines are stamped to the second.
        least: Seconds from which on a gap is told.
    """
    lines = [(_time(found[1]), found[2]) for line in log.splitlines() if (found := _STAMPED.search(line))]
    gaps: list[dict[str, float | str]] = []
    passed = 0.0
    for (before, said), (after, says) in pairwise(lines):
        silent = ((after - before) % _YEAR).total_seconds()
        if silent >= least:
            gaps.append(
                {
                    "at_seconds": passed,
                    "seconds": silent,
                    "after": said[:_HEAD_CHARACTERS],
                    "before": says[:_HEAD_CHARACTERS],
                }
            )
        passed += silent
    return gaps


def _time(stamp: str) -> datetime:
    # The log names no year; any leap year will do, since only differences count.
    return datetime.strptime(f"2024-{stamp}", "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
