import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from agents.engine.vllm_plugin.tokenizing import (
    LONG_CHARACTERS,
    MOST_TEXTS,
    Encoded,
    RememberedTexts,
    remembering,
    shared_characters,
)
from benchmarks.checkpoints import sentences, write_tiny
from tests.agents.engine.vllm_plugin.in_vllm import checked

DOCUMENT = sentences(300, seed=4)
PIECES = (
    *(
        " the",
        " pump",
        "\n",
        "\n\n",
        "  ",
        "    ",
        " 1,250.75",
        "2026",
        "—",
        "“so”",
        " größer",
        "e\u0301",
        "漢字",
        "😀",
        "👩‍🔬",
    ),
    *(" 0x9f3ac1d2e8b7", "<|im_end|>\n", "<|im_start|>user\n", " don't", "...", "\t", " " * 30, "-" * 40),
)
QWENS_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def made_tokenizer(kind: str, folder: Path) -> Tokenizer:
    """Return a tokenizer that cuts words as Qwen's does, as Llama 2's does, or as that of our tiny checkpoint."""
    if kind == "tiny":
        return Tokenizer.from_file(str(write_tiny(folder) / "tokenizer.json"))
    tokenizer = Tokenizer(models.BPE(byte_fallback=kind == "llama", unk_token="<unk>" if kind == "llama" else None))
    if kind == "qwen":
        tokenizer.normalizer = normalizers.NFC()
        words = pre_tokenizers.Split(Regex(QWENS_WORDS), behavior="isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        alphabet = sorted({letter for piece in PIECES for letter in piece})
    special = ["<s>", "<unk>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=1_500, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([sentences(800), "".join(PIECES) * 3], trainer)
    if kind == "llama":
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return tokenizer


@pytest.fixture(scope="module", params=["tiny", "qwen", "llama"])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return made_tokenizer(request.param, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def qwens(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return made_tokenizer("qwen", tmp_path_factory.mktemp("model"))


class Encoding:
    """Tokenizes, and notes how much."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.characters: list[int] = []

    def __call__(self, text: str) -> Encoded:
        self.characters.append(len(text))
        encoding = self.tokenizer.encode(text)
        return encoding.ids, encoding.offsets


def mixed(chance: random.Random, pieces: int) -> str:
    return "".join(chance.choice(PIECES) for _ in range(pieces))


@pytest.mark.parametrize("seed", range(12))
def test_the_tokens_are_those_of_the_whole_text(tokenizer: Tokenizer, seed: int) -> None:
    chance, texts = random.Random(seed), RememberedTexts()
    text = DOCUMENT + mixed(chance, 800) + DOCUMENT
    encode = Encoding(tokenizer)

    for _ in range(12):
        assert texts.tokens(text, encode) == tokenizer.encode(text).ids
        cut = chance.randint(LONG_CHARACTERS, len(text))
        text = text[:cut] + mixed(chance, chance.randint(0, 60)) + chance.choice(["", text[cut:]])

    assert sorted(encode.characters)[6] < LONG_CHARACTERS


def test_only_the_end_is_tokenized_again(qwens: Tokenizer) -> None:
    texts, encode = RememberedTexts(), Encoding(qwens)

    for number in range(5):
        texts.tokens(f"{DOCUMENT} Question {number}: who signed it?", encode)

    first, *others = encode.characters
    assert first > LONG_CHARACTERS
    assert max(others) < 600


def test_a_word_longer_than_the_overlap_still_reads_the_same(qwens: Tokenizer) -> None:
    texts, encode, word = RememberedTexts(), Encoding(qwens), "abcdefghijklmnop" * 200

    for end in ("", "q", " and on", "a"):
        text = f"{DOCUMENT} {word}{end}"

        assert qwens.decode(texts.tokens(text, encode), skip_special_tokens=False) == text


def test_documents_that_take_turns_are_all_remembered(qwens: Tokenizer) -> None:
    texts, encode = RememberedTexts(), Encoding(qwens)
    documents = [f"Document {number}. {DOCUMENT}" for number in range(MOST_TEXTS)]
    for turn in range(3):
        for document in documents:
            texts.tokens(f"{document} Turn {turn}.", encode)

    assert sum(length > LONG_CHARACTERS for length in encode.characters) == MOST_TEXTS


def test_one_document_too_many_puts_the_oldest_out(qwens: Tokenizer) -> None:
    texts, encode = RememberedTexts(), Encoding(qwens)
    documents = [f"Document {number}. {DOCUMENT}" for number in range(MOST_TEXTS + 1)]
    for document in (*documents, documents[-1], documents[0]):
        texts.tokens(document, encode)

    *_, newest, oldest = encode.characters
    assert newest < 600
    assert oldest == len(documents[0])


def test_a_long_conversation_stays_remembered_beside_a_new_one_about_the_same_document(qwens: Tokenizer) -> None:
    texts, encode = RememberedTexts(), Encoding(qwens)
    long = DOCUMENT + " They said so." * 2_000
    for text in (long, f"{DOCUMENT} What is it?", f"{long} And then?"):
        texts.tokens(text, encode)

    assert encode.characters[0] == len(long)
    assert max(encode.characters[1:]) < 600


@pytest.mark.parametrize(
    ("one", "other", "shared"), [("", "a", 0), ("ab", "ab", 2), ("abc", "abd", 2), ("a", "abc", 1)]
)
def test_texts_share_their_longest_common_beginning(one: str, other: str, shared: int) -> None:
    assert shared_characters(one, other) == shared_characters(other, one) == shared


@dataclass(frozen=True)
class Parameters:
    """What vLLM's `TokenizeParams` says, as far as it matters."""

    add_special_tokens: bool = False
    truncate_prompt_tokens: int | None = None
    return_token_offsets: bool = False


class Renderer:
    """Tokenizes as vLLM's renderer does: offsets where they are asked for, if it can."""

    def __init__(self, tokenizer: Tokenizer, *, offsets: bool = True) -> None:
        self.encode = Encoding(tokenizer)
        self.offsets = offsets

    def tokenize(self, prompt: Any, params: Parameters) -> Any:
        ids, offsets = self.encode(prompt["prompt"])
        found = {"prompt_token_offsets": offsets} if params.return_token_offsets and self.offsets else {}
        return {**prompt, "prompt_token_ids": ids, **found}


def test_a_prompt_comes_back_with_its_whole_text_and_all_that_was_in_it(qwens: Tokenizer) -> None:
    renderer, tokenize = Renderer(qwens), remembering(Renderer.tokenize)

    for end in (" First.", " Second."):
        made = tokenize(renderer, {"prompt": DOCUMENT + end, "cache_salt": "s"}, Parameters())

        ids = qwens.encode(DOCUMENT + end).ids
        assert made == {"prompt": DOCUMENT + end, "cache_salt": "s", "prompt_token_ids": ids}
    assert renderer.encode.characters[1] < 600


@pytest.mark.parametrize(
    ("text", "params"),
    [
        (DOCUMENT[: LONG_CHARACTERS - 1], Parameters()),
        (DOCUMENT, Parameters(truncate_prompt_tokens=9)),
        (DOCUMENT, Parameters(return_token_offsets=True)),
    ],
)
def test_short_cut_and_measured_prompts_are_left_to_vllm(qwens: Tokenizer, text: str, params: Parameters) -> None:
    renderer, tokenize = Renderer(qwens), remembering(Renderer.tokenize)

    for _ in range(2):
        assert tokenize(renderer, {"prompt": text}, params) == Renderer.tokenize(renderer, {"prompt": text}, params)

    assert set(renderer.encode.characters) == {len(text)}


def test_a_tokenizer_that_cannot_say_where_its_tokens_are_tokenizes_all_of_each_text(qwens: Tokenizer) -> None:
    renderer, tokenize = Renderer(qwens, offsets=False), remembering(Renderer.tokenize)

    for _ in range(2):
        assert tokenize(renderer, {"prompt": DOCUMENT}, Parameters())["prompt_token_ids"] == qwens.encode(DOCUMENT).ids

    assert renderer.encode.characters == [len(DOCUMENT)] * 2


def test_texts_with_and_without_a_beginning_token_are_kept_apart(tmp_path: Path) -> None:
    tokenizer = made_tokenizer("llama", tmp_path)
    renderer, tokenize = Renderer(tokenizer), remembering(Renderer.tokenize)

    for special in (False, True):
        tokenize(renderer, {"prompt": DOCUMENT}, Parameters(add_special_tokens=special))

    assert renderer.encode.characters == [len(DOCUMENT)] * 2


@pytest.mark.vllm
def test_vllms_own_renderer_remembers_and_tokenizes_as_before(vllm_command: str, tmp_path: Path) -> None:
    found = checked(vllm_command, "tokenized", tmp_path)

    assert found["as_before"] == [True] * 4
    first, *others = found["characters"]
    assert first > LONG_CHARACTERS
    assert max(others) < 600
