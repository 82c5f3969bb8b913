"""Raw requests to the engine that the product started: prompts of an exact length, tokens timed one by one."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from agents.benchmark.prometheus import Metrics
from agents.engine.vllm.state_files import EngineFiles, EngineState

SOURCES = ("local_compute", "local_cache_hit", "external_kv_transfer")
"""Where vLLM's metrics say that prompt tokens came from."""

_WORDS_FROM, _WORDS_TO = 260, 1_500
"""Numbers of ordinary tokens in the vocabulary of agents.benchmark.checkpoints."""


@dataclass(frozen=True)
class Timed:
    """One streamed completion."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    first: float
    """Seconds to the first token."""
    last: float
    """Seconds to the last token."""
    text: str = ""

    @property
    def decode_rate(self) -> float:
        """Tokens a second after the first."""
        return (self.completion_tokens - 1) / max(1e-9, self.last - self.first)


def prompt(tokens: int, seed: int) -> list[int]:
    """Return a prompt of exactly that many tokens; another seed shares no block of it."""
    source = random.Random(seed)
    return [source.randint(_WORDS_FROM, _WORDS_TO) for _ in range(tokens)]


class RawClient:
    """Speaks to the engine's own port.

    Args:
        state: What the watch wrote.
        files: The engine's files, for its key.
        seconds: Time limit of one request.
    """

    def __init__(self, state: EngineState, files: EngineFiles, seconds: float) -> None:
        self._model = state.model
        self._http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{state.port}",
            headers={"Authorization": f"Bearer {files.key()}"},
            timeout=seconds,
            trust_env=False,
        )

    async def version(self) -> str:
        """Return vLLM's version."""
        return (await self._http.get("/version")).json()["version"]

    async def prompt_tokens_by_source(self) -> dict[str, int]:
        """Return where the tokens of all prompts so far came from: computed, from the cache, or from outside it."""
        metrics = Metrics.parse((await self._http.get("/metrics")).raise_for_status().text)
        totals = {source: metrics.total("vllm:prompt_tokens_by_source_total", source=source) for source in SOURCES}
        return {source: int(total) for source, total in totals.items() if total is not None}

    async def complete(self, tokens: list[int], answer_tokens: int, temperature: float = 0.8) -> Timed:
        """Stream one completion of exactly `answer_tokens` tokens."""
        body = {
            "model": self._model,
            "prompt": tokens,
            "max_tokens": answer_tokens,
            "ignore_eos": True,
            "temperature": temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        began = time.monotonic()
        first, last, usage, text = 0.0, 0.0, {}, ""
        async with self._http.stream("POST", "/v1/completions", json=body) as response:
            if response.status_code != httpx.codes.OK:
                raise RuntimeError((await response.aread()).decode()[:500])
            async for line in response.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                event = json.loads(line[6:])
                if event.get("error"):
                    raise RuntimeError(str(event["error"])[:500])
                if event["choices"]:
                    last = time.monotonic() - began
                    first = first or last
                    text += event["choices"][0].get("text") or ""
                usage = event.get("usage") or usage
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        return Timed(usage["prompt_tokens"], cached, usage["completion_tokens"], first, last, text)

    async def complete_together(self, prompts: list[list[int]], answer_tokens: int) -> tuple[list[Timed], float]:
        """Stream several at once; returns them and the tokens a second of all, from the first token to the last."""
        done = await asyncio.gather(*(self.complete(tokens, answer_tokens) for tokens in prompts))
        elapsed = max(one.last for one in done) - min(one.first for one in done)
        return done, sum(one.completion_tokens - 1 for one in done) / max(1e-9, elapsed)

    @asynccontextmanager
    async def profiled(self) -> AsyncIterator[None]:
        """Have vLLM's profiler watch what is asked meanwhile; the trace is on disk at the end."""
        (await self._http.post("/start_profile")).raise_for_status()
        try:
            yield
        finally:
            (await self._http.post("/stop_profile")).raise_for_status()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
