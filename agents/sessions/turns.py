"""Turns of a conversation: what of them fits into some tokens, and what is said in place of the rest."""

from collections.abc import Iterable, Sequence

from pydantic import Field

from agents.language.tokens import TokenCounter
from agents.schema import Frozen

_OPENING = 'The conversation began with: "{}"'
_LEFT_OUT = "(Turns between are left out here.)"


class Turn(Frozen):
    """A question and its answer."""

    question: str
    answer: str
    archived: bool = Field(default=False, description="Whether it now stands behind the running summary.")
    shortened: bool = Field(default=False, description="Whether its middle was left out to fit; a mark says so.")


def summary_by_rule(summary: str, turns: Sequence[Turn], token_limit: int, count: TokenCounter) -> str:
    """Fold turns into a running summary without a model: how the conversation began, then a line for each turn.

    What does not fit is left out of the middle, and a line says so.
    """
    width = min(240, token_limit // 4)
    lines = [line for line in (summary or opening(turns[0], token_limit)).splitlines() if line != _LEFT_OUT]
    lines += (f"- Asked: {_head(turn.question, width)} Answered: {_head(turn.answer, width)}" for turn in turns)
    first, rest = lines[:2], lines[2:]
    whole = len(rest)
    while rest and count("\n".join([*first, _LEFT_OUT, *rest])) > token_limit:
        rest.pop(0)
    middle = [_LEFT_OUT] if len(rest) < whole or _LEFT_OUT in summary else []
    return shorten("\n".join([*first, *middle, *rest]), token_limit, count)


def shorten(text: str, token_limit: int, count: TokenCounter) -> str:
    """Return a text of at most `token_limit` tokens: whole, or without its middle and with a mark there.

    Empty if not even the mark fits.
    """
    total = count(text)
    if total <= token_limit:
        return text
    mark = f"\n[... about {total - token_limit:,} of {total:,} tokens left out ...]\n"
    kept = token_limit
    while kept > 0:
        half = len(text) * kept // total // 2
        shortened = f"{text[:half]}{mark}{text[len(text) - half :]}"
        if count(shortened) <= token_limit:
            return shortened
        kept -= max(1, token_limit // 10)
    return ""


def newest(turns: Sequence[Turn], token_limit: int, count: TokenCounter) -> tuple[Turn, ...]:
    """Return the newest turns that fit together, oldest first."""
    held = fitting(turns[::-1], token_limit, count)
    return tuple(turn for turn in reversed(held) if turn.question or turn.answer or not turn.shortened)


def fitting(turns: Iterable[Turn], token_limit: int, count: TokenCounter) -> list[Turn]:
    """Return the first turns that fit together; the very first is shortened if it does not fit alone."""
    kept: list[Turn] = []
    left = token_limit
    for turn in turns:
        left -= tokens_of(turn, count)
        if left < 0:
            return kept or [_shortened(turn, token_limit, count)]
        kept.append(turn)
    return kept


def _shortened(turn: Turn, token_limit: int, count: TokenCounter) -> Turn:
    """Fit a turn into the limit; of a long question and a long answer each gets half."""
    question = shorten(turn.question, max(token_limit // 2, token_limit - count(turn.answer)), count)
    answer = shorten(turn.answer, token_limit - count(question), count)
    return turn.model_copy(update={"question": question, "answer": answer, "shortened": True})


def tokens_of(turn: Turn, count: TokenCounter) -> int:
    """Return the tokens of a turn's question and answer together."""
    return count(turn.question) + count(turn.answer)


def opening(turn: Turn, token_limit: int) -> str:
    """Return a running summary's first line: how the conversation began."""
    return _OPENING.format(_head(turn.question, min(400, token_limit // 2)))


def _head(text: str, characters: int) -> str:
    words = " ".join(text[: 2 * characters].split())
    return words if len(words) <= characters else f"{words[: characters - 2]} …"
