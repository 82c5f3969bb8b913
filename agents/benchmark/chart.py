"""The report as one picture, 900 x 600: legible where a chat shows it, on its own light card in any theme."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

from agents.benchmark.report import CARD_GIB, TARGETS, BenchmarkReport, engine_line, number

Axes: TypeAlias = Any
"""One of matplotlib's, whose own types leave every second argument open."""

_CARD, _INK, _FAINT, _GRID = "#f7f8fa", "#20242c", "#5b6472", "#d9dde3"
_COLOURS = ("#2b6cd4", "#0f9b8e", "#c8741a", "#7a56c2", "#97a0ad")
_FIRST, _SECOND, *_ = _COLOURS
_TARGET = "#d3364f"
_DECODE_TARGET, _PREFILL_TARGET = (100.0, 160.0), (800.0, 1_300.0)
_LEAST_ROWS = 4
_LEAST_RATIO = 2.4
_INCHES, _DPI = (9.0, 6.0), 100
_LAYOUTS = ("A", "AB", "AB;CC", "AB;CD")
"""Where one, two, three or four panels stand."""
_TITLE_CHARACTERS = 95

MEMORY_PARTS = (
    ("plan_weights_gib", "weights"),
    ("plan_kv_cache_gib", "KV cache"),
    ("plan_activations_gib", "activations"),
    ("plan_graphs_gib", "graphs"),
    ("plan_runtime_gib", "runtime"),
)


@dataclass(frozen=True)
class Bar:
    """One bar: its name, its value, how the value is written, and the range that the target asks for."""

    name: str
    value: float
    shown: str
    target: tuple[float, ...] = ()
    colour: str = _FIRST


@dataclass(frozen=True)
class Panel:
    """One part of the picture: shown where the report holds any of its keys."""

    title: str
    keys: tuple[str, ...]
    draw: Callable[[Axes, BenchmarkReport], None]


def draw_chart(report: BenchmarkReport, path: Path) -> bool:
    """Write the picture as PNG, and return whether there was anything to draw."""
    known = {figure.key for figure in report.figures}
    panels = [panel for panel in _PANELS if known.intersection(panel.keys)][: len(_LAYOUTS)]
    if not panels:
        return False
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Picture

    with cast("Any", matplotlib).rc_context(_STYLE):
        picture: Any = Picture(figsize=_INCHES, dpi=_DPI, facecolor=_CARD, layout="constrained")
        picture.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
        canvas: Any = FigureCanvasAgg(picture)
        placed = picture.subplot_mosaic(_LAYOUTS[len(panels) - 1])
        for axes, panel in zip(placed.values(), panels, strict=True):
            panel.draw(axes, report)
            _dress(axes, panel.title)
        picture.suptitle(_title(report), fontsize=12, color=_INK, x=0.02, ha="left", weight="bold")
        canvas.print_png(str(path))
    return True


def _title(report: BenchmarkReport) -> str:
    gpus = report.machine.gpus
    machine = gpus[0] if gpus else f"{report.machine.processor}, {report.machine.cores} cores"
    engine = engine_line(report.engine).split(", KV cache")[0]
    lines = f"Readroom {report.suite}: {engine}", f"{machine}, {report.date[:10]}"
    return "\n".join(line[:_TITLE_CHARACTERS] for line in lines)


def _dress(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=11, color=_INK, loc="left", pad=8)
    axes.set_facecolor(_CARD)
    axes.spines[["top", "right"]].set_visible(b=False)
    axes.tick_params(labelsize=10, colors=_FAINT, length=0)


