"""Which steps make sense now. What is not listed here cannot be chosen, whatever the engine says."""
# MERGED """The supervisor's chat model: an adapter over `engine.run(NextStep)`."""

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.tool import ToolCall, tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.runtime import get_runtime
from typing_extensions import override

from agents.engine.tasks.answering import RewriteAnswer
from agents.engine.tasks.decisions import NextStep
from agents.errors import EngineError
from agents.supervisor.run import Run

ATTEMPTS = 2
"""Turns that an agent gets before the run goes on without it."""


@dataclass(frozen=True)
class Options:
    """Agents that can do something useful now, the usual one first; or those whose message can be the answer."""

    agents: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()
    parallel: int = 1

    @property
    def forced(self) -> bool:
        """Whether there is only one thing to do, so that nobody needs to be asked."""
        return len(self.agents) + len(self.finish) <= 1


def next_options(run: Run) -> Options:
    """Return what may happen next in this run."""
    if run.judgement is not None:
        return _after_validation(run)
    if run.budget.spent or run.failed("synthesis") >= ATTEMPTS:
        return Options()
    if run.draft is not None:
        return Options(("validation",)) if run.failed("validation") < ATTEMPTS else Options()
    return _before_drafting(run)


def _before_drafting(run: Run) -> Options:
    if run.kind is None:
        return Options(("router",))
    if run.kind == "whole_document":
        return Options(("synthesis",))
    if run.kind == "complex" and not run.parts:
        return Options(("planner",))
    waiting = [part for part in run.parts if not part.done]
    if not run.parts or waiting:
        several = run.settings.parallel_tool_calls and not run.sequential
        return Options(("retrieval",), parallel=min(3, max(1, len(waiting))) if several else 1)
    return Options(("synthesis",))


def _after_validation(run: Run) -> Options:
    """Look once more, at everything, where the first look found nothing that stands."""
    judgement = run.judgement
    may_look_further = (
        not run.missing_pages and not run.full_scan and not run.everything_read and run.kind != "whole_document"
    )
    if judgement is None or run.budget.spent or not may_look_further:
        return Options(finish=("validation",))
    if not judgement.claims:
        return Options(("retrieval",))
    if judgement.grounded < 1.0:
        return Options(("retrieval",), finish=("validation",))
    return Options(finish=("validation",))


def describe(run: Run) -> str:
    """Say in one line what has been done, for whoever decides."""
    done = ", ".join(f"{step.agent} {step.outcome}" for step in run.steps[-6:]) or "nothing yet"
    if run.judgement is None:
        return done
    return f"{done}; {len(run.judgement.claims)} of {run.judgement.drafted} claims stand"


class DecisionModel(BaseChatModel):
    """Turns the engine's decision into hand-offs, or into the finish that forwards one agent's message.

    The engine is asked only where there is a choice. A decision outside of what is allowed counts as the usual one.
    """

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
        options = next_options(run)
        agents, finish = await _decide(run, options)
        message = AIMessage("", tool_calls=[_hand_off(agent) for agent in agents])
        if not agents:
            message = await _finish(run, finish)
        return ChatResult(generations=[ChatGeneration(message=message)])


async def _decide(run: Run, options: Options) -> tuple[tuple[str, ...], str | None]:
    """Return the agents to hand over to, or none and the agent whose message is the answer."""
    usual = options.agents[:1] * options.parallel
    if options.forced:
        return usual, next(iter(options.finish), None)
    task = NextStep(
        question=run.question,
        allowed=options.agents,
        may_finish=options.finish,
        parallel=options.parallel,
        state=describe(run),
    )
    try:
        async with asyncio.timeout(_seconds(run)):
            decision = await run.ask(task)
    except (EngineError, TimeoutError) as error:
        reason = error.message if isinstance(error, EngineError) else "It ran out of time."
        run.warnings.append(f"The supervisor's decision failed, so the usual step was taken: {reason}")
        return usual, None
    chosen = tuple(agent for agent in decision.next if agent in options.agents)[: options.parallel]
    if not chosen and decision.finish in options.finish:
        return (), decision.finish
    return chosen or usual, None


async def _finish(run: Run, agent: str | None) -> AIMessage:
    """Forward an agent's message word for word, or have it rewritten where forwarding is off."""
    if agent is None or run.judgement is None:
        return AIMessage("")
    if run.settings.message_forwarding:
        return AIMessage("", tool_calls=[_call("forward_message", from_agent=agent)])
    try:
        async with asyncio.timeout(_seconds(run)):
            composed = await run.ask(RewriteAnswer(question=run.question, message=run.judgement.markdown))
    except (EngineError, TimeoutError):
        return AIMessage(run.judgement.markdown)
    return AIMessage(composed.markdown)


def _seconds(run: Run) -> float:
    return min(run.settings.agent_seconds, run.budget.seconds_left)


def _hand_off(agent: str) -> ToolCall:
    return _call(f"transfer_to_{agent}")


def _call(name: str, **args: str) -> ToolCall:
    return tool_call(name=name, args=args, id=uuid.uuid4().hex)
