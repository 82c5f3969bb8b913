"""Tokenizing and detokenizing long prompts without doing all of it again for each request.

Tokenizing: each task about a document is a text of its own, and vLLM tokenizes it from its first character on: 0.25 s
for 120,000 tokens on a core where finding them in the KV cache takes 0.07 s. Most of it is the beginning of an earlier
text, whose tokens are known; only the end is tokenized, from a little before the texts part. A text that begins like
no other takes a third longer, because its token offsets are computed too. Tokenizers that leave spaces out of the
offsets, such as GPT-2's, mostly gain nothing.

Detokenizing: with the first token of an answer vLLM decodes the whole prompt, twice, to see how that token joins on:
80 ms for 130,000 tokens, in each request and also where the prompt was cached. The prompt's last tokens say the same.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from inspect import signature
from typing import Any, TypeAlias
from unicodedata import combining
from weakref import WeakKeyDictionary

LONG_CHARACTERS = 16_384
"""Shorter texts are tokenized in under 10 ms."""
MAX_TEXTS = 8
"""Cached for each renderer: a text of 130,000 tokens takes some 2 MB."""
OVERLAP_TOKENS = 64
"""Tokenized again before the texts part: what follows a word may decide how it is cut."""
AGREEING_TOKENS = 16
"""Of the overlap, in a row, that must come out the same: from there on both texts are cut alike."""
PRIMED_TOKENS = 32
"""Of the prompt's end. A character is at most four bytes and so four tokens; vLLM's own slow path takes five."""
_METHOD = "_tokenize_prompt"
_FIELDS = ("return_token_offsets", "truncate_prompt_tokens", "add_special_tokens", "max_input_tokens")

Encoded: TypeAlias = tuple[Sequence[int], Sequence[tuple[int, int]]]
"""Token ids, and the start and end of each in characters; no offsets where they are not known."""
Encode: TypeAlias = Callable[[str], Encoded]


def register_prompt_cache() -> None:
    """Cache the prompts that vLLM's renderers tokenize; a second call changes nothing.

    Raises:
        AttributeError: This vLLM tokenizes prompts in another way.
    """
    renderers, params = import_module("vllm.renderers.base"), import_module("vllm.renderers.params")
    cache_prompts(renderers.BaseRenderer, params.TokenizeParams)


def register_decode_stream() -> None:
    """Replace the decode stream that vLLM looks up in tokenizers; a second call changes nothing."""
    decoders: Any = import_module("tokenizers.decoders")
    if not hasattr(decoders.DecodeStream, "primed_tokens"):
        decoders.DecodeStream = primed_with_prompt_end(decoders.DecodeStream)


def cache_prompts(renderer: Any, parameters: Any) -> None:
    """Put a prompt cache in front of a renderer's own tokenizing.

    Args:
        renderer: The class whose method is replaced.
        parameters: The class of that method's parameters.

    Raises:
        AttributeError: They are not as vLLM's were when this was written.
    """
    tokenize = getattr(renderer, _METHOD)
    if hasattr(tokenize, "caches"):
        return
    if list(signature(tokenize).parameters) != ["self", "prompt", "params"]:
        raise AttributeError(f"{_METHOD} takes something else")
    if unknown := [name for name in _FIELDS if not hasattr(parameters, name)]:
        raise AttributeError(f"{parameters.__name__} has no {', '.join(unknown)}")
    setattr(renderer, _METHOD, with_prompt_cache(tokenize))


def with_prompt_cache(tokenize: Callable[..., Any]) -> Callable[..., Any]:
    """Return a replacement for `tokenize` that reuses the tokens of the last long prompts.

    Args:
        tokenize: The renderer's method: renderer, prompt with its text, parameters; returns the prompt with its tokens.
    """
    caches = WeakKeyDictionary[Any, dict[bool, PromptCache]]()

    def tokenize_prompt(renderer: Any, prompt: Any, params: Any) -> Any:
        text = prompt["prompt"]
        if len(text) < LONG_CHARACTERS or params.truncate_prompt_tokens is not None or params.return_token_offsets:
            return tokenize(renderer, prompt, params)
        with_offsets, limit = replace(params, return_token_offsets=True), params.max_input_tokens

        def encode(part: str) -> Encoded:
            made = tokenize(renderer, {**prompt, "prompt": part}, with_offsets)
            ids = made["prompt_token_ids"]
            # Of a text that is too long vLLM keeps only the end, and refuses it afterwards.
            truncated = limit is not None and len(ids) > limit
            return ids, () if truncated else made.get("prompt_token_offsets") or ()

        # A text that begins with a special token differs from one that does not.
        cache = caches.setdefault(renderer, {}).setdefault(params.add_special_tokens, PromptCache())
        return {**prompt, "prompt_token_ids": cache.tokens(text, encode)}

    tokenize_prompt.caches = True  # pyright: ignore[reportFunctionMemberAccess]
    return tokenize_prompt


class PromptCache:
    """The last long texts with their tokens, newest first.

    Threads may share it: at worst one drops what another has added.
    """

    def __init__(self) -> None:
        self._texts: tuple[TokenizedText, ...] = ()

    def tokens(self, text: str, encode: Encode) -> list[int]:
        """Return the token ids of a long text.

        Args:
            text: At least LONG_CHARACTERS long.
            encode: Tokenizes a text, with offsets.
        """
        nearest = max(self._texts, key=lambda each: shared_characters(each.text, text), default=None)
        shared = shared_characters(nearest.text, text) if nearest else 0
        if nearest and shared >= LONG_CHARACTERS and (extended := nearest.extended(text, shared, encode)):
            # The older text is replaced, unless it holds much that the new one does not.
            self._add(extended, replacing=nearest if len(nearest.text) - shared < LONG_CHARACTERS else None)
            return extended.ids.tolist()
        ids, offsets = encode(text)
        if new := TokenizedText.of(text, ids, offsets):
            self._add(new)
        return list(ids)

    def _add(self, new: "TokenizedText", replacing: "TokenizedText | None" = None) -> None:
        others = (each for each in self._texts if each is not replacing)
        self._texts = (new, *others)[:MAX_TEXTS]


@dataclass(frozen=True)
class TokenizedText:
    """A text, its token ids, and the character in which each token begins."""

    text: str
    ids: "array[int]"
    starts: "array[int]"

    @classmethod
    def of(
        cls, text: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]], begin: int = 0
    ) -> "TokenizedText | None":
        """Return a text that can be extended, or None where its tokens do not follow one another in it.

        Args:
            text: The whole text.
            ids: Its tokens from the character `begin` on.
            offsets: Start and end of each token, in characters after `begin`.
            begin: In characters.
        """
        starts = [begin + start for start, _ in offsets]
        if not starts or len(starts) != len(ids) or starts != sorted(starts):
            return None
        return cls(text, array("I", ids), array("I", starts))

    def extended(self, text: str, shared: int, encode: Encode) -> "TokenizedText | None":
        """Return another text that shares its first `shared` characters, or None where the tokens do not join.

        The tokens are those of the whole text tokenized at once, unless a run of characters that a tokenizer cuts as
        one word reaches over the whole overlap; they decode to the same text even then.
        """
        after = bisect_left(self.starts, shared)
        first = max(0, after - OVERLAP_TOKENS)
        begin = self.starts[first]
        tail = TokenizedText.of(text, *encode(text[begin:]), begin)
        if tail is None:
            return None
        for join in range(first, after - AGREEING_TOKENS):
            at = bisect_left(tail.starts, self.starts[join])
            if self._begins_a_character(join) and self._agrees(join, tail, at):
                return TokenizedText(text, self.ids[:join] + tail.ids[at:], self.starts[:join] + tail.starts[at:])
        return None

    def _begins_a_character(self, token: int) -> bool:
        """Whether no earlier token holds a part of its first character: tokens may, and normalizers join marks."""
        start = self.starts[token]
        return not combining(self.text[start]) and (token == 0 or self.starts[token - 1] < start)

    def _agrees(self, token: int, tail: "TokenizedText", at: int) -> bool:
        ours, theirs = slice(token, token + AGREEING_TOKENS), slice(at, at + AGREEING_TOKENS)
        return self.ids[ours] == tail.ids[theirs] and self.starts[ours] == tail.starts[theirs]


def shared_characters(one: str, other: str) -> int:
    """Return the length of the longest common prefix, by bisection: comparing slices is a loop in C."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def primed_with_prompt_end(stream: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that makes a decode stream from the last tokens of a prompt only.

    Args:
        stream: tokenizers' `DecodeStream`.
    """

    def make(ids: Sequence[int] | None = None, skip_special_tokens: bool = False) -> Any:
        return stream(ids=ids and ids[-PRIMED_TOKENS:], skip_special_tokens=skip_special_tokens)

    make.primed_tokens = PRIMED_TOKENS  # pyright: ignore[reportFunctionMemberAccess]
    return make
