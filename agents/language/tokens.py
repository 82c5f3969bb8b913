"""Counting tokens where no tokenizer is at hand."""

import re
from collections.abc import Callable

TokenCounter = Callable[[str], int]
"""Counts the tokens of a text."""


class Estimate(int):
    """Tokens that a rule has counted because the engine could not be asked; not to be kept as the engine's count."""


_PIECE = re.compile(r"\w{1,6}|[^\w\s]")


def estimate_tokens(text: str) -> int:
    """Count tokens by a fixed rule: every mark is one, every word one for each 6 letters begun.

    The rule needs no vocabulary, adds up over pieces cut at white space, and stays within
    about 15 % of a byte-pair vocabulary on English prose.
    """
    return len(_PIECE.findall(text))
