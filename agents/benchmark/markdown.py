"""A report as Markdown."""

from collections.abc import Iterable, Sequence

from agents.benchmark.report import BenchmarkReport, Figure, Row
from agents.schema import EngineInfo

_VERDICT = {"met": "✅ met", "not met": "❌ not met", "not applicable": "– not applicable"}


def render(report: BenchmarkReport) -> str:
    """Return the whole report as Markdown."""
    parts = [
        f"# Readroom benchmark: {report.suite}" + (" (partial)" if report.status == "partial" else ""),
        _head(report),
        "## Against the specification",
        _rows(report.rows),
        "## Measured",
        _figures(report.figures) if report.figures else "Nothing was measured.",
        *_list("Recommended", report.recommendations),
        *_list("Notes", (*report.engine.notes, *report.notes)),
        "Versions: " + ", ".join(f"{name} {version}" for name, version in report.versions.items()),
    ]
    return "\n\n".join(parts) + "\n"


def engine_line(engine: EngineInfo) -> str:
    """Return what answered, in one line."""
    if engine.name == "extractive":
        return "extractive engine, no language model"
    context = f", {engine.context_tokens:,} tokens of context" if engine.context_tokens else ""
    cache = f", KV cache {engine.kv_cache_dtype}" if engine.kv_cache_dtype else ""
    return f"{engine.name}, {engine.model}{context}{cache}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; bars inside cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def number(value: float) -> str:
    """Return a value with three to four digits that matter."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def place(figure: Figure) -> str:
    """Return the figure's name with its place in its series."""
    return figure.name if figure.at is None else f"{figure.name}, {figure.at:,}"


def _head(report: BenchmarkReport) -> str:
    machine = report.machine
    gpus = "; ".join(machine.gpus) or "no GPU"
    return (
        f"{report.date[:16].replace('T', ' ')} UTC, {report.seconds:.0f} s. Engine: {engine_line(report.engine)}.  \n"
        f"Machine: {machine.processor}, {machine.cores} cores, {machine.memory_gib:.0f} GiB, {gpus}; {machine.system}."
    )


def _rows(rows: Sequence[Row]) -> str:
    return table(
        ("What", "Target", "Measured", "Verdict", "How, or why not"),
        ((row.name, row.target, _measured(row), _VERDICT[row.met], row.why or row.how) for row in rows),
    )


def _measured(row: Row) -> str:
    if row.measured is None:
        return "–"
    shown = row.measured if isinstance(row.measured, str) else number(row.measured)
    return f"{shown} {row.unit}".strip()


def _figures(figures: Sequence[Figure]) -> str:
    return table(
        ("What", "Value", "How"),
        ((place(figure), f"{number(figure.value)} {figure.unit}".strip(), figure.how) for figure in figures),
    )


def _list(title: str, items: Sequence[str]) -> list[str]:
    return [f"## {title}", "\n".join(f"- {item}" for item in items)] if items else []
