"""The resident engine with the real vLLM on CPU: E5M2 KV cache, 131,072 tokens, a tiny random model.

One engine serves most tests; it is started by ten processes at once. A random model answers without meaning,
so what is tested is everything but the meaning. Its checkpoint says that it is in the official FP8 format: with
E5M2 vLLM refuses that without our plugin. CPUs have no FP8 kernels for linear layers, so no layer is converted.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agents.benchmark.checkpoints import sentences, write_tiny
from agents.engine.tasks.answering import Answerable
from agents.engine.tasks.decisions import Route
from agents.engine.tasks.reading import UpdateSummary
from agents.engine.vllm import lifecycle
from agents.engine.vllm.engine import ResidentEngine
from agents.engine.vllm.hardware import supports_fp8_kv_cache
from agents.engine.vllm.probe import Probe
from agents.engine.vllm.processes import session, wait_until
from agents.engine.vllm.state_files import EngineFiles, EngineState
from agents.errors import EngineError
from agents.schema import Passage, Usage
from agents.settings import EngineSettings
from tests.agents.engine.conftest import eventually
from tests.agents.engine.test_output_schema import TASKS
from tests.support.clients import ClientProcess

pytestmark = pytest.mark.vllm

CONTEXT = 131_072


@dataclass(frozen=True)
class Resident:
    """An engine that runs."""

    settings: EngineSettings
    data_dir: Path
    started_by: set[int]
    engines: set[int]

    @property
    def files(self) -> EngineFiles:
        return EngineFiles(self.data_dir)

    def state(self) -> EngineState:
        state = self.files.read_state()
        assert state is not None
        return state


def real(command: str, model: Path, **changes: Any) -> EngineSettings:
    return EngineSettings(
        kind="vllm",
        check_reading=False,
        model=str(model),
        vllm_command=command,
        extra_args=("--enforce-eager",),
        **changes,
    )


@pytest.fixture(scope="module")
def fp8_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("checkpoint") / "fp8", fp8_format=True)


@pytest.fixture(scope="module")
def resident(vllm_command: str, fp8_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resident]:
    """An engine that ten processes started at once; the one whose start it was is killed."""
    settings, data_dir = real(vllm_command, fp8_checkpoint), tmp_path_factory.mktemp("resident")
    with ExitStack() as stack:
        clients = [stack.enter_context(ClientProcess(settings, data_dir)) for _ in range(10)]
        for client in clients:
            client.tell("start")
        answers = [client.answer() for client in clients]
    started_by, engines = ({answer[name] for answer in answers} for name in ("started_by", "engine"))
    yield Resident(settings, data_dir, started_by, engines)
    asyncio.run(lifecycle.stop(data_dir))


@pytest.fixture
async def engine(resident: Resident) -> AsyncIterator[ResidentEngine]:
    """This process's own connection to it."""
    engine = await ResidentEngine.open(resident.settings, resident.data_dir)
    yield engine
    await engine.close()


