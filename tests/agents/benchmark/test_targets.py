from agents.benchmark.report import Row
from agents.benchmark.targets import judge
from agents.schema import EngineInfo
from tests.support.reports import EXTRACTIVE, VLLM, figure, model_figures


def by_name(rows: tuple[Row, ...]) -> dict[str, Row]:
    return {row.name: row for row in rows}


def test_everything_that_was_measured_on_a_gpu_is_judged() -> None:
    rows = by_name(judge(model_figures(), VLLM, on_gpu=True))

    assert {name for name, row in rows.items() if row.met == "met"} == {
        "Decode, one stream",
        "Prefill, slowest context measured",
        "GPU memory at peak",
        "Context",
        "KV cache memory beside 16 bits",
        "Coordination overhead, 95 of 100 answers",
        "KV cache format",
    }
    assert rows["Prefill, slowest context measured"].measured == 6_900
    assert rows["Decode, one stream"].measured == 239
    assert rows["Decode, one stream"].how == "By hand."


def test_what_misses_its_target_is_not_met() -> None:
    slow = [
        figure("decode_tokens_per_second", 99.9, 1),
        figure("gpu_peak_gib", 16.0),
        figure("overhead_p95_ms", 200.0),
        figure("kv_to_bf16", 1.0),
    ]
    e4m3 = VLLM.model_copy(update={"kv_cache_dtype": "fp8_e4m3"})
    rows = by_name(judge(slow, e4m3, on_gpu=True))

    missed = {name for name, row in rows.items() if row.met == "not met"}
    assert missed == {
        "Decode, one stream",
        "GPU memory at peak",
        "KV cache memory beside 16 bits",
        "Coordination overhead, 95 of 100 answers",
        "KV cache format",
    }
    assert "READROOM_ENGINE__KV_CACHE_DTYPE" in rows["KV cache format"].why


def test_eight_streams_do_not_stand_in_for_one() -> None:
    rows = by_name(judge([figure("decode_tokens_per_second", 1_414, 8)], VLLM, on_gpu=True))

    assert rows["Decode, one stream"].measured is None
    assert rows["Decode, one stream"].met == "not applicable"


def test_without_a_model_only_the_overhead_applies_and_each_row_says_why() -> None:
    rows = judge([figure("overhead_p95_ms", 43)], EXTRACTIVE, on_gpu=False)

    assert [row.name for row in rows if row.met != "not applicable"] == ["Coordination overhead, 95 of 100 answers"]
    assert all("no language model" in row.why for row in rows if row.met == "not applicable")


def test_speeds_without_a_gpu_are_shown_but_not_judged() -> None:
    rows = by_name(judge(model_figures(), VLLM, on_gpu=False))

    decode = rows["Decode, one stream"]
    assert (decode.measured, decode.met) == (239, "not applicable")
    assert "GPU" in decode.why
    assert rows["Context"].met == "met"


def test_an_engine_that_does_not_say_its_kv_format_is_not_judged_on_it() -> None:
    rows = by_name(judge([], EngineInfo(name="openai-compatible", generative=True, model="m"), on_gpu=False))

    assert rows["KV cache format"].met == "not applicable"
    assert rows["Context"].why
