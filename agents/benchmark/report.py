"""What a benchmark reports, and the folder below the data folder in which reports are kept as JSON and Markdown."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue

from agents.errors import RequestError
from agents.escaping import as_cell, as_markdown
from agents.schema import EngineInfo, Frozen

Suite = Literal["quick", "full", "context", "quality"]
Met = Literal["met", "not met", "not applicable"]


class Measurement(Frozen):
    """One measured value."""

    key: str = Field(description="The same in every report, so that reports can be compared.")
    name: str
    value: float
    unit: str
    how: str = Field(description="How it was measured.")
    at: int | None = Field(default=None, description="Where in a series: tokens, streams at once, or % of a text.")
    better: Literal["more", "less", "neither"] = "less"

    @property
    def title(self) -> str:
        """The name, with the place in the series."""
        return self.name if self.at is None else f"{self.name}, {self.at:,}"

    @property
    def shown(self) -> str:
        """The value with its unit."""
        return f"{number(self.value)} {self.unit}".strip()


class Row(Frozen):
    """One target of the specification, and what this machine does."""

    name: str
    target: str
    measured: float | str | None = Field(description="None where it does not apply or was not measured.")
    unit: str
    met: Met
    how: str = Field(default="", description="How it was measured.")
    why: str = Field(default="", description="Why it is not applicable, or what the verdict rests on.")

    @property
    def shown(self) -> str:
        """The measured value with its unit; a dash where there is none."""
        if self.measured is None:
            return "–"
        return f"{self.measured if isinstance(self.measured, str) else number(self.measured)} {self.unit}".strip()


class Machine(Frozen):
    """The machine that was measured."""

    system: str
    processor: str
    cores: int
    memory_gib: float
    gpus: tuple[str, ...] = Field(default=(), description="Name and memory of each GPU.")
    gpu_driver: str = ""


class BenchmarkReport(Frozen):
    """What one suite found out."""

    suite: Suite
    status: Literal["complete", "partial"] = Field(
        description="partial: cancelled or failed on the way; it holds what was measured before, `notes` say why."
    )
    date: str = Field(description="ISO 8601, in UTC.")
    seconds: float = Field(description="How long the suite took.")
    versions: dict[str, str]
    machine: Machine
    settings: dict[str, JsonValue] = Field(description="The settings that were in force; keys are never shown.")
    engine: EngineInfo
    rows: tuple[Row, ...]
    figures: tuple[Measurement, ...]
    recommendations: tuple[str, ...] = ()
    notes: tuple[str, ...] = Field(default=(), description="What could not be measured, and why.")
    text_sha256: str | None = Field(default=None, description="Of the text whose perplexity was measured.")
    markdown: str = Field(
        default="", description="The whole report as Markdown. A tool's result has it as text, and not here."
    )
    json_path: str | None = Field(default=None, description="Where the report is kept.")
    png_path: str | None = Field(default=None, description="Where its chart is kept.")

    def figure(self, key: str, at: int | None = None) -> float | None:
        """Return a measured value, or None where it was not measured."""
        return next((figure.value for figure in self.figures if figure.key == key and figure.at == at), None)

    def series(self, key: str) -> list[tuple[int, float]]:
        """Return the places and values of a series, in order of place."""
        return sorted((figure.at, figure.value) for figure in self.figures if figure.key == key and figure.at)

    def png(self) -> bytes | None:
        """Return the chart, or None where there is none."""
        path = Path(self.png_path) if self.png_path else None
        return path.read_bytes() if path and path.is_file() else None


def benchmarks_folder(data_dir: Path) -> Path:
    """Return where reports are kept."""
    return data_dir / "benchmarks"


def report_stem(data_dir: Path, date: str, suite: Suite) -> Path:
    """Return the path of a new report without its suffix; the folder is made, and nothing is overwritten."""
    folder = benchmarks_folder(data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{date[:19].replace(':', '-')}-{suite}"
    taken = {path.stem for path in folder.glob(f"{stem}*.json")}
    return folder / next(name for name in (stem, *(f"{stem}-{n}" for n in range(2, 1_000))) if name not in taken)


def save_report(report: BenchmarkReport, stem: Path) -> BenchmarkReport:
    """Write a report as JSON and Markdown, and return it with its path."""
    saved = report.model_copy(update={"json_path": str(stem.with_suffix(".json"))})
    stem.with_suffix(".json").write_text(saved.model_dump_json(indent=1) + "\n", encoding="utf-8")
    stem.with_suffix(".md").write_text(saved.markdown, encoding="utf-8")
    return saved


def load_report(path: str | Path) -> BenchmarkReport:
    """Read a report that was saved.

    Raises:
        RequestError: It cannot be read, or is no report of this version.
    """
    try:
        saved: Any = json.loads(Path(path).read_bytes())
        # The first versions of Readroom did not say: their engines with a model understood language.
        saved["engine"].setdefault("generative", saved["engine"]["model"] is not None)
        return BenchmarkReport.model_validate(saved)
    except OSError as error:
        raise RequestError(
            f"The report {path} cannot be read: {error.strerror}.", hint="Name a JSON file of `readroom benchmark`."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(
            f"{path} is not a report of this version of Readroom.", hint="Run `readroom benchmark` again to make one."
        ) from error


def saved_reports(data_dir: Path) -> list[BenchmarkReport]:
    """Return the reports that were kept, oldest first; unreadable ones are passed over."""
    reports: list[BenchmarkReport] = []
    for path in sorted(benchmarks_folder(data_dir).glob("*.json")):
        try:
            reports.append(load_report(path))
        except RequestError:
            continue
    return reports


def render(report: BenchmarkReport) -> str:
    """Return the whole report as Markdown."""
    machine, verdict = report.machine, {"met": "✅ met", "not met": "❌ not met", "not applicable": "– not applicable"}
    lists = (("Recommended", report.recommendations), ("Notes", (*report.engine.notes, *report.notes)))
    head = (
        f"{report.date[:16].replace('T', ' ')} UTC, {report.seconds:.0f} s. Engine: {engine_line(report.engine)}.  \n"
        f"Machine: {machine.processor}, {machine.cores} cores, {machine.memory_gib:.0f} GiB, "
        f"{'; '.join(machine.gpus) or 'no GPU'}; {machine.system}."
    )
    parts = [
        f"# Readroom benchmark: {report.suite}" + (" (partial)" if report.status == "partial" else ""),
        head,
        "## Against the specification",
        table(
            ("What", "Target", "Measured", "Verdict", "How, or why not"),
            ((row.name, row.target, row.shown, verdict[row.met], row.why or row.how) for row in report.rows),
        ),
        "## Measured",
        table(("What", "Value", "How"), ((figure.title, figure.shown, figure.how) for figure in report.figures))
        if report.figures
        else "Nothing was measured.",
        *(f"## {title}\n\n" + "\n".join(f"- {as_markdown(item)}" for item in items) for title, items in lists if items),
        "Versions: " + ", ".join(f"{name} {version}" for name, version in report.versions.items()),
    ]
    return "\n\n".join(parts) + "\n"


def engine_line(engine: EngineInfo) -> str:
    """Return what answered, in one line."""
    if not engine.generative:
        return f"{engine.name} engine, no language model"
    context = f", {engine.context_tokens:,} tokens of context" if engine.context_tokens else ""
    cache = f", KV cache {engine.kv_cache_dtype}" if engine.kv_cache_dtype else ""
    return f"{engine.name}, {engine.model}{context}{cache}"


def number(value: float) -> str:
    """Return a value with three to four significant digits."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(as_cell, line)) + " |" for line in lines)
