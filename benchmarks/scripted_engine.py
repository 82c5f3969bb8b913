"""An engine that follows a script: what is left to measure, or to test, is not the engine's work."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from agents.engine.engine import ChoiceResult, Engine, Outcome, ResultT, Task
from agents.engine.tasks.answering import Answerable, Draft, DraftResult, RewriteAnswer, RewriteAnswerResult
from agents.engine.tasks.decisions import (
    NextStep,
    NextStepResult,
    Plan,
    PlanResult,
    Route,
    RouteResult,
    StandaloneQuestion,
    StandaloneQuestionResult,
)
from agents.engine.tasks.reading import (
    Mentions,
    NotesResult,
    Overview,
    OverviewResult,
    Reduce,
    ReducedPoint,
    ReduceResult,
    UpdateSummary,
    UpdateSummaryResult,
    WindowNotes,
)
from agents.language.tokens import estimate_tokens
from agents.schema import EngineInfo, Frozen, Usage

Reply: TypeAlias = Frozen | Exception | Callable[[Any], Frozen]
"""What a script answers to a task: a result, an error to raise, or a function of the task."""


class ScriptedEngine:
    """Answers by rule, from the task's evidence alone: what is left to measure is not the engine's work.

    Args:
        replies: By task class, the reply that takes the place of the rule's.
        engine: Computes every task first, so that each costs what it costs; only classes in `replies` are scripted.
        seconds: How long a task takes without `engine`, in seconds of the event loop.
        context_tokens: The context it claims to have without `engine`.
    """

    def __init__(
        self,
        replies: Mapping[type[Task[Any]], Reply] | None = None,
        *,
        engine: Engine | None = None,
        seconds: float = 0.0,
        context_tokens: int | None = 131_072,
    ) -> None:
        self.replies: dict[type[Task[Any]], Reply] = dict(replies or {})
        self.seconds = seconds
        self.tasks: list[Task[Any]] = []
        self.running = 0
        self.most_running = 0
        self._engine = engine
        self._context_tokens = context_tokens

    @property
    def info(self) -> EngineInfo:
        """The computing engine's description, or the script's own."""
        if self._engine:
            return self._engine.info
        return EngineInfo(name="scripted", generative=True, model="scripted", context_tokens=self._context_tokens)

    def count_tokens(self, text: str) -> int:
        """Count as the computing engine does; an estimate without one."""
        return self._engine.count_tokens(text) if self._engine else estimate_tokens(text)

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Return what the script says, at the cost of the computing engine."""
        self.tasks.append(task)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            computed = await self._engine.run(task) if self._engine else await asyncio.sleep(self.seconds)
        finally:
            self.running -= 1
        if computed and type(task) not in self.replies:
            return computed
        reply = self.replies.get(type(task), answer_by_rule)
        if isinstance(reply, Exception):
            raise reply
        result = reply if isinstance(reply, Frozen) else reply(task)
        usage = computed.usage if computed else Usage(engine_calls=1, prompt_tokens=10, completion_tokens=5)
        return Outcome(cast("ResultT", result), usage)

    async def close(self) -> None:
        """Do nothing: the computing engine belongs to the caller."""

    def count(self, kind: type[Task[Any]]) -> int:
        """Return how many tasks of a class were run."""
        return sum(isinstance(task, kind) for task in self.tasks)


def answer_by_rule(task: Task[Any]) -> Frozen:
    """Answer a task honestly from its evidence: a quote is the first words of a passage."""
    return RULES[type(task)](task)


def first_words(text: str, words: int = 8) -> str:
    """Return the beginning of a text, its white space collapsed."""
    return " ".join(text.split()[:words])


def _draft(task: Draft) -> DraftResult:
    words = first_words(task.evidence[0].text)
    return DraftResult(quotes=(words,), answer=words)


def _window_notes(task: WindowNotes) -> NotesResult:
    return NotesResult.of(first_words(p.text) for p in task.evidence[:4][: task.most])


def _overview(task: Overview) -> OverviewResult:
    return OverviewResult(overview=" ".join(task.points[:2]))


def _reduce(task: Reduce) -> ReduceResult:
    numbered = list(enumerate(task.points, 1))[:: max(1, len(task.points) // 12)][:24]
    return ReduceResult(
        points=tuple(ReducedPoint(section=p.section, text=p.text, sources=(number,)) for number, p in numbered)
    )


RULES: dict[type[Task[Any]], Callable[[Any], Frozen]] = {
    Route: lambda _: RouteResult(kind="simple", reason="One fact."),
    Plan: lambda task: PlanResult(sub_questions=(f"First: {task.question}", f"Second: {task.question}")),
    StandaloneQuestion: lambda task: StandaloneQuestionResult(question=task.question),
    NextStep: lambda task: (
        NextStepResult(finish=task.may_finish[0]) if task.may_finish else NextStepResult(next=task.allowed[:1])
    ),
    Answerable: lambda _: ChoiceResult(log_odds=5.0),
    Mentions: lambda _: ChoiceResult(log_odds=5.0),
    Draft: _draft,
    RewriteAnswer: lambda task: RewriteAnswerResult(markdown=task.message),
    WindowNotes: _window_notes,
    Overview: _overview,
    Reduce: _reduce,
    UpdateSummary: lambda task: UpdateSummaryResult(summary=" ".join(task.turns)[:500]),
}
STEERED: dict[type[Task[Any]], Reply] = {
    kind: RULES[kind] for kind in (StandaloneQuestion, NextStep, Answerable, Draft)
}
"""Replies that keep a model of random weights on its way: it decides nothing, and its drafts quote the text."""
