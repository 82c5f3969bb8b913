from collections.abc import AsyncIterator

import httpx
import pytest

from agents.benchmark.quality import measure_perplexity
from agents.benchmark.report import Measurement
from agents.benchmark.serving import (
    CompletionClient,
    Metrics,
    Serving,
    claimed_context,
    kv_figures,
    measure_context,
    measure_decode,
    measure_prefill,
)
from agents.engine.model_config import ModelShape
from agents.errors import EngineError
from tests.support.fake_vllm_api import CACHE, ENDPOINT, FakeVllm

SHAPE = ModelShape(layers=1, hidden=64, intermediate=128, heads=2, kv_heads=1, head_dim=32, vocabulary=1_536)


def serving(vllm: httpx.AsyncBaseTransport) -> Serving:
    return Serving(CompletionClient(ENDPOINT, vllm), context_tokens=4_096, shape=SHAPE)


async def all_of(figures: AsyncIterator[Measurement]) -> list[Measurement]:
    return [figure async for figure in figures]


async def test_prompts_have_exactly_the_length_asked_for_and_no_common_beginning() -> None:
    client = CompletionClient(ENDPOINT, FakeVllm())

    first, again, second = [await client.prompt(1_000, seed) for seed in (1, 1, 2)]

    assert len(first) == 1_000
    assert first == again
    assert first[:16] != second[:16]
    await client.close()


async def test_every_request_carries_the_key() -> None:
    vllm = FakeVllm()
    client = CompletionClient(ENDPOINT, vllm)

    assert await client.version() == "0.32.0"
    await client.metrics()
    await client.complete([1, 2, 3], 4)

    assert vllm.authorized == {"Bearer key"}


async def test_a_completion_counts_tokens_and_what_came_from_the_cache() -> None:
    client = CompletionClient(ENDPOINT, FakeVllm())
    prompt = await client.prompt(100, seed=1)

    cold, warm = await client.complete(prompt, 8), await client.complete(prompt, 8)

    assert (cold.prompt_tokens, cold.cached_tokens, cold.completion_tokens) == (100, 0, 8)
    assert warm.cached_tokens == 96
    assert cold.decode_seconds == cold.seconds - cold.first_token_seconds


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


async def test_without_filling_it_the_context_is_what_the_engine_says() -> None:
    (claimed,) = await all_of(claimed_context(serving(FakeVllm())))

    assert claimed.value == 4_096
    assert "As the engine says" in claimed.how


@pytest.mark.parametrize(
    ("labels", "tokens", "ratio"),
    [
        ('{cache_dtype="fp8_e5m2",num_gpu_blocks="100",block_size="16"}', 1_600, 0.5),
        ('{cache_dtype="auto",num_gpu_blocks="100",block_size="16"}', 1_600, 1.0),
        ('{cache_dtype="fp8_e5m2",kv_cache_size_tokens="2000",kv_cache_memory_bytes="128000"}', 2_000, 0.5),
        ('{cache_dtype="auto",kv_cache_size_tokens="2000",kv_cache_memory_bytes="256000"}', 2_000, 1.0),
        ('{cache_dtype="fp8",num_gpu_blocks="100",block_size="16",kv_cache_memory_bytes="None"}', 1_600, 0.5),
    ],
)
def test_the_kv_cache_is_set_beside_one_of_16_bits(labels: str, tokens: int, ratio: float) -> None:
    metrics = Metrics.parse(f"vllm:cache_config_info{labels} 1.0")

    figures = {figure.key: figure.value for figure in kv_figures(metrics, SHAPE)}

    assert figures["kv_cache_tokens"] == tokens
    assert figures["kv_to_bf16"] == pytest.approx(ratio)


def test_an_engine_that_says_nothing_about_its_kv_cache_gives_no_figures() -> None:
    assert kv_figures(Metrics.parse(""), SHAPE) == []
    assert [figure.key for figure in kv_figures(Metrics.parse(f"{CACHE}}} 1"), None)] == ["kv_cache_tokens"]


async def test_perplexity_is_measured_at_each_context_that_the_text_fills() -> None:
    figures = await all_of(measure_perplexity(serving(FakeVllm(log_probability=-2.0)), "a" * 10_000))

    assert [figure.at for figure in figures] == [2_048]
    assert figures[0].value == pytest.approx(7.389, abs=0.001)


async def test_an_engine_without_log_probabilities_says_so() -> None:
    with pytest.raises(EngineError, match="no log-probabilities"):
        await all_of(measure_perplexity(serving(FakeVllm(log_probability=None)), "a" * 10_000))


async def test_what_the_server_refuses_is_an_error_with_its_words() -> None:
    class Refusing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(400, json={"message": "prompt too long"})

    client = CompletionClient(ENDPOINT, Refusing())

    with pytest.raises(EngineError, match=r"answered 400 at /v1/completions.*prompt too long.*readroom engine logs"):
        await client.complete([1], 1)
    with pytest.raises(EngineError, match="answered 400 at /metrics"):
        await client.metrics()


async def test_a_server_that_breaks_off_is_an_error() -> None:
    class Broken(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ReadError("connection reset")

    client = CompletionClient(ENDPOINT, Broken())

    with pytest.raises(EngineError, match="broke off: connection reset"):
        await client.complete([1], 1)
    with pytest.raises(EngineError, match="cannot be reached"):
        await client.version()
