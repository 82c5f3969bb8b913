import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from agents.assistant import Assistant
from agents.benchmark.report import BenchmarkReport, Measurement, load_report
from agents.benchmark.runner import run_suite
from agents.benchmark.suites import Step, VllmBench
from agents.benchmark.workbench import Workbench
from agents.engine.registry import ActiveEngine
from agents.errors import DocumentError, EngineError
from agents.schema import OnProgress, Progress
from agents.settings import DocumentsSettings, EngineSettings, Settings
from tests.support.fakes import FakeEngine
from tests.support.reports import figure


@pytest.fixture
async def assistant(tmp_path: Path) -> AsyncIterator[Assistant]:
    """An assistant on a fake engine."""
    settings = Settings(
        data_dir=tmp_path / "data",
        engine=EngineSettings(kind="extractive"),
        documents=DocumentsSettings(roots=(tmp_path,)),
    )
    assistant = Assistant(settings, engine=FakeEngine())
    yield assistant
    await assistant.close()


async def measures(*figures: Measurement, then: Exception | None = None) -> AsyncIterator[Measurement]:
    for each in figures:
        yield each
    if then:
        raise then


OVERHEAD = figure("overhead_p95_ms", 43.0, unit="ms")
ANSWER = figure("answer_first_seconds", 1.5)


async def test_a_report_is_complete_when_every_step_was_taken_and_it_is_kept(assistant: Assistant) -> None:
    def plan(bench: Workbench, vllm: VllmBench | None) -> list[Step]:
        assert vllm is None
        return [Step("overhead", 1, lambda: measures(OVERHEAD)), Step("answers", 3, lambda: measures(ANSWER))]

    heard: list[Progress] = []
    report = await run_suite(assistant, "quick", heard.append, plan=plan)

    assert report.status == "complete"
    assert report.figures == (OVERHEAD, ANSWER)
    assert [row.met for row in report.rows if row.name.startswith("Coordination")] == ["met"]
    assert report.engine.name == "fake"
    assert report.versions["python"]
    assert report.settings["engine"]
    assert report.markdown.startswith("# Readroom benchmark: quick")
    assert (report.png() or b"").startswith(b"\x89PNG")
    assert load_report(report.json_path or "") == report
    assert [p.fraction for p in heard] == sorted(p.fraction for p in heard)


async def test_progress_rises_from_opening_the_engine_to_the_last_step(tmp_path: Path) -> None:
    class Opening(Assistant):
        async def engine(self, on_progress: OnProgress) -> ActiveEngine:
            for fraction in (0.0, 0.5):
                on_progress(Progress(fraction=fraction, message="Loading the model"))
            return await super().engine(on_progress)

    def plan(bench: Workbench, vllm: VllmBench | None) -> list[Step]:
        async def told(what: str) -> AsyncIterator[Measurement]:
            bench.say(what)
            yield OVERHEAD

        return [Step("short", 1, lambda: told("short")), Step("long", 99, lambda: told("long"))]

    heard: list[Progress] = []
    assistant = Opening(Settings(data_dir=tmp_path / "data"), engine=FakeEngine())
    await run_suite(assistant, "full", heard.append, plan=plan)
    await assistant.close()

    assert [(p.message, round(p.fraction, 4)) for p in heard] == [
        ("Opening the engine", 0.0),
        ("Loading the model", 0.0),
        ("Loading the model", 0.01),
        ("short", 0.02),
        ("long", 0.0298),
    ]


async def test_a_step_that_fails_costs_only_what_it_had_not_measured_yet(assistant: Assistant) -> None:
    def plan(bench: Workbench, vllm: VllmBench | None) -> list[Step]:
        gone = EngineError("The engine went away.", hint="Start it.")
        return [
            Step("answers", 1, lambda: measures(ANSWER, then=gone)),
            Step("surprise", 1, lambda: measures(then=ZeroDivisionError("oh"))),
            Step("overhead", 1, lambda: measures(OVERHEAD)),
        ]

    report = await run_suite(assistant, "full", plan=plan)

    assert report.status == "partial"
    assert report.figures == (ANSWER, OVERHEAD)
    assert "answers: The engine went away. Start it." in report.notes
    assert "surprise: failed with ZeroDivisionError: oh" in report.notes
    assert "(partial)" in report.markdown


async def test_a_run_that_is_cancelled_reports_what_it_had_and_keeps_it(assistant: Assistant, tmp_path: Path) -> None:
    reached = asyncio.Event()

    async def stuck() -> AsyncIterator[Measurement]:
        yield ANSWER
        reached.set()
        await asyncio.Event().wait()

    def plan(bench: Workbench, vllm: VllmBench | None) -> list[Step]:
        return [Step("answers", 1, stuck), Step("overhead", 1, lambda: measures(OVERHEAD))]

    running = asyncio.create_task(run_suite(assistant, "full", plan=plan))
    await reached.wait()
    running.cancel()
    report = await running

    assert report.status == "partial"
    assert report.figures == (ANSWER,)
    assert "Cancelled during: answers." in report.notes
    assert [load_report(path) for path in (tmp_path / "data" / "benchmarks").glob("*.json")] == [report]


