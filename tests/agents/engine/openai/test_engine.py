"""The engine over an OpenAI-compatible server."""

import asyncio
import json
import math
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agents.engine.openai.engine import OpenAIEngine
from agents.engine.tasks.answering import MAX_QUOTES, Answerable, Draft, Quotes
from agents.engine.tasks.decisions import NextStep, Route
from agents.engine.tasks.reading import UpdateSummary, WindowNotes
from agents.errors import EngineError
from agents.schema import Passage
from agents.settings import EngineSettings
from tests.agents.engine.conftest import eventually
from tests.support.chat_server import BREAKS_OFF, HANGS_UP, ChatServer, Reply

ROUTE = json.dumps({"kind": "complex", "language": "English", "reason": "two facts"})
QUOTES = json.dumps({"quotes": ["it is"]})
QUOTED = Quotes(answer="It is.")
SUMMARY = json.dumps({"summary": "They spoke of the pump."})
PROSE = UpdateSummary(turns=("Q: Who?\nA: Ann.",))


def settings(server: ChatServer, **changes: Any) -> EngineSettings:
    return EngineSettings(base_url=server.base_url, model=server.model, **changes)


async def open_engine(server: ChatServer, **changes: Any) -> OpenAIEngine:
    return await OpenAIEngine.open(settings(server, **changes))


async def test_a_task_becomes_its_result_with_what_it_cost() -> None:
    with ChatServer(ROUTE) as server:
        engine = await open_engine(server)
        outcome = await engine.run(Route(question="Who, and when?"))
        await engine.close()
    assert outcome.result.kind == "complex"
    usage = outcome.usage
    assert (usage.engine_calls, usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) == (1, 100, 64, 20)
    assert usage.seconds > 0


async def test_decisions_are_taken_coldly_and_prose_is_written_as_the_models_card_says() -> None:
    with ChatServer(ROUTE) as server:
        engine = await open_engine(server)
        await engine.run(Route())
        server.replies = [SUMMARY]
        await engine.run(PROSE)
        await engine.close()
    decision, prose = server.requests
    assert (decision["temperature"], prose["temperature"]) == (0.0, 0.7)
    assert (prose["top_p"], prose["top_k"], prose["min_p"]) == (0.8, 20, 0.0)
    assert "top_k" not in decision


async def test_the_form_of_the_answer_is_enforced_and_bounded() -> None:
    with ChatServer(QUOTES) as server:
        engine = await open_engine(server)
        outcome = await engine.run(QUOTED)
        await engine.close()
    assert outcome.result.quotes == ("it is",)
    asked = server.requests[0]["response_format"]["json_schema"]
    assert asked["strict"]
    assert asked["schema"]["properties"]["quotes"]["minItems"] == 1
    assert asked["schema"]["properties"]["quotes"]["maxItems"] == MAX_QUOTES
    assert server.requests[0]["max_tokens"] == Quotes.max_tokens


async def test_an_invalid_answer_is_asked_for_once_more_with_a_word_why() -> None:
    with ChatServer(json.dumps({"kind": "whatever", "reason": "x"}), ROUTE) as server:
        engine = await open_engine(server)
        outcome = await engine.run(Route())
        await engine.close()
    assert outcome.result.kind == "complex"
    assert outcome.usage.engine_calls == 2
    first, second = (request["messages"][-1]["content"] for request in server.requests)
    assert second.startswith(first.rpartition("Reply with JSON")[0])
    assert "could not be used: kind" in second


async def test_a_cut_answer_is_asked_for_once_more_and_shorter() -> None:
    with ChatServer('{"quotes": ["it', QUOTES, finish_reason=("length", "stop")) as server:
        engine = await open_engine(server)
        await engine.run(QUOTED)
        await engine.close()
    bounds = [
        request["response_format"]["json_schema"]["schema"]["properties"]["quotes"] for request in server.requests
    ]
    assert bounds[0]["maxItems"] > bounds[1]["maxItems"]
    assert "too long" in server.requests[1]["messages"][-1]["content"]


def is_held_to_lengths(request: dict[str, Any]) -> bool:
    return "maxLength" in json.dumps(request["response_format"])


async def test_only_a_task_whose_answer_did_not_end_is_held_to_lengths_from_then_on() -> None:
    with ChatServer(
        '{"quotes": ["it', QUOTES, QUOTES, ROUTE, finish_reason=("length", "stop", "stop", "stop")
    ) as server:
        engine = await open_engine(server)
        await engine.run(QUOTED)
        await engine.run(QUOTED)
        await engine.run(Route())
        await engine.close()
    assert [is_held_to_lengths(request) for request in server.requests] == [False, True, True, False]


