"""Fakes: real implementations of the seams, made for tests."""

import asyncio
import random
from collections.abc import Callable
from typing import Any, TypeVar, cast

from agents.engine.engine import Outcome, Task
from agents.engine.tasks.answering import (
    Draft,
    DraftClaim,
    DraftResult,
    Revise,
    ReviseResult,
    RewriteAnswer,
    RewriteAnswerResult,
    Verdict,
    VerdictResult,
)
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
    Note,
    NotesResult,
    Reduce,
    ReducedPoint,
    ReduceResult,
    UpdateSummary,
    UpdateSummaryResult,
    WindowNotes,
)
from agents.language.tokens import estimate_tokens
from agents.schema import EngineInfo, Frozen, Usage

ResultT = TypeVar("ResultT", bound=Frozen)
Reply = Frozen | Exception | Callable[[Task[Any]], Frozen]


class FakeEngine:
    """An engine that answers every task at once, honestly and from its evidence alone.

    Args:
        replies: By task class, what to answer instead: a result, an error to raise, or a function of the task.
        seconds: How long every task takes, in seconds of the event loop.
        context_tokens: The context it claims to have.
    """

    def __init__(
        self,
        replies: dict[type[Task[Any]], Reply] | None = None,
        *,
        seconds: float = 0.0,
        context_tokens: int | None = 131_072,
    ) -> None:
        self.replies = replies or {}
        self.seconds = seconds
        self.tasks: list[Task[Any]] = []
        self.running = 0
        self.most_running = 0
        self._context_tokens = context_tokens

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(name="fake", generative=True, model="fake-model", context_tokens=self._context_tokens)

    def count_tokens(self, text: str) -> int:
        return estimate_tokens(text)

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        self.tasks.append(task)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.running -= 1
        reply = self.replies.get(type(task), honest)
        if isinstance(reply, Exception):
            raise reply
        result = reply if isinstance(reply, Frozen) else reply(task)
        return Outcome(cast("ResultT", result), Usage(engine_calls=1, prompt_tokens=10, completion_tokens=5))

    async def close(self) -> None:
        pass

    def count(self, kind: type[Task[Any]]) -> int:
        """How many tasks of a class were set."""
        return sum(isinstance(task, kind) for task in self.tasks)


def honest(task: Task[Any]) -> Frozen:
    """Answer a task plainly: quotes are the first words of each passage."""
    return _HONEST[type(task)](task)


def first_words(text: str, words: int = 8) -> str:
    return " ".join(text.split()[:words])


def _draft(task: Draft) -> DraftResult:
    claims = [DraftClaim(text=first_words(p.text), quotes=(first_words(p.text),)) for p in task.evidence[:2]]
    return DraftResult(claims=tuple(claims), not_found=not claims)


def _notes(task: WindowNotes) -> NotesResult:
    notes = [Note(kind="point", text=first_words(p.text), quote=first_words(p.text)) for p in task.evidence[:4]]
    return NotesResult(topic=task.evidence[0].heading or "Text", notes=tuple(notes))


def _reduce(task: Reduce) -> ReduceResult:
    kept = task.points[:: max(1, len(task.points) // 12)][:24]
    numbers = [task.points.index(point) + 1 for point in kept]
    points = [ReducedPoint(section=p.section, text=p.text, sources=(n,)) for p, n in zip(kept, numbers, strict=True)]
    return ReduceResult(points=tuple(points))


_HONEST: dict[type[Task[Any]], Callable[[Any], Frozen]] = {
    Route: lambda _: RouteResult(kind="simple", reason="One fact."),
    Plan: lambda task: PlanResult(sub_questions=(f"First: {task.question}", f"Second: {task.question}")),
    StandaloneQuestion: lambda task: StandaloneQuestionResult(question=task.question),
    NextStep: lambda task: (
        NextStepResult(next=task.allowed[:1]) if not task.may_finish else NextStepResult(finish=task.may_finish[0])
    ),
    Draft: _draft,
    Verdict: lambda task: VerdictResult(verdicts=("supported",) * len(task.claims)),
    Revise: lambda task: ReviseResult(text=task.claim.quotes[0]),
    RewriteAnswer: lambda task: RewriteAnswerResult(markdown=task.message),
    WindowNotes: _notes,
    Reduce: _reduce,
    UpdateSummary: lambda task: UpdateSummaryResult(summary=" ".join(task.turns)[:500]),
}


class RandomEngine(FakeEngine):
    """An engine that decides at random, and now and then fails, stalls, lies or says nothing."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        if self._random.random() < 0.15:
            raise RuntimeError("The random engine fell over.")
        outcome = await super().run(task)
        return Outcome(cast("ResultT", self._scramble(task, outcome.result)), outcome.usage)

    def _scramble(self, task: Task[Any], result: Frozen) -> Frozen:
        chance = self._random
        if isinstance(task, Route):
            return RouteResult(kind=chance.choice(["simple", "complex", "whole_document"]), reason="At random.")
        if isinstance(task, Plan):
            parts = tuple(f"Part {number} of it?" for number in range(chance.randint(1, 3)))
            return PlanResult(sub_questions=parts, order=chance.choice(["parallel", "sequential"]))
        if isinstance(task, NextStep):
            names = ["router", "planner", "retrieval", "synthesis", "validation", "nobody"]
            return NextStepResult(
                next=tuple(chance.choices(names, k=chance.randint(0, 3))), finish=chance.choice([None, *names])
            )
        if isinstance(task, Verdict):
            verdicts = chance.choices(["supported", "partly", "not"], k=chance.randint(0, 5))
            return VerdictResult(verdicts=cast("Any", tuple(verdicts)))
        if isinstance(task, Draft) and chance.random() < 0.5:
            invented = DraftClaim(text="The moon is made of 42 cheeses.", quotes=("the moon is made of cheese",))
            return DraftResult(claims=(invented,), not_found=chance.random() < 0.3)
        return result
