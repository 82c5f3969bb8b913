from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

from agents.benchmark.checkpoints import sentences, write_tiny
from agents.engine.vllm.plugin.tokenization import PRIMED_TOKENS, primed_with_prompt_end

ANSWERS = ("They agreed.", "Das Maß: 3 µm — größer als “zwei” 😀.", "\n{“a”: [1, 2]}", "  ")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return Tokenizer.from_file(str(write_tiny(tmp_path_factory.mktemp("model")) / "tokenizer.json"))


def decoded(stream: Any, tokenizer: Tokenizer, answer: str) -> list[str]:
    return [stream.step(tokenizer, token) or "" for token in tokenizer.encode(answer).ids]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("words", [0, 3, 400])
def test_an_answer_reads_the_same_as_behind_the_whole_prompt(tokenizer: Tokenizer, answer: str, words: int) -> None:
    for end in ("<|im_start|>assistant\n", "für", " the", "😀"):
        prompt = tokenizer.encode(sentences(words, seed=3) + end).ids

        ours = decoded(primed_with_prompt_end(DecodeStream)(ids=prompt), tokenizer, answer)

        assert ours == decoded(DecodeStream(ids=prompt), tokenizer, answer)
        assert "".join(ours) == answer


def test_a_prompt_that_begins_within_a_character_is_no_trouble(tokenizer: Tokenizer) -> None:
    prompt = tokenizer.encode("😀" * 40 + "end").ids
    assert len(prompt) > PRIMED_TOKENS

    assert decoded(primed_with_prompt_end(DecodeStream)(ids=prompt), tokenizer, " of it") == decoded(
        DecodeStream(ids=prompt), tokenizer, " of it"
    )


@pytest.mark.parametrize("ids", [None, [], [5], list(range(PRIMED_TOKENS)), list(range(1_000))])
def test_no_more_than_the_end_of_the_prompt_is_handed_on(ids: list[int] | None) -> None:
    handed: list[tuple[list[int] | None, bool]] = []

    def stream(ids: list[int] | None, skip_special_tokens: bool) -> None:
        handed.append((ids, skip_special_tokens))

    primed_with_prompt_end(stream)(ids=ids, skip_special_tokens=True)

    assert handed == [(ids and ids[-PRIMED_TOKENS:], True)]
