"""Reading an engine's own figures, and setting two clocks side by side."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

AGREEMENT = 0.05
"""Two clocks that differ by no more than this share of the larger agree."""

_SAMPLE = re.compile(r"^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    """One line of a Prometheus exposition."""

    name: str
    labels: dict[str, str]
    value: float


class Metrics:
    """The samples of one moment, in the text format of Prometheus (version 0.0.4).

    Args:
        samples: In any order; several with one name differ in their labels.
    """

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = tuple(samples)

    @classmethod
    def parse(cls, text: str) -> "Metrics":
        """Read an exposition; comments and lines that are none are passed over."""
        return cls(sample for line in text.splitlines() if (sample := _parse_line(line)))

    def total(self, name: str, **labels: str) -> float | None:
        """Return the sum of the samples with this name and these labels, or None where there is none."""
        values = [
            sample.value for sample in self._samples if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(values) if values else None

    def label(self, name: str, label: str) -> str | None:
        """Return a label of the first sample with this name."""
        return next((s.labels[label] for s in self._samples if s.name == name and label in s.labels), None)


def _parse_line(line: str) -> Sample | None:
    found = _SAMPLE.match(line)
    if found is None:
        return None
    try:
        value = float(found[3])
    except ValueError:
        return None
    labels = {name: re.sub(r"\\(.)", _unescape, text) for name, text in _LABEL.findall(found[2] or "")}
    return Sample(found[1], labels, value)


def _unescape(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]


def rise(before: Metrics, after: Metrics, name: str, **labels: str) -> float | None:
    """Return by how much a counter rose, or None where the engine does not count it."""
    end = after.total(name, **labels)
    return None if end is None else end - (before.total(name, **labels) or 0.0)


def agreement(client: float, engine: float | None) -> str:
    """Say how a figure by our clock and the engine's own compare."""
    if not engine or not client:
        return "the engine keeps no figure of its own"
    apart = abs(client - engine) / max(client, engine)
    verdict = "agrees" if apart <= AGREEMENT else "does not agree"
    return f"the engine's own figure {verdict}: {engine:,.{0 if engine >= 100 else 3}f} ({apart:.0%} apart)"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