async def test_a_model_that_need_not_read_is_held_to_lengths_from_the_start() -> None:
    with ChatServer(QUOTES) as server:
        engine = await open_engine(server, check_reading=False)
        await engine.run(QUOTED)
        await engine.close()
    assert is_held_to_lengths(server.requests[0])


async def test_an_answer_that_needs_no_json_is_asked_for_without() -> None:
    with ChatServer("It opens\nat 9.") as server:
        engine = await open_engine(server)
        outcome = await engine.run(Draft(question="When?"))
        await engine.close()
    assert outcome.result.answer == "It opens at 9."
    assert "response_format" not in server.requests[0]
    assert "JSON" not in server.requests[0]["messages"][-1]["content"]


async def test_a_list_ends_after_the_points_that_were_asked_for_and_a_cut_line_does_not_count() -> None:
    with ChatServer("Here it is:\n1. One.\n2. Two.\n2. Two.\n3. Three.\n4. Fo", finish_reason=("length",)) as server:
        engine = await open_engine(server)
        outcome = await engine.run(WindowNotes(mode="summary", most=8))
        await engine.close()
    assert outcome.result.texts == ("One.", "Two.", "Three.")
    assert server.requests[0]["stop"] == ["\n9."]


async def test_what_is_no_list_is_asked_for_as_json_and_lists_no_more() -> None:
    notes = json.dumps({"notes": [{"text": "One."}] * 3})
    with ChatServer("One. Two. Three.", notes) as server:
        engine = await open_engine(server)
        outcome = await engine.run(WindowNotes(mode="summary"))
        await engine.run(WindowNotes(mode="summary"))
        await engine.close()
    assert outcome.usage.engine_calls == 2
    assert ["response_format" in request for request in server.requests] == [False, True, True]


async def test_two_invalid_answers_are_an_error() -> None:
    with ChatServer("I would rather not.") as server:
        engine = await open_engine(server)
        with pytest.raises(EngineError, match="twice gave no valid answer to Route"):
            await engine.run(Route())
        await engine.close()
    assert len(server.requests) == 2


async def test_an_agent_that_was_not_offered_cannot_be_chosen() -> None:
    with ChatServer('{"next": ["planner"]}', '{"next": ["retrieval"]}') as server:
        engine = await open_engine(server)
        outcome = await engine.run(NextStep(allowed=("retrieval",), state="nothing yet"))
        await engine.close()
    assert outcome.result.next == ("retrieval",)
    assert outcome.usage.engine_calls == 2


@pytest.mark.parametrize("word", ["response_format", "json_schema", "grammar"])
async def test_a_server_without_schemas_is_asked_for_plain_json_and_remembered(word: str) -> None:
    def refuse(body: dict[str, Any]) -> str:
        form = body.get("response_format", {}).get("type")
        return f"{word} is not supported" if form in ("json_schema", "json_object") else ""

    with ChatServer(f"Sure! ```json\n{ROUTE}\n```", refuse=refuse) as server:
        engine = await open_engine(server)
        first = await engine.run(Route())
        await engine.run(Route())
        await engine.close()
    assert first.result.kind == "complex"
    assert first.usage.engine_calls == 1
    forms = [request.get("response_format", {}).get("type") for request in server.requests]
    assert forms == ["json_schema", "json_object", None, None]


async def test_a_server_that_knows_only_openais_sampling_is_asked_without_more() -> None:
    with ChatServer(SUMMARY, refuse=lambda body: "Unrecognized argument: top_k" if "top_k" in body else "") as server:
        engine = await open_engine(server)
        await engine.run(PROSE)
        await engine.close()
    assert ["top_k" in request for request in server.requests] == [True, False]
    assert server.requests[1]["temperature"] == 0.7


LIKELY = {"No": math.log(0.1), " yes": math.log(0.2), "Yes": math.log(0.6), "Maybe": math.log(0.1)}


async def test_how_sure_it_is_of_yes_is_read_from_the_probabilities_of_the_first_word() -> None:
    with ChatServer("Yes", top_logprobs=LIKELY) as server:
        engine = await open_engine(server)
        outcome = await engine.run(Answerable(question="Who?"))
        await engine.close()
    assert outcome.result.log_odds == pytest.approx(math.log(0.8 / 0.1))
    assert outcome.usage.engine_calls == 1
    asked = server.requests[0]
    assert (asked["max_tokens"], asked["temperature"], asked["logprobs"]) == (1, 0.0, True)
    assert "response_format" not in asked, "one word needs no grammar"


async def test_a_word_that_is_neither_yes_nor_no_says_nothing() -> None:
    with ChatServer("Maybe", top_logprobs={"Maybe": -0.1, "The": -3.0}) as server:
        engine = await open_engine(server)
        outcome = await engine.run(Answerable(question="Who?"))
        await engine.close()
    assert outcome.result.log_odds is None


