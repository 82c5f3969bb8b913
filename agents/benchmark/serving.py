"""How fast a vLLM server is: decode, prefill and time to the first token, up to a full context.

Prompts have an exact length, and every answer is timed by our clock beside the engine's own metrics.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.config import JsonDict

from agents.benchmark.completion_client import Completion, CompletionClient, computed_tokens
from agents.benchmark.prometheus import Metrics, increase
from agents.benchmark.report import Measurement
from agents.benchmark.served import Served
from agents.engine import output_schema
from agents.engine.model_config import ModelShape, read_shape
from agents.engine.tasks.reading import MAX_NOTES, WindowNotes
from agents.settings import Settings

DECODE_PROMPT_TOKENS, DECODE_TOKENS = 1_024, 128
"""Tokens read, and tokens then written, where decoding is measured."""
SHORT_TOKENS, SHORT_REPEATS = 4_096, 3
"""Prompts up to so many tokens are asked so often, since one takes but milliseconds."""
FILLED = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)
"""Shares of the context that are filled."""
AGREEMENT = 0.05
"""Two clocks that differ by no more than this share of the larger agree."""
_CLOCK = "Our client's clock"


@dataclass
class Serving:
    """What measures a vLLM server."""

    client: CompletionClient
    context_tokens: int
    shape: ModelShape | None = None
    seed: int = 0
    """Prompts of another run must not be in the prefix cache, so each run has its own seed."""
    say: Callable[[str], None] = lambda _: None
    """Told what is being done now."""

    @classmethod
    def of(cls, served: Served, settings: Settings, say: Callable[[str], None] = lambda _: None) -> "Serving":
        """Return what measures a server; the caller closes its client."""
        return cls(
            client=CompletionClient(served.endpoint),
            context_tokens=served.endpoint.info.context_tokens or settings.engine.max_model_len,
            shape=read_shape(served.endpoint.model) or read_shape(settings.engine.model),
            seed=time.time_ns() % 1_000_000_007,
            say=say,
        )

    async def prompt(self, tokens: int) -> list[int]:
        """Return a prompt that the engine has not seen."""
        self.seed += 1
        return await self.client.prompt(tokens, self.seed)


def notes_schema() -> JsonDict:
    """Return the schema of as many notes of a window as there may be: an answer that does not end early."""
    schema: Any = output_schema.without_lengths(output_schema.schema(WindowNotes(mode="detailed")))
    schema["properties"]["notes"]["minItems"] = MAX_NOTES
    return schema


async def measure_decode(
    serving: Serving, streams: Sequence[int], tokens: int = DECODE_TOKENS
) -> AsyncIterator[Measurement]:
    """Yield the decode rate of so many streams at once, free and under a schema.

    The prompts are already in the prefix cache, and the schema is compiled: what is left is decoding.
    """
    length = min(DECODE_PROMPT_TOKENS, serving.context_tokens - tokens)
    free, constrained = ("", "Decode", None), ("schema_", "Decode under a JSON schema", notes_schema())
    for count in streams:
        serving.say(f"Decoding {count} at once")
        prompts = [await serving.prompt(length) for _ in range(count)]
        for prefix, name, schema in (free, constrained):
            await asyncio.gather(*(serving.client.complete(prompt, 1, schema) for prompt in prompts))
            before = await serving.client.metrics()
            answers = await asyncio.gather(*(serving.client.complete(prompt, tokens, schema) for prompt in prompts))
            after = await serving.client.metrics()
            rate = sum(answer.decode_rate for answer in answers)
            yield Measurement(
                key=f"{prefix}decode_tokens_per_second",
                name=f"{name}, streams at once",
                at=count,
                value=rate,
                unit="tok/s",
                better="more",
                how=f"{_CLOCK}, {tokens} tokens each behind {length:,}, first to last token; "
                f"{compare_clocks(rate, _engine_decode_rate(before, after, count))}.",
            )


async def measure_prefill(serving: Serving, lengths: Sequence[int]) -> AsyncIterator[Measurement]:
    """Yield prefill rate and time to the first token for prompts of these lengths, cold and again."""
    limit = serving.context_tokens - 1
    # In place of the lengths that the context does not hold: the context itself.
    for length in sorted({min(length, limit) for length in lengths}):
        serving.say(f"Prefilling {length:,} tokens")
        prompts = [await serving.prompt(length) for _ in range(1 if length > SHORT_TOKENS else SHORT_REPEATS)]
        before = await serving.client.metrics()
        cold = [await serving.client.complete(prompt, 1) for prompt in prompts]
        after = await serving.client.metrics()
        warm = [await serving.client.complete(prompt, 1) for prompt in prompts]
        for figure in prefill_figures(cold, before, after):
            yield figure
        yield warm_figure(warm)


async def measure_context(serving: Serving, answer_tokens: int = DECODE_TOKENS) -> AsyncIterator[Measurement]:
    """Yield what each step costs while the window is filled up to the engine's context."""
    for share in FILLED:
        filled = int(serving.context_tokens * share)
        if filled <= answer_tokens:
            continue
        serving.say(f"Filling {filled:,} of {serving.context_tokens:,} tokens")
        prompt = await serving.prompt(filled - answer_tokens)
        before = await serving.client.metrics()
        cold = await serving.client.complete(prompt, answer_tokens)
        after = await serving.client.metrics()
        warm = await serving.client.complete(prompt, 1)
        for figure in (*prefill_figures([cold], before, after), warm_figure([warm])):
            yield figure
        yield Measurement(
            key="decode_at_context_tokens_per_second",
            name="Decode, one stream, tokens of prompt",
            at=cold.prompt_tokens,
            value=cold.decode_rate,
            unit="tok/s",
            better="more",
            how=f"{_CLOCK}, {answer_tokens} tokens behind the prompt; "
            f"{compare_clocks(cold.decode_rate, _engine_decode_rate(before, after, 1))}.",
        )
        if share == 1:
            held = cold.prompt_tokens + cold.completion_tokens
            yield context_figure(held, "One prompt and its answer that filled the window.")


