"""What a benchmark reports: measurements, judged against the specification's targets, and what to set because of them.

A report is kept as JSON and Markdown below the data folder; two of them can be compared.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue

from agents.errors import RequestError
from agents.escaping import as_cell, as_markdown
from agents.schema import EngineInfo, Frozen
from agents.settings import Settings

Suite = Literal["quick", "full", "context", "quality"]
Met = Literal["met", "not met", "not applicable"]
Needs = Literal["nothing", "model", "gpu"]
CARD_GIB = 16.0
"""What is sold as a card of 16 GB has 16 GiB."""
CONTEXT_TOKENS = 131_072
_SAME = 0.03
"""Two runs on one machine differ by as much: figures closer than this are called the same."""
_WORTH_IT = 1.15
"""A setting is recommended where it is at least this much faster."""


class Measurement(Frozen):
    """One measured value."""

    key: str = Field(description="The same in every report, so that reports can be compared.")
    name: str
    value: float
    unit: str
    how: str = Field(description="How it was measured.")
    at: int | None = Field(default=None, description="Where in a series: tokens of context, or streams at once.")
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


class Target(Frozen):
    """One target of the specification: the figure it judges, and the bound to meet."""

    name: str
    text: str
    key: str
    unit: str
    bound: float
    direction: Literal["at least", "under", "at most"]
    needs: Needs
    at: int | None = None

    def meets(self, value: float) -> bool:
        """Whether a value is on the right side of the bound."""
        match self.direction:
            case "at least":
                return value >= self.bound
            case "under":
                return value < self.bound
            case "at most":
                return value <= self.bound

    def judge(self, figures: Sequence[Measurement], engine: EngineInfo, *, on_gpu: bool) -> Row:
        """Judge the worst of the figures that the target is about."""
        measured = [figure for figure in figures if figure.key == self.key and self.at in (None, figure.at)]
        measured.sort(key=lambda figure: figure.value, reverse=self.direction != "at least")
        worst = measured[0] if measured else None
        why = _not_applicable(self.needs, engine, on_gpu=on_gpu)
        if why is None and worst is None:
            why = _OTHER_SUITE.get(self.key, "Not measured by this suite, or not possible here: see the notes.")
        return Row(
            name=self.name,
            target=self.text,
            measured=worst.value if worst else None,
            unit=self.unit,
            met="not applicable" if why or worst is None else "met" if self.meets(worst.value) else "not met",
            how=worst.how if worst else "",
            why=why or "",
        )


def judge(figures: Sequence[Measurement], engine: EngineInfo, *, on_gpu: bool) -> tuple[Row, ...]:
    """Judge what was measured against every target of the specification.

    Args:
        figures: What was measured; of several with one key the worst counts.
        engine: What answered.
        on_gpu: Whether the engine computes on an NVIDIA GPU of this machine.
    """
    why = _not_applicable("model", engine, on_gpu=False)
    if why is None and engine.kv_cache_dtype is None:
        why = "The engine does not say."
    configured = engine.kv_cache_dtype == "fp8_e5m2"
    kv_cache_format = Row(
        name="KV cache format",
        target="FP8 E5M2",
        measured=engine.kv_cache_dtype,
        unit="",
        met="not applicable" if why else "met" if configured else "not met",
        how="What the engine was started with.",
        why=why or ("" if configured else "READROOM_ENGINE__KV_CACHE_DTYPE=fp8_e5m2 sets it."),
    )
    return (*(target.judge(figures, engine, on_gpu=on_gpu) for target in TARGETS), kv_cache_format)


def _not_applicable(needs: Needs, engine: EngineInfo, *, on_gpu: bool) -> str | None:
    """Return why a target does not apply here, or None where it does."""
    if needs == "nothing":
        return None
    if not engine.generative:
        return f"The {engine.name} engine runs no language model."
    if needs == "gpu" and not on_gpu:
        return "The target is for a GPU; this engine computes without one that NVML sees on this machine."
    return None


TARGETS = (
    Target(
        name="Decode, one stream",
        text="100 to 160 tok/s",
        key="decode_tokens_per_second",
        at=1,
        unit="tok/s",
        bound=100,
        direction="at least",
        needs="gpu",
    ),
    Target(
        name="Decode under a JSON schema, one stream",
        text="100 to 160 tok/s",
        key="schema_decode_tokens_per_second",
        at=1,
        unit="tok/s",
        bound=100,
        direction="at least",
        needs="gpu",
    ),
    Target(
        name="Prefill, slowest context measured",
        text="800 to 1,300 tok/s",
        key="prefill_tokens_per_second",
        unit="tok/s",
        bound=800,
        direction="at least",
        needs="gpu",
    ),
    Target(
        name="GPU memory at peak",
        text="under 16 GB",
        key="gpu_peak_gib",
        unit="GiB",
        bound=CARD_GIB,
        direction="under",
        needs="gpu",
    ),
    Target(
        name="Context",
        text="131,072 tokens",
        key="context_tokens",
        unit="tokens",
        bound=CONTEXT_TOKENS,
        direction="at least",
        needs="model",
    ),
    Target(
        name="KV cache memory beside 16 bits",
        text="half",
        key="kv_to_bf16",
        unit="of bf16",
        bound=0.505,
        direction="at most",
        needs="model",
    ),
    Target(
        name="Coordination overhead, 95 of 100 answers",
        text="under 200 ms",
        key="overhead_p95_ms",
        unit="ms",
        bound=200,
        direction="under",
        needs="nothing",
    ),
    Target(
        name="Perplexity lost to FP8",
        text="under 1 %",
        key="perplexity_loss_percent",
        unit="%",
        bound=1.0,
        direction="under",
        needs="model",
    ),
)
_OTHER_SUITE = {
    "perplexity_loss_percent": "Not measured: it takes two reports of the suite `quality` on the same documents, one "
    "with READROOM_ENGINE__KV_CACHE_DTYPE=auto.",
}


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
    markdown: str

    @classmethod
    def of(cls, before: BenchmarkReport, after: BenchmarkReport) -> "Comparison":
        """Compare two reports."""
        return cls(
            figures=tuple(Changed.of(old, new) for old, new in _common(before, after)),
            perplexity_loss_percent=perplexity_loss(before, after),
            markdown=compare(before, after),
        )


def compare(before: BenchmarkReport, after: BenchmarkReport) -> str:
    """Return what changed from one report to another as Markdown: every figure, and the settings that differ."""
    rows: list[tuple[str, ...]] = []
    for old, new in _common(before, after):
        changed = Changed.of(old, new)
        ratio = "–" if changed.ratio is None else f"{changed.ratio:.2f}"
        rows.append((new.title, old.shown, new.shown, ratio, changed.verdict))
    loss = perplexity_loss(before, after)
    parts = [
        "# Two benchmarks side by side",
        table(("", "A", "B"), _what_ran(before, after)),
        table(("What", "A", "B", "B / A", ""), rows) if rows else "They have no figure in common.",
        *([] if loss is None else [f"Perplexity of the same text, B against A, at the worst context: {loss:+.2f} %."]),
    ]
    for name, report, other in (("A", before, after), ("B", after, before)):
        shared = {(figure.key, figure.at) for figure in other.figures}
        if only := [figure.title for figure in report.figures if (figure.key, figure.at) not in shared]:
            parts.append(f"Only in {name}: {', '.join(only)}.")
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


def recommend(
    report: BenchmarkReport, settings: Settings, missing: Sequence[str], earlier: Sequence[BenchmarkReport]
) -> tuple[str, ...]:
    """Return recommendations for the settings.

    Args:
        report: What was measured.
        settings: What is in force.
        missing: Commands that would add a better engine.
        earlier: Reports of this machine that were kept.
    """
    if not report.engine.generative:
        return tuple(f"No language model answers here. To add one: `{command}`." for command in missing)
    return (*_memory_advice(report, settings), *_kv_dtype_advice(report, earlier))


def _memory_advice(report: BenchmarkReport, settings: Settings) -> Iterator[str]:
    """Yield what the KV cache and the GPU memory ask of the settings."""
    # Windows that do not fit the KV cache together push each other out of it.
    tokens = report.figure("kv_cache_tokens")
    window = min(settings.supervisor.window_tokens, report.engine.context_tokens or settings.supervisor.window_tokens)
    at_once = settings.supervisor.parallel_windows
    if tokens and (fitting := int(tokens // window)) < at_once:
        yield (
            f"The KV cache holds {tokens:,.0f} tokens, that is {fitting} windows of {window:,}, and {at_once} are read "
            f"at once: `READROOM_SUPERVISOR__PARALLEL_WINDOWS={max(1, fitting)}`."
        )
    cold, warm = report.series("ttft_cold_seconds"), dict(report.series("ttft_warm_seconds"))
    if cold and (again := warm.get(cold[-1][0])) and again > cold[-1][1] / 2:
        yield (
            f"A prefix of {cold[-1][0]:,} tokens takes {again:.2f} s the second time, {cold[-1][1]:.2f} s the first: "
            "the server's prefix cache seems to be off; start it with `--enable-prefix-caching`."
        )
    peak, budget = report.figure("gpu_peak_gib"), settings.engine.vram_budget_gib
    if peak and peak > budget:
        lower = max(1_024, settings.engine.max_num_batched_tokens // 2)
        yield (
            f"The engine took {peak:.1f} GiB with a budget of {budget:.1f}: "
            f"`READROOM_ENGINE__MAX_NUM_BATCHED_TOKENS={lower}` needs less for activations."
        )


def _kv_dtype_advice(report: BenchmarkReport, earlier: Sequence[BenchmarkReport]) -> Iterator[str]:
    """Yield the KV dtypes that were faster in the latest report on the same model and GPU."""
    others = {
        other.engine.kv_cache_dtype: other
        for other in earlier
        if other.engine.model == report.engine.model
        and other.machine.gpus == report.machine.gpus
        and other.engine.kv_cache_dtype not in (None, report.engine.kv_cache_dtype)
    }
    for dtype, other in others.items():
        rates = dict(other.series("prefill_tokens_per_second"))
        for at, rate in reversed(report.series("prefill_tokens_per_second")):
            if at in rates and rates[at] > rate * _WORTH_IT:
                yield (
                    f"{dtype} prefilled {at:,} tokens {rates[at] / rate:.1f} times faster than "
                    f"{report.engine.kv_cache_dtype} on this machine ({other.date[:10]}): "
                    f"`READROOM_ENGINE__KV_CACHE_DTYPE={dtype}`."
                )
                break
