"""The report as one picture, 900 x 600: legible where a chat shows it, on its own light card in any theme."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

from agents.benchmark.report import BenchmarkReport, engine_line, number
from agents.benchmark.targets import CARD_GIB, DECODE_RATES, OVERHEAD_MS, PREFILL_RATES

Axes: TypeAlias = Any
"""One of matplotlib's, whose own types leave every second argument open."""
Bounds: TypeAlias = tuple[float, ...]
"""The range that a target asks for; empty without a target."""

_CARD, _INK, _FAINT, _GRID = "#f7f8fa", "#20242c", "#5b6472", "#d9dde3"
_COLOURS = ("#2b6cd4", "#0f9b8e", "#c8741a", "#7a56c2", "#97a0ad")
_FIRST, _SECOND, *_ = _COLOURS
_TARGET = "#d3364f"
_STYLE = {"font.family": "DejaVu Sans", "text.color": _INK, "axes.edgecolor": _GRID, "axes.labelcolor": _FAINT}
_LEAST_ROWS = 4
_LEAST_RATIO = 2.4
"""Of neighbouring ticks on a logarithmic axis, so that their labels do not overlap."""
_INCHES, _DPI = (9.0, 6.0), 100
_LAYOUTS = ("A", "AB", "AB;CC", "AB;CD")
"""Where one, two, three or four panels stand."""
_TITLE_CHARACTERS = 95
_MEMORY_PARTS = (
    ("plan_weights_gib", "weights"),
    ("plan_kv_cache_gib", "KV cache"),
    ("plan_activations_gib", "activations"),
    ("plan_graphs_gib", "graphs"),
    ("plan_runtime_gib", "runtime"),
)


