"""Streams of decoded text that know the end of the prompt, and not all of it.

With its first token vLLM decodes the whole prompt, twice, to see how that token joins on: 80 ms for 130,000 tokens,
in each request and also where the prompt was in the cache. The last tokens say the same.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

PRIMED_TOKENS = 32
"""Of the prompt's end. A character is at most four bytes and so four tokens; vLLM's own slow path takes five."""


def register() -> None:
    """Put it in place of the stream that vLLM looks up in tokenizers; a second time changes nothing."""
    decoders: Any = import_module("tokenizers.decoders")
    if not hasattr(decoders.DecodeStream, "primed_tokens"):
        decoders.DecodeStream = primed_by_the_end(decoders.DecodeStream)


def primed_by_the_end(stream: Callable[..., Any]) -> Callable[..., Any]:
    """Return what makes a stream from the last tokens of a prompt.

    Args:
        stream: tokenizers' `DecodeStream`.
    """

    def make(ids: Sequence[int] | None = None, skip_special_tokens: bool = False) -> Any:
        return stream(ids=ids and ids[-PRIMED_TOKENS:], skip_special_tokens=skip_special_tokens)

    make.primed_tokens = PRIMED_TOKENS  # pyright: ignore[reportFunctionMemberAccess]
    return make
