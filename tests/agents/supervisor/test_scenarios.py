"""The specification's scenarios, by name."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agents.assistant import Assistant
from agents.engine import output_schema, prompt_layout
from agents.engine.engine import ChoiceResult, Engine, Task
from agents.engine.registry import choose_engine
from agents.engine.tasks.answering import Answerable, Draft
from agents.engine.tasks.decisions import Plan, PlanResult, Route, RouteResult, StandaloneQuestion
from agents.engine.tasks.reading import WindowNotes
from agents.errors import EngineError, RequestError
from agents.language.tokens import estimate_tokens
from agents.sessions.sessions import SessionStore
from agents.settings import DocumentsSettings, EngineSettings, MemorySettings, Settings, SupervisorSettings
from tests.agents.supervisor.conftest import RULES
from tests.support.chat_server import ChatServer
from tests.support.fakes import FakeEngine

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"
POLISH = "Kiedy otwiera się czytelnia?"
COMPLEX = RouteResult(kind="complex", reason="Several facts.")
Write = Callable[[str, str], str]
MakeAssistant = Callable[..., Assistant]


@pytest.fixture
async def assistant_with(tmp_path: Path) -> AsyncIterator[MakeAssistant]:
    """Make an assistant: with an engine given to it, and with settings by section."""
    made: list[Assistant] = []

    def make(given: Engine | None = None, **sections: Any) -> Assistant:
        documents = DocumentsSettings(roots=(tmp_path,))
        made.append(Assistant(Settings(data_dir=tmp_path / "data", documents=documents, **sections), engine=given))
        return made[-1]

    yield make
    for assistant in made:
        await assistant.close()


def long_text(tokens: int) -> str:
    """Return numbered paragraphs of so many tokens in all, no two alike."""
    paragraph = (
        "Entry {n}: the keeper of lamp {n} wrote that the wick burned for {m} hours and was then trimmed again.\n\n"
    )
    each = estimate_tokens(paragraph.format(n=1_000, m=3_000))
    return "".join(paragraph.format(n=1_000 + n, m=3_000 + n) for n in range(tokens // each + 1))


@pytest.fixture(scope="module", params=sorted(RESULTS.glob("engine_*.json")), ids=lambda path: path.stem)
def recorded(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What was measured on a GPU with the default settings."""
    return json.loads(request.param.read_text())["engines"]["fp8_e5m2"]


# Model initialisation


async def test_model_initialisation_finds_the_served_model_and_its_context(
    assistant_with: MakeAssistant, write: Write
) -> None:
    model = EngineSettings().model
    with ChatServer("no answer at all", model=model, vllm=True, context=131_072) as server:
        assistant = assistant_with(engine=EngineSettings(base_url=server.base_url))
        await assistant.ask("When does it open?", [write("rules.md", RULES)])
        status = await assistant.status()

    assert status.engine is not None
    assert (status.engine.model, status.engine.context_tokens) == (model, 131_072)


async def test_model_initialisation_that_fails_still_answers_and_says_why(
    assistant_with: MakeAssistant, write: Write
) -> None:
    assistant = assistant_with(engine=EngineSettings(base_url="http://127.0.0.1:9/v1"))

    answer = await assistant.ask("When does the reading room open?", [write("rules.md", RULES)])

    assert answer.engine.name == "extractive"
    assert "9 in the morning" in answer.markdown
    assert any("could not be opened" in warning for warning in answer.warnings)


def test_model_initialisation_starts_what_the_defaults_say(recorded: dict[str, Any]) -> None:
    defaults, started = EngineSettings(), recorded["steps"]["start"]

    assert started["context_tokens"] == defaults.max_model_len == 131_072
    assert started["kv_cache_dtype"] == defaults.kv_cache_dtype == "fp8_e5m2"
    assert started["kv_tokens"] >= defaults.max_model_len
    assert recorded["settings"]["vram_budget_gib"] == defaults.vram_budget_gib
    assert choose_engine(EngineSettings(kind="vllm")).kind == "vllm"


