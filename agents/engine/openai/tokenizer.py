"""Counting tokens as the model does."""

from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import httpx

from agents.engine.model_config import local_folder
from agents.language.tokens import Estimate, TokenCounter, estimate_tokens

_REMEMBERED_TEXTS = 8_192
"""A document of 128K tokens has some 450 passages; each is counted once."""
_LONGEST_REMEMBERED = 16_384


def local_counter(model: str) -> TokenCounter | None:
    """Return a counter over the checkpoint's own tokenizer.json; None where it is not on this machine."""
    folder = local_folder(model)
    path = folder / "tokenizer.json" if folder else None
    return _remembered(_load(path)) if path and path.is_file() else None


def _load(path: Path) -> TokenCounter:
    from tokenizers import Tokenizer

    tokenizer = cast("Any", Tokenizer).from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def server_counter(count: TokenCounter) -> TokenCounter:
    """Return a counter that asks the server, and gives an `Estimate` while the server does not answer."""
    remembered = _remembered(count)

    def counted(text: str) -> int:
        try:
            return remembered(text)
        except (httpx.HTTPError, KeyError, ValueError):
            return Estimate(estimate_tokens(text))

    return counted


def _remembered(count: TokenCounter) -> TokenCounter:
    cached = lru_cache(maxsize=_REMEMBERED_TEXTS)(count)
    return lambda text: cached(text) if len(text) <= _LONGEST_REMEMBERED else count(text)
