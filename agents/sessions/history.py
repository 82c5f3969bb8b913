"""Turns of a conversation: what of them fits into some tokens, and what is said in place of the rest."""
# MERGED """The conversation as a prompt shows it: a running summary, then the newest turns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

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


SUMMARY_TOKENS = 1_024
LEAST_TOKENS = 128
"""Below this not even a summary says anything."""
_STEPS = 8


@dataclass(frozen=True)
class History:
    """A summary of the oldest turns, and the turns after them, oldest first."""

    summary: str = ""
    turns: tuple[Turn, ...] = ()
    tokens: tuple[int, ...] = ()
    """Of each turn."""

    @classmethod
    def of(cls, summary: str, turns: Sequence[Turn], count: TokenCounter) -> Self:
        """Return the history of these turns, each counted once."""
        return cls(summary, tuple(turns), tuple(count(f"{_line(turn)}\n") for turn in turns))

    def as_text(self) -> str:
        """Return the history as a prompt shows it."""
        head = [f"Summary of earlier turns: {self.summary}"] if self.summary else []
        return "\n".join([*head, *map(_line, self.turns)])

    def fitted(self, limit: int, count: TokenCounter) -> "History":
        """Return a history of at most `limit` tokens: the oldest turns go first, into the summary by rule.

        They go an eighth of the limit at a time: the text keeps its beginning from one turn to the next, and the
        engine what it has computed of it.
        """
        if count(self.summary) + sum(self.tokens) <= limit:
            return self
        if limit < LEAST_TOKENS:
            return History()
        summary_tokens = min(SUMMARY_TOKENS, limit // _STEPS)
        dropped = self._surplus(limit - summary_tokens, max(1, limit // _STEPS))
        summary = (
            summary_by_rule(self.summary, self.turns[:dropped], summary_tokens, count)
            if dropped
            else shorten(self.summary, summary_tokens, count)
        )
        return History(summary, self.turns[dropped:], self.tokens[dropped:])

    def _surplus(self, limit: int, step: int) -> int:
        """Return how many of the oldest turns must go for the others to fit."""
        excess = sum(self.tokens) - limit
        wanted = -(-excess // step) * step
        newest_fits = bool(self.tokens) and self.tokens[-1] <= limit
        gone = dropped = 0
        while gone < wanted and dropped < len(self.tokens) - newest_fits:
            gone += self.tokens[dropped]
            dropped += 1
        return dropped


def _line(turn: Turn) -> str:
    return f"User: {turn.question}\nAssistant: {turn.answer}"
