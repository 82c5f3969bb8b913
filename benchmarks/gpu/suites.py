"""The product's own benchmark suites on the resident engine: complete reports, every target judged.

    python -m benchmarks.gpu.suites --out benchmarks/results/suites_KV_CARD.json --kv fp8_e5m2 --suites context full
    python -m benchmarks.gpu.suites --out /tmp/suites.json --tiny --vllm-command .../vllm --seconds 300    # a rehearsal

Both suites run on one engine: the one that runs already in the work folder with the same settings, or one that is
started. The suites are `readroom benchmark`'s, with its default settings; only the order of their steps is another,
so that a run which is cut has what needs the GPU, and a step that is left out or cut stands in the report's notes.
"""

import argparse
import asyncio
import sys
import time
import traceback
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from agents.assistant import Assistant
from agents.benchmark.corpus import write_pdf
from agents.benchmark.report import Measurement, Suite
from agents.benchmark.runner import run_suite
from agents.benchmark.suites import Plan, Step, VllmBench, steps
from agents.benchmark.workbench import SEED, Workbench
from agents.engine.vllm import lifecycle
from agents.errors import EngineError
from agents.schema import Progress
from agents.settings import Settings
from benchmarks.gpu.options import data_dir, engine_settings, parser, prepare, product_settings, surroundings
from benchmarks.gpu.unattended import write_json

ON_THE_GPU = ("decode", "prefill", "claimed context", "context")
BETWEEN = ("overhead", "reading a whole document", "answers")
"""What asks the engine through the agents; the rest of the steps do not need it."""
AT_LAST = ("memory", "engine", "sleep")
"""What is looked at when all else has run; they take a few seconds and are never cut."""
LAST_SECONDS = 12.0
STEP_SECONDS = 60.0
"""Time limit of a step that is not about the GPU alone: random weights may send every question the longest way."""


def in_order_of_need(seconds: float, skip: Sequence[str] = (), step_seconds: float = STEP_SECONDS) -> Plan:
    """Return a plan that takes a suite's steps in order of need, within a time.

    Args:
        seconds: Time for all steps, from when the plan is made.
        skip: Names of steps to leave out.
        step_seconds: Time limit of each step that is not about the GPU alone.
    """

    def plan(bench: Workbench, vllm: VllmBench | None) -> list[Step]:
        bench.notes.extend(f"{name}: left out of this run, as asked." for name in skip)
        return ordered([step for step in steps(bench, vllm) if step.name not in skip], seconds, step_seconds)

    return plan


def ordered(taken: Sequence[Step], seconds: float, step_seconds: float = STEP_SECONDS) -> list[Step]:
    """Return steps in order of need, each with its time limit but the last, which are taken in any case.

    Args:
        taken: A suite's steps.
        seconds: Time for all of them, from now.
        step_seconds: Time limit of each step that is not about the GPU alone.
    """
    deadline = time.monotonic() + seconds - LAST_SECONDS
    first = [_within(step, deadline, seconds) for step in taken if step.name in ON_THE_GPU]
    last = [step for step in taken if step.name in AT_LAST]
    between = [step for step in taken if step.name not in (*ON_THE_GPU, *AT_LAST)]
    between.sort(key=lambda step: BETWEEN.index(step.name) if step.name in BETWEEN else len(BETWEEN))
    return [*first, *(_within(step, deadline, step_seconds) for step in between), *last]


def _within(step: Step, deadline: float, seconds: float) -> Step:
    return replace(step, measure=partial(_cut, step, deadline, seconds))


async def _cut(step: Step, deadline: float, seconds: float) -> AsyncIterator[Measurement]:
    """Take a step until its time is up; what it has yielded by then is kept."""
    left = min(seconds, deadline - time.monotonic())
    if left <= 0:
        raise EngineError("The time was up before it began.", hint="Give the run more seconds.")
    try:
        async with asyncio.timeout(left):
            async for figure in step.measure():
                yield figure
    except TimeoutError as error:
        raise EngineError(f"It was cut after {left:.0f} s.", hint="Give it more seconds.") from error