# Performance validation, of what was recorded on the GPU


def test_performance_validation_decode_reaches_100_tokens_per_second(recorded: dict[str, Any]) -> None:
    assert recorded["steps"]["decode_short"]["1_streams"]["tokens_per_second"] >= 100
    assert recorded["steps"]["long_context"]["decode"]["1_streams"]["tokens_per_second"] >= 100


def test_performance_validation_prefill_of_a_full_window_reaches_1300_tokens_per_second(
    recorded: dict[str, Any],
) -> None:
    full = recorded["steps"]["long_context"]

    assert full["prompt_tokens"] >= 128_000
    assert full["prefill_tokens_per_second"] >= 1_300


def test_performance_validation_a_warm_window_answers_50_times_sooner(recorded: dict[str, Any]) -> None:
    full = recorded["steps"]["long_context"]

    assert full["cold_over_warm"] >= 50
    assert min(full["warm_cached_tokens"]) >= 0.99 * full["prompt_tokens"]


def test_performance_validation_a_full_window_stays_under_15_gib(recorded: dict[str, Any]) -> None:
    assert recorded["memory_peaks_gib"]["long_context"]["largest_process_gib"] < 15.0


def test_performance_validation_sleep_gives_the_memory_back_and_waking_is_quick(recorded: dict[str, Any]) -> None:
    sleep = recorded["steps"]["sleep"]

    assert sleep["asleep_used_gib"] < 2.0
    assert sleep["wake_seconds"] < 2.0


# Context handling over 100K tokens


async def test_context_over_100k_tokens_is_answered_in_one_pass_without_truncation(
    assistant_with: MakeAssistant, write: Write
) -> None:
    text = long_text(120_000)
    engine = FakeEngine()
    assistant = assistant_with(engine, supervisor=SupervisorSettings(window_tokens=131_072))

    # A document that was just read in one prompt is at hand, and every follow-up is given all of it.
    analysis = await assistant.analyze(write("log.txt", text), window_tokens=131_072)
    answer = await assistant.ask(
        "Which lamp burned longest, and which shortest?", session_id=analysis.session.session_id
    )

    drafts = [task for task in engine.tasks if isinstance(task, Draft)]
    assert drafts
    for draft in drafts:
        _, user = prompt_layout.messages(draft, "FORM")
        assert text.strip() in user["content"]
        assert engine.count_tokens(user["content"]) <= 131_072
    assert answer.coverage.tokens_total > 100_000
    assert answer.coverage.complete
    assert answer.coverage.skipped == ()


async def test_a_follow_up_at_another_server_is_given_the_document_that_the_engine_has_just_read(
    assistant_with: MakeAssistant, write: Write
) -> None:
    engine, text = FakeEngine(), long_text(8_000)
    analysis = await assistant_with(engine).analyze(write("log.txt", text), window_tokens=131_072)
    question, session_id = "Which lamp burned longest?", analysis.session.session_id
    await assistant_with(engine).ask(question, session_id=session_id)
    # Asleep since, the engine has it no more.
    later = assistant_with(engine, engine=EngineSettings(idle_sleep_seconds=1e-6))
    await later.ask("And which shortest?", session_id=session_id)

    warm, cold = (task for task in engine.tasks if isinstance(task, Draft))
    assert "".join(passage.text for passage in warm.evidence).strip() == text.strip()
    assert len(cold.evidence) < len(warm.evidence)


async def test_context_over_100k_tokens_is_analysed_window_by_window_without_truncation(
    assistant_with: MakeAssistant, write: Write
) -> None:
    text = long_text(120_000)
    engine = FakeEngine()

    analysis = await assistant_with(engine).analyze(write("log.txt", text))

    read = [passage for task in engine.tasks if isinstance(task, WindowNotes) for passage in task.evidence]
    assert "".join(passage.text for passage in sorted(read, key=lambda passage: passage.start)).strip() == text.strip()
    assert analysis.coverage.complete
    assert analysis.coverage.windows == engine.count(WindowNotes) > 4


