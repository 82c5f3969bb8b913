"""The suites: what each measures, step by step."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from agents.benchmark.engine_memory import MemoryWatch, measure_engine, measure_sleep
from agents.benchmark.product import (
    measure_analysis,
    measure_answers,
    measure_ingestion,
    measure_overhead,
    measure_process,
    measure_search,
)
from agents.benchmark.quality import digest, measure_perplexity, measure_quality, perplexity_text
from agents.benchmark.report import Measurement
from agents.benchmark.served import Served
from agents.benchmark.server_start import measure_server
from agents.benchmark.serving import Serving, claimed_context, measure_context, measure_decode, measure_prefill
from agents.benchmark.workbench import Workbench

STREAMS = (1, 4, 8)
"""Answers decoded at once."""
QUICK_PROMPTS = (1_024, 16_384)
PROMPTS = (1_024, 16_384, 65_536, 131_072)
"""Tokens of the prompts whose prefill is timed."""


@dataclass(frozen=True)
class Step:
    """One measurement of a suite."""

    name: str
    weight: float
    """Roughly its seconds; only for the progress."""
    measure: Callable[[], AsyncIterator[Measurement]]


@dataclass(frozen=True)
class VllmBench:
    """The vLLM that is measured directly, past the agents."""

    served: Served
    serving: Serving
    watch: MemoryWatch

    def steps(self, bench: Workbench) -> list[Step]:
        """Return the steps of the bench's suite on it."""
        match bench.suite:
            case "context":
                return [Step("context", 60, lambda: self._in_use(measure_context(self.serving)))]
            case "quality":
                return [Step("perplexity", 20, lambda: self._in_use(self._measure_perplexity(bench)))]
            case suite:
                prompts = QUICK_PROMPTS if suite == "quick" else PROMPTS
                return [
                    Step("decode", 10, lambda: self._in_use(measure_decode(self.serving, STREAMS))),
                    Step("prefill", 20, lambda: self._in_use(measure_prefill(self.serving, prompts))),
                    Step("claimed context", 0.1, lambda: claimed_context(self.serving)),
                ]

    def last_steps(self, bench: Workbench) -> list[Step]:
        """Return the steps that come when everything else has run, so that the peaks are known."""
        engine = Step("engine", 0.5, lambda: measure_engine(self.served, self.serving, self.watch))
        sleeps = bench.suite == "full" and self.served.state is not None and self.served.state.launch.can_sleep
        return [engine, *([Step("sleep", 6, lambda: measure_sleep(self.served))] if sleeps else [])]

    async def _in_use(self, figures: AsyncIterator[Measurement]) -> AsyncIterator[Measurement]:
        """Keep the engine from being put to sleep while it is measured."""
        with self.served.in_use():
            async for figure in figures:
                yield figure

    async def _measure_perplexity(self, bench: Workbench) -> AsyncIterator[Measurement]:
        text = perplexity_text(bench.texts)
        bench.text_sha256 = digest(text)
        batch_tokens = bench.settings.engine.max_num_batched_tokens
        async for figure in measure_perplexity(self.serving, text, batch_tokens):
            yield figure


Plan = Callable[[Workbench, VllmBench | None], list[Step]]


def steps(bench: Workbench, vllm: VllmBench | None) -> list[Step]:
    """Return the steps of the bench's suite; those of a vLLM only where there is one."""
    match bench.suite:
        case "quality":
            planned = [Step("questions with known answers", 60, lambda: measure_quality(bench))]
        case "context":
            lengths = (8_192, 32_768, 131_072)
            growing = Step("reading documents of growing length", 30, lambda: measure_analysis(bench, lengths))
            planned = [] if vllm else [growing]
        case suite:
            planned = [
                Step("documents", 4, lambda: measure_ingestion(bench)),
                Step("search", 6, lambda: measure_search(bench)),
                Step("server start", 3, lambda: measure_server(bench)),
                Step("answers", 4, lambda: measure_answers(bench)),
                Step("overhead", 6, lambda: measure_overhead(bench)),
            ]
            if suite == "full":
                planned.append(Step("reading a whole document", 30, lambda: measure_analysis(bench, (65_536,))))
    memory = Step("memory", 0.1, measure_process)
    return [*planned, *(vllm.steps(bench) if vllm else []), memory, *(vllm.last_steps(bench) if vllm else [])]
