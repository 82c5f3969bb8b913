"""The conversation as a prompt shows it: a running summary, then the newest turns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from agents.language.tokens import TokenCounter
from agents.sessions.turns import Turn, shorten, summary_by_rule

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
