"""What each suite measures, in which order."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from agents.benchmark.answering import measure_analysis, measure_answers, measure_overhead
from agents.benchmark.perplexity import digest, measure_perplexity, reading_text
from agents.benchmark.quality import measure_quality
from agents.benchmark.reading import measure_ingestion, measure_search
from agents.benchmark.report import Figure
from agents.benchmark.served import MemoryWatch, Served, measure_engine, measure_sleep
from agents.benchmark.server_start import measure_process, measure_server
from agents.benchmark.serving import Serving, claimed_context, measure_context, measure_decode, measure_prefill
from agents.benchmark.workbench import Workbench

STREAMS = (1, 4, 8)
QUICK_PROMPTS = (1_024, 16_384)
PROMPTS = (1_024, 16_384, 65_536, 131_072)


@dataclass(frozen=True)
class Step:
    """One measurement of a suite."""

    name: str
    weight: float
    """Roughly its seconds; only for the progress."""
    measure: Callable[[], AsyncIterator[Figure]]


@dataclass(frozen=True)
class Target:
    """The vLLM that is measured directly."""

    served: Served
    serving: Serving
    watch: MemoryWatch


def steps(bench: Workbench, target: Target | None) -> list[Step]:
    """Return the steps of the bench's suite; those of a vLLM only where there is one."""
    match bench.suite:
        case "quick":
            return [*_product(bench), *_speed(target, QUICK_PROMPTS), *_last(bench, target)]
        case "full":
            analysis = Step("reading a whole document", 30, lambda: measure_analysis(bench, (65_536,)))
            return [*_product(bench), analysis, *_speed(target, PROMPTS), *_last(bench, target), *_sleep(target)]
        case "context":
            return [*_context(bench, target), *_last(bench, target)]
        case "quality":
            return [*_quality(bench, target), *_last(bench, target)]


def _product(bench: Workbench) -> list[Step]:
    return [
        Step("documents", 4, lambda: measure_ingestion(bench)),
        Step("search", 6, lambda: measure_search(bench)),
        Step("server start", 3, lambda: measure_server(bench)),
        Step("answers", 4, lambda: measure_answers(bench)),
        Step("overhead", 6, lambda: measure_overhead(bench)),
    ]


def _speed(target: Target | None, prompts: tuple[int, ...]) -> list[Step]:
    if target is None:
        return []
    serving = target.serving
    return [
        Step("decode", 10, lambda: _awake(target, measure_decode(serving, STREAMS))),
        Step("prefill", 20, lambda: _awake(target, measure_prefill(serving, prompts))),
        Step("claimed context", 0.1, lambda: claimed_context(serving)),
    ]


async def _awake(target: Target, figures: AsyncIterator[Figure]) -> AsyncIterator[Figure]:
    """Keep the engine from being put to sleep while it is measured past the agents."""
    with target.served.in_use():
        async for figure in figures:
            yield figure


def _context(bench: Workbench, target: Target | None) -> list[Step]:
    if target is None:
        lengths = (8_192, 32_768, 131_072)
        return [Step("reading documents of growing length", 30, lambda: measure_analysis(bench, lengths))]
    return [Step("context", 60, lambda: _awake(target, measure_context(target.serving)))]


def _quality(bench: Workbench, target: Target | None) -> list[Step]:
    asked = [Step("questions with known answers", 60, lambda: measure_quality(bench))]
    return [*asked, Step("perplexity", 20, lambda: _awake(target, _perplexity(bench, target)))] if target else asked


async def _perplexity(bench: Workbench, target: Target) -> AsyncIterator[Figure]:
    text = reading_text(bench.texts)
    bench.text_sha256 = digest(text)
    shape = target.serving.shape
    batch = bench.settings.engine.max_num_batched_tokens
    async for figure in measure_perplexity(
        target.serving, text, vocabulary=shape.vocabulary if shape else None, batch_tokens=batch
    ):
        yield figure


def _sleep(target: Target | None) -> list[Step]:
    if target is None or target.served.state is None or not target.served.state.launch.can_sleep:
        return []
    return [Step("sleep", 6, lambda: measure_sleep(target.served))]


def _last(bench: Workbench, target: Target | None) -> list[Step]:
    """Return what is looked at when everything else has run, so that its peaks are known."""
    process = Step("memory", 0.1, lambda: measure_process(bench))
    if target is None:
        return [process]
    engine = Step("engine", 0.5, lambda: measure_engine(target.served, target.serving, target.watch))
    return [process, engine]