async def measure_suite(settings: Settings, suite: Suite, plan: Plan, documents: Sequence[str] = ()) -> dict[str, Any]:
    """Run one suite on the resident engine and return its report.

    Args:
        settings: The product's, with the engine.
        suite: Which one.
        plan: Says which steps to take, in which order.
        documents: Absolute paths of documents to measure on; none: the suite's own.

    Raises:
        EngineError: The engine could not be opened, so that another was measured.
    """
    assistant = Assistant(settings)
    try:
        report = await run_suite(assistant, suite, _tell, documents, plan)
    finally:
        await assistant.close()
    if report.engine.name != "vllm":
        raise EngineError(f"The {report.engine.name} engine was measured: {report.notes}", hint="See vLLM's log.")
    for row in report.rows:
        print(f"  {row.name}: {row.measured} {row.unit}, target {row.target}: {row.met}", flush=True)
    return report.model_dump(mode="json", exclude={"json_path", "png_path"})


def _tell(progress: Progress) -> None:
    print(f"  {progress.fraction:4.0%} {progress.message}", flush=True)


async def measure(asked: argparse.Namespace, kv: str, out: Path, seconds: float) -> bool:
    """Run the suites that are asked for on one engine, writing after each; whether all were measured."""
    deadline = time.monotonic() + seconds
    settings = product_settings(engine_settings(asked, kv), data_dir(asked, kv))
    report = surroundings(asked, "`readroom benchmark`'s own suites on the resident engine") | {
        "kv_cache_dtype": kv,
        "engine_settings": settings.engine.model_dump(mode="json", exclude={"api_key"}),
        "suites": {},
    }
    began = time.monotonic()
    await lifecycle.start(settings.engine, settings.data_dir, _tell)
    documents = [_document(settings, asked.pages)] if asked.pages else []
    report["documents"] = f"a made PDF of {asked.pages} pages, as a user's own" if documents else "the suites' own"
    report["engine_open_seconds"] = round(time.monotonic() - began, 1)
    for number, suite in enumerate(asked.suites):
        # What one suite leaves of its share, the next may take.
        share = (deadline - time.monotonic()) / (len(asked.suites) - number)
        try:
            plan = in_order_of_need(share, asked.skip, asked.cut_seconds)
            report["suites"][suite] = await measure_suite(settings, suite, plan, documents)
        except Exception as error:
            report["suites"][suite] = {"error": f"{type(error).__name__}: {error}"[:2_000]}
            traceback.print_exc()
        write_json(out, report)
    if asked.stop:
        await lifecycle.stop(settings.data_dir)
    return all("error" not in found for found in report["suites"].values())


def _document(settings: Settings, pages: int) -> str:
    path = settings.data_dir / f"made-{pages}.pdf"
    write_pdf(path, pages, SEED)
    return str(path)


def add_choices(made: argparse.ArgumentParser) -> None:
    """Add which suites and steps are run."""
    made.add_argument("--suites", nargs="+", default=["context", "full"], choices=("quick", "full", "context"))
    made.add_argument("--pages", type=int, default=0, help="measure on a made PDF of so many pages, as a user's own")
    made.add_argument("--skip", nargs="*", default=[], help="names of steps to leave out, as in the report's notes")
    made.add_argument("--cut-seconds", type=float, default=STEP_SECONDS, help="for a step beside the GPU's own")


def main() -> int:
    """Measure and write; 1 if a suite failed."""
    made = parser(__doc__)
    made.add_argument("--kv", nargs="+", default=["fp8_e5m2"], help="KV cache dtypes; KV in --out becomes the dtype")
    add_choices(made)
    made.add_argument("--stop", action="store_true", help="stop the engine at the end")
    asked = made.parse_args()
    prepare(asked)
    whole = True
    for kv in asked.kv:
        out = asked.out.with_name(asked.out.name.replace("KV", kv))
        whole = asyncio.run(measure(asked, kv, out, asked.seconds / len(asked.kv))) and whole
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
