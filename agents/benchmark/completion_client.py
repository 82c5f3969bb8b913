"""A client that times a vLLM server's answers: prompts of an exact length, completions token by token."""

import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import httpx
from pydantic.config import JsonDict

from agents.benchmark.corpus import prose
from agents.benchmark.prometheus import Metrics, increase
from agents.engine.openai.endpoint import Endpoint, is_loopback
from agents.errors import EngineError

T = TypeVar("T")
_CONNECT_SECONDS = 10.0
_POOL_SENTENCES = 400
"""Of made prose, from whose tokens prompts are drawn."""


@dataclass(frozen=True)
class Completion:
    """One streamed answer; times are seconds since the request was sent, to the first token and to the last."""

    first_token_seconds: float
    seconds: float
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int

    @property
    def decode_rate(self) -> float:
        """Tokens a second, from the first token to the last."""
        return (self.completion_tokens - 1) / (self.seconds - self.first_token_seconds)


class CompletionClient:
    """A client of a vLLM server, made for measuring.

    Args:
        endpoint: The server and the model.
        transport: Sends the requests; a test gives its own.
    """

    def __init__(self, endpoint: Endpoint, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._endpoint = endpoint
        self._pool: list[int] = []
        self._http = httpx.AsyncClient(
            headers=endpoint.headers(),
            timeout=httpx.Timeout(endpoint.request_seconds, connect=_CONNECT_SECONDS),
            trust_env=not is_loopback(endpoint.base_url),
            transport=transport,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def metrics(self) -> Metrics:
        """Return the engine's own figures of this moment.

        Raises:
            EngineError: It shows none.
        """
        return Metrics.parse((await self._request("GET", f"{self._endpoint.root}/metrics")).text)

    async def version(self) -> str:
        """Return the server's version.

        Raises:
            EngineError: It does not say.
        """
        return str((await self._json("version", "GET", f"{self._endpoint.root}/version"))["version"])

    async def tokens(self, text: str) -> list[int]:
        """Return a text's tokens.

        Raises:
            EngineError: The server does not tokenize.
        """
        body = {"model": self._endpoint.model, "prompt": text, "add_special_tokens": False}
        return (await self._json("tokens", "POST", f"{self._endpoint.root}/tokenize", body))["tokens"]

    async def prompt(self, tokens: int, seed: int) -> list[int]:
        """Return a prompt of exactly so many tokens; another seed shares no beginning with it.

        Raises:
            EngineError: The server does not tokenize.
        """
        if not self._pool:
            sentences = prose(seed=1)
            self._pool = await self.tokens(" ".join(next(sentences) for _ in range(_POOL_SENTENCES)))
        return random.Random(seed).choices(self._pool, k=tokens)  # noqa: S311 - reproducible, nothing is secret

    async def complete(self, prompt: str | Sequence[int], tokens: int, schema: JsonDict | None = None) -> Completion:
        """Have exactly `tokens` tokens written behind a prompt, which is text or tokens.

        Args:
            prompt: What is read.
            tokens: How many are written; at most so many, where a schema lets the answer end.
            schema: What the answer must fit.

        Raises:
            EngineError: The engine did not answer.
        """
        body: dict[str, Any] = {
            "model": self._endpoint.model,
            "prompt": prompt if isinstance(prompt, str) else list(prompt),
            "max_tokens": tokens,
            "temperature": 0.0,
            "ignore_eos": schema is None,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if schema is not None:
            body["structured_outputs"] = {"json": schema}
        arrivals: list[float] = []
        usage: dict[str, Any] = {}
        sent = time.perf_counter()
        async for event in self._events(body):
            if error := event.get("error"):
                raise self._failed(f"broke off: {error}")
            if event.get("choices"):
                arrivals.append(time.perf_counter() - sent)
            usage = event.get("usage") or usage
        if not arrivals:
            raise self._failed("sent no tokens")
        if "prompt_tokens" not in usage:
            raise self._failed("did not say how many tokens it read")
        cached: dict[str, int] = usage.get("prompt_tokens_details") or {}
        return Completion(
            first_token_seconds=arrivals[0],
            seconds=arrivals[-1],
            prompt_tokens=usage["prompt_tokens"],
            cached_tokens=cached.get("cached_tokens") or 0,
            completion_tokens=usage.get("completion_tokens", tokens),
        )

    async def log_probabilities(self, prompt: Sequence[int]) -> list[float]:
        """Return the log-probability of each token of a prompt but the first, given all before it.

        Raises:
            EngineError: The engine does not give them.
        """
        body = {
            "model": self._endpoint.model,
            "prompt": list(prompt),
            "max_tokens": 1,
            "temperature": 0.0,
            "prompt_logprobs": 0,
        }
        answer = await self._json("choices", "POST", f"{self._endpoint.base_url}/completions", body)
        given = answer["choices"][0].get("prompt_logprobs")
        if not given:
            raise self._failed("gives no log-probabilities of a prompt")
        return [step[str(token)]["logprob"] for token, step in zip(prompt, given, strict=True) if step]

    async def _events(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        url = f"{self._endpoint.base_url}/completions"
        try:
            async with self._http.stream("POST", url, json=body) as response:
                await self._check(response)
                async for line in response.aiter_lines():
                    if line.startswith("data: {"):
                        yield json.loads(line.removeprefix("data: "))
        except httpx.HTTPError as error:
            raise self._failed(f"broke off: {error or type(error).__name__}") from error

    async def _json(self, field: str, method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON object that the server answers; one without `field` is an error."""
        response = await self._request(method, url, body)
        with suppress(ValueError):
            answer: Any = response.json()
            if isinstance(answer, dict) and field in answer:
                return cast("dict[str, Any]", answer)
        raise self._failed(f"answered without `{field}` at {response.url.path}: {response.text[:300]}")

    async def _request(self, method: str, url: str, body: dict[str, Any] | None = None) -> httpx.Response:
        try:
            response = await self._http.request(method, url, json=body)
        except httpx.HTTPError as error:
            raise self._failed(f"cannot be reached: {error or type(error).__name__}") from error
        await self._check(response)
        return response

    async def _check(self, response: httpx.Response) -> None:
        if response.is_error:
            text = (await response.aread()).decode(errors="replace")
            raise self._failed(f"answered {response.status_code} at {response.url.path}: {text[:300]}")

    def _failed(self, what: str) -> EngineError:
        return EngineError(
            f"The engine at {self._endpoint.base_url} {what}.",
            hint="`readroom engine status` and `readroom engine logs` say how it is.",
        )


def computed_tokens(before: Metrics, after: Metrics) -> float | None:
    """Return how many prompt tokens a vLLM computed, those of its prefix cache left out; None where it does not say."""
    return increase(before, after, "vllm:prompt_tokens_by_source_total", source="local_compute")


async def count_prefilled(client: CompletionClient, work: Awaitable[T]) -> tuple[int, T]:
    """Await the work, and return how many prompt tokens the engine computed meanwhile, with its result."""
    before = await client.metrics()
    result = await work
    return int(computed_tokens(before, await client.metrics()) or 0), result
