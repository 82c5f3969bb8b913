"""Fakes: real implementations of the seams, made for tests."""

import asyncio
import random
from typing import Any, TypeVar, cast

from agents.engine.engine import ChoiceResult, Outcome, Task
from agents.engine.tasks.answering import Answerable, Draft, DraftResult
from agents.engine.tasks.decisions import NextStep, NextStepResult, Plan, PlanResult, Route, RouteResult
from agents.schema import EngineInfo, Frozen
from benchmarks.scripted_engine import ScriptedEngine, answer_by_rule

ResultT = TypeVar("ResultT", bound=Frozen)


class FakeEngine(ScriptedEngine):
    """An engine that answers every task at once, honestly and from its evidence alone."""

    @property
    def info(self) -> EngineInfo:
        return EngineInfo(name="fake", generative=True, model="fake-model", context_tokens=self._context_tokens)


honest = answer_by_rule


class ShutEngine(FakeEngine):
    """An engine that answers nothing before its `gate` is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.asked = asyncio.Event()

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        self.asked.set()
        await self.gate.wait()
        return await super().run(task)


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
        if isinstance(task, Answerable):
            return ChoiceResult(log_odds=chance.choice([None, -3.0, 3.0]))
        if isinstance(task, Draft) and chance.random() < 0.5:
            return DraftResult(quotes=("the moon is made of cheese",), answer="The moon is made of 42 cheeses.")
        return result
