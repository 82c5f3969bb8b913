"""The measurements on one engine: each is a step of its own, timed, and kept as soon as it is done."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.benchmark.checkpoints import sentences
from agents.engine.tasks.decisions import Route
from agents.engine.vllm import lifecycle
from agents.engine.vllm.engine import ResidentEngine
from agents.engine.vllm.probe import Probe
from agents.engine.vllm.state_files import EngineFiles, EngineState
from agents.schema import Passage
from agents.settings import EngineSettings
from benchmarks.gpu.client import RawClient, Timed, prompt
from benchmarks.gpu.log_gaps import log_gaps
from benchmarks.gpu.memory import Sampler, read_device, settled
from benchmarks.gpu.trace import newest, summary

_KV_TOKENS = re.compile(r"KV cache size: ([\d,]+) tokens")


@dataclass(frozen=True)
class Sizes:
    """How long the prompts and answers are."""

    short: int = 1_024
    medium: int = 16_384
    long: int = 130_000
    evicted: int = 100_000
    answer: int = 256
    streams: tuple[int, ...] = (1, 4, 8)
    new: tuple[int, ...] = (16, 64, 128, 512)


class Bench:
    """One engine, started by the product's own code, and what is measured on it.

    Args:
        settings: The engine's section.
        data_dir: Where the engine keeps its files.
        sizes: How long the prompts are.
        sampler: Reads the GPU's memory meanwhile.
        traces: Where the engine was told to keep its profiler's traces, if it was.
    """

    def __init__(
        self, settings: EngineSettings, data_dir: Path, sizes: Sizes, sampler: Sampler, traces: Path | None = None
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._files = EngineFiles(data_dir)
        self._sizes = sizes
        self._sampler = sampler
        self._traces = traces
        self._engine: ResidentEngine | None = None
        self._raw: RawClient | None = None

    def steps(self) -> dict[str, Callable[[], Awaitable[dict[str, Any]]]]:
        """Return the measurements in their order."""
        return {
            "start": self.start,
            "decode_short": self.decode_short,
            "prefill_medium": self.prefill_medium,
            "long_context": self.long_context,
            "follow_ups": self.follow_ups,
            "trace": self.trace,
            "product": self.product,
            "evicted": self.evicted,
            "sleep": self.sleep,
            "stop": self.stop,
            "start_again": self.start,
            "stop_again": self.stop,
        }

    async def start(self) -> dict[str, Any]:
        """Start the engine; the KV cache's size is what vLLM itself says it is."""
        began = time.monotonic()
        stages: list[tuple[float, str]] = []
        self._engine = await ResidentEngine.open(
            self._settings,
            self._data_dir,
            lambda progress: stages.append((round(time.monotonic() - began, 1), progress.message)),
        )
        seconds = time.monotonic() - began
        state = self._state()
        self._raw = RawClient(state, self._files, self._settings.request_seconds)
        found = _KV_TOKENS.search(self._files.log.read_text(errors="replace"))
        tokens = int(found[1].replace(",", "")) if found else None
        plan = state.launch.plan
        shown: dict[str, Any] = {
            "seconds": round(seconds, 1),
            "vllm": await self._raw.version(),
            "context_tokens": state.context_tokens,
            "kv_cache_dtype": state.kv_cache_dtype,
            "kv_tokens": tokens,
            "notes": state.notes,
            "arguments": state.launch.attempts[0].arguments,
            "environment": state.launch.environment,
            "stages": stages,
            "log_gaps": log_gaps(self._files.log.read_text(errors="replace")),
            "plan": plan.model_dump() | {"needed_gib": plan.needed_gib} if plan else None,
            "device": read_device(),
        }
        if plan and tokens:
            shown["kv_tokens_per_gib"] = round(tokens / plan.kv_cache_gib, 1)
        return shown

    async def decode_short(self) -> dict[str, Any]:
        """Decode behind short prompts, for one and for several streams at once; the first run warms up."""
        await self._client.complete(prompt(self._sizes.short, 1), 16)
        rates: dict[str, Any] = {}
        for count in self._sizes.streams:
            prompts = [prompt(self._sizes.short, 100 * count + number) for number in range(count)]
            done, together = await self._client.complete_together(prompts, self._sizes.answer)
            rates[f"{count}_streams"] = {
                "tokens_per_second": round(together, 1),
                "per_stream": round(sum(one.decode_rate for one in done) / count, 1),
            }
        return {"prompt_tokens": self._sizes.short, "answer_tokens": self._sizes.answer, **rates}

    async def prefill_medium(self) -> dict[str, Any]:
        """Read a prompt of medium length that is not in the cache."""
        runs = [await self._client.complete(prompt(self._sizes.medium, 7_000 + number), 2) for number in range(2)]
        best = min(runs, key=lambda run: run.first)
        return {
            "prompt_tokens": best.prompt_tokens,
            "seconds": [round(run.first, 3) for run in runs],
            "tokens_per_second": round(best.prompt_tokens / best.first, 1),
        }

    async def long_context(self) -> dict[str, Any]:
        """Read a whole window, read it again, and decode behind it."""
        tokens = prompt(self._sizes.long, 9_000)
        cold = await self._client.complete(tokens, 2)
        warm = [await self._client.complete(tokens, 2) for _ in range(3)]
        rates: dict[str, Any] = {}
        for count in self._sizes.streams:
            done, together = await self._client.complete_together([tokens] * count, self._sizes.answer // 2)
            rates[f"{count}_streams"] = {
                "tokens_per_second": round(together, 1),
                "per_stream": round(sum(one.decode_rate for one in done) / count, 1),
            }
        best = min(run.first for run in warm)
        return {
            "prompt_tokens": cold.prompt_tokens,
            "cold_seconds": round(cold.first, 3),
            "prefill_tokens_per_second": round(cold.prompt_tokens / cold.first, 1),
            "warm_seconds": [round(run.first, 4) for run in warm],
            "warm_cached_tokens": [run.cached_tokens for run in warm],
            "cold_over_warm": round(cold.first / best, 1),
            "decode": rates,
        }

    async def follow_ups(self) -> dict[str, Any]:
        """Time the first token for a few new tokens, alone and behind the window that `long_context` has left."""
        window = prompt(self._sizes.long, 9_000)[: -2 * max(self._sizes.new)]
        found: dict[str, Any] = {"window_tokens": len(window)}
        for new in self._sizes.new:
            runs = [await self._client.complete(prompt(new, 40_000 + new + number), 2) for number in range(3)]
            behind = [
                await self._client.complete(window + prompt(new, 50_000 + new + number), 2) for number in range(3)
            ]
            found[f"{new}_tokens"] = {
                "alone_seconds": round(min(run.first for run in runs), 4),
                "behind_the_window_seconds": round(min(run.first for run in behind), 4),
            }
        return found

    async def trace(self) -> dict[str, Any]:
        """Have vLLM's profiler watch the GPU while it decodes one stream, and while a whole window is read again."""
        if self._traces is None:
            return {"skipped": "no --trace"}
        short, window = prompt(self._sizes.short, 60_000), prompt(self._sizes.long, 9_000)
        for tokens in (short, window):
            await self._client.complete(tokens, 2)
        async with self._client.profiled():
            await self._client.complete(short, 64)
        found = {"decode": summary(newest(self._traces), 0.3, 0.95)}
        async with self._client.profiled():
            await self._client.complete(window, 2)
        return found | {"window_again": summary(newest(self._traces))}

    async def product(self) -> dict[str, Any]:
        """Run tasks through the product's own engine: two questions about one document of medium length."""
        text = sentences(self._sizes.medium // 20, seed=21)
        passage = Passage(document_id="d", title="Made up", index=0, start=0, end=len(text), page=1, text=text)
        usages = []
        for question in ("What was measured first?", "Who signed the last report?"):
            outcome = await self._opened.run(Route(evidence=(passage,), question=question))
            usages.append(outcome.usage.model_dump())
        return {"tokens_counted": self._opened.count_tokens(text), "usage": usages}

    async def evicted(self, rounds: int = 1) -> dict[str, Any]:
        """Read a document, then two others that take its place in the KV cache, then the first again."""
        size = self._sizes.evicted
        document, others = prompt(size, 11_000), (prompt(size, 12_000), prompt(2 * size // 5, 13_000))
        cold, cold_tokens = await self._traced(document)
        again, again_tokens = await self._traced(document)
        back: list[dict[str, Any]] = []
        for _ in range(rounds):
            for other in others:
                await self._client.complete(other, 1)
            run, tokens = await self._traced(document)
            back.append({"seconds": round(run.first, 3), "same_answer": run.text == cold.text, "tokens": tokens})
        best = min(row["seconds"] for row in back)
        return {
            "prompt_tokens": cold.prompt_tokens,
            "read_in_between": [len(other) for other in others],
            "cold": {"seconds": round(cold.first, 3), "tokens": cold_tokens},
            "still_cached": {"seconds": round(again.first, 3), "tokens": again_tokens},
            "back": back,
            "cold_over_back": round(cold.first / best, 1),
        }

    async def _traced(self, tokens: list[int]) -> tuple[Timed, dict[str, int]]:
        """Complete a prompt, without chance; return it, and where its tokens came from."""
        before = await self._client.prompt_tokens_by_source()
        run = await self._client.complete(tokens, 16, temperature=0.0)
        after = await self._client.prompt_tokens_by_source()
        return run, {source: total - before.get(source, 0) for source, total in after.items()}

    async def sleep(self) -> dict[str, Any]:
        """Put the engine to sleep, read its memory, and let a request wake it."""
        state = self._state()
        if not state.launch.can_sleep:
            return {"skipped": "this engine cannot sleep"}
        probe = Probe(state.port or 0, self._files.key())
        began = time.monotonic()
        slept = await asyncio.to_thread(probe.sleep)
        seconds = time.monotonic() - began
        memory = await asyncio.to_thread(settled, lambda: (read_device() or {}).get("used_gib"))
        device = read_device()
        began = time.monotonic()
        woken = await asyncio.to_thread(probe.wake)
        wake_seconds = time.monotonic() - began
        after = await self._client.complete(prompt(self._sizes.short, 5_000), 8)
        return {
            "slept": slept,
            "sleep_seconds": round(seconds, 2),
            "asleep_used_gib": memory,
            "asleep_processes_gib": (device or {}).get("processes_gib"),
            "woken": woken,
            "wake_seconds": round(wake_seconds, 3),
            "first_token_after_waking": round(after.first, 3),
        }

    async def stop(self) -> dict[str, Any]:
        """Stop the engine; its memory must be free afterwards."""
        began = time.monotonic()
        if self._raw:
            await self._raw.close()
        if self._engine:
            await self._engine.close()
        stopped = await lifecycle.stop(self._data_dir)
        self._raw = self._engine = None
        return {"stopped": stopped, "seconds": round(time.monotonic() - began, 1), "device": read_device()}

    @property
    def _client(self) -> RawClient:
        if self._raw is None:
            raise RuntimeError("the engine is not running")
        return self._raw

    @property
    def _opened(self) -> ResidentEngine:
        if self._engine is None:
            raise RuntimeError("the engine is not running")
        return self._engine

    def _state(self) -> EngineState:
        state = self._files.read_state()
        if state is None:
            raise RuntimeError("the engine has no state")
        return state
