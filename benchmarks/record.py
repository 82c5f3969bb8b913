"""Keeping what a measurement found, with what it was found on."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agents.benchmark.workbench import describe_machine, installed_versions

RESULTS = Path(__file__).parent / "results"


def record(name: str, how: str, figures: Mapping[str, Any], *, goal: str, met: bool) -> None:
    """Write a result to results/NAME.json and print it.

    Args:
        name: The file's name.
        how: How it was measured, and the command that measures it again.
        figures: What was measured; names end in their units.
        goal: What was to be reached.
        met: Whether it was.
    """
    result = {
        **made_on(),
        "how": how,
        "real_time_priority": _has_real_time_priority(),
        "goal": goal,
        "met": met,
        "figures": dict(figures),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for key, value in figures.items():
        print(f"{key:45} {value:.4g}" if isinstance(value, float) else f"{key:45} {value}")
    print(f"goal: {goal}: {'met' if met else 'NOT met'}; kept in {path}")


def made_on() -> dict[str, Any]:
    """Return when and on what something is measured, and with which versions."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine().model_dump(mode="json"),
        "versions": installed_versions(),
    }


def _has_real_time_priority() -> bool:
    """Whether this process goes before all others (`chrt -r 1`): a busy machine then measures like an idle one."""
    return hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)
