"""An engine's own figures, read from the text format of Prometheus (version 0.0.4)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SAMPLE = re.compile(r"^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    """One line of a Prometheus exposition."""

    name: str
    labels: dict[str, str]
    value: float

    @classmethod
    def parse(cls, line: str) -> "Sample | None":
        """Read a line; None where it is a comment or no sample."""
        found = _SAMPLE.match(line)
        if found is None:
            return None
        try:
            value = float(found[3])
        except ValueError:
            return None
        labels = {
            name: re.sub(r"\\(.)", lambda escaped: "\n" if escaped[1] == "n" else escaped[1], text)
            for name, text in _LABEL.findall(found[2] or "")
        }
        return cls(found[1], labels, value)


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
        return cls(sample for line in text.splitlines() if (sample := Sample.parse(line)))

    def total(self, name: str, **labels: str) -> float | None:
        """Return the sum of the samples with this name and these labels, or None where there is none."""
        values = [
            sample.value for sample in self._samples if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(values) if values else None

    def label(self, name: str, label: str) -> str | None:
        """Return a label of the first sample with this name."""
        return next((s.labels[label] for s in self._samples if s.name == name and label in s.labels), None)


def increase(before: Metrics, after: Metrics, name: str, **labels: str) -> float | None:
    """Return by how much a counter rose, or None where the engine does not count it."""
    end = after.total(name, **labels)
    return None if end is None else end - (before.total(name, **labels) or 0.0)
