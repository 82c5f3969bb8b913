import json

import httpx

from agents.benchmark.serving import claimed_context, compare_clocks, measure_context, measure_decode, measure_prefill
from tests.support.fake_vllm_api import FakeVllm, serving
from tests.support.reports import all_of


async def test_decode_is_measured_behind_prompts_that_are_cached_beside_the_engines_own_figure() -> None:
    vllm = FakeVllm()

    figures = await all_of(measure_decode(serving(vllm), (1, 4), tokens=11))

    free = [figure for figure in figures if figure.key == "decode_tokens_per_second"]
    assert [figure.at for figure in free] == [1, 4]
    assert len(vllm.prompts) == 2 * 2 * (1 + 4)
    assert len({tuple(prompt) for prompt in vllm.prompts}) == 5
    # 10 tokens behind the first in 1.1 s of the engine's clock, in each of the streams.
    assert "does not agree: 9.091" in free[0].how
    assert "does not agree: 36.364" in free[1].how


async def test_decode_is_measured_under_a_schema_that_does_not_let_the_answer_end() -> None:
    vllm = FakeVllm()

    figures = await all_of(measure_decode(serving(vllm), (1,), tokens=11))

    assert [figure.key for figure in figures] == ["decode_tokens_per_second", "schema_decode_tokens_per_second"]
    assert [bool(schema) for schema in vllm.schemas] == [False, False, True, True]
    assert vllm.schemas[-1]["properties"]["notes"]["minItems"] == 16


async def test_prefill_is_measured_cold_and_again_up_to_the_context() -> None:
    figures = await all_of(measure_prefill(serving(FakeVllm()), (1_024, 16_384)))

    assert {figure.key for figure in figures} == {"prefill_tokens_per_second", "ttft_cold_seconds", "ttft_warm_seconds"}
    assert {figure.at for figure in figures} == {1_024, 4_095}
    warm = next(figure for figure in figures if figure.key == "ttft_warm_seconds" and figure.at == 4_095)
    assert "4,080 tokens came from the prefix cache" in warm.how
    cold = next(figure for figure in figures if figure.key == "prefill_tokens_per_second" and figure.at == 4_095)
    assert "4,095" in cold.how


async def test_the_context_is_filled_to_its_last_token() -> None:
    vllm = FakeVllm()

    figures = await all_of(measure_context(serving(vllm), answer_tokens=16))

    assert max(len(prompt) for prompt in vllm.prompts) == 4_096 - 16
    (context,) = [figure for figure in figures if figure.key == "context_tokens"]
    assert context.value == 4_096


async def test_an_engine_with_the_smallest_context_is_asked_for_no_more_than_it_holds() -> None:
    class Small(FakeVllm):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            body = json.loads(await request.aread() or b"{}")
            if body.get("stream") and not 0 < len(body["prompt"]) <= 1_024 - body["max_tokens"]:
                return httpx.Response(400, text="the context holds 1,024 tokens")
            return await super().handle_async_request(request)

    decode = await all_of(measure_decode(serving(Small(), context_tokens=1_024), (1,)))
    filled = await all_of(measure_context(serving(Small(), context_tokens=1_024)))

    assert "128 tokens each behind 896" in decode[0].how
    assert [figure.at for figure in filled if figure.key == "ttft_cold_seconds"] == [128, 384, 640, 896]


async def test_without_filling_it_the_context_is_what_the_engine_says() -> None:
    (claimed,) = await all_of(claimed_context(serving(FakeVllm())))

    assert claimed.value == 4_096
    assert "As the engine says" in claimed.how


def test_two_clocks_agree_within_five_percent_and_the_report_says_when_they_do_not() -> None:
    assert compare_clocks(239.0, 242.0).startswith("the engine's own figure agrees: 242")
    assert compare_clocks(100.0, 200.0) == "the engine's own figure does not agree: 200 (50% apart)"
    assert compare_clocks(100.0, None) == "the engine keeps no figure of its own"
