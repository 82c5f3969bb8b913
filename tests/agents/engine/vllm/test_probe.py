"""Asking an engine on this machine."""

import pytest

from agents.engine.vllm.probe import NoAnswerError, Probe
from agents.engine.vllm.processes import free_port
from tests.support.chat_server import HANGS_UP, ChatServer, Reply


def chat(server: ChatServer, seconds: float = 20.0) -> str:
    return Probe(server.port, "key").chat(server.model, "Who is it?", 8, seconds)


def test_a_prompt_gets_the_most_likely_answer() -> None:
    with ChatServer("Ada Bell.") as server:
        assert chat(server) == "Ada Bell."
    assert server.requests[0]["temperature"] == 0


def test_an_engine_that_takes_too_long_gave_no_answer() -> None:
    with ChatServer("Ada Bell.", seconds=5) as server, pytest.raises(NoAnswerError, match=r"no answer within 0\.1 s"):
        chat(server, seconds=0.1)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [((400, "no chat template"), "status 400: .*no chat template"), (HANGS_UP, "broke the connection off")],
    ids=["refuses", "hangs up"],
)
def test_why_there_was_no_answer_is_said(reply: Reply, reason: str) -> None:
    with ChatServer(reply) as server, pytest.raises(NoAnswerError, match=reason):
        chat(server)


def test_an_engine_that_is_gone_has_no_load_and_is_not_ours() -> None:
    probe = Probe(free_port(), "key")
    assert probe.load() is None
    assert not probe.is_ours("a-model")
    with pytest.raises(NoAnswerError, match="refused"):
        probe.chat("a-model", "Who is it?", 8, 20.0)
