import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from agents.benchmark.checkpoints import sentences, write_tiny
from agents.engine.vllm.plugin.tokenization import (
    AGREEING_TOKENS,
    LONG_CHARACTERS,
    MAX_TEXTS,
    OVERLAP_TOKENS,
    Encoded,
    PromptCache,
    cache_prompts,
    shared_characters,
    with_prompt_cache,
)
from tests.agents.engine.vllm.plugin.in_vllm import checked

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
    chance, texts = random.Random(seed), PromptCache()
    text = DOCUMENT + mixed(chance, 800) + DOCUMENT
    encode = Encoding(tokenizer)

    for _ in range(12):
        assert texts.tokens(text, encode) == tokenizer.encode(text).ids
        cut = chance.randint(LONG_CHARACTERS, len(text))
        text = text[:cut] + mixed(chance, chance.randint(0, 60)) + chance.choice(["", text[cut:]])

    assert sorted(encode.characters)[6] < LONG_CHARACTERS


def test_only_the_end_is_tokenized_again(qwens: Tokenizer) -> None:
    texts, encode = PromptCache(), Encoding(qwens)

    for number in range(5):
        texts.tokens(f"{DOCUMENT} Question {number}: who signed it?", encode)

    first, *others = encode.characters
    assert first > LONG_CHARACTERS
    assert max(others) < 600


@pytest.mark.parametrize("run", ["abcdefghijklmnop" * 200, "q" + "\u0301" * 90, "漢字" * 300, "-" * 700, "😀" * 200])
@pytest.mark.parametrize("end", ["q", "\u0323", "\u0301", " and on", "-", "字"])
def test_a_run_longer_than_the_overlap_still_reads_the_same(qwens: Tokenizer, run: str, end: str) -> None:
    texts, encode, text = PromptCache(), Encoding(qwens), f"{DOCUMENT} {run}"
    texts.tokens(text, encode)

    tokens = texts.tokens(text + end, encode)

    assert qwens.decode(tokens) == qwens.decode(qwens.encode(text + end).ids)


def test_a_tokenizer_that_ends_each_text_with_a_token_of_its_own_tokenizes_all_of_it(tmp_path: Path) -> None:
    tokenizer = made_tokenizer("tiny", tmp_path)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|im_end|>", special_tokens=[("<|im_end|>", tokenizer.token_to_id("<|im_end|>"))]
    )
    texts, encode = PromptCache(), Encoding(tokenizer)

    for text in (DOCUMENT, f"{DOCUMENT} And on.", f"{DOCUMENT} Or not."):
        assert texts.tokens(text, encode) == tokenizer.encode(text).ids


def test_a_character_of_many_tokens_is_taken_whole(tmp_path: Path) -> None:
    tokenizer = made_tokenizer("tiny", tmp_path)
    tokenizer.normalizer = normalizers.Replace("\t", "9" * 40)
    texts, encode = PromptCache(), Encoding(tokenizer)

    for tabs in range(1, 9):
        text = DOCUMENT + "\t" * tabs + "And so on."
        assert texts.tokens(text, encode) == tokenizer.encode(text).ids


class Letters:
    """Each letter is a token, but the first `strange` ones of a text are written in another way.

    Args:
        strange: Letters at a text's beginning.
        wide: Letters of a token.
    """

    def __init__(self, strange: int = 0, wide: int = 1) -> None:
        self.strange, self.wide = strange, wide
        self.characters: list[int] = []

    def __call__(self, text: str) -> Encoded:
        self.characters.append(len(text))
        places = range(0, len(text), self.wide)
        # Every tenth of the strange ones comes out right, so that short runs agree by chance.
        ids = [ord(text[place]) if place >= self.strange or place % 10 == 0 else 0 for place in places]
        return ids, [(place, place + self.wide) for place in places]


def test_tokens_join_on_where_enough_of_them_agree_in_a_row() -> None:
    texts, text = PromptCache(), "ab" * LONG_CHARACTERS
    texts.tokens(text, Letters())
    encode = Letters(strange=OVERLAP_TOKENS - AGREEING_TOKENS - 8)

    tokens = texts.tokens(f"{text}c", encode)

    assert tokens == [ord(letter) for letter in f"{text}c"]
    assert encode.characters == [OVERLAP_TOKENS + 1]


@pytest.mark.parametrize("encode", [Letters(strange=OVERLAP_TOKENS), Letters(wide=2)])
def test_tokens_that_agree_nowhere_have_the_whole_text_tokenized(encode: Letters) -> None:
    texts, text = PromptCache(), "a" * LONG_CHARACTERS
    texts.tokens(text, Letters())

    texts.tokens(f"{text}b", encode)

    assert encode.characters == [OVERLAP_TOKENS + 1, len(text) + 1]


def test_documents_that_take_turns_are_all_remembered(qwens: Tokenizer) -> None:
    texts, encode = PromptCache(), Encoding(qwens)
    documents = [f"Document {number}. {DOCUMENT}" for number in range(MAX_TEXTS)]
    for turn in range(3):
        for document in documents:
            texts.tokens(f"{document} Turn {turn}.", encode)

    assert sum(length > LONG_CHARACTERS for length in encode.characters) == MAX_TEXTS


def test_one_document_too_many_puts_the_oldest_out(qwens: Tokenizer) -> None:
    texts, encode = PromptCache(), Encoding(qwens)
    documents = [f"Document {number}. {DOCUMENT}" for number in range(MAX_TEXTS + 1)]
    for document in (*documents, documents[-1], documents[0]):
        texts.tokens(document, encode)

    *_, newest, oldest = encode.characters
    assert newest < 600
    assert oldest == len(documents[0])


