"""The text that a started engine is to copy from, and what becomes of its answers."""

import pytest

from agents.engine.vllm.probe import NoAnswerError, Probe
from agents.engine.vllm.reading_check import reading_failure, reading_text
from tests.support.chat_server import ChatServer, Reply

FERRY, KEY = (f"{sentence}." for sentence in (reading_text(20).split(". ")[2], reading_text(20).split(". ")[-3]))


def failure(*replies: Reply) -> str | None:
    with ChatServer(*replies) as server:
        return reading_failure(Probe(server.port, "key"), server.model, sentences=20)


def test_a_sentence_to_copy_stands_near_each_end() -> None:
    sentences = reading_text(100).split(". ")

    assert len(sentences) == 100
    assert sentences[2].startswith("The ferry to the island")
    assert sentences[-3].startswith("The key of the boathouse")


def test_an_engine_that_copies_both_sentences_can_read() -> None:
    assert failure(f"“{FERRY}”", KEY.upper()) is None


def test_an_engine_that_loses_a_word_of_a_sentence_cannot_read() -> None:
    assert failure(FERRY.replace("Tobias ", "")) is not None
    assert failure(FERRY.replace("25", "2")) is not None


def test_what_it_wrote_in_a_sentences_place_is_said() -> None:
    assert "about the ferry to the island it wrote “r, rrrr of of rrrr”" in (failure("r, rrrr of of rrrr") or "")
    assert "about the key of the boathouse" in (failure(FERRY, "") or "")


def test_an_engine_that_does_not_answer_cannot_be_said_to_read() -> None:
    with pytest.raises(NoAnswerError, match=r"status 500: .*out of memory"):
        failure(FERRY, (500, "out of memory"))
