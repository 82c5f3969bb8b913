"""UpdateSummary: a conversation folded into a short running summary."""

import re
from collections.abc import Sequence

from agents.engine.extractive.facts import find_facts
from agents.engine.extractive.statements import shortened
from agents.engine.tasks.reading import UpdateSummary, UpdateSummaryResult
from agents.language.lexicon import language_of
from agents.language.sentences import split_sentences

_LONGEST = 2_400
_LONGEST_FIRST = 700
_LONGEST_QUESTION, _LONGEST_ANSWER = 160, 260
_LOOKED_AT = 6_000
_ASKED = "Asked: "
_MARKS = re.compile(r"\[\d+\]|\*\*|__|`|^\s*(?:>+|#{1,6}|[-*+•])\s?|^_[^_\n]+_\s*$", re.MULTILINE)
_TURN = re.compile(r"\s*User:\s*(?P<question>.*?)\s*\n\s*Assistant:\s*(?P<answer>.*)", re.DOTALL)


def digest(task: UpdateSummary) -> UpdateSummaryResult:
    """Fold turns into the summary: each question with the telling sentences of its answer.

    The beginning of the conversation and its newest turns stay; what falls out stands between.
    """
    entries = [entry.strip() for entry in task.summary.split(_ASKED) if entry.strip()]
    entries.extend(_entry(turn) for turn in task.turns if turn.strip())
    return UpdateSummaryResult(summary=_fitting(entries))


def _entry(turn: str) -> str:
    """Return a turn as one line: the question, and the sentences of the answer that hold facts."""
    found = _TURN.match(turn)
    question, answer = (found["question"], found["answer"]) if found else (turn, "")
    answer = " ".join(_MARKS.sub(" ", answer.partition("**Sources**")[0][:_LOOKED_AT]).split("\n"))
    asked = shortened(" ".join(question.split()), _LONGEST_QUESTION)
    return f"{asked} Answered: {_essence(answer)}" if answer.strip() else asked


def _essence(answer: str) -> str:
    """Return the first sentence of an answer and those that hold most facts, as far as they fit, in their order."""
    sentences = [" ".join(answer[start:end].split()) for start, end in split_sentences(answer)]
    language = language_of(answer[:_LOOKED_AT])
    telling = sorted(range(1, len(sentences)), key=lambda i: (-len(find_facts(sentences[i], language)), i))
    kept: list[int] = []
    for index in [0, *telling]:
        length = sum(len(sentences[i]) + 1 for i in [*kept, index])
        if index < len(sentences) and (not kept or length <= _LONGEST_ANSWER):
            kept.append(index)
    return shortened(" ".join(sentences[index] for index in sorted(kept)), _LONGEST_ANSWER)


def _fitting(entries: Sequence[str]) -> str:
    """Return the entries that fit: the first ones, then the newest."""
    first: list[str] = []
    for entry in entries:
        if len(_written([*first, entry])) > _LONGEST_FIRST:
            break
        first.append(entry)
    newest: list[str] = []
    for entry in reversed(entries[len(first) :]):
        if len(_written([*first, entry, *newest])) > _LONGEST:
            break
        newest.insert(0, entry)
    return _written([*first, *newest])[:_LONGEST]


def _written(entries: Sequence[str]) -> str:
    return " ".join(_ASKED + entry for entry in entries)