def test_a_long_conversation_stays_remembered_beside_a_new_one_about_the_same_document(qwens: Tokenizer) -> None:
    texts, encode = PromptCache(), Encoding(qwens)
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
    max_input_tokens: int | None = None


class Renderer:
    """Tokenizes as vLLM's renderer does: offsets where they are asked for, if it can; of too long a text the end."""

    def __init__(self, tokenizer: Tokenizer, *, offsets: bool = True) -> None:
        self.encode = Encoding(tokenizer)
        self.offsets = offsets

    def tokenize(self, prompt: Any, params: Parameters) -> Any:
        first = -params.max_input_tokens - 1 if params.max_input_tokens else 0
        ids, offsets = (part[first:] for part in self.encode(prompt["prompt"]))
        found = {"prompt_token_offsets": offsets} if params.return_token_offsets and self.offsets else {}
        return {**prompt, "prompt_token_ids": ids, **found}


def test_a_prompt_comes_back_with_its_whole_text_and_all_that_was_in_it(qwens: Tokenizer) -> None:
    renderer, tokenize = Renderer(qwens), with_prompt_cache(Renderer.tokenize)

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
    renderer, tokenize = Renderer(qwens), with_prompt_cache(Renderer.tokenize)

    for _ in range(2):
        assert tokenize(renderer, {"prompt": text}, params) == Renderer.tokenize(renderer, {"prompt": text}, params)

    assert set(renderer.encode.characters) == {len(text)}


@pytest.mark.parametrize("kept", [0.5, 0.95, 0.99, 1])
def test_after_a_text_that_was_too_long_a_shorter_one_is_whole(qwens: Tokenizer, kept: float) -> None:
    most = int(0.96 * len(qwens.encode(DOCUMENT).ids))
    renderer, tokenize = Renderer(qwens), with_prompt_cache(Renderer.tokenize)
    assert len(tokenize(renderer, {"prompt": DOCUMENT}, Parameters(max_input_tokens=most))["prompt_token_ids"]) > most

    shorter = DOCUMENT[: int(kept * len(DOCUMENT))]
    for limit in (most, None):
        params = Parameters(max_input_tokens=limit)
        assert tokenize(renderer, {"prompt": shorter}, params) == Renderer(qwens).tokenize({"prompt": shorter}, params)


def test_a_text_that_grows_too_long_has_too_many_tokens(qwens: Tokenizer) -> None:
    params = Parameters(max_input_tokens=len(qwens.encode(DOCUMENT).ids))
    renderer, tokenize = Renderer(qwens), with_prompt_cache(Renderer.tokenize)

    for text in (DOCUMENT, f"{DOCUMENT} And on.", DOCUMENT + " And on." * 9_000):
        tokens = tokenize(renderer, {"prompt": text}, params)["prompt_token_ids"]

        assert (len(tokens) > len(qwens.encode(DOCUMENT).ids)) == (text != DOCUMENT)


def test_a_tokenizer_that_cannot_say_where_its_tokens_are_tokenizes_all_of_each_text(qwens: Tokenizer) -> None:
    renderer, tokenize = Renderer(qwens, offsets=False), with_prompt_cache(Renderer.tokenize)

    for _ in range(2):
        assert tokenize(renderer, {"prompt": DOCUMENT}, Parameters())["prompt_token_ids"] == qwens.encode(DOCUMENT).ids

    assert renderer.encode.characters == [len(DOCUMENT)] * 2


def test_texts_with_and_without_a_beginning_token_are_kept_apart(tmp_path: Path) -> None:
    tokenizer = made_tokenizer("llama", tmp_path)
    renderer, tokenize = Renderer(tokenizer), with_prompt_cache(Renderer.tokenize)

    for special in (False, True):
        tokenize(renderer, {"prompt": DOCUMENT}, Parameters(add_special_tokens=special))

    assert renderer.encode.characters == [len(DOCUMENT)] * 2


def test_renderers_do_not_share_what_they_remember(qwens: Tokenizer) -> None:
    renderers, tokenize = [Renderer(qwens), Renderer(qwens)], with_prompt_cache(Renderer.tokenize)

    for renderer in renderers:
        tokenize(renderer, {"prompt": DOCUMENT}, Parameters())

    assert [renderer.encode.characters for renderer in renderers] == [[len(DOCUMENT)]] * 2


def test_it_is_installed_once() -> None:
    class Base:
        def _tokenize_prompt(self, prompt: Any, params: Any) -> Any: ...

    before = Base._tokenize_prompt
    cache_prompts(Base, Parameters)
    once = Base._tokenize_prompt
    cache_prompts(Base, Parameters)

    assert Base._tokenize_prompt is once is not before


def test_a_vllm_that_tokenizes_in_another_way_is_left_as_it_is() -> None:
    class Base:
        def _tokenize_prompt(self, prompt: Any, params: Any) -> Any: ...

    class Other:
        def _tokenize_prompt(self, prompts: Any, params: Any, pool: Any) -> Any: ...

    with pytest.raises(AttributeError, match="takes something else"):
        cache_prompts(Other, Parameters)
    with pytest.raises(AttributeError, match="object has no return_token_offsets"):
        cache_prompts(Base, object)

    assert not hasattr(Base._tokenize_prompt, "caches")


@pytest.mark.vllm
def test_vllms_own_renderer_remembers_and_tokenizes_as_before(vllm_command: str, tmp_path: Path) -> None:
    found = checked(vllm_command, "tokenized", tmp_path)

    assert found["as_before"] == [True] * 6
    too_long, shortened, first, *others = found["characters"]
    assert min(too_long, shortened, first) > LONG_CHARACTERS
    assert max(others) < 600