@pytest.mark.parametrize("top_logprobs", [None, {}], ids=["no log probabilities", "an empty list of them"])
@pytest.mark.parametrize(("word", "sign"), [("Yes", 1), ("no.", -1), ("Perhaps", 0)])
async def test_a_server_that_tells_no_probabilities_is_taken_at_its_word(
    word: str, sign: int, top_logprobs: dict[str, float] | None
) -> None:
    with ChatServer(word, top_logprobs=top_logprobs) as server:
        engine = await open_engine(server)
        odds = (await engine.run(Answerable(question="Who?"))).result.log_odds
        await engine.close()
    assert (odds is None) if sign == 0 else (odds is not None and odds * sign > 1)


async def test_a_server_that_refuses_log_probabilities_is_asked_without_and_remembered() -> None:
    with ChatServer("yes", refuse=lambda body: "logprobs: not supported" if "logprobs" in body else "") as server:
        engine = await open_engine(server)
        results = [(await engine.run(Answerable(question="Who?"))).result for _ in range(2)]
        await engine.close()
    assert all(result.log_odds is not None and result.log_odds > 0 for result in results)
    assert ["logprobs" in request for request in server.requests] == [True, False, False]


async def test_a_question_that_is_refused_for_another_reason_does_not_end_the_asking_for_log_probabilities() -> None:
    def refuse(body: dict[str, Any]) -> str:
        return "the prompt is too long" if "word word" in body["messages"][-1]["content"] else ""

    with ChatServer("yes", refuse=refuse, top_logprobs=LIKELY) as server:
        engine = await open_engine(server)
        with pytest.raises(EngineError, match="too long"):
            await engine.run(Answerable(evidence=(words(9),), question="Who?"))
        outcome = await engine.run(Answerable(question="Who?"))
        await engine.close()
    assert outcome.result.log_odds == pytest.approx(math.log(0.8 / 0.1))


async def test_a_failing_server_is_an_error_that_may_pass() -> None:
    with ChatServer((503, "overloaded")) as server:
        engine = await open_engine(server)
        with pytest.raises(EngineError, match="overloaded") as caught:
            await engine.run(Route())
        await engine.close()
    assert caught.value.retryable
    assert len(server.requests) == 3, "as our own client does, and none of those behind it"


async def test_an_unexplained_refusal_is_an_error_that_will_not_pass() -> None:
    with ChatServer(ROUTE, refuse=lambda _body: "no such thing as a temperature") as server:
        engine = await open_engine(server)
        with pytest.raises(EngineError, match="no such thing") as caught:
            await engine.run(Route())
        await engine.close()
    assert not caught.value.retryable


async def test_a_slow_server_runs_into_the_time_limit() -> None:
    with ChatServer(ROUTE, seconds=5) as server:
        engine = await open_engine(server, request_seconds=0.2)
        with pytest.raises(EngineError, match="did not answer within") as caught:
            await engine.run(Route())
        await engine.close()
    assert "READROOM_ENGINE__REQUEST_SECONDS" in caught.value.hint


async def test_a_wrong_key_is_named_as_such() -> None:
    with ChatServer(ROUTE, key="right") as server:
        with pytest.raises(EngineError, match="refuses the key") as caught:
            await open_engine(server, api_key=SecretStr("wrong"))
        assert "READROOM_ENGINE__API_KEY" in caught.value.hint
        engine = await open_engine(server, api_key=SecretStr("right"))
        assert (await engine.run(Route())).result.kind == "complex"
        await engine.close()


@pytest.mark.parametrize("broken", [HANGS_UP, BREAKS_OFF, (500, "Request failed")], ids=["none", "half", "by a router"])
async def test_a_request_whose_answer_did_not_arrive_is_sent_again(broken: Reply) -> None:
    with ChatServer(broken, ROUTE) as server:
        engine = await open_engine(server)
        outcome = await engine.run(Route())
        await engine.close()
    assert outcome.result.kind == "complex"
    assert outcome.usage.engine_calls == 1
    assert len(server.requests) == 2
    first, second = server.headers
    assert first["x-session-id"] == second["x-session-id"]


async def test_a_server_that_hangs_up_every_time_is_named() -> None:
    with ChatServer(HANGS_UP) as server:
        engine = await open_engine(server)
        with pytest.raises(EngineError, match="stopped answering") as caught:
            await engine.run(Route())
        await engine.close()
    assert caught.value.retryable
    assert len(server.requests) == 3


async def test_a_router_is_told_which_prompts_begin_with_the_same_text() -> None:
    with ChatServer("yes") as server:
        engine = await open_engine(server)
        for evidence in (words(9),), (words(9), words(8)), (words(8),):
            await engine.run(Answerable(evidence=evidence, question=f"What of {len(evidence)}?"))
        server.replies = ["It opens\nat 9."]
        await engine.run(Draft(evidence=(words(9),), question="When?"))
        await engine.close()
    first, longer, other, draft = (headers["x-session-id"] for headers in server.headers)
    assert first == longer == draft != other


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(EngineError, match="cannot be reached") as caught:
        await OpenAIEngine.open(EngineSettings(base_url="http://127.0.0.1:9/v1"))
    assert "READROOM_ENGINE__BASE_URL" in caught.value.hint