async def test_a_run_that_is_cancelled_after_its_perplexity_says_of_which_text_it_is(assistant: Assistant) -> None:
    reached = asyncio.Event()

    async def stuck() -> AsyncIterator[Measurement]:
        yield figure("perplexity", 10.0, 2_048)
        reached.set()
        await asyncio.Event().wait()

    def plan(bench: Workbench, vllm: VllmBench | None) -> list[Step]:
        bench.text_sha256 = "a text's"
        return [Step("perplexity", 1, stuck)]

    running = asyncio.create_task(run_suite(assistant, "quality", plan=plan))
    await reached.wait()
    running.cancel()

    assert (await running).text_sha256 == "a text's"


async def test_what_a_step_opened_is_closed_in_peace_however_often_it_is_cancelled(assistant: Assistant) -> None:
    reached, closed = asyncio.Event(), asyncio.Event()

    async def stuck() -> AsyncIterator[Measurement]:
        yield ANSWER
        try:
            reached.set()
            await asyncio.Event().wait()
        finally:
            for _ in range(20):
                await asyncio.sleep(0)
            closed.set()

    reports: list[BenchmarkReport] = []
    async with anyio.create_task_group() as group:

        async def run() -> None:
            reports.append(await run_suite(assistant, "full", plan=lambda _bench, _vllm: [Step("answers", 1, stuck)]))

        group.start_soon(run)
        await reached.wait()
        group.cancel_scope.cancel()
    await closed.wait()

    assert [report.status for report in reports] == ["partial"]


async def test_a_bench_leaves_the_users_library_and_sessions_alone(assistant: Assistant, tmp_path: Path) -> None:
    async def asks(bench: Workbench) -> AsyncIterator[Measurement]:
        path, questions = await bench.document_and_questions(pages=2)
        own = bench.new_assistant()
        await own.ask(questions[0], [str(path)], wait_seconds=60)
        assert (await own.status()).documents == 1
        await own.close()
        yield ANSWER

    report = await run_suite(assistant, "quick", plan=lambda bench, _: [Step("asking", 1, lambda: asks(bench))])

    assert report.notes == ()
    assert report.status == "complete"
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["benchmarks"]


async def test_the_users_documents_are_measured_where_they_are_named(assistant: Assistant, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("# Note\n\nThe Halden ferry contract was signed by Oda Marsh on 14 May 2031 in the harbour office.")
    seen: list[tuple[Path, ...]] = []

    def plan(bench: Workbench, vllm: VllmBench | None) -> list[Step]:
        seen.append(bench.documents)
        return []

    await run_suite(assistant, "quick", documents=[str(note)], plan=plan)

    assert seen == [(note,)]


async def test_a_document_that_is_missing_is_an_error_before_anything_is_measured(assistant: Assistant) -> None:
    with pytest.raises(DocumentError):
        await run_suite(assistant, "quality", documents=["/nowhere/at/all.pdf"])


@pytest.mark.slow
async def test_the_quick_suite_measures_everything_that_needs_no_model(tmp_path: Path) -> None:
    assistant = Assistant(Settings(data_dir=tmp_path / "data", engine=EngineSettings(kind="extractive")))
    try:
        report: BenchmarkReport = await run_suite(assistant, "quick")
    finally:
        await assistant.close()

    assert report.status == "complete", report.notes
    assert {row.met for row in report.rows if not row.name.startswith("Coordination")} == {"not applicable"}
    for key in ("ingest_mb_per_second", "open_ratio", "search_p95_ms", "answer_first_seconds", "answer_second_seconds"):
        assert report.figure(key), key
    for key in ("overhead_p95_ms", "server_initialize_seconds", "process_memory_mib"):
        assert report.figure(key), key
    assert report.figure("search_found_percent") == 100
    assert report.png()


async def test_a_time_limit_inside_a_step_is_noted_where_the_suite_itself_has_none(assistant: Assistant) -> None:
    def plan(bench: Workbench, vllm: VllmBench | None) -> list[Step]:
        return [
            Step("answers", 1, lambda: measures(ANSWER, then=TimeoutError())),
            Step("overhead", 1, lambda: measures(OVERHEAD)),
        ]

    report = await run_suite(assistant, "full", plan=plan)

    assert report.figures == (ANSWER, OVERHEAD)
    assert "answers: not finished in time." in report.notes