def _bars(axes: Axes, bars: Sequence[Bar], *, logarithmic: bool = False) -> None:
    """Draw bars that lie, the first on top, each with its value at its end and its target across it."""
    rows = range(len(bars) - 1, -1, -1)
    lowest = min(min((bar.value, *bar.target)) for bar in bars)
    highest = max(max((bar.value, *bar.target)) for bar in bars)
    axes.barh(rows, [bar.value for bar in bars], color=[bar.colour for bar in bars], height=0.6)
    axes.set_yticks(rows, [bar.name for bar in bars])
    axes.set_ylim(len(bars) - 0.4 - max(_LEAST_ROWS, len(bars)), len(bars) - 0.4)
    if logarithmic:
        axes.set_xscale("log")
    axes.set_xlim(lowest / 3 if logarithmic else 0, highest * (20 if logarithmic else 1.4) or 1)
    for row, bar in zip(rows, bars, strict=True):
        end = max((bar.value, *bar.target))
        axes.annotate(bar.shown, (end, row), xytext=(6, 0), textcoords="offset points", va="center", fontsize=10)
        if bar.target:
            low, high = bar.target
            width = {"linewidth": 6} if high > low else {"linewidth": 3, "marker": "|", "markersize": 18}
            axes.plot([low, high], [row, row], color=_TARGET, solid_capstyle="butt", **width)
    axes.xaxis.set_visible(b=False)


def _speeds(axes: Axes, report: BenchmarkReport) -> None:
    """Decode and prefill on one logarithmic scale."""
    decode = [
        Bar(f"decode, {streams} at once", value, number(value), _DECODE_TARGET if streams == 1 else ())
        for streams, value in report.series("decode_tokens_per_second")
    ]
    prefill = [
        Bar(f"prefill {_tokens(tokens)}", value, number(value), _PREFILL_TARGET, _SECOND)
        for tokens, value in report.series("prefill_tokens_per_second")
    ]
    _bars(axes, [*decode, *prefill], logarithmic=True)


def _first_token(axes: Axes, report: BenchmarkReport) -> None:
    series = (("ttft_cold_seconds", "new prefix", "o-", _FIRST), ("ttft_warm_seconds", "the same again", "s-", _SECOND))
    for key, name, style, colour in series:
        points = report.series(key)
        axes.plot([at for at, _ in points], [value for _, value in points], style, color=colour, label=name)
        for at, value in points[-1:]:
            axes.annotate(_seconds(value), (at, value), xytext=(-8, 5), textcoords="offset points", ha="right")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.margins(x=0.08, y=0.25)
    places = _apart(sorted({at for key, *_ in series for at, _ in report.series(key)}))
    axes.set_xticks(places, [_tokens(place) for place in places])
    low, high = axes.get_ylim()
    ticks = [10.0**power for power in range(-3, 4) if low <= 10.0**power <= high]
    axes.set_yticks(ticks, [_seconds(tick) for tick in ticks])
    axes.minorticks_off()
    axes.grid(visible=True, axis="y", color=_GRID)
    axes.legend(fontsize=9, frameon=False, loc="upper left", labelcolor=_INK)


def _apart(places: Sequence[int]) -> list[int]:
    """Leave out places whose names would overlap on a logarithmic axis, the last one never."""
    kept: list[int] = []
    for place in reversed(places):
        if not kept or place * _LEAST_RATIO <= kept[0]:
            kept.insert(0, place)
    return kept


def _decode_by_context(axes: Axes, report: BenchmarkReport) -> None:
    points = report.series("decode_at_context_tokens_per_second")
    _bars(axes, [Bar(f"{_tokens(at)} before", value, number(value), _DECODE_TARGET) for at, value in points])


def _gpu_memory(axes: Axes, report: BenchmarkReport) -> None:
    left, peak = 0.0, report.figure("gpu_peak_gib") or 0.0
    for (key, name), colour in zip(MEMORY_PARTS, _COLOURS, strict=True):
        if value := report.figure(key):
            axes.barh([1], [value], left=left, color=colour, height=0.5, label=f"{name} {value:.2g}")
            left += value
    axes.barh([0], [peak], color=_INK, height=0.5)
    axes.annotate(f"{peak:.1f}", (peak / 2, 0), color=_CARD, ha="center", va="center", fontsize=10)
    axes.set_yticks([0, 1] if left else [0], ["peak", "planned"] if left else ["peak"])
    axes.plot([CARD_GIB, CARD_GIB], [-0.4, 1.4], color=_TARGET, linewidth=3)
    axes.set_xlim(0, max(CARD_GIB, left, peak) * 1.15)
    axes.set_ylim(-1.7, 1.6)
    if left:
        axes.legend(fontsize=9, frameon=False, loc="lower left", ncols=3, labelcolor=_INK, handlelength=1)