async def test_the_path_of_the_api_is_found_where_it_was_left_out() -> None:
    with ChatServer(ROUTE) as server:
        engine = await OpenAIEngine.open(
            EngineSettings(base_url=server.base_url.removesuffix("/v1"), model=server.model)
        )
        assert (await engine.run(Route())).result.kind == "complex"
        await engine.close()


async def test_the_only_model_of_a_server_answers_and_it_is_said() -> None:
    with ChatServer(ROUTE, model="llama") as server:
        engine = await OpenAIEngine.open(EngineSettings(base_url=server.base_url))
        await engine.close()
    assert engine.info.name == "openai-compatible"
    assert engine.info.model == "llama"
    assert engine.info.tokenizer == "estimate"
    assert "Qwen/Qwen3-4B-Instruct-2507-FP8" in engine.info.notes[0]


async def test_vllm_counts_the_tokens_where_its_tokenizer_is_not_here() -> None:
    with ChatServer(ROUTE, vllm=True) as server:
        engine = await open_engine(server)
        counts = [await asyncio.to_thread(engine.count_tokens, "one two three") for _ in range(3)]
        exact = await engine.count_prompt_tokens(Route(question="Who?"))
        await engine.close()
    assert counts == [3, 3, 3]
    assert server.tokenized == 2, "a text is counted once"
    assert exact > 20
    assert engine.info.name == "vllm"
    assert engine.info.context_tokens == 32_768


async def test_the_checkpoints_own_tokenizer_counts_where_it_is_here(checkpoint: Path) -> None:
    with ChatServer(ROUTE, model=str(checkpoint)) as server:
        engine = await open_engine(server)
        counted = engine.count_tokens("The pump was checked.")
        assert counted == engine.count_tokens("The pump") + engine.count_tokens(" was checked.")
        await engine.close()
    assert engine.info.tokenizer == str(checkpoint)


def words(count: int) -> Passage:
    text = "word " * count
    return Passage(document_id="d", title="Words", index=0, start=0, end=len(text), page=1, text=text)


async def test_an_answer_is_bounded_by_what_the_context_leaves() -> None:
    with ChatServer(QUOTES, vllm=True, context=8_192) as server:
        engine = await open_engine(server)
        await engine.run(Quotes(answer="It is.", evidence=(words(7_500),)))
        await engine.close()
    asked = server.requests[0]
    assert 48 <= asked["max_tokens"] < 692
    assert asked["response_format"]["json_schema"]["schema"]["properties"]["quotes"]["maxItems"] < MAX_QUOTES


async def test_behind_a_router_that_does_not_pass_on_the_counting_a_prompt_is_estimated() -> None:
    with ChatServer(ROUTE, vllm=True, passes_on_tokenize=False) as server:
        engine = await open_engine(server)
        alone = await engine.count_prompt_tokens(Route(question="Who?"))
        longer = await engine.count_prompt_tokens(Route(question="Who?", evidence=(words(6_000),)))
        await engine.close()
    assert 20 < alone < 1_000
    assert longer > 6_000


async def test_a_prompt_that_does_not_fit_is_refused_with_the_numbers() -> None:
    with ChatServer(QUOTES, vllm=True, context=8_192) as server:
        engine = await open_engine(server)
        with pytest.raises(EngineError, match=r"The prompt has 9,\d{3} tokens, and a-model holds 8,192") as caught:
            await engine.run(Draft(evidence=(words(9_000),)))
        await engine.close()
    assert "READROOM_SUPERVISOR__WINDOW_TOKENS" in caught.value.hint
    assert server.requests == []


async def test_a_cancelled_request_closes_its_connection() -> None:
    closed = threading.Event()

    class Hanging(ChatServer):
        def __init__(self) -> None:
            super().__init__(ROUTE, refuse=self.wait)

        def wait(self, _body: dict[str, Any]) -> str:
            closed.wait(10)
            return ""

    with Hanging() as server:
        engine = await open_engine(server)
        request = asyncio.create_task(engine.run(Route()))
        assert await asyncio.to_thread(eventually, lambda: bool(server.requests))
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        closed.set()
        await engine.close()


async def test_a_file_of_certificates_that_is_not_there_is_named(tmp_path: Path) -> None:
    with ChatServer(ROUTE) as server, pytest.raises(EngineError, match="READROOM_ENGINE__CA_FILE"):
        await open_engine(server, ca_file=tmp_path / "none.pem")
