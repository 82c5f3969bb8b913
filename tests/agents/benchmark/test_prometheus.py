from agents.benchmark.prometheus import Metrics, increase

EXPOSITION = """
# HELP vllm:prompt_tokens_by_source_total Prompt tokens.
# TYPE vllm:prompt_tokens_by_source_total counter
vllm:prompt_tokens_by_source_total{engine="0",source="local_compute"} 21266.0
vllm:prompt_tokens_by_source_total{engine="0",source="local_cache_hit"} 79802.0
vllm:num_requests_running 1
vllm:cache_config_info{block_size="16",cache_dtype="fp8_e5m2",comment="a \\"b\\", c\\\\d"} 1.0
vllm:kv_cache_usage_perc{engine="0"} NaN-ish
process_start_time_seconds 1.79e+09
"""


def test_samples_are_summed_over_the_labels_that_are_not_asked_for() -> None:
    metrics = Metrics.parse(EXPOSITION)

    assert metrics.total("vllm:prompt_tokens_by_source_total") == 101_068
    assert metrics.total("vllm:prompt_tokens_by_source_total", source="local_compute") == 21_266
    assert metrics.total("vllm:num_requests_running") == 1
    assert metrics.total("process_start_time_seconds") == 1.79e9


def test_what_is_not_there_is_none() -> None:
    metrics = Metrics.parse(EXPOSITION)

    assert metrics.total("vllm:no_such_thing") is None
    assert metrics.total("vllm:prompt_tokens_by_source_total", source="elsewhere") is None
    assert metrics.total("vllm:kv_cache_usage_perc") is None
    assert metrics.label("vllm:cache_config_info", "no_such_label") is None
    assert increase(metrics, metrics, "vllm:no_such_thing") is None


def test_labels_are_read_with_their_escapes() -> None:
    metrics = Metrics.parse(EXPOSITION)

    assert metrics.label("vllm:cache_config_info", "cache_dtype") == "fp8_e5m2"
    assert metrics.label("vllm:cache_config_info", "comment") == 'a "b", c\\d'


def test_a_counter_that_appears_only_afterwards_rose_from_nothing() -> None:
    after = Metrics.parse("vllm:generation_tokens_total 128")

    assert increase(Metrics.parse(""), after, "vllm:generation_tokens_total") == 128
