"""The suites: what each measures, step by step, and the report that is made of it."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from agents.assistant import Assistant
from agents.benchmark.chart import draw_chart
from agents.benchmark.comparison import fp8_loss
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
from agents.benchmark.recommendations import recommend
from agents.benchmark.report import BenchmarkReport, Measurement, Suite, render, report_stem, save_report, saved_reports
from agents.benchmark.served import Served, find_served
from agents.benchmark.server_start import measure_server
from agents.benchmark.serving import Serving, claimed_context, measure_context, measure_decode, measure_prefill
from agents.benchmark.targets import judge
from agents.benchmark.workbench import Workbench, describe_machine, installed_versions
from agents.documents.access import find_file
from agents.engine.registry import choose_engine
from agents.errors import ReadroomError
from agents.schema import EngineInfo, OnProgress, Progress

STREAMS = (1, 4, 8)
QUICK_PROMPTS = (1_024, 16_384)
PROMPTS = (1_024, 16_384, 65_536, 131_072)
STEP_SECONDS: dict[Suite, float] = {"quick": 45.0}
"""Time limit of one step; suites that are not named here take the time they need."""
SUITE_SECONDS: dict[Suite, float] = {"quick": 150.0}
"""Time limit of all steps together, from when the engine is open."""
CLOSING_SECONDS = 10.0
OPENING_SHARE = 0.02
"""Share of a run's progress that opening the engine takes."""


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


async def run_suite(
    assistant: Assistant,
    suite: Suite,
    on_progress: OnProgress | None = None,
    documents: Sequence[str] = (),
    plan: Plan = steps,
) -> BenchmarkReport:
    """Run a suite, save its report below the data folder, and return it.

    What was measured is never lost: a step that fails or takes too long is noted, and a call that is cancelled
    ends at once with what it had; both have the status "partial".

    Args:
        assistant: Whose engine and settings are measured; its library and sessions are left as they are.
        suite: quick (about half a minute without a model), full, context or quality.
        on_progress: Told what is being measured.
        documents: Absolute paths of the documents to measure on; none: made ones.
        plan: Returns the steps to run.

    Raises:
        DocumentError: A document is missing or may not be read.
        SettingsError: The engine asked for needs a setting that is missing.
    """
    files = tuple(Path(find_file(source, assistant.settings.documents).path) for source in documents)
    run = _SuiteRun(assistant, suite, on_progress or (lambda _: None), plan)
    # A task of its own: whoever cancels us may do so again and again, and what was opened must be closed in peace.
    measuring = asyncio.create_task(run.measure(files))
    try:
        await asyncio.wait({measuring})
    except asyncio.CancelledError:
        measuring.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait({measuring}, timeout=CLOSING_SECONDS)
        run.stop(f"Cancelled during: {run.doing}.")
        return run.finish()
    measuring.result()
    return await asyncio.to_thread(run.finish)


