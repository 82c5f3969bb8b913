"""Runs a suite: its steps one after another, and the report of what they measured."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from agents.assistant import Assistant
from agents.benchmark.chart import draw_chart
from agents.benchmark.comparison import fp8_loss
from agents.benchmark.engine_memory import MemoryWatch
from agents.benchmark.recommendations import recommend
from agents.benchmark.report import BenchmarkReport, Measurement, Suite, render, report_stem, save_report, saved_reports
from agents.benchmark.served import find_served
from agents.benchmark.serving import Serving
from agents.benchmark.suites import Plan, Step, VllmBench, steps
from agents.benchmark.targets import judge
from agents.benchmark.workbench import Workbench, describe_machine, installed_versions
from agents.documents.access import find_file
from agents.engine.registry import choose_engine
from agents.errors import ReadroomError
from agents.schema import EngineInfo, OnProgress, Progress

QUICK_SECONDS, QUICK_STEP_SECONDS = 150.0, 45.0
"""Time limits of the suite `quick`: of all steps together, from when the engine is open, and of each."""
CLOSING_SECONDS = 10.0
"""How long a run that is cancelled waits until what it opened is closed."""
OPENING_SHARE = 0.02
"""Share of a run's progress that opening the engine takes."""


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
        self._say("Opening the engine")
        opened = await self._assistant.engine(self._opening)
        self._notes.extend([opened.warning] if opened.warning else [])
        self._engine = opened.engine.info
        self._opened = time.monotonic()
        self._fraction = OPENING_SHARE
        settings = self._assistant.settings
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="readroom-benchmark-")))
            bench = Workbench(settings, opened.engine, folder, self._suite, documents, self._say, self._notes)
            self._bench = bench
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
        """Return the seconds that the next step may take; None: as long as it needs."""
        if self._suite != "quick":
            return None
        return max(0.0, min(QUICK_STEP_SECONDS, self._opened + QUICK_SECONDS - time.monotonic()))

    def stop(self, why: str) -> None:
        """Note why something is missing."""
        self._complete = False
        self._notes.append(why)

    def finish(self) -> BenchmarkReport:
        """Build the report of what is known, and save it with its chart."""
        settings = self._assistant.settings
        earlier = saved_reports(settings.data_dir)
        report = self._build()
        if loss := fp8_loss(report, earlier):
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