def _answers(axes: Axes, report: BenchmarkReport) -> None:
    limit = next(target.bound for target in TARGETS if target.key == "overhead_p95_ms") / 1_000
    named = (
        ("answer_first_seconds", "first answer", 1.0, ()),
        ("answer_second_seconds", "second answer", 1.0, ()),
        ("overhead_p95_ms", "overhead", 0.001, (limit, limit)),
        ("server_initialize_seconds", "server start", 1.0, ()),
    )
    found = [(name, value * scale, target) for key, name, scale, target in named if (value := report.figure(key))]
    _bars(axes, [Bar(name, seconds, _seconds(seconds), target) for name, seconds, target in found])


def _documents(axes: Axes, report: BenchmarkReport) -> None:
    named = (
        ("open_first_seconds", "first time"),
        ("open_stored_seconds", "other process"),
        ("open_second_seconds", "again"),
    )
    found = [(name, value) for key, name in named if (value := report.figure(key))]
    _bars(axes, [Bar(name, value, _seconds(value)) for name, value in found], logarithmic=True)


def _search(axes: Axes, report: BenchmarkReport) -> None:
    named = (("search_p50_ms", "half within"), ("search_p95_ms", "95 % within"))
    found = [(name, value) for key, name in named if (value := report.figure(key))]
    _bars(axes, [Bar(name, value, f"{number(value)} ms") for name, value in found])


def _process_memory(axes: Axes, report: BenchmarkReport) -> None:
    named = (("process_memory_mib", "Readroom"), ("engine_memory_mib", "engine"))
    found = [(name, value) for key, name in named if (value := report.figure(key))]
    _bars(axes, [Bar(name, value, f"{number(value)} MiB") for name, value in found])


def _quality(axes: Axes, report: BenchmarkReport) -> None:
    named = (
        ("found_percent", "answer found"),
        ("right_page_percent", "right page"),
        ("quotes_verified_percent", "quotes verified"),
        ("citation_precision_percent", "precision"),
        ("citation_recall_percent", "recall"),
        ("refused_percent", "refused rightly"),
    )
    found = [(name, value) for key, name in named if (value := report.figure(key)) is not None]
    _bars(axes, [Bar(name, value, f"{value:.0f} %") for name, value in found])


def _found_by(key: str, label: Callable[[int], str]) -> Callable[[Axes, BenchmarkReport], None]:
    def draw(axes: Axes, report: BenchmarkReport) -> None:
        _bars(axes, [Bar(label(at), value, f"{value:.0f} %") for at, value in report.series(key)])

    return draw


def _analyses(axes: Axes, report: BenchmarkReport) -> None:
    _bars(
        axes, [Bar(f"{_tokens(at)} tokens", value, _seconds(value)) for at, value in report.series("analysis_seconds")]
    )


def _tokens(count: int) -> str:
    return f"{round(count / 1024)}K" if count >= 1_000 else str(count)


def _seconds(value: float) -> str:
    return f"{number(value)} s" if value >= 1 else f"{number(value * 1_000)} ms"


_STYLE = {"font.family": "DejaVu Sans", "text.color": _INK, "axes.edgecolor": _GRID, "axes.labelcolor": _FAINT}
_PANELS = (
    Panel("Tokens per second, targets in red", ("decode_tokens_per_second", "prefill_tokens_per_second"), _speeds),
    Panel("Time to the first token, by context", ("ttft_cold_seconds",), _first_token),
    Panel("Decode by context, target in red", ("decode_at_context_tokens_per_second",), _decode_by_context),
    Panel("GPU memory in GiB, 16 GB in red", ("gpu_peak_gib",), _gpu_memory),
    Panel("Questions with known answers", ("found_percent",), _quality),
    Panel(
        "Found, by depth",
        ("found_at_depth_percent",),
        _found_by("found_at_depth_percent", "{} %".format),
    ),
    Panel("Found, by length in tokens", ("found_at_length_percent",), _found_by("found_at_length_percent", _tokens)),
    Panel("Answers, target in red", ("answer_first_seconds",), _answers),
    Panel("A document, opened (log scale)", ("open_first_seconds",), _documents),
    Panel("A whole document read", ("analysis_seconds",), _analyses),
    Panel("Search", ("search_p95_ms",), _search),
    Panel("Memory", ("process_memory_mib",), _process_memory),
)
