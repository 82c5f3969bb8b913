"""Route, Plan, NextStep, StandaloneQuestion: what work a question is, its parts, who is next, and what it leans on.

A question that asks for an overview reads the whole document. One that consists of several is looked up part by part:
of 186 real questions six were several, and four of these were answered better so. A follow-up that leans on the
question before it is asked together with that one.
"""

import itertools
import re

from agents.engine.tasks import decisions as tasks
from agents.language import section_references
from agents.language.lexicon import ENGLISH, detect_language, words_of
from agents.language.stems import Vocabulary
from agents.language.unspaced import UNSPACED
from agents.schema import RouteKind

_MAX_CHARS, _MAX_PART_CHARS, _MAX_PARTS = 2_000, 240, 3


def route(task: tasks.Route) -> tasks.RouteResult:
    """Decide from its words how much work a question is."""
    question = " ".join(task.question[:_MAX_CHARS].split())
    language = detect_language(question)
    kind: RouteKind = "simple"
    reason = "It asks for one thing."
    if whole := _WHOLE_DOCUMENT.search(question):
        kind, reason = "whole_document", f'"{whole.group()[:60]}" needs all of it.'
    elif asks_what_stands(question):
        kind, reason = "whole_document", "It asks what stands there, all of it."
    elif (parts := len(split_question(question))) > 1:
        kind, reason = "complex", f"It asks for {parts} things."
    return tasks.RouteResult(kind=kind, language=language, reason=reason)


def asks_what_stands(question: str) -> bool:
    """Whether a question says nothing but that the pages or sections that it names are to be reported."""
    rest = section_references.strip_references(question)
    named = section_references.find_references(question)
    return bool(named) and not Vocabulary.of(rest).terms(_REPORTING.sub(" ", rest))


def plan(task: tasks.Plan) -> tasks.PlanResult:
    """Cut a question into up to three that stand alone."""
    return tasks.PlanResult(sub_questions=split_question(task.question))


def next_step(task: tasks.NextStep) -> tasks.NextStepResult:
    """Hand over to the usual agent, to retrieval as often as allowed at once; finish where nobody is left."""
    if task.allowed:
        usual = task.allowed[0]
        times = min(3, max(1, task.parallel)) if usual == "retrieval" else 1
        return tasks.NextStepResult(next=(usual,) * times)
    return tasks.NextStepResult(finish=task.may_finish[0] if task.may_finish else None)


_WHOLE_DOCUMENT, _REPORTING = words_of("whole_document"), words_of("reporting")
_BETWEEN_QUESTIONS = re.compile(
    rf"(?<=\?)\s+(?=\S)|(?<=[?\uff1f])\s*(?=[{UNSPACED}])"
    rf"|[,;]?\s+(?:{'|'.join(ENGLISH['between_places'])})\s+(?=(?:\w{{2,5}}\s)?(?:{'|'.join(ENGLISH['question_words'])})\b)"
)


def split_question(question: str) -> tuple[str, ...]:
    """Return the one to three questions that a question consists of."""
    question = " ".join(question[:_MAX_CHARS].split())
    parts: list[str] = []
    for part in filter(None, (each.strip(" ?,;") for each in _BETWEEN_QUESTIONS.split(question))):
        # "Which is longer, and by how much" is one question.
        bare = not Vocabulary.of(part).terms(part) or (parts and not Vocabulary.of(parts[-1]).terms(parts[-1]))
        if parts and (bare or len(parts) == _MAX_PARTS):
            parts[-1] = f"{parts[-1]} and {part}"
        else:
            parts.append(part)
    alone = [parts[0], *(with_context(part, parts[0]) for part in parts[1:])] if parts else [question]
    return tuple(map(_as_question, alone))


def _as_question(text: str) -> str:
    """Return a text as a question of at most 240 characters: a capital first, a question mark last, cut at a word."""
    text = " ".join(text.strip(" ?\uff1f,;.").split())
    if len(text) > _MAX_PART_CHARS - 1:
        text = text[: _MAX_PART_CHARS - 1].rsplit(" ", 1)[0]
    return f"{text[:1].upper()}{text[1:]}?"


_MAX_HISTORY_CHARS, _MAX_QUESTION_CHARS, _MAX_TURNS = 24_000, 500, 4
_LEAST_WORDS = 2
"""Content words of a question that is understood by itself, as long as none points back: of 165 real questions that
were asked alone eight have two, none has fewer."""


def standalone_question(task: tasks.StandaloneQuestion) -> tasks.StandaloneQuestionResult:
    """Make a question self-contained from the history; one that makes sense alone stays as it is."""
    asked = ""
    for earlier in read_questions(task.history[-_MAX_HISTORY_CHARS:]):
        asked = with_context(earlier, asked)
    return tasks.StandaloneQuestionResult(question=with_context(task.question, asked))


_TURN = re.compile(r"^(User|Assistant):[ \t]*", re.MULTILINE)


def read_questions(history: str) -> list[str]:
    """Return the last four questions of a history, oldest first."""
    marks = list(_TURN.finditer(history))
    return [
        " ".join(history[mark.end() : following.start() if following else None].split())[:_MAX_QUESTION_CHARS]
        for mark, following in itertools.zip_longest(marks, marks[1:])
        if mark.group(1) == "User"
    ][-_MAX_TURNS:]


def with_context(question: str, asked: str) -> str:
    """Return a question with the one before it in brackets, if it leans on that one."""
    if not asked or len(question) > _MAX_QUESTION_CHARS or not _leans(question):
        return question
    return f"{question.strip().rstrip('?. ')} ({asked.rstrip('?. ')})?"[:_MAX_QUESTION_CHARS]


def _leans(question: str) -> bool:
    vocabulary = Vocabulary.of(question)
    goes_on, points_back = (words_of(field, vocabulary.language.name) for field in ("connectives", "pronouns"))
    few = len(set(vocabulary.terms(question))) < _LEAST_WORDS
    return few or bool(goes_on.match(question.lstrip(" ¿")) or points_back.search(question))
