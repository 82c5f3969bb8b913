"""Two reports side by side."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, JsonValue

from agents.benchmark.report import BenchmarkReport, Measurement, engine_line, table
from agents.schema import Frozen

_SAME = 0.03
"""Two runs on one machine differ by as much: figures closer than this are called the same."""


class Changed(Frozen):
    """One figure of both reports."""

    key: str
    at: int | None
    unit: str
    before: float
    after: float
    ratio: float | None = Field(description="After to before; None where before is 0.")
    verdict: Literal["better", "worse", "same", ""] = Field(description="Empty where neither direction is better.")

    @classmethod
    def of(cls, old: Measurement, new: Measurement) -> "Changed":
        """Compare two measurements of one key and place."""
        ratio = new.value / old.value if old.value else None
        if ratio is None or new.better == "neither":
            verdict = ""
        elif abs(ratio - 1) < _SAME:
            verdict = "same"
        else:
            verdict = "better" if (ratio > 1) == (new.better == "more") else "worse"
        return cls(
            key=new.key, at=new.at, unit=new.unit, before=old.value, after=new.value, ratio=ratio, verdict=verdict
        )


class Comparison(Frozen):
    """Two reports side by side."""

    figures: tuple[Changed, ...]
    perplexity_loss_percent: float | None
    markdown: str = Field(description="Every figure of both, what only one has, and the settings that differ.")

    @classmethod
    def of(cls, before: BenchmarkReport, after: BenchmarkReport) -> "Comparison":
        """Compare two reports."""
        figures: list[Changed] = []
        rows: list[Sequence[str]] = []
        for old, new in _common(before, after):
            changed = Changed.of(old, new)
            figures.append(changed)
            ratio = "–" if changed.ratio is None else f"{changed.ratio:.2f}"
            rows.append((new.title, old.shown, new.shown, ratio, changed.verdict))
        loss = perplexity_loss(before, after)
        parts = [
            "# Two benchmarks side by side",
            table(("", "A", "B"), _what_ran(before, after)),
            table(("What", "A", "B", "B / A", ""), rows) if rows else "They have no figure in common.",
        ]
        if loss is not None:
            parts.append(f"Perplexity of the same text, B against A, at the worst context: {loss:+.2f} %.")
        for name, report, other in (("A", before, after), ("B", after, before)):
            shared = {(figure.key, figure.at) for figure in other.figures}
            if only := [figure.title for figure in report.figures if (figure.key, figure.at) not in shared]:
                parts.append(f"Only in {name}: {', '.join(only)}.")
        return cls(figures=tuple(figures), perplexity_loss_percent=loss, markdown="\n\n".join(parts) + "\n")


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


def fp8_loss(report: BenchmarkReport, earlier: Sequence[BenchmarkReport]) -> Measurement | None:
    """Return the perplexity that an FP8 KV cache costs, in percent; None where there is nothing to compare with.

    Args:
        report: What was measured.
        earlier: Reports that were kept, oldest first: the latest on the same text and model counts that had a KV
            cache of 16 bits.
    """
    if not _is_fp8(report):
        return None
    for other in reversed(earlier):
        if other.engine.kv_cache_dtype and not _is_fp8(other) and other.engine.model == report.engine.model:
            loss = perplexity_loss(other, report)
            if loss is not None:
                return Measurement(
                    key="perplexity_loss_percent",
                    name="Perplexity above a 16-bit KV cache's",
                    value=loss,
                    unit="%",
                    how=f"The same text and model with {other.engine.kv_cache_dtype} on {other.date[:10]}; "
                    "worst context.",
                )
    return None


def _is_fp8(report: BenchmarkReport) -> bool:
    return (report.engine.kv_cache_dtype or "").startswith("fp8")


def _common(before: BenchmarkReport, after: BenchmarkReport) -> list[tuple[Measurement, Measurement]]:
    """Return the measurements that both reports hold, in the order of the second."""
    known = {(figure.key, figure.at): figure for figure in before.figures}
    return [(known[figure.key, figure.at], figure) for figure in after.figures if (figure.key, figure.at) in known]


def _what_ran(before: BenchmarkReport, after: BenchmarkReport) -> list[tuple[str, str, str]]:
    """Return what ran on what in both reports, with the settings and versions that differ."""
    old, new = (
        {
            "suite": f"{report.suite}, {report.status}",
            "date": report.date[:16].replace("T", " "),
            "engine": engine_line(report.engine),
            "machine": f"{report.machine.processor}, {'; '.join(report.machine.gpus) or 'no GPU'}",
        }
        for report in (before, after)
    )
    return [
        *((name, old[name], new[name]) for name in old),
        *_differences({**before.settings}, {**after.settings}),
        *_differences({**before.versions}, {**after.versions}),
    ]


def _differences(old: JsonValue, new: JsonValue, name: str = "") -> list[tuple[str, str, str]]:
    """Return the paths at which two JSON values differ, with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = [*old, *(key for key in new if key not in old)]
        return [row for key in names for row in _differences(old.get(key), new.get(key), f"{name}.{key}".strip("."))]
    return [] if old == new else [(name, str(old), str(new))]