def document(characters: int, seed: int) -> Passage:
    text = sentences(characters // 60, seed)[:characters]
    return Passage(document_id=str(seed), title="Made up", index=0, start=0, end=len(text), page=1, text=text)


async def test_ten_processes_at_once_started_one_engine_that_outlived_them(resident: Resident) -> None:
    assert len(resident.engines) == 1
    assert len(resident.started_by) == 1
    state = resident.state()
    assert state.engine is not None
    assert {state.engine.pid} == resident.engines
    assert (state.kv_cache_dtype, state.context_tokens) == ("fp8_e5m2" if supports_fp8_kv_cache() else "auto", CONTEXT)


async def test_a_second_process_attaches_and_both_get_answers_from_the_same_engine(
    engine: ResidentEngine, resident: Resident
) -> None:
    with ClientProcess(resident.settings, resident.data_dir) as other:
        assert other.ask("run")["kind"] in ("simple", "complex", "whole_document")
        assert (await engine.run(Route(question="Who signed it?"))).result.kind
        status = await lifecycle.status(resident.settings, resident.data_dir)
        assert status.clients == 2
        other.kill()
        assert (await engine.run(Route(question="Who signed it?"))).result.kind
    assert {status.pid} == resident.engines


async def test_every_form_of_answer_is_kept_to_by_a_random_model(engine: ResidentEngine) -> None:
    evidence = (document(2_000, seed=3),)
    few = asyncio.Semaphore(8)

    async def calls(number: int) -> int:
        task = TASKS[number % len(TASKS)].model_copy(update={"evidence": evidence, "question": f"Question {number}?"})
        async with few:
            return (await engine.run(task)).usage.engine_calls

    made = await asyncio.gather(*(calls(number) for number in range(204)))
    assert sum(calls == 1 for calls in made) / len(made) >= 0.99


async def test_a_yes_or_no_costs_one_token_and_vllm_tells_the_probabilities_of_it(
    engine: ResidentEngine,
) -> None:
    outcome = await engine.run(Answerable(evidence=(document(2_000, seed=4),), question="Who signed it?"))
    assert (outcome.usage.engine_calls, outcome.usage.completion_tokens) == (1, 1)
    # A random model hardly ever has either word among its twenty likeliest.
    assert outcome.result.log_odds is None or abs(outcome.result.log_odds) < 30


async def answered_at_once(engine: ResidentEngine, evidence: Iterable[Passage]) -> tuple[Route, int, Usage]:
    """Ask about one passage after another until a random model needs no second try, which would be counted too.

    Returns:
        The task, its prompt's tokens as we count them, and what it took.
    """
    for passage in evidence:
        task = Route(evidence=(passage,), question="What was measured?")
        counted = await engine.count_prompt_tokens(task)
        usage = (await engine.run(task)).usage
        if usage.engine_calls == 1:
            return task, counted, usage
    pytest.fail("every answer needed a second try")


async def test_our_count_of_a_prompt_is_vllms_and_the_same_document_comes_from_its_cache(
    engine: ResidentEngine,
) -> None:
    task, counted, cold = await answered_at_once(engine, (document(60_000, seed) for seed in range(5, 15)))
    again = (await engine.run(task.model_copy(update={"question": "Who measured it?"}))).usage
    tokens = engine.count_tokens(task.evidence[0].text)
    assert counted == cold.prompt_tokens > tokens > 10_000
    assert again.cached_tokens >= 0.98 * tokens


async def test_a_prompt_of_130_000_tokens_is_served_whole_and_then_from_the_cache(engine: ResidentEngine) -> None:
    texts = (sentences(5_310, seed) for seed in (13, 14, 15))
    passages = (
        Passage(document_id="d", title="Made up", index=0, start=0, end=len(text), page=1, text=text) for text in texts
    )
    task, counted, cold = await answered_at_once(engine, passages)
    again = (await engine.run(task.model_copy(update={"question": "Who signed it?"}))).usage
    tokens = engine.count_tokens(task.evidence[0].text)
    assert 130_000 <= tokens < counted == cold.prompt_tokens < CONTEXT
    assert again.cached_tokens >= 0.99 * tokens


async def test_a_request_that_is_given_up_is_given_up_by_the_engine(engine: ResidentEngine, resident: Resident) -> None:
    probe = Probe(resident.state().port or 0, resident.files.key())

    async def keep_asking() -> None:
        # Random weights may end an answer before anybody has looked.
        while True:
            await engine.run(UpdateSummary(turns=("Q: Who?\nA: Nobody.",) * 50))

    request = asyncio.create_task(keep_asking())

    def running() -> int:
        load = probe.load()
        return load.running if load else -1

    assert await asyncio.to_thread(eventually, lambda: running() == 1)
    request.cancel()
    assert await asyncio.to_thread(wait_until, lambda: running() == 0, 2.0)


async def test_when_the_engine_is_killed_its_request_fails_soon_and_the_next_is_answered(
    engine: ResidentEngine, resident: Resident
) -> None:
    killed = resident.state().engine
    assert killed is not None
    request = asyncio.create_task(engine.run(Route(evidence=(document(400_000, seed=8),), question="Who?")))
    probe = Probe(resident.state().port or 0, resident.files.key())
    assert await asyncio.to_thread(eventually, lambda: (load := probe.load()) is not None and not load.idle)
    os.kill(killed.pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        with pytest.raises(EngineError) as caught:
            await request
    assert caught.value.retryable
    assert (await engine.run(Route(question="Who?"))).result.kind
    state = resident.state()
    assert state.restarts == 1
    assert state.engine != killed
    assert not session(killed)


async def test_an_idle_engine_ends_and_frees_its_lock(resident: Resident) -> None:
    """Other settings replace the shared engine, which nobody else uses now: it comes last."""
    before = resident.state()
    settings = resident.settings.model_copy(update={"idle_stop_seconds": 2.0, "max_num_seqs": 4})
    after = await lifecycle.start(settings, resident.data_dir)
    assert before.engine is not None
    assert after.engine is not None
    assert not session(before.engine)
    assert await asyncio.to_thread(eventually, lambda: not after.watch.alive())
    assert not session(after.engine)
    with resident.files.lock("watch").acquire(timeout=0):
        assert (await lifecycle.status(settings, resident.data_dir)).state == "absent"


async def test_without_our_plugin_another_kv_cache_is_used_and_said(
    vllm_command: str, fp8_checkpoint: Path, tmp_path: Path
) -> None:
    settings = real(f"/usr/bin/env VLLM_PLUGINS=none {vllm_command}", fp8_checkpoint)
    engine = await ResidentEngine.open(settings, tmp_path)
    try:
        said = " ".join(engine.info.notes)
        if supports_fp8_kv_cache():
            assert engine.info.kv_cache_dtype == "fp8_e4m3"
            assert "fp8_e5m2 KV cache could not be had" in said
        else:
            assert engine.info.kv_cache_dtype == "auto"
            assert "no AVX-512 for fp8_e5m2" in said
        assert (await engine.run(Route(question="Who?"))).result.kind
    finally:
        await engine.close()
        await lifecycle.stop(tmp_path)
