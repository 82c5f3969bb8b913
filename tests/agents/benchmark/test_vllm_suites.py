"""The suites on a real vLLM: a tiny random model on the CPU, so speeds and answers mean nothing here."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agents.assistant import Assistant
from agents.benchmark.checkpoints import write_tiny
from agents.benchmark.corpus import write_pdf
from agents.benchmark.runner import run_suite
from agents.benchmark.workbench import SEED
from agents.engine.vllm import lifecycle
from agents.engine.vllm.hardware import supports_fp8_kv_cache
from agents.settings import DocumentsSettings, EngineSettings, Settings

pytestmark = pytest.mark.vllm

CONTEXT = 8_192


@pytest.fixture(scope="module")
def settings(vllm_command: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings whose engine is stopped in the end."""
    engine = EngineSettings(
        kind="vllm",
        check_reading=False,
        model=str(write_tiny(tmp_path_factory.mktemp("checkpoint") / "tiny")),
        quantization="auto",
        max_model_len=CONTEXT,
        vllm_command=vllm_command,
        extra_args=("--enforce-eager",),
    )
    data_dir = tmp_path_factory.mktemp("data")
    yield Settings(data_dir=data_dir, engine=engine, documents=DocumentsSettings(roots=(data_dir,)))
    asyncio.run(lifecycle.stop(data_dir))


@pytest.fixture
async def assistant(settings: Settings) -> AsyncIterator[Assistant]:
    assistant = Assistant(settings)
    yield assistant
    await assistant.close()


async def test_the_window_is_filled_and_the_kv_cache_takes_half_where_the_processor_keeps_fp8(
    assistant: Assistant,
) -> None:
    report = await run_suite(assistant, "context")

    assert report.status == "complete", report.notes
    assert report.figure("context_tokens") == CONTEXT
    assert report.figure("kv_to_bf16") == (0.5 if supports_fp8_kv_cache() else 1.0)
    assert len(report.series("ttft_cold_seconds")) == len(report.series("ttft_warm_seconds")) == 6
    assert {row.name: row.met for row in report.rows}["KV cache format"] == (
        "met" if supports_fp8_kv_cache() else "not met"
    )
    assert report.versions["vllm"]
    assert report.png()


async def test_the_quick_suite_measures_the_engine_by_both_clocks(assistant: Assistant, settings: Settings) -> None:
    # Random weights may have all of a document read: a short one, so that a slow machine comes to the end.
    path = settings.data_dir / "made.pdf"
    write_pdf(path, 5, SEED)
    report = await run_suite(assistant, "quick", documents=[str(path)])

    assert [at for at, _ in report.series("decode_tokens_per_second")] == [1, 4, 8], report.notes
    assert all("the engine's own figure" in each.how for each in report.figures if each.key.startswith("decode"))
    assert report.figure("prefix_sharing_next_answer")
    assert report.figure("engine_memory_mib")
    decode = next(row for row in report.rows if row.name == "Decode, one stream")
    assert decode.measured
    assert (decode.met, "GPU" in decode.why) == ("not applicable", True)
    assert report.seconds < 180 + (report.figure("engine_start_seconds") or 0)


async def test_perplexity_is_measured_on_the_document_that_is_named(
    assistant: Assistant, settings: Settings, tmp_path: Path
) -> None:
    from agents.benchmark.corpus import write_text
    from agents.benchmark.quality import measure_perplexity
    from agents.benchmark.served import find_served
    from agents.benchmark.serving import Serving

    path = tmp_path / "made.txt"
    write_text(path, 4, seed=1)
    opened = await assistant.engine(lambda _: None)
    served = await find_served(settings, opened.engine.info)
    assert served is not None
    measured = Serving.of(served, settings)
    figures = [figure async for figure in measure_perplexity(measured, path.read_text(), batch_tokens=4_096)]
    await measured.client.close()

    assert [figure.at for figure in figures] == [2_048]
    assert 500 < figures[0].value < 5_000