async def claimed_context(serving: Serving) -> AsyncIterator[Measurement]:
    """Yield the context that the engine says it has."""
    yield context_figure(serving.context_tokens, "As the engine says; the suite `context` fills it.")


def prefill_figures(cold: Sequence[Completion], before: Metrics, after: Metrics) -> list[Measurement]:
    """Return prefill rate and time to the first token of prompts of one length that were not cached."""
    length = cold[0].prompt_tokens
    first = statistics.mean(answer.first_token_seconds for answer in cold)
    computed = computed_tokens(before, after)
    seconds = increase(before, after, "vllm:request_prefill_time_seconds_sum")
    own_first = increase(before, after, "vllm:time_to_first_token_seconds_sum")
    own_rate = computed / seconds if computed and seconds else None
    return [
        Measurement(
            key="prefill_tokens_per_second",
            name="Prefill, tokens of prompt",
            at=length,
            value=length / first,
            unit="tok/s",
            better="more",
            how=f"{_CLOCK}, prompt over time to the first token; {compare_clocks(length / first, own_rate)}.",
        ),
        Measurement(
            key="ttft_cold_seconds",
            name="First token, new prefix, tokens of prompt",
            at=length,
            value=first,
            unit="s",
            how=f"{_CLOCK}; {compare_clocks(first, own_first / len(cold) if own_first else None)}.",
        ),
    ]


def warm_figure(warm: Sequence[Completion]) -> Measurement:
    """Return the time to the first token of prompts of one length that were asked before."""
    return Measurement(
        key="ttft_warm_seconds",
        name="First token, same prefix again, tokens of prompt",
        at=warm[0].prompt_tokens,
        value=statistics.mean(answer.first_token_seconds for answer in warm),
        unit="s",
        how=f"{_CLOCK}; {warm[0].cached_tokens:,} tokens came from the prefix cache.",
    )


def context_figure(tokens: int, how: str) -> Measurement:
    """Return the context's size."""
    return Measurement(key="context_tokens", name="Context", value=tokens, unit="tokens", better="more", how=how)


def _engine_decode_rate(before: Metrics, after: Metrics, streams: int) -> float | None:
    """Return the tokens a second of all streams by the engine's own counters."""
    tokens = increase(before, after, "vllm:generation_tokens_total")
    seconds = increase(before, after, "vllm:request_decode_time_seconds_sum")
    return streams * (tokens - streams) / seconds if tokens and seconds else None


def compare_clocks(client: float, engine: float | None) -> str:
    """Say how a figure by our clock and the engine's own compare."""
    if not engine or not client:
        return "the engine keeps no figure of its own"
    apart = abs(client - engine) / max(client, engine)
    verdict = "agrees" if apart <= AGREEMENT else "does not agree"
    return f"the engine's own figure {verdict}: {engine:,.{0 if engine >= 100 else 3}f} ({apart:.0%} apart)"
