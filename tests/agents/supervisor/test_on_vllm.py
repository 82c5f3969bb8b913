"""The agents on the real vLLM on CPU: what they prefill, what a prompt holds, and that nothing invented is cited.

One engine serves all tests. Its weights are random and tiny, so what is tested is everything but the meaning; its KV
cache has 16 bits, which every CPU can compute.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agents.assistant import Assistant
from agents.benchmark.checkpoints import write_tiny
from agents.benchmark.completion_client import CompletionClient, count_prefilled
from agents.benchmark.corpus import write_markdown
from agents.benchmark.served import find_served
from agents.engine.tasks.answering import Answerable, Draft
from agents.engine.tasks.decisions import Plan, PlanResult, Route, RouteResult
from agents.engine.vllm import lifecycle
from agents.engine.vllm.engine import ResidentEngine
from agents.settings import DocumentsSettings, EngineSettings, Settings
from benchmarks.scripted_engine import STEERED, ScriptedEngine, answer_by_rule
from tests.agents.supervisor.conftest import RULES
from tests.support.one_pass import read_in_one_pass
from tests.support.random_visitor import DrawingEngine, Visitor

pytestmark = pytest.mark.vllm

COMPLEX = RouteResult(kind="complex", reason="Three facts.")
POLISH = "Kiedy otwiera się czytelnia?"
"""In a language that the rules do not know, so that the engine plans."""


@pytest.fixture(scope="module")
def settings(vllm_command: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of an engine that runs."""
    folder = tmp_path_factory.mktemp("agents")
    engine = EngineSettings(
        kind="vllm",
        check_reading=False,
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


def judged_tokens(engine: ScriptedEngine) -> int:
    """The tokens of the passages of which the engine was asked whether they answer."""
    judged = [passage for task in engine.tasks if isinstance(task, Answerable) for passage in task.evidence]
    return sum(engine.count_tokens(passage.text) for passage in judged)


async def test_a_document_is_prefilled_once_for_all_agents_and_follow_ups(
    settings: Settings, engine: ResidentEngine, client: CompletionClient, tmp_path: Path
) -> None:
    path = tmp_path / "made.md"
    # About 20,000 tokens, new each time: the engine must not have seen them.
    first, second, *_, last = [fact.question for fact in write_markdown(path, 13, seed=time.time_ns())]
    steered = ScriptedEngine(STEERED, engine=engine)
    assistant = Assistant(
        Settings(data_dir=tmp_path / "data", documents=DocumentsSettings(roots=(tmp_path,))), engine=steered
    )
    try:
        prefilled, analysis = await count_prefilled(
            # In one prompt, not in the small windows of a summary.
            client,
            assistant.analyze(str(path), window_tokens=32_768, wait_seconds=math.inf),
        )
        session_id = analysis.session.session_id
        prefilled_then, answer = await count_prefilled(
            client, assistant.ask(f"{first} And {last}", session_id=session_id, wait_seconds=math.inf)
        )
        judged_then = judged_tokens(steered)
        prefilled_again, follow_up = await count_prefilled(
            client, assistant.ask(second, session_id=session_id, wait_seconds=math.inf)
        )
    finally:
        await assistant.close()
    document = analysis.coverage.tokens_total

    assert document < prefilled <= 1.35 * document
    assert answer.usage.prompt_tokens > document
    # Whether it answers is asked over the best passages alone, which are no beginning of a cached prompt.
    assert 0 < prefilled_then <= 0.15 * document + judged_then
    assert follow_up.usage.prompt_tokens > document
    assert 0 < prefilled_again <= 0.10 * document + judged_tokens(steered) - judged_then


async def test_whether_it_answers_is_judged_for_three_sub_questions_at_once(
    engine: ResidentEngine, client: CompletionClient, tmp_path: Path
) -> None:
    path = tmp_path / "rules.md"
    path.write_text(RULES)
    parts = PlanResult(sub_questions=("When does it open?", "How long is a loan?", "What does a late volume cost?"))
    planned = ScriptedEngine({Route: COMPLEX, Plan: parts, Draft: answer_by_rule}, engine=engine)
    assistant = Assistant(
        Settings(data_dir=tmp_path / "data", documents=DocumentsSettings(roots=(tmp_path,))), engine=planned
    )
    try:
        answer = await assistant.ask(POLISH, [str(path)], wait_seconds=math.inf)
    finally:
        await assistant.close()

    assert answer.route is not None
    judged = [task for task in planned.tasks if isinstance(task, Answerable)]
    assert {task.question for task in judged} == set(parts.sub_questions)
    assert planned.most_running == len(parts.sub_questions)
    assert [step.outcome for step in answer.route.agents if step.agent == "retrieval"] == ["done"] * 3
    assert not any("not judged" in warning for warning in answer.warnings)


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
