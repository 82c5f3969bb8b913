"""Token ids of long texts that begin as an earlier one did.

Each task about a document is a text of its own, and vLLM tokenizes it from its first character on: 0.25 s for 120,000
tokens on a core where finding them in the KV cache takes 0.07 s. The beginning's tokens are known from the last text
that began so; only the end is tokenized, from a little before the texts part.

A text that begins like no other takes a third longer, because it is asked where its tokens stand. Tokenizers that
leave spaces out of that answer, such as GPT-2's, mostly gain nothing.
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
"""Less than this is tokenized in under 10 ms."""
MOST_TEXTS = 8
"""Remembered of one renderer: a text of 130,000 tokens takes some 2 MB."""
OVERLAP_TOKENS = 64
"""Tokenized once more, before the texts part: what follows a word may decide how it is cut."""
AGREEING_TOKENS = 16
"""Of the overlap, in a row, that must come out the same: from there on the two cut alike."""
_METHOD = "_tokenize_prompt"
_FIELDS = ("return_token_offsets", "truncate_prompt_tokens", "add_special_tokens", "max_input_tokens")

Encoded: TypeAlias = tuple[Sequence[int], Sequence[tuple[int, int]]]
"""Tokens, and where in the text each begins and ends, in characters; no places where they are not known."""
Encode: TypeAlias = Callable[[str], Encoded]


def register() -> None:
    """Put it before vLLM's own tokenizing of a prompt; a second time changes nothing.

    Raises:
        AttributeError: This vLLM tokenizes prompts in another way.
    """
    renderers, params = import_module("vllm.renderers.base"), import_module("vllm.renderers.params")
    install(renderers.BaseRenderer, params.TokenizeParams)


def install(renderer: Any, parameters: Any) -> None:
    """Put it before a renderer's own tokenizing.

    Args:
        renderer: The class whose method is replaced.
        parameters: The class of what that method is told.

    Raises:
        AttributeError: They are not as vLLM's were when this was written.
    """
    tokenize = getattr(renderer, _METHOD)
    if hasattr(tokenize, "remembers"):
        return
    if list(signature(tokenize).parameters) != ["self", "prompt", "params"]:
        raise AttributeError(f"{_METHOD} takes something else")
    if unknown := [name for name in _FIELDS if not hasattr(parameters, name)]:
        raise AttributeError(f"{parameters.__name__} has no {', '.join(unknown)}")
    setattr(renderer, _METHOD, remembering(tokenize))


def remembering(tokenize: Callable[..., Any]) -> Callable[..., Any]:
    """Return what tokenizes a prompt as vLLM's renderer does, and knows how its last long ones began.

    Args:
        tokenize: The renderer's method: renderer, prompt with its text, parameters; returns the prompt with its tokens.
    """
    remembered = WeakKeyDictionary[Any, dict[bool, RememberedTexts]]()

    def tokenize_prompt(renderer: Any, prompt: Any, params: Any) -> Any:
        text = prompt["prompt"]
        if len(text) < LONG_CHARACTERS or params.truncate_prompt_tokens is not None or params.return_token_offsets:
            return tokenize(renderer, prompt, params)
        with_offsets, most = replace(params, return_token_offsets=True), params.max_input_tokens

        def encode(part: str) -> Encoded:
            made = tokenize(renderer, {**prompt, "prompt": part}, with_offsets)
            ids = made["prompt_token_ids"]
            # Of a text that is too long vLLM keeps the end alone, and refuses it afterwards.
            cut = most is not None and len(ids) > most
            return ids, () if cut else made.get("prompt_token_offsets") or ()

        # What begins with a token of the tokenizer's own is not the same as what does not.
        texts = remembered.setdefault(renderer, {}).setdefault(params.add_special_tokens, RememberedTexts())
        return {**prompt, "prompt_token_ids": texts.tokens(text, encode)}

    tokenize_prompt.remembers = True  # pyright: ignore[reportFunctionMemberAccess]
    return tokenize_prompt


@dataclass(frozen=True)
class Text:
    """A text with its tokens and the character that each begins in."""

    text: str
    ids: "array[int]"
    starts: "array[int]"

    def continued(self, text: str, shared: int, encode: Encode) -> "Text | None":
        """Return another text that shares so many characters, or None where the tokens do not join on.

        The tokens are those of the whole text tokenized at once, unless a run of characters that a tokenizer cuts as
        one word reaches over the whole overlap; they stand for the same text even then.
        """
        after = bisect_left(self.starts, shared)
        first = max(0, after - OVERLAP_TOKENS)
        begin = self.starts[first]
        tail = Text.of(text, *encode(text[begin:]), begin)
        if tail is None:
            return None
        for join in range(first, after - AGREEING_TOKENS):
            at = bisect_left(tail.starts, self.starts[join])
            if self._begins_a_character(join) and self._agrees(join, tail, at):
                return Text(text, self.ids[:join] + tail.ids[at:], self.starts[:join] + tail.starts[at:])
        return None

    def _begins_a_character(self, token: int) -> bool:
        """Whether no token before it holds a part of its first character: another may, and a normalizer joins marks."""
        start = self.starts[token]
        return not combining(self.text[start]) and (token == 0 or self.starts[token - 1] < start)

    def _agrees(self, token: int, tail: "Text", at: int) -> bool:
        ours, theirs = slice(token, token + AGREEING_TOKENS), slice(at, at + AGREEING_TOKENS)
        return self.ids[ours] == tail.ids[theirs] and self.starts[ours] == tail.starts[theirs]

    @classmethod
    def of(cls, text: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]], begin: int = 0) -> "Text | None":
        """Return a text as it is remembered, or None where its tokens do not follow one another in it.

        Args:
            text: The whole of it.
            ids: Its tokens, from the character `begin` on.
            offsets: Where each begins and ends, in characters behind `begin`.
            begin: In characters.
        """
        starts = [begin + start for start, _ in offsets]
        if not starts or len(starts) != len(ids) or starts != sorted(starts):
            return None
        return cls(text, array("I", ids), array("I", starts))


class RememberedTexts:
    """The last long texts, newest first. Threads may share it: at worst one forgets what another has added."""

    def __init__(self) -> None:
        self._texts: tuple[Text, ...] = ()

    def tokens(self, text: str, encode: Encode) -> list[int]:
        """Return a text's tokens.

        Args:
            text: Long.
            encode: Tokenizes, and says where each token stands.
        """
        known = max(self._texts, key=lambda each: shared_characters(each.text, text), default=None)
        shared = shared_characters(known.text, text) if known else 0
        if known and shared >= LONG_CHARACTERS and (continued := known.continued(text, shared, encode)):
            # What was known goes, unless it holds much that the new text does not.
            self._remember(continued, instead_of=known if len(known.text) - shared < LONG_CHARACTERS else None)
            return continued.ids.tolist()
        ids, offsets = encode(text)
        if new := Text.of(text, ids, offsets):
            self._remember(new)
        return list(ids)

    def _remember(self, new: Text, instead_of: Text | None = None) -> None:
        kept = (each for each in self._texts if each is not instead_of)
        self._texts = (new, *kept)[:MOST_TEXTS]


def shared_characters(one: str, other: str) -> int:
    """Return the length of the longest common beginning, found by halving: comparing slices is a loop in C."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
