"""The agents on the real vLLM on CPU: what they prefill, what a prompt holds, and that nothing invented is cited.

One engine serves all tests. Its weights are random and tiny, so what is tested is everything but the meaning; its KV
cache has 16 bits, which every CPU can compute.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agents.benchmark.checkpoints import write_tiny
from agents.benchmark.serving import CompletionClient, find_served
from agents.engine.vllm import lifecycle
from agents.engine.vllm.engine import ResidentEngine
from agents.settings import EngineSettings, Settings
from benchmarks import prefix_sharing
from benchmarks.parallel_and_forwarding import most_running
from tests.support.one_pass import read_in_one_pass
from tests.support.random_visitor import DrawingEngine, Visitor

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module")
def settings(vllm_command: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of an engine that runs."""
    folder = tmp_path_factory.mktemp("agents")
    engine = EngineSettings(
        kind="vllm",
        model=str(write_tiny(folder / "tiny")),
        vllm_command=vllm_command,
        quantization="auto",
        # 131,000 tokens of a document, and room for the rest of the prompt and an answer.
        max_model_len=134_144,
        kv_cache_dtype="auto",
        extra_args=("--enforce-eager",),
        request_seconds=1_200,
    )
    settings = Settings(data_dir=folder / "data", engine=engine)
    asyncio.run(lifecycle.start(engine, settings.data_dir))
    yield settings
    asyncio.run(lifecycle.stop(settings.data_dir))


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[ResidentEngine]:
    """This test's connection to it."""
    engine = await ResidentEngine.open(settings.engine, settings.data_dir)
    yield engine
    await engine.close()


@pytest.fixture
async def client(settings: Settings, engine: ResidentEngine) -> AsyncIterator[CompletionClient]:
    """What reads its metrics."""
    served = await find_served(settings, engine.info)
    assert served is not None
    client = CompletionClient(served.endpoint)
    yield client
    await client.close()


async def test_random_decisions_end_in_their_budgets_and_cite_only_what_is_there(
    settings: Settings, engine: ResidentEngine, tmp_path: Path
) -> None:
    tally = await Visitor(settings, DrawingEngine(engine, seed=3), tmp_path, seed=3).visit(asks=10, analyses=3)

    assert tally.not_well_formed == []
    assert (tally.asks, tally.analyses) == (10, 3)
    assert tally.citations > tally.citations_not_in_the_document == 0
    assert tally.contradictions_supported == 0


async def test_a_document_is_prefilled_once_for_all_agents_and_follow_ups(
    settings: Settings, engine: ResidentEngine, client: CompletionClient, tmp_path: Path
) -> None:
    directed = prefix_sharing.DirectedEngine(engine)

    document, asked = await prefix_sharing.answer_with_agents(client, settings, directed, tmp_path, tokens=20_000)

    three_parts, follow_up, _ = asked
    assert three_parts.prompt_tokens > 3 * document
    assert document < three_parts.prefilled <= prefix_sharing.COMPLEX * document
    assert follow_up.prompt_tokens > document
    assert 0 < follow_up.prefilled <= prefix_sharing.FOLLOW_UP * document


async def test_three_sub_questions_are_computed_at_once(
    engine: ResidentEngine, client: CompletionClient, tmp_path: Path
) -> None:
    assert await most_running(client, engine, tmp_path) == 3


@pytest.mark.slow
async def test_a_document_that_fills_the_context_is_analysed_and_asked_about_in_one_pass(
    engine: ResidentEngine, tmp_path: Path
) -> None:
    done = await read_in_one_pass(engine, tmp_path)

    assert done.analysis.coverage.windows == 1
    assert done.analysis.coverage.complete
    assert done.answer.coverage.complete
    assert done.tokens >= 131_000
    assert len(done.tasks) >= 2
    assert done.whole
    assert min(cached for _, _, cached in done.tasks[1:]) >= 0.98 * done.tokens
