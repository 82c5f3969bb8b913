"""Finding out which model a server serves."""

import pytest

from agents.engine.openai.endpoint import find_endpoint
from agents.errors import EngineError
from agents.settings import EngineSettings
from tests.support.chat_server import ChatServer


class Pauses(list[float]):
    """Notes the pauses, and makes none."""

    async def sleep(self, seconds: float) -> None:
        self.append(seconds)


async def test_a_router_that_still_asks_a_dead_server_is_asked_until_it_passes_over_it() -> None:
    pauses = Pauses()
    with ChatServer("Yes.", unready=9) as server:
        endpoint = await find_endpoint(EngineSettings(), server.base_url, pauses.sleep)

    assert endpoint.model == server.model
    assert pauses == 9 * [1.0]


async def test_a_server_that_goes_on_saying_it_cannot_answer_now_is_asked_for_some_seconds() -> None:
    pauses = Pauses()
    with ChatServer("Yes.", unready=1_000) as server, pytest.raises(EngineError, match="cannot say now") as failed:
        await find_endpoint(EngineSettings(), server.base_url, pauses.sleep)

    assert failed.value.retryable
    assert 10.0 <= sum(pauses) <= 15.0


async def test_a_server_that_is_not_there_is_not_waited_for() -> None:
    pauses = Pauses()
    with pytest.raises(EngineError, match="cannot be reached"):
        await find_endpoint(EngineSettings(), "http://127.0.0.1:9/v1", pauses.sleep)

    assert pauses == []


async def test_a_server_that_answers_at_once_is_asked_once() -> None:
    pauses = Pauses()
    with ChatServer("Yes.", vllm=True) as server:
        endpoint = await find_endpoint(EngineSettings(), server.base_url, pauses.sleep)

    assert (endpoint.info.name, pauses) == ("vllm", [])
