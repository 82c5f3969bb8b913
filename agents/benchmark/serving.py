"""Measuring a vLLM server: decode, prefill, time to the first token, its KV cache, and its sleep."""

import asyncio
import statistics
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from agents.benchmark.completions import Completion, CompletionClient
from agents.benchmark.metrics import Metrics, agreement, rise
from agents.benchmark.report import Figure
from agents.engine.model_config import GIB, ModelShape

DECODE_PROMPT_TOKENS = 1_024
DECODE_TOKENS = 128
SHORT_TOKENS = 4_096
SHORT_REPEATS = 3
"""Short prompts are asked several times, since one takes but milliseconds."""
CLOCKS = "Our client's clock"


@dataclass
class Serving:
    """A vLLM server to be measured."""

    client: CompletionClient
    context_tokens: int
    shape: ModelShape | None = None
    seed: int = 0
    """Prompts of another run must not be in the prefix cache, so each run has its own seed."""
    say: Callable[[str], None] = lambda _: None
    """Told what is being done now."""

    async def prompt(self, tokens: int) -> list[int]:
        """Return a prompt that the engine has not seen."""
        self.seed += 1
        return await self.client.prompt(tokens, self.seed)


async def measure_decode(
    serving: Serving, streams: Sequence[int], tokens: int = DECODE_TOKENS
) -> AsyncIterator[Figure]:
    """Yield the decode rate of so many streams at once, over prompts that are already in the prefix cache."""
    for count in streams:
        serving.say(f"Decoding {count} at once")
        prompts = [await serving.prompt(DECODE_PROMPT_TOKENS) for _ in range(count)]
        await asyncio.gather(*(serving.client.complete(prompt, 1) for prompt in prompts))
        before = await serving.client.metrics()
        answers = await asyncio.gather(*(serving.client.complete(prompt, tokens) for prompt in prompts))
        after = await serving.client.metrics()
        rate = sum((answer.completion_tokens - 1) / answer.decode_seconds for answer in answers)
        yield Figure(
            key="decode_tokens_per_second",
            name="Decode, streams at once",
            at=count,
            value=rate,
            unit="tok/s",
            better="more",
            how=f"{CLOCKS}, {tokens} tokens each behind {DECODE_PROMPT_TOKENS:,}, first to last token; "
            f"{agreement(rate, _engine_decode_rate(before, after, count))}.",
        )


def _engine_decode_rate(before: Metrics, after: Metrics, streams: int) -> float | None:
    tokens = rise(before, after, "vllm:generation_tokens_total")
    seconds = rise(before, after, "vllm:request_decode_time_seconds_sum")
    return streams * (tokens - streams) / seconds if tokens and seconds else None


async def measure_prefill(serving: Serving, lengths: Sequence[int]) -> AsyncIterator[Figure]:
    """Yield prefill rate and time to the first token for prompts of these lengths, cold and again."""
    for length in _within(lengths, serving.context_tokens - 1):
        serving.say(f"Prefilling {length:,} tokens")
        prompts = [await serving.prompt(length) for _ in range(1 if length > SHORT_TOKENS else SHORT_REPEATS)]
        before = await serving.client.metrics()
        cold = [await serving.client.complete(prompt, 1) for prompt in prompts]
        after = await serving.client.metrics()
        warm = [await serving.client.complete(prompt, 1) for prompt in prompts]
        for figure in prefill_figures(cold, before, after):
            yield figure
        yield warm_figure(warm)


def prefill_figures(cold: Sequence[Completion], before: Metrics, after: Metrics) -> list[Figure]:
    """Return prefill rate and time to the first token of prompts of one length that were not cached."""
    length = cold[0].prompt_tokens
    first = statistics.mean(answer.first_token_seconds for answer in cold)
    computed = rise(before, after, "vllm:prompt_tokens_by_source_total", source="local_compute")
    seconds = rise(before, after, "vllm:request_prefill_time_seconds_sum")
    own_first = rise(before, after, "vllm:time_to_first_token_seconds_sum")
    own_rate = computed / seconds if computed and seconds else None
    return [
        Figure(
            key="prefill_tokens_per_second",
            name="Prefill, tokens of prompt",
            at=length,
            value=length / first,
            unit="tok/s",
            better="more",
            how=f"{CLOCKS}, prompt over time to the first token; {agreement(length / first, own_rate)}.",
        ),
        Figure(
            key="ttft_cold_seconds",
            name="First token, new prefix, tokens of prompt",
            at=length,
            value=first,
            unit="s",
            how=f"{CLOCKS}; {agreement(first, own_first / len(cold) if own_first else None)}.",
        ),
    ]


