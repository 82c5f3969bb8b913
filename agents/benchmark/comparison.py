"""Two reports side by side."""

from typing import Literal

from pydantic import Field, JsonValue

from agents.benchmark.markdown import engine_line, number, place, table
from agents.benchmark.report import BenchmarkReport, Figure
from agents.schema import Frozen

_SAME = 0.03
"""Figures that differ by less are called the same: two runs on one machine differ by as much."""


class Changed(Frozen):
    """One figure of both reports."""

    key: str
    at: int | None
    unit: str
    before: float
    after: float
    ratio: float | None = Field(description="After to before; None where before is 0.")
    verdict: Literal["better", "worse", "same", ""] = Field(description="Empty where neither direction is better.")


class Comparison(Frozen):
    """Two reports side by side."""

    figures: tuple[Changed, ...]
    perplexity_loss_percent: float | None
    markdown: str

    @classmethod
    def of(cls, before: BenchmarkReport, after: BenchmarkReport) -> "Comparison":
        """Compare two reports."""
        return cls(
            figures=tuple(_changed(old, new) for old, new in _shared(before, after)),
            perplexity_loss_percent=perplexity_loss(before, after),
            markdown=compare(before, after),
        )


def compare(before: BenchmarkReport, after: BenchmarkReport) -> str:
    """Return what changed from one report to another as Markdown: every figure, and the settings that differ."""
    rows = [_row(old, new) for old, new in _shared(before, after)]
    parts = [
        "# Two benchmarks side by side",
        table(("", "A", "B"), _what_ran(before, after)),
        table(("What", "A", "B", "B / A", ""), rows) if rows else "They have no figure in common.",
        *_perplexity(before, after),
        *_missing("Only in A", before, after),
        *_missing("Only in B", after, before),
    ]
    return "\n\n".join(parts) + "\n"


def perplexity_loss(baseline: BenchmarkReport, report: BenchmarkReport) -> float | None:
    """Return by how many percent perplexity is above a baseline's, at the worst context they have in common.

    The perplexity ratio is the exponential of the difference of mean log-probabilities, so the two must
    have read the same text with the same tokenizer.
    """
    if baseline.text_sha256 != report.text_sha256:
        return None
    old = dict(baseline.series("perplexity"))
    losses = [(value / old[at] - 1) * 100 for at, value in report.series("perplexity") if at in old]
    return max(losses) if losses else None


def _shared(before: BenchmarkReport, after: BenchmarkReport) -> list[tuple[Figure, Figure]]:
    known = {(figure.key, figure.at): figure for figure in before.figures}
    return [(known[figure.key, figure.at], figure) for figure in after.figures if (figure.key, figure.at) in known]


def _changed(old: Figure, new: Figure) -> Changed:
    ratio = new.value / old.value if old.value else None
    return Changed(
        key=new.key,
        at=new.at,
        unit=new.unit,
        before=old.value,
        after=new.value,
        ratio=ratio,
        verdict=_verdict(new, ratio),
    )


def _row(old: Figure, new: Figure) -> tuple[str, ...]:
    changed = _changed(old, new)
    values = (f"{number(figure.value)} {figure.unit}".strip() for figure in (old, new))
    return (place(new), *values, "–" if changed.ratio is None else f"{changed.ratio:.2f}", changed.verdict)


def _verdict(figure: Figure, ratio: float | None) -> Literal["better", "worse", "same", ""]:
    if ratio is None or figure.better == "neither":
        return ""
    if abs(ratio - 1) < _SAME:
        return "same"
    return "better" if (ratio > 1) == (figure.better == "more") else "worse"


def _what_ran(before: BenchmarkReport, after: BenchmarkReport) -> list[tuple[str, str, str]]:
    def described(report: BenchmarkReport) -> dict[str, str]:
        return {
            "suite": f"{report.suite}, {report.status}",
            "date": report.date[:16].replace("T", " "),
            "engine": engine_line(report.engine),
            "machine": f"{report.machine.processor}, {'; '.join(report.machine.gpus) or 'no GPU'}",
        }

    old, new = described(before), described(after)
    rows = [(name, old[name], new[name]) for name in old]
    changed = _differences({**before.settings}, {**after.settings}) + _differences(
        {**before.versions}, {**after.versions}
    )
    return rows + changed


def _differences(old: JsonValue, new: JsonValue, name: str = "") -> list[tuple[str, str, str]]:
    if isinstance(old, dict) and isinstance(new, dict):
        names = [*old, *(key for key in new if key not in old)]
        return [row for key in names for row in _differences(old.get(key), new.get(key), f"{name}.{key}".strip("."))]
    return [] if old == new else [(name, str(old), str(new))]


def _perplexity(before: BenchmarkReport, after: BenchmarkReport) -> list[str]:
    loss = perplexity_loss(before, after)
    return [] if loss is None else [f"Perplexity of the same text, B against A, at the worst context: {loss:+.2f} %."]


def _missing(title: str, has: BenchmarkReport, lacks: BenchmarkReport) -> list[str]:
    known = {(figure.key, figure.at) for figure in lacks.figures}
    names = [place(figure) for figure in has.figures if (figure.key, figure.at) not in known]
    return [f"{title}: {', '.join(names)}."] if names else []