def draw_chart(report: BenchmarkReport, path: Path) -> bool:
    """Write the picture as PNG, and return whether there was anything to draw."""
    known = {figure.key for figure in report.figures}
    panels = [panel for panel in _PANELS if known.intersection(panel.keys)][: len(_LAYOUTS)]
    if not panels:
        return False
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    machine = next(iter(report.machine.gpus), f"{report.machine.processor}, {report.machine.cores} cores")
    engine = engine_line(report.engine).split(", KV cache")[0]
    lines = (f"Readroom {report.suite}: {engine}", f"{machine}, {report.date[:10]}")
    title = "\n".join(line[:_TITLE_CHARACTERS] for line in lines)
    with cast("Any", matplotlib).rc_context(_STYLE):
        figure: Any = Figure(figsize=_INCHES, dpi=_DPI, facecolor=_CARD, layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
        canvas: Any = FigureCanvasAgg(figure)
        placed = figure.subplot_mosaic(_LAYOUTS[len(panels) - 1])
        for axes, panel in zip(placed.values(), panels, strict=True):
            panel.draw(axes, report)
            axes.set_title(panel.title, fontsize=11, color=_INK, loc="left", pad=8)
            axes.set_facecolor(_CARD)
            axes.spines[["top", "right"]].set_visible(b=False)
            axes.tick_params(labelsize=10, colors=_FAINT, length=0)
        figure.suptitle(title, fontsize=12, color=_INK, x=0.02, ha="left", weight="bold")
        canvas.print_png(str(path))
    return True


@dataclass(frozen=True)
class Bar:
    """One horizontal bar."""

    name: str
    value: float
    label: str
    target: Bounds = ()
    colour: str = _FIRST


@dataclass(frozen=True)
class Panel:
    """One part of the picture."""

    title: str
    keys: tuple[str, ...]
    """It is shown where the report holds any of these."""
    draw: Callable[[Axes, BenchmarkReport], None]


@dataclass(frozen=True)
class NamedFigure:
    """A figure that is shown as a bar."""

    key: str
    name: str
    scale: float = 1.0
    target: Bounds = ()


def _figures(
    title: str, figures: Sequence[NamedFigure], label: Callable[[float], str], *, logarithmic: bool = False
) -> Panel:
    """Return a panel with a bar for each of several figures, shown where the first was measured."""

    def draw(axes: Axes, report: BenchmarkReport) -> None:
        found = [(each, value * each.scale) for each in figures if (value := report.figure(each.key)) is not None]
        bars = [Bar(each.name, value, label(value), each.target) for each, value in found]
        _draw_bars(axes, bars, logarithmic=logarithmic)

    return Panel(title, (figures[0].key,), draw)


def _series(
    title: str, key: str, name: Callable[[int], str], label: Callable[[float], str], target: Bounds = ()
) -> Panel:
    """Return a panel with a bar for each place in a series."""

    def draw(axes: Axes, report: BenchmarkReport) -> None:
        _draw_bars(axes, [Bar(name(at), value, label(value), target) for at, value in report.series(key)])

    return Panel(title, (key,), draw)


def _draw_bars(axes: Axes, bars: Sequence[Bar], *, logarithmic: bool = False) -> None:
    """Draw horizontal bars, the first on top, each with its value at its end and its target across it."""
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
        axes.annotate(bar.label, (end, row), xytext=(6, 0), textcoords="offset points", va="center", fontsize=10)
        if bar.target:
            low, high = bar.target
            width = {"linewidth": 6} if high > low else {"linewidth": 3, "marker": "|", "markersize": 18}
            axes.plot([low, high], [row, row], color=_TARGET, solid_capstyle="butt", **width)
    axes.xaxis.set_visible(b=False)


def _draw_speeds(axes: Axes, report: BenchmarkReport) -> None:
    """Draw decode and prefill on one logarithmic scale."""
    decode = [
        Bar(f"decode, {streams} at once", value, number(value), DECODE_RATES if streams == 1 else ())
        for streams, value in report.series("decode_tokens_per_second")
    ]
    prefill = [
        Bar(f"prefill {_tokens(tokens)}", value, number(value), PREFILL_RATES, _SECOND)
        for tokens, value in report.series("prefill_tokens_per_second")
    ]
    _draw_bars(axes, [*decode, *prefill], logarithmic=True)


def _draw_first_token(axes: Axes, report: BenchmarkReport) -> None:
    """Draw the time to the first token over the context, cold and cached."""
    series = (("ttft_cold_seconds", "new prefix", "o-", _FIRST), ("ttft_warm_seconds", "the same again", "s-", _SECOND))
    for key, name, style, colour in series:
        points = report.series(key)
        axes.plot([at for at, _ in points], [value for _, value in points], style, color=colour, label=name)
        for at, value in points[-1:]:
            axes.annotate(_seconds(value), (at, value), xytext=(-8, 5), textcoords="offset points", ha="right")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.margins(x=0.08, y=0.25)
    places: list[int] = []
    for at in sorted({at for key, *_ in series for at, _ in report.series(key)}, reverse=True):
        if not places or at * _LEAST_RATIO <= places[-1]:
            places.append(at)
    axes.set_xticks(places, [_tokens(place) for place in places])
    low, high = axes.get_ylim()
    ticks = [10.0**power for power in range(-3, 4) if low <= 10.0**power <= high]
    axes.set_yticks(ticks, [_seconds(tick) for tick in ticks])
    axes.minorticks_off()
    axes.grid(visible=True, axis="y", color=_GRID)
    axes.legend(fontsize=9, frameon=False, loc="upper left", labelcolor=_INK)


def _draw_gpu_memory(axes: Axes, report: BenchmarkReport) -> None:
    """Draw the peak of GPU memory below the plan's parts."""
    left, peak = 0.0, report.figure("gpu_peak_gib") or 0.0
    for (key, name), colour in zip(_MEMORY_PARTS, _COLOURS, strict=True):
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


def _tokens(count: int) -> str:
    return f"{round(count / 1024)}K" if count >= 1_000 else str(count)


def _seconds(value: float) -> str:
    return f"{number(value)} s" if value >= 1 else f"{number(value * 1_000)} ms"


_PANELS = (
    Panel("Tokens per second, targets in red", ("decode_tokens_per_second", "prefill_tokens_per_second"), _draw_speeds),
    Panel("Time to the first token, by context", ("ttft_cold_seconds",), _draw_first_token),
    _series(
        "Decode by context, target in red",
        "decode_at_context_tokens_per_second",
        lambda at: f"{_tokens(at)} before",
        number,
        DECODE_RATES,
    ),
    Panel("GPU memory in GiB, 16 GB in red", ("gpu_peak_gib",), _draw_gpu_memory),
    _figures(
        "Questions with known answers",
        (
            NamedFigure("found_percent", "answer found"),
            NamedFigure("right_page_percent", "right page"),
            NamedFigure("quotes_verified_percent", "quotes verified"),
            NamedFigure("citation_precision_percent", "precision"),
            NamedFigure("citation_recall_percent", "recall"),
            NamedFigure("refused_percent", "refused rightly"),
        ),
        "{:.0f} %".format,
    ),
    _series("Found, by depth", "found_at_depth_percent", "{} %".format, "{:.0f} %".format),
    _series("Found, by length in tokens", "found_at_length_percent", _tokens, "{:.0f} %".format),
    _figures(
        "Answers, target in red",
        (
            NamedFigure("answer_first_seconds", "first answer"),
            NamedFigure("answer_second_seconds", "second answer"),
            NamedFigure("overhead_p95_ms", "overhead", 0.001, (OVERHEAD_MS / 1_000,) * 2),
            NamedFigure("server_initialize_seconds", "server start"),
        ),
        _seconds,
    ),
    _figures(
        "A document, opened (log scale)",
        (
            NamedFigure("open_first_seconds", "first time"),
            NamedFigure("open_stored_seconds", "other process"),
            NamedFigure("open_second_seconds", "again"),
        ),
        _seconds,
        logarithmic=True,
    ),
    _series("A whole document read", "analysis_seconds", lambda at: f"{_tokens(at)} tokens", _seconds),
    _figures(
        "Search",
        (NamedFigure("search_p50_ms", "half within"), NamedFigure("search_p95_ms", "95 % within")),
        lambda value: f"{number(value)} ms",
    ),
    _figures(
        "Memory",
        (NamedFigure("process_memory_mib", "Readroom"), NamedFigure("engine_memory_mib", "engine")),
        lambda value: f"{number(value)} MiB",
    ),
)
"""In order of importance: the first that have figures are shown."""