class _SuiteRun:
    """One run of one suite."""

    def __init__(self, assistant: Assistant, suite: Suite, on_progress: OnProgress, plan: Plan) -> None:
        self._plan = plan
        self._assistant = assistant
        self._suite: Suite = suite
        self._on_progress = on_progress
        self._started = self._opened = time.monotonic()
        self._date = datetime.now(UTC).isoformat(timespec="seconds")
        self._figures: list[Measurement] = []
        self._notes: list[str] = []
        self._complete = True
        self._fraction = 0.0
        self._engine = EngineInfo(name="none")
        self._versions = installed_versions()
        self._on_gpu = False
        self._bench: Workbench | None = None
        self.doing = "opening the engine"

    async def measure(self, documents: tuple[Path, ...]) -> None:
        """Open the engine and run every step, in a folder that is removed in the end."""
        with tempfile.TemporaryDirectory(prefix="readroom-benchmark-") as folder:
            await self._measure(Path(folder), documents)

    async def _measure(self, folder: Path, documents: tuple[Path, ...]) -> None:
        self._say("Opening the engine")
        opened = await self._assistant.engine(self._opening)
        self._notes.extend([opened.warning] if opened.warning else [])
        self._engine = opened.engine.info
        self._opened = time.monotonic()
        self._fraction = OPENING_SHARE
        settings = self._assistant.settings
        bench = Workbench(settings, opened.engine, folder, self._suite, documents, self._say, self._notes)
        self._bench = bench
        async with AsyncExitStack() as stack:
            planned = self._plan(bench, await self._open_vllm(stack))
            total = sum(step.weight for step in planned)
            for step in planned:
                await self._run_step(step)
                self._fraction = min(1.0, self._fraction + (1 - OPENING_SHARE) * step.weight / total)

    async def _open_vllm(self, stack: AsyncExitStack) -> VllmBench | None:
        """Return the vLLM that is to be measured directly, its memory watched until the stack is closed."""
        try:
            served = await find_served(self._assistant.settings, self._engine)
            if served is None:
                return None
            serving = Serving.of(served, self._assistant.settings, self._say)
            stack.push_async_callback(serving.client.close)
            self._versions["vllm"] = await serving.client.version()
            metrics = await serving.client.metrics()
        except ReadroomError as error:
            self.stop(f"The engine cannot be measured directly: {error}")
            return None
        if self._engine.kv_cache_dtype is None:
            dtype = metrics.label("vllm:cache_config_info", "cache_dtype")
            self._engine = self._engine.model_copy(update={"kv_cache_dtype": dtype})
        self._on_gpu = served.on_gpu
        if served.state is None:
            self._notes.append("The engine's server was started by others, so its memory and its sleep are not known.")
        return VllmBench(served, serving, await stack.enter_async_context(MemoryWatch(served)))

    async def _run_step(self, step: Step) -> None:
        """Run one step; what it yields before it fails is kept."""
        self.doing = step.name
        limit = self._seconds_allowed()
        if limit == 0.0:
            return self.stop(f"{step.name}: no time was left; the suite `full` takes the time it needs.")
        try:
            async with asyncio.timeout(limit):
                async for figure in step.measure():
                    self._figures.append(figure)
        except TimeoutError:
            within = "in time" if limit is None else f"within {limit:.0f} s; the suite `full` takes the time it needs"
            self.stop(f"{step.name}: not finished {within}.")
        except ReadroomError as error:
            self.stop(f"{step.name}: {error}")
        except Exception as error:
            self.stop(f"{step.name}: failed with {type(error).__name__}: {error}")

    def _seconds_allowed(self) -> float | None:
        """Return how long the next step may take; None: as long as it needs."""
        if self._suite not in SUITE_SECONDS:
            return None
        left = self._opened + SUITE_SECONDS[self._suite] - time.monotonic()
        return max(0.0, min(STEP_SECONDS[self._suite], left))

    def stop(self, why: str) -> None:
        """Note why something is missing."""
        self._complete = False
        self._notes.append(why)

    def finish(self) -> BenchmarkReport:
        """Build the report of what is known, and save it with its chart."""
        settings = self._assistant.settings
        earlier = saved_reports(settings.data_dir)
        if loss := fp8_loss(self._build(), earlier):
            self._figures.append(loss)
        report = self._build()
        missing = choose_engine(settings.engine, settings.data_dir).missing
        report = report.model_copy(update={"recommendations": recommend(report, settings, missing, earlier)})
        report = report.model_copy(update={"markdown": render(report)})
        stem = report_stem(settings.ready_data_dir(), report.date, self._suite)
        if draw_chart(report, stem.with_suffix(".png")):
            report = report.model_copy(update={"png_path": str(stem.with_suffix(".png"))})
        return save_report(report, stem)

    def _build(self) -> BenchmarkReport:
        sections = self._assistant.settings.model_dump(mode="json", include={"engine", "supervisor", "documents"})
        settings: dict[str, JsonValue] = {**sections}
        return BenchmarkReport(
            suite=self._suite,
            status="complete" if self._complete else "partial",
            date=self._date,
            seconds=round(time.monotonic() - self._started, 1),
            versions=self._versions,
            machine=describe_machine(),
            settings=settings,
            engine=self._engine,
            rows=judge(self._figures, self._engine, on_gpu=self._on_gpu),
            figures=tuple(self._figures),
            notes=tuple(self._notes),
            text_sha256=self._bench.text_sha256 if self._bench else None,
        )

    def _opening(self, progress: Progress) -> None:
        self._on_progress(Progress(fraction=progress.fraction * OPENING_SHARE, message=progress.message))

    def _say(self, message: str) -> None:
        self._on_progress(Progress(fraction=self._fraction, message=message))