async def test_context_over_100k_tokens_is_analysed_in_one_pass_where_the_client_asks(
    assistant_with: MakeAssistant, write: Write
) -> None:
    engine = FakeEngine()

    analysis = await assistant_with(engine).analyze(write("log.txt", long_text(120_000)), window_tokens=131_072)

    assert analysis.coverage.complete
    assert analysis.coverage.windows == engine.count(WindowNotes) == 1


async def test_a_window_that_is_too_small_is_refused_with_the_least(
    assistant_with: MakeAssistant, handbook: str
) -> None:
    with pytest.raises(RequestError, match=r"512 tokens is too small. Ask for 1,024"):
        await assistant_with(FakeEngine()).analyze(handbook, window_tokens=512)


# History within 128K


async def converse(assistant: Assistant, path: str, turns: int, words: int) -> str:
    """Begin a session and give it a long past; return its id."""
    begun = await assistant.ask("When does it open?", [path])
    settings = assistant.settings
    store = SessionStore(settings.memory, settings.data_dir, estimate_tokens)
    session = await store.open(begun.session.session_id)
    for turn in range(turns):
        await session.add_turn(f"Question {turn}?", f"Answer {turn}: " + f"word{turn} " * words)
    await store.close()
    return session.session_id


def prompt_and_answer(task: Task[Any]) -> int:
    """The tokens of a task's prompt and of the longest answer that it may be given."""
    schema = output_schema.schema(task)
    rendered = prompt_layout.messages(task, output_schema.template(schema))
    return sum(estimate_tokens(each["content"]) for each in rendered) + output_schema.max_answer_tokens(schema)


async def test_history_stays_within_128k_and_the_prompt_within_the_context(
    assistant_with: MakeAssistant, write: Write
) -> None:
    for context, least in ((262_144, 110_000), (131_072, 100_000)):
        engine = FakeEngine(context_tokens=context)
        assistant = assistant_with(engine)
        session_id = await converse(assistant, write("rules.md", RULES), turns=50, words=3_000)
        engine.tasks.clear()

        answer = await assistant.ask("And on Saturdays?", session_id=session_id)

        histories = [estimate_tokens(task.history) for task in engine.tasks if task.history]
        assert histories
        assert all(least < tokens <= 131_072 for tokens in histories)
        assert all(prompt_and_answer(task) <= context for task in engine.tasks)
        assert answer.session.tokens <= answer.session.token_limit == 131_072


async def test_history_gives_way_to_the_documents_and_the_answer_says_so(
    assistant_with: MakeAssistant, write: Write
) -> None:
    text = long_text(110_000)
    engine = FakeEngine()
    assistant = assistant_with(engine, supervisor=SupervisorSettings(window_tokens=131_072))
    path = write("log.txt", text)
    await assistant.analyze(path, window_tokens=131_072)
    session_id = await converse(assistant, path, turns=20, words=1_200)
    engine.tasks.clear()

    answer = await assistant.ask("And which burned shortest?", session_id=session_id)

    drafts = [task for task in engine.tasks if isinstance(task, Draft)]
    assert drafts
    for draft in drafts:
        assert text.strip() in prompt_layout.messages(draft, "FORM")[1]["content"]
        assert draft.history.startswith("Summary of earlier turns: The conversation began with")
        assert "Question 19?" in draft.history
        assert prompt_and_answer(draft) <= 131_072
    condensed = next(task for task in engine.tasks if isinstance(task, StandaloneQuestion))
    assert condensed.history.count("User: ") == 21
    assert any("turns of the conversation are behind a summary" in warning for warning in answer.warnings)


# Graceful overflow


