from agents.benchmark.recommendations import recommend
from agents.settings import EngineSettings, Settings
from tests.support.reports import EXTRACTIVE, GPU, VLLM, figure, report

SETTINGS = Settings()


def test_without_a_model_the_commands_that_add_one_are_recommended() -> None:
    advice = recommend(report(engine=EXTRACTIVE), SETTINGS, ('pip install "vllm>=0.26"',), ())

    assert advice == ('No language model answers here. To add one: `pip install "vllm>=0.26"`.',)


def test_no_more_windows_than_the_kv_cache_holds_are_recommended() -> None:
    measured = report(figure("kv_cache_tokens", 136_032, unit="tokens"), engine=VLLM)

    (advice,) = recommend(measured, SETTINGS, (), ())

    assert "4 windows of 32,768" in advice
    assert "READROOM_SUPERVISOR__PARALLEL_WINDOWS=4" in advice


def test_a_large_kv_cache_needs_no_advice() -> None:
    assert recommend(report(figure("kv_cache_tokens", 1_000_000), engine=VLLM), SETTINGS, (), ()) == ()


def test_another_kv_format_is_recommended_with_its_factor_where_it_was_measured_to_be_faster() -> None:
    e5m2 = report(figure("prefill_tokens_per_second", 7_000, 131_008), engine=VLLM, machine=GPU)
    e4m3 = report(
        figure("prefill_tokens_per_second", 14_700, 131_008),
        engine=VLLM.model_copy(update={"kv_cache_dtype": "fp8_e4m3"}),
        machine=GPU,
    )

    (advice,) = recommend(e5m2, SETTINGS, (), (e4m3,))

    assert "fp8_e4m3 prefilled 131,008 tokens 2.1 times faster than fp8_e5m2" in advice
    assert "READROOM_ENGINE__KV_CACHE_DTYPE=fp8_e4m3" in advice
    assert recommend(e4m3, SETTINGS, (), (e5m2,)) == ()


def test_reports_of_another_machine_or_model_say_nothing_about_this_one() -> None:
    e5m2 = report(figure("prefill_tokens_per_second", 7_000, 1_024), engine=VLLM, machine=GPU)
    e4m3 = VLLM.model_copy(update={"kv_cache_dtype": "fp8_e4m3"})
    elsewhere = report(figure("prefill_tokens_per_second", 14_700, 1_024), engine=e4m3)
    other = report(
        figure("prefill_tokens_per_second", 14_700, 1_024),
        engine=e4m3.model_copy(update={"model": "another"}),
        machine=GPU,
    )

    assert recommend(e5m2, SETTINGS, (), (elsewhere, other)) == ()


def test_a_prefix_that_is_no_faster_the_second_time_is_told() -> None:
    slow = report(figure("ttft_cold_seconds", 2.0, 16_384), figure("ttft_warm_seconds", 1.9, 16_384), engine=VLLM)

    (advice,) = recommend(slow, SETTINGS, (), ())

    assert "--enable-prefix-caching" in advice


def test_memory_past_the_budget_is_told_with_the_setting_that_needs_less() -> None:
    (advice,) = recommend(report(figure("gpu_peak_gib", 15.9), engine=VLLM), SETTINGS, (), ())

    assert "15.9 GiB with a budget of 15.0" in advice
    assert "READROOM_ENGINE__MAX_NUM_BATCHED_TOKENS=2048" in advice


def test_a_batch_that_is_small_already_is_not_to_be_raised_in_order_to_need_less() -> None:
    small = Settings(engine=EngineSettings(max_num_batched_tokens=512))

    assert recommend(report(figure("gpu_peak_gib", 15.9), engine=VLLM), small, (), ()) == ()
