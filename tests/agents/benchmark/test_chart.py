import struct
from pathlib import Path

import pytest

from agents.benchmark.chart import draw_chart
from agents.benchmark.report import BenchmarkReport
from tests.support.reports import GPU, VLLM, figure, model_figures, product_figures, report


def size(path: Path) -> tuple[int, int]:
    """Read a PNG's width and height from its header."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


QUALITY = report(
    figure("found_percent", 90, unit="%"),
    figure("refused_percent", 0, unit="%"),
    figure("found_at_depth_percent", 100, 5, unit="%"),
    suite="quality",
)
CONTEXT = report(*model_figures(), figure("decode_at_context_tokens_per_second", 50, 131_008), suite="context")
ANALYSES = report(figure("analysis_seconds", 5.4, 119_356))


@pytest.mark.parametrize(
    "shown",
    [
        report(*product_figures()),
        report(*model_figures(), *product_figures(), engine=VLLM, machine=GPU, suite="full"),
        QUALITY,
        CONTEXT,
        ANALYSES,
        report(figure("ttft_cold_seconds", 0.2, 1_024)),
        report(figure("overhead_p95_ms", 43), figure("process_memory_mib", 190)),
    ],
)
def test_every_kind_of_report_is_drawn_as_900_by_600(shown: BenchmarkReport, tmp_path: Path) -> None:
    path = tmp_path / "chart.png"

    assert draw_chart(shown, path)
    assert size(path) == (900, 600)


def test_a_report_without_figures_has_no_chart(tmp_path: Path) -> None:
    path = tmp_path / "chart.png"

    assert not draw_chart(report(), path)
    assert not path.exists()


def test_a_very_long_model_name_does_not_change_the_size(tmp_path: Path) -> None:
    path = tmp_path / "chart.png"
    long = VLLM.model_copy(update={"model": "/a/very/long/path" * 20})

    assert draw_chart(report(*model_figures(), engine=long), path)
    assert size(path) == (900, 600)
