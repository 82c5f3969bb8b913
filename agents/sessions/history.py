"""The conversation as a prompt shows it: a running summary, then the newest turns, within a token limit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import Field

from agents.language.tokens import TokenCounter
from agents.schema import Frozen

SUMMARY_TOKENS = 1_024
MIN_TOKENS = 128
"""Below this not even a summary says anything."""
_STEPS = 8
_OPENING = 'The conversation began with: "{}"'
_LEFT_OUT = "(Turns between are left out here.)"


class Turn(Frozen):
    """A question and its answer."""

    question: str
    answer: str
    archived: bool = Field(default=False, description="Whether it now stands behind the running summary.")
    shortened: bool = Field(default=False, description="Whether its middle was left out to fit; a mark says so.")

    def tokens(self, count: TokenCounter) -> int:
        """Return the tokens of the question and the answer together."""
        return count(self.question) + count(self.answer)

    def truncated(self, token_limit: int, count: TokenCounter) -> "Turn":
        """Return the turn cut to the limit; of a long question and a long answer each gets half."""
        question = truncate_middle(self.question, max(token_limit // 2, token_limit - count(self.answer)), count)
        answer = truncate_middle(self.answer, token_limit - count(question), count)
        return self.model_copy(update={"question": question, "answer": answer, "shortened": True})

    def as_text(self) -> str:
        """Return the turn as a prompt shows it."""
        return f"User: {self.question}\nAssistant: {self.answer}"


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
        return cls(summary, tuple(turns), tuple(count(f"{turn.as_text()}\n") for turn in turns))

    def as_text(self) -> str:
        """Return the history as a prompt shows it."""
        head = [f"Summary of earlier turns: {self.summary}"] if self.summary else []
        return "\n".join([*head, *(turn.as_text() for turn in self.turns)])

    def fitted(self, limit: int, count: TokenCounter) -> "History":
        """Return a history of at most `limit` tokens: the oldest turns move into a rule-based summary.

        They move an eighth of the limit at a time, so that the text keeps its beginning from one turn to the next and
        the engine's prefix cache still holds it.
        """
        if count(self.summary) + sum(self.tokens) <= limit:
            return self
        if limit < MIN_TOKENS:
            return History()
        summary_tokens = min(SUMMARY_TOKENS, limit // _STEPS)
        dropped = self._surplus(limit - summary_tokens, max(1, limit // _STEPS))
        summary = (
            summary_by_rule(self.summary, self.turns[:dropped], summary_tokens, count)
            if dropped
            else truncate_middle(self.summary, summary_tokens, count)
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


def newest_turns(turns: Sequence[Turn], token_limit: int, count: TokenCounter) -> tuple[Turn, ...]:
    """Return the newest turns that fit together, oldest first."""
    fitting = first_turns(turns[::-1], token_limit, count)
    return tuple(turn for turn in reversed(fitting) if turn.question or turn.answer or not turn.shortened)


def first_turns(turns: Iterable[Turn], token_limit: int, count: TokenCounter) -> list[Turn]:
    """Return the first turns that fit together; the very first is truncated if it does not fit alone."""
    fitting: list[Turn] = []
    left = token_limit
    for turn in turns:
        left -= turn.tokens(count)
        if left < 0:
            return fitting or [turn.truncated(token_limit, count)]
        fitting.append(turn)
    return fitting


def summary_by_rule(summary: str, turns: Sequence[Turn], token_limit: int, count: TokenCounter) -> str:
    """Extend a running summary without a model: how the conversation began, then a line for each turn.

    What does not fit is left out of the middle, and a line says so.
    """
    width = min(240, token_limit // 4)
    lines = [line for line in (summary or opening_line(turns[0], token_limit)).splitlines() if line != _LEFT_OUT]
    lines += (f"- Asked: {_excerpt(turn.question, width)} Answered: {_excerpt(turn.answer, width)}" for turn in turns)
    first, rest = lines[:2], lines[2:]
    total = len(rest)
    while rest and count("\n".join([*first, _LEFT_OUT, *rest])) > token_limit:
        rest.pop(0)
    middle = [_LEFT_OUT] if len(rest) < total or _LEFT_OUT in summary else []
    return truncate_middle("\n".join([*first, *middle, *rest]), token_limit, count)


def opening_line(turn: Turn, token_limit: int) -> str:
    """Return a running summary's first line: how the conversation began."""
    return _OPENING.format(_excerpt(turn.question, min(400, token_limit // 2)))


def truncate_middle(text: str, token_limit: int, count: TokenCounter) -> str:
    """Return a text of at most `token_limit` tokens: whole, or with a mark in place of its middle.

    Empty if not even the mark fits.
    """
    total = count(text)
    if total <= token_limit:
        return text
    mark = f"\n[... about {total - token_limit:,} of {total:,} tokens left out ...]\n"
    remaining = token_limit
    while remaining > 0:
        half = len(text) * remaining // total // 2
        truncated = f"{text[:half]}{mark}{text[len(text) - half :]}"
        if count(truncated) <= token_limit:
            return truncated
        remaining -= max(1, token_limit // 10)
    return ""


def _excerpt(text: str, characters: int) -> str:
    """Return the beginning of a text on one line."""
    words = " ".join(text[: 2 * characters].split())
    return words if len(words) <= characters else f"{words[: characters - 2]} …"