def warm_figure(warm: Sequence[Completion]) -> Figure:
    """Return the time to the first token of prompts of one length that were asked before."""
    return Figure(
        key="ttft_warm_seconds",
        name="First token, same prefix again, tokens of prompt",
        at=warm[0].prompt_tokens,
        value=statistics.mean(answer.first_token_seconds for answer in warm),
        unit="s",
        how=f"{CLOCKS}; {warm[0].cached_tokens:,} tokens came from the prefix cache.",
    )


async def measure_context(serving: Serving, answer_tokens: int = DECODE_TOKENS) -> AsyncIterator[Figure]:
    """Yield what each step costs while the window is filled up to the engine's context."""
    for share in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1):
        filled = int(serving.context_tokens * share)
        serving.say(f"Filling {filled:,} of {serving.context_tokens:,} tokens")
        prompt = await serving.prompt(filled - answer_tokens)
        before = await serving.client.metrics()
        cold = await serving.client.complete(prompt, answer_tokens)
        after = await serving.client.metrics()
        warm = await serving.client.complete(prompt, 1)
        rate = (cold.completion_tokens - 1) / cold.decode_seconds
        for figure in (*prefill_figures([cold], before, after), warm_figure([warm])):
            yield figure
        yield Figure(
            key="decode_at_context_tokens_per_second",
            name="Decode, one stream, tokens of prompt",
            at=cold.prompt_tokens,
            value=rate,
            unit="tok/s",
            better="more",
            how=f"{CLOCKS}, {answer_tokens} tokens behind the prompt; "
            f"{agreement(rate, _engine_decode_rate(before, after, 1))}.",
        )
        if share == 1:
            held = cold.prompt_tokens + cold.completion_tokens
            yield _context(held, "One prompt and its answer that filled the window.")


async def claimed_context(serving: Serving) -> AsyncIterator[Figure]:
    """Yield the context that the engine says it has."""
    yield _context(serving.context_tokens, "As the engine says; the suite `context` fills it.")


def _context(tokens: int, how: str) -> Figure:
    return Figure(key="context_tokens", name="Context", value=tokens, unit="tokens", better="more", how=how)


def kv_figures(metrics: Metrics, shape: ModelShape | None) -> list[Figure]:
    """Return the size of the KV cache, and what it takes beside one of 16 bits.

    The bytes are the engine's own figure where it gives one, else computed from the model's shape; bf16 takes
    2 (key, value) x layers x KV heads x head size x 2 bytes for each token.
    """
    name = "vllm:cache_config_info"
    tokens = _number(metrics.label(name, "kv_cache_size_tokens"))
    if tokens is None:
        blocks, size = (_number(metrics.label(name, label)) for label in ("num_gpu_blocks", "block_size"))
        tokens = blocks * size if blocks and size else None
    if not tokens:
        return []
    own_bytes = _number(metrics.label(name, "kv_cache_memory_bytes"))
    dtype = metrics.label(name, "cache_dtype") or "auto"
    size = own_bytes or (tokens * shape.kv_bytes_per_token(dtype) if shape else None)
    how = "The engine's own figure" if own_bytes else f"Computed from the model's shape in {dtype}"
    figures = [_kv("kv_cache_tokens", "KV cache", tokens, "tokens", "more", "The engine's own figure.")]
    if size:
        figures.append(_kv("kv_cache_gib", "KV cache", size / GIB, "GiB", "neither", f"{how}."))
    if size and shape:
        ratio = size / tokens / shape.kv_bytes_per_token("auto")
        bytes_each = f"{size / tokens:,.0f} bytes a token beside {shape.kv_bytes_per_token('auto'):,} in bf16"
        figures.append(_kv("kv_to_bf16", "KV cache beside bf16", ratio, "of bf16", "less", f"{how}: {bytes_each}."))
    return figures


def _kv(key: str, name: str, value: float, unit: str, better: str, how: str) -> Figure:
    return Figure.model_validate({"key": key, "name": name, "value": value, "unit": unit, "better": better, "how": how})


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _within(lengths: Sequence[int], limit: int) -> list[int]:
    """Return the lengths that the context holds, in place of the first that it does not the context itself."""
    fitting = [length for length in lengths if length <= limit]
    return fitting if len(fitting) == len(lengths) else [*fitting, limit]
