import httpx
import pytest

from agents.benchmark.completion_client import CompletionClient
from agents.errors import EngineError
from tests.support.fake_vllm_api import ENDPOINT, FakeVllm


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
    assert cold.decode_rate == 7 / (cold.seconds - cold.first_token_seconds)


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


@pytest.mark.parametrize("answer", ["<html>a router</html>", "[]", '{"engine": "none"}'])
async def test_a_server_that_does_not_say_its_version_is_an_error_with_its_words(answer: str) -> None:
    class Router(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, text=answer)

    client = CompletionClient(ENDPOINT, Router())

    with pytest.raises(EngineError, match="without `version` at /version"):
        await client.version()


async def test_an_error_in_the_midst_of_an_answer_is_told() -> None:
    class Dying(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, text='data: {"error": {"message": "EngineDeadError"}}\n\ndata: [DONE]\n\n')

    client = CompletionClient(ENDPOINT, Dying())

    with pytest.raises(EngineError, match=r"broke off.*EngineDeadError"):
        await client.complete([1], 1)
