import pytest

from agents.benchmark.comparison import Comparison, fp8_loss, perplexity_loss
from agents.benchmark.report import BenchmarkReport
from tests.support.reports import GPU, VLLM, figure, model_figures, report


def test_figures_that_both_have_stand_side_by_side_with_their_ratio() -> None:
    before = report(figure("answer_first_seconds", 2.0), figure("search_p95_ms", 1.0, unit="ms"))
    after = report(figure("answer_first_seconds", 0.5), figure("search_p95_ms", 1.01, unit="ms"))

    text = Comparison.of(before, after).markdown

    assert "| answer first seconds | 2 s | 0.5 s | 0.25 | better |" in text
    assert "| search p95 ms | 1 ms | 1.01 ms | 1.01 | same |" in text


def test_more_is_better_where_the_figure_says_so() -> None:
    before = report(figure("decode_tokens_per_second", 100, 1, better="more"), figure("calls", 3, better="neither"))
    after = report(figure("decode_tokens_per_second", 150, 1, better="more"), figure("calls", 6, better="neither"))

    text = Comparison.of(before, after).markdown

    assert "| decode tokens per second, 1 | 100 s | 150 s | 1.50 | better |" in text
    assert "| calls | 3 s | 6 s | 2.00 |  |" in text


def test_what_only_one_report_has_is_named() -> None:
    text = Comparison.of(report(figure("answer_first_seconds", 1)), report(*model_figures())).markdown

    assert "They have no figure in common." in text
    assert "Only in A: answer first seconds." in text
    assert "gpu peak gib" in text


def test_settings_that_differ_are_shown_and_others_are_not() -> None:
    before = report(settings={"engine": {"kv_cache_dtype": "fp8_e5m2", "model": "m"}})
    after = report(settings={"engine": {"kv_cache_dtype": "fp8_e4m3", "model": "m"}}, engine=VLLM, machine=GPU)

    text = Comparison.of(before, after).markdown

    assert "| engine.kv_cache_dtype | fp8_e5m2 | fp8_e4m3 |" in text
    assert "engine.model" not in text
    assert "NVIDIA H200" in text


def test_perplexity_is_compared_at_the_worst_context_of_the_same_text() -> None:
    bf16 = report(figure("perplexity", 10.0, 2_048), figure("perplexity", 8.0, 8_192), text_sha256="a")
    fp8 = report(figure("perplexity", 10.02, 2_048), figure("perplexity", 8.04, 8_192), text_sha256="a")

    assert perplexity_loss(bf16, fp8) == pytest.approx(0.5)
    assert "B against A, at the worst context: +0.50 %" in Comparison.of(bf16, fp8).markdown


def test_perplexity_of_different_texts_is_not_compared() -> None:
    one = report(figure("perplexity", 10.0, 2_048), text_sha256="a")
    other = report(figure("perplexity", 11.0, 2_048), text_sha256="b")

    assert perplexity_loss(one, other) is None
    assert "worst context" not in Comparison.of(one, other).markdown


def test_what_fp8_costs_is_said_against_the_latest_report_with_a_cache_of_16_bits() -> None:
    def quality(dtype: str | None, perplexity: float, text: str = "a") -> BenchmarkReport:
        engine = VLLM.model_copy(update={"kv_cache_dtype": dtype})
        return report(figure("perplexity", perplexity, 2_048), engine=engine, text_sha256=text)

    fp8 = quality("fp8_e5m2", 10.2)
    earlier = [quality("auto", 12.0), quality("auto", 10.0), quality("auto", 9.0, "b"), quality("fp8_e4m3", 8.0)]

    loss = fp8_loss(fp8, [*earlier, quality(None, 7.0)])

    assert loss is not None
    assert loss.value == pytest.approx(2.0)
    assert "with auto on 2026-11-23" in loss.how
    assert fp8_loss(fp8, earlier[2:]) is None
    assert fp8_loss(quality("auto", 10.2), earlier) is None
