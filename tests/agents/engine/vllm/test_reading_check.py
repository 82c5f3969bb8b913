"""The text that a started engine is to copy from."""

from agents.engine.vllm.reading_check import reading_text


def test_a_sentence_to_copy_stands_near_each_end() -> None:
    sentences = reading_text(100).split(". ")

    assert len(sentences) == 100
    assert sentences[2].startswith("The ferry to the island")
    assert sentences[-3].startswith("The key of the boathouse")
