import json
from pathlib import Path

import pytest

from agents.benchmark.report import benchmarks_folder, load_report, render, report_stem, save_report, saved_reports
from agents.benchmark.targets import judge
from agents.errors import RequestError
from agents.schema import EngineInfo
from tests.support.reports import GPU, VLLM, figure, model_figures, report


def test_a_saved_report_is_the_same_when_it_is_loaded(tmp_path: Path) -> None:
    stem = report_stem(tmp_path, "2026-11-23T15:04:05+00:00", "quick")
    saved = save_report(report(figure("answer_first_seconds", 1.5), markdown="# Report"), stem)

    assert stem.name == "2026-11-23T15-04-05-quick"
    assert load_report(saved.json_path or "") == saved
    assert stem.with_suffix(".md").read_text() == "# Report"


@pytest.mark.parametrize(("engine", "generative"), [(VLLM, True), (EngineInfo(name="extractive"), False)])
def test_a_report_from_before_engines_said_whether_they_are_generative_says_it_too(
    tmp_path: Path, engine: EngineInfo, generative: bool
) -> None:
    old = report(engine=engine).model_dump(mode="json", exclude={"engine": {"generative"}})
    path = tmp_path / "old.json"
    path.write_text(json.dumps(old))

    assert load_report(path).engine.generative is generative


def test_reports_of_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for _ in range(3):
        save_report(report(), report_stem(tmp_path, "2026-11-23T15:04:05+00:00", "quick"))

    assert len(saved_reports(tmp_path)) == 3


def test_a_report_that_cannot_be_read_is_passed_over_among_many_and_refused_alone(tmp_path: Path) -> None:
    save_report(report(), report_stem(tmp_path, "2026-11-23T15:04:05+00:00", "quick"))
    broken = benchmarks_folder(tmp_path) / "broken.json"
    broken.write_text("{}")

    assert len(saved_reports(tmp_path)) == 1
    with pytest.raises(RequestError, match=r"not a report of this version.*Run `readroom benchmark` again"):
        load_report(broken)
    with pytest.raises(RequestError, match=r"cannot be read.*Name a JSON file"):
        load_report(tmp_path / "missing.json")


def test_figures_are_found_by_key_and_place() -> None:
    measured = report(*model_figures())

    assert measured.figure("decode_tokens_per_second", 8) == 1_414
    assert measured.figure("gpu_peak_gib") == 14.6
    assert measured.figure("nothing") is None
    assert [at for at, _ in measured.series("ttft_cold_seconds")] == [1_024, 16_384, 131_008]


def test_a_report_without_a_chart_has_no_png(tmp_path: Path) -> None:
    chart = tmp_path / "chart.png"
    drawn = report(png_path=str(chart))

    assert report().png() is None
    assert drawn.png() is None
    chart.write_bytes(b"png")
    assert drawn.png() == b"png"


def test_the_markdown_holds_every_row_and_every_figure() -> None:
    figures = model_figures()
    rows = judge(figures, VLLM, on_gpu=True)
    text = render(
        report(*figures, engine=VLLM, machine=GPU, rows=rows, status="partial", notes=("It stopped.",), suite="full")
    )

    assert text.startswith("# Readroom benchmark: full (partial)")
    assert "vllm, Qwen/Qwen3-4B, 131,072 tokens of context, KV cache fp8_e5m2" in text
    assert "| Decode, one stream | 100 to 160 tok/s | 239 tok/s | ✅ met | By hand. |" in text
    assert "| prefill tokens per second, 131,008 | 6,900 tok/s | By hand. |" in text
    assert all(row.name in text for row in rows)
    assert "- It stopped." in text


def test_a_bar_in_a_cell_does_not_break_the_table() -> None:
    assert "a\\|b" in render(report(figure("a", 1, how="a|b")))
