"""StandaloneQuestion and UpdateSummary: what the engine does with a conversation.

A follow-up that leans on the question before it is asked together with it. A summary keeps the question of each turn
and the beginning of its answer, with the sentences that hold figures.
"""

import itertools
import re

from agents.engine.extractive.statements import shortened
from agents.engine.tasks.decisions import StandaloneQuestion, StandaloneQuestionResult
from agents.engine.tasks.reading import UpdateSummary, UpdateSummaryResult
from agents.language.lexicon import phrase
from agents.language.sentences import split_sentences
from agents.language.stems import Vocabulary

_MAX_HISTORY_CHARS, _MAX_QUESTION_CHARS, _MAX_TURNS = 24_000, 500, 4
_LEAST_WORDS = 2
"""Content words of a question that is understood by itself, as long as none points back: of 165 real questions that
were asked alone eight have two, none has fewer."""


def standalone_question(task: StandaloneQuestion) -> StandaloneQuestionResult:
    """Make a question self-contained from the history; one that makes sense alone stays as it is."""
    asked = ""
    for earlier in read_questions(task.history[-_MAX_HISTORY_CHARS:]):
        asked = with_context(earlier, asked)
    return StandaloneQuestionResult(question=with_context(task.question, asked))


_TURN = re.compile(r"^(User|Assistant):[ \t]*", re.MULTILINE)


def read_questions(history: str) -> list[str]:
    """Return the last four questions of a history, oldest first."""
    marks = list(_TURN.finditer(history))
    return [
        " ".join(history[mark.end() : following.start() if following else None].split())[:_MAX_QUESTION_CHARS]
        for mark, following in itertools.zip_longest(marks, marks[1:])
        if mark.group(1) == "User"
    ][-_MAX_TURNS:]


_GOES_ON = re.compile(
    r"\W*(?:and|but|or|so|also|then|what about|how about|und|aber|et|mais|y|pero|ma|en|maar|mas)\b", re.IGNORECASE
)
_POINTS_BACK = phrase(
    """
    it|its|he|him|his|she|her|they|them|their|this|that|these|those|there|then|one|ones|others?|former|latter|same
    er|sie|ihn|ihm|dessen|deren|dort|davon|damit|dafür|il|elle|ils|elles|lui|leur|cela|eso|esto|ellos|ellas|questo
    quello|hij|zij|hun|daar|ele|ela|eles|elas|isso|isto
    """
)


def with_context(question: str, asked: str) -> str:
    """Return a question with the one before it in brackets, if it leans on that one."""
    if not asked or len(question) > _MAX_QUESTION_CHARS or not _leans(question):
        return question
    return f"{question.strip().rstrip('?. ')} ({asked.rstrip('?. ')})?"[:_MAX_QUESTION_CHARS]


def _leans(question: str) -> bool:
    few = len(set(Vocabulary.of(question).terms(question))) < _LEAST_WORDS
    return few or bool(_GOES_ON.match(question) or _POINTS_BACK.search(question))


_MAX_SUMMARY_CHARS, _MAX_BEGINNING_CHARS = 2_400, 700
_ASKED = "Asked: "


def update_summary(task: UpdateSummary) -> UpdateSummaryResult:
    """Fold turns into the summary: each question with the most informative sentences of its answer.

    The beginning of the conversation and its newest turns stay; turns between them are dropped when it grows too long.
    """
    entries = [f"{_ASKED}{entry.strip()}" for entry in task.summary.split(_ASKED) if entry.strip()]
    entries.extend(f"{_ASKED}{_summary_of_turn(turn)}" for turn in task.turns if turn.strip())
    first = _fitting(entries, _MAX_BEGINNING_CHARS)
    newest = _fitting(entries[: len(first) - 1 if first else None : -1], _MAX_SUMMARY_CHARS - len(" ".join(first)) - 1)
    return UpdateSummaryResult(summary=" ".join([*first, *reversed(newest)])[:_MAX_SUMMARY_CHARS])


def _fitting(texts: list[str], length: int) -> list[str]:
    """Return as many of the first texts as fit into a length, with a space between them."""
    ends = itertools.accumulate(len(text) + 1 for text in texts)
    return [text for text, end in zip(texts, ends, strict=True) if end - 1 <= length]


_QUESTION_AND_ANSWER = re.compile(r"\s*User:\s*(?P<question>.*?)\s*\n\s*Assistant:\s*(?P<answer>.*)", re.DOTALL)
_MARKUP = re.compile(r"\[\d+\]|\*\*|__|`|^\s*(?:>+|#{1,6}|[-*+•])\s?|^_[^_\n]+_\s*$", re.MULTILINE)
_MAX_ASKED_CHARS, _MAX_ANSWERED_CHARS = 160, 260
_MAX_TURN_CHARS = 6_000


def _summary_of_turn(turn: str) -> str:
    """Return a turn as one line: the question, the answer's first sentence and those with figures."""
    found = _QUESTION_AND_ANSWER.match(turn)
    question, answer = (found["question"], found["answer"]) if found else (turn, "")
    answer = _MARKUP.sub(" ", answer.partition("**Sources**")[0][:_MAX_TURN_CHARS]).replace("\n", " ")
    sentences = [" ".join(answer[start:end].split()) for start, end in split_sentences(answer)]
    telling = _fitting(
        [*sentences[:1], *(each for each in sentences[1:] if re.search(r"\d", each))], _MAX_ANSWERED_CHARS
    )
    told = shortened(" ".join(telling or sentences[:1]), _MAX_ANSWERED_CHARS)
    asked = shortened(" ".join(question.split()), _MAX_ASKED_CHARS)
    return f"{asked} Answered: {told}" if told else asked
