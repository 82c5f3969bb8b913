"""The policy: which agents may come next, and how one of them is chosen.

An agent that cannot do anything useful now cannot be chosen, whatever the engine says. The rules for the five agents
stand here in the order of a run; an agent of your own brings its rule along, as `ready` in the registry.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.tool import tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.runtime import get_runtime
from typing_extensions import override

from agents.engine.tasks.answering import RewriteAnswer
from agents.engine.tasks.decisions import NextStep
from agents.errors import EngineError
from agents.supervisor.run import Run

MAX_ATTEMPTS = 2
"""Turns that may fail before an agent is no longer chosen; failures that it has a way to recover from do not count."""
MAX_PARALLEL = 3
"""Hand-offs in one decision."""


@dataclass(frozen=True)
class Agent:
    """One of the agents that the supervisor hands over to."""

    name: str
    description: str
    """What the supervisor's model is told about it."""
    turn: Callable[[Run], Awaitable[None]]
    """Reads the run and writes its result to it."""
    ready: Callable[[Run], bool]
    """Whether a turn of this agent makes sense now."""
    recover: Callable[[Run], None] | None = None
    """Lets the run go on without it after a failed turn; none where the run needs its result."""


def needs_route(run: Run) -> bool:
    """Whether the way that the question takes is still to be decided."""
    return run.kind is None


def needs_plan(run: Run) -> bool:
    """Whether a complex question is still to be split into sub-questions."""
    return _before_draft(run) and run.kind == "complex" and not run.parts


def needs_passages(run: Run) -> bool:
    """Whether a part of the question has no passages yet, or a second look at everything may find more."""
    if run.judgement is not None:
        return run.judgement.grounded < 1.0 and _may_look_further(run)
    if not _before_draft(run) or run.kind == "whole_document" or needs_plan(run):
        return False
    return not run.parts or any(not part.done for part in run.parts)


def needs_draft(run: Run) -> bool:
    """Whether everything that the answer is drafted from is there."""
    return _before_draft(run) and not needs_plan(run) and not needs_passages(run)


def needs_validation(run: Run) -> bool:
    """Whether there is a draft that has not been judged."""
    return run.draft is not None and run.judgement is None


def _before_draft(run: Run) -> bool:
    return run.kind is not None and run.draft is None and run.judgement is None


def _may_look_further(run: Run) -> bool:
    """Whether there is anything that the first look has left out."""
    return not (run.missing_pages or run.full_scan or run.everything_read or run.kind == "whole_document")


@dataclass(frozen=True)
class Options:
    """What may happen next: agents to hand over to, the usual one first, or agents whose message is the answer."""

    agents: tuple[Agent, ...] = ()
    finish: tuple[str, ...] = ()
    parallel: int = 1
    """Hand-offs that one decision may hold."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the agents."""
        return tuple(agent.name for agent in self.agents)

    @property
    def forced(self) -> bool:
        """Whether there is at most one option, so that the engine need not be asked."""
        return len(self.agents) + len(self.finish) <= 1

    @property
    def usual(self) -> tuple[str, ...]:
        """The hand-offs to make where the engine makes no valid choice."""
        return self.names * self.parallel if len(self.agents) == 1 else self.names[:1]


def next_options(run: Run, agents: tuple[Agent, ...]) -> Options:
    """Return what may happen next in this run; nothing ends it without an answer."""
    judgement = run.judgement
    finish = () if judgement is None else ("validation",)
    if run.budget.spent:
        return Options(finish=finish)
    ready = tuple(agent for agent in agents if run.failed(agent.name) < MAX_ATTEMPTS and agent.ready(run))
    if judgement is not None and not judgement.claims and needs_passages(run):
        # Nothing stands: everything is read before the answer may be that there is none.
        finish = ()
    waiting = sum(not part.done for part in run.parts)
    several = run.settings.parallel_tool_calls and not run.sequential
    return Options(ready, finish, min(MAX_PARALLEL, max(1, waiting)) if several else 1)


def describe_progress(run: Run) -> str:
    """Return in one line what has been done, for the engine that decides."""
    done = ", ".join(f"{step.agent} {step.outcome}" for step in run.steps[-6:]) or "nothing yet"
    if run.judgement is None:
        return done
    return f"{done}; {len(run.judgement.claims)} of {run.judgement.drafted} claims stand"


class DecisionModel(BaseChatModel):
    """The supervisor's chat model: turns the engine's decision into hand-offs, or into the finishing message.

    The engine is asked only where there is a choice. A decision that is not among the options counts as the usual one.
    """

    agents: tuple[Agent, ...]

    @property
    @override
    def _llm_type(self) -> str:
        return "readroom-decision"

    @override
    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError("The supervisor only runs asynchronously.")

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        run = get_runtime(Run).context
        names, finish = await self._decide(run)
        calls = [tool_call(name=f"transfer_to_{name}", args={}, id=uuid.uuid4().hex) for name in names]
        message = AIMessage("", tool_calls=calls) if calls else await self._finish(run, finish)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _decide(self, run: Run) -> tuple[tuple[str, ...], str | None]:
        """Return the agents to hand over to, or none and the agent whose message is the answer."""
        options = next_options(run, self.agents)
        if options.forced:
            return options.usual, next(iter(options.finish), None)
        task = NextStep(
            question=run.question,
            allowed=options.names,
            descriptions={agent.name: agent.description for agent in options.agents},
            may_finish=options.finish,
            parallel=options.parallel,
            state=describe_progress(run),
        )
        try:
            async with asyncio.timeout(turn_seconds(run)):
                decision = await run.ask(task)
        except (EngineError, TimeoutError) as error:
            reason = error.message if isinstance(error, EngineError) else "It ran out of time."
            run.warnings.append(f"The supervisor's decision failed, so the usual step was taken: {reason}")
            return options.usual, None
        chosen = tuple(name for name in decision.next if name in options.names)[: options.parallel]
        if not chosen and decision.finish in options.finish:
            return (), decision.finish
        return chosen or options.usual, None

    async def _finish(self, run: Run, agent: str | None) -> AIMessage:
        """Forward an agent's message word for word, or have it rewritten where forwarding is off."""
        if agent is None or run.judgement is None:
            return AIMessage("")
        if run.settings.message_forwarding:
            call = tool_call(name="forward_message", args={"from_agent": agent}, id=uuid.uuid4().hex)
            return AIMessage("", tool_calls=[call])
        try:
            async with asyncio.timeout(turn_seconds(run)):
                rewritten = await run.ask(RewriteAnswer(question=run.question, message=run.judgement.markdown))
        except (EngineError, TimeoutError):
            return AIMessage(run.judgement.markdown)
        return AIMessage(rewritten.markdown)


def turn_seconds(run: Run) -> float:
    """Return the time limit of one turn, in seconds."""
    return min(run.settings.agent_seconds, run.budget.seconds_left)