async def test_graceful_overflow_archives_the_oldest_turns_and_loses_none(
    assistant_with: MakeAssistant, write: Write
) -> None:
    assistant = assistant_with(FakeEngine(), memory=MemorySettings(token_limit=1_024, flush_tokens=256))
    session_id = await converse(assistant, write("rules.md", RULES), turns=30, words=80)

    answer = await assistant.ask("When does it open?", session_id=session_id)

    assert answer.status == "complete"
    assert answer.session.archived_turns > 0
    assert answer.session.tokens <= 1_024
    transcript = await assistant.transcript(session_id)
    assert all(f"## Question {turn}?" in transcript for turn in range(30))


async def test_graceful_overflow_reads_a_small_context_in_smaller_windows(
    assistant_with: MakeAssistant, write: Write
) -> None:
    engine = FakeEngine(context_tokens=8_192)

    analysis = await assistant_with(engine).analyze(write("log.txt", long_text(20_000)))

    contents = [prompt_layout.messages(task, "FORM")[1]["content"] for task in engine.tasks]
    assert all(
        estimate_tokens(content) + task.max_tokens <= 8_192
        for content, task in zip(contents, engine.tasks, strict=True)
    )
    assert analysis.coverage.complete
    assert analysis.engine.name == "fake"


async def test_graceful_overflow_of_a_long_document_hands_over_the_closest_passages(
    assistant_with: MakeAssistant, write: Write
) -> None:
    engine = FakeEngine({Answerable: ChoiceResult(log_odds=-3.0)}, context_tokens=16_384)

    answer = await assistant_with(engine).ask("Who trimmed the wick?", [write("log.txt", long_text(60_000))])

    contents = [prompt_layout.messages(task, "FORM")[1]["content"] for task in engine.tasks]
    assert all(estimate_tokens(content) <= 16_384 for content in contents)
    assert not answer.not_found
    assert not answer.coverage.complete
    assert "That is not to say that the document does not say it" in answer.markdown
    assert "trimmed" in answer.closest[0].quote


# Parallel tool calls


@pytest.mark.parametrize(("parallel", "at_once"), [(True, 3), (False, 1)])
async def test_parallel_tool_calls_read_three_sub_questions_at_once(
    assistant_with: MakeAssistant, write: Write, *, parallel: bool, at_once: int
) -> None:
    parts = PlanResult(sub_questions=("When does it open?", "What is lent?", "What does it cost?"))
    # In Polish the engine decides; the rules know no Polish.
    engine = FakeEngine({Route: COMPLEX, Plan: parts}, seconds=0.02)
    assistant = assistant_with(engine, supervisor=SupervisorSettings(parallel_tool_calls=parallel))

    answer = await assistant.ask(POLISH, [write("rules.md", RULES)])

    assert engine.most_running == at_once
    assert answer.route is not None
    assert [step.agent for step in answer.route.agents].count("retrieval") == 3


# Fallback on agent failure


@pytest.mark.parametrize("failing", [Route, Plan, Answerable, Draft])
async def test_fallback_on_agent_failure_still_answers_with_located_quotes(
    assistant_with: MakeAssistant, write: Write, failing: type[Task[Any]]
) -> None:
    error = EngineError("The engine is gone.", hint="Start it.")
    engine = FakeEngine({Route: COMPLEX} | {failing: error})

    answer = await assistant_with(engine).ask(POLISH, [write("rules.md", RULES)])

    assert answer.status == "complete"
    # Without the model nobody translates the question: then the closest passages are quoted.
    quoted = answer.citations or answer.closest
    assert quoted
    assert all(RULES[citation.start : citation.end] == citation.quote for citation in quoted)
    assert any("The engine is gone" in warning for warning in answer.warnings)


async def test_fallback_on_agent_failure_says_that_no_model_answered(
    assistant_with: MakeAssistant, write: Write
) -> None:
    engine = FakeEngine(dict.fromkeys((Answerable, Draft), RuntimeError("It fell over.")))

    answer = await assistant_with(engine).ask("When does the reading room open?", [write("rules.md", RULES)])

    assert answer.engine.name == "extractive"
    assert "9 in the morning" in answer.markdown
    assert any("fallback" in warning for warning in answer.warnings)
