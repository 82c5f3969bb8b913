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
from langchain_core.messages.tool import ToolCall, tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.runtime import get_runtime
from pydantic import Field
from typing_extensions import override

from agents.engine.tasks.answering import RewriteAnswer
from agents.engine.tasks.decisions import NextStep
from agents.errors import EngineError
from agents.supervisor.run import Run
from agents.supervisor.state import EVERYTHING, State, Update, latest_look, open_parts

MAX_ATTEMPTS = 2
"""Turns that may fail before an agent is no longer chosen."""
MAX_PARALLEL = 3
"""Hand-offs in one decision."""
SECOND_LOOK_TOKENS = 8_192
"""Of all documents, at the most, for a model to be given everything where their best passages do not answer. An engine
without a model reads everything at no cost."""


@dataclass(frozen=True)
class Agent:
    """One of the agents that the supervisor hands over to."""

    name: str
    description: str
    """What the supervisor's model is told about it."""
    turn: Callable[[Run, State], Awaitable[Update]]
    """Returns what it adds to the state: its own field, and no other agent's."""
    ready: Callable[[Run, State], bool]
    """Whether a turn of this agent makes sense now."""
    recover: Callable[[Run, State], Update] | None = None
    """What a failed turn returns, so that the run goes on; none where the run needs its result."""


def needs_route(_run: Run, state: State) -> bool:
    """Whether the way that the question takes is still to be decided."""
    return "routed" not in state


def needs_plan(_run: Run, state: State) -> bool:
    """Whether a complex question is still to be split into sub-questions."""
    return "routed" in state and state["routed"].kind == "complex" and "planned" not in state


def needs_passages(run: Run, state: State) -> bool:
    """Whether a question has not been looked up, or a second look at everything may find more."""
    if "routed" not in state or needs_plan(run, state):
        return False
    if state["routed"].kind == "whole_document" or state["routed"].missing_pages:
        return False
    return _may_look_further(run, state) if "judgement" in state else bool(open_parts(state))


def needs_draft(run: Run, state: State) -> bool:
    """Whether everything that the answer is drafted from is there."""
    if "routed" not in state or needs_plan(run, state) or needs_passages(run, state):
        return False
    return "drafted" not in state or state["drafted"].look < latest_look(state)


def needs_validation(_run: Run, state: State) -> bool:
    """Whether there is a draft that has not been judged."""
    return "drafted" in state and ("judgement" not in state or state["judgement"].look < state["drafted"].look)


def _may_look_further(run: Run, state: State) -> bool:
    """Whether nothing stands, and what the first look has left out can be read at little cost."""
    if state["judgement"].claims or latest_look(state) > 1 or run.ledger.everything_read:
        return False
    return not run.engine.info.generative or run.texts.total_tokens <= SECOND_LOOK_TOKENS


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


def next_options(run: Run, state: State, agents: tuple[Agent, ...]) -> Options:
    """Return what may happen next in this run; nothing ends it without an answer."""
    finish = () if "judgement" not in state else ("validation",)
    if run.budget.spent:
        return Options(finish=finish)
    ready = tuple(
        agent for agent in agents if run.ledger.failures(agent.name) < MAX_ATTEMPTS and agent.ready(run, state)
    )
    if needs_passages(run, state) or needs_draft(run, state) or needs_validation(run, state):
        # Where nothing stands, the second look comes to its end before the answer may be that there is none.
        finish = ()
    waiting = len(open_parts(state)) if "routed" in state else 0
    several = run.settings.parallel_tool_calls
    return Options(ready, finish, min(MAX_PARALLEL, max(1, waiting)) if several else 1)


def describe_progress(run: Run, state: State) -> str:
    """Return in one line what has been done, for the engine that decides."""
    done = ", ".join(f"{step.agent} {step.outcome}" for step in run.ledger.steps[-6:]) or "nothing yet"
    if "judgement" not in state:
        return done
    return f"{done}; {len(state['judgement'].claims)} of {state['judgement'].drafted} claims stand"


class Decisions:
    """Chooses the supervisor's chat model for each step: one that knows the state it decides in."""

    def __init__(self, agents: tuple[Agent, ...]) -> None:
        self._agents = agents

    def bind_tools(self, _tools: object, **_options: object) -> Callable[[State, Any], BaseChatModel]:
        """Return the function that langgraph calls for the model of a step."""
        return lambda state, _runtime: DecisionModel(agents=self._agents, state=state)


class DecisionModel(BaseChatModel):
    """The supervisor's chat model: turns the engine's decision into hand-offs, or into the finishing message.

    The engine is asked only where there is a choice. A decision that is not among the options counts as the usual one.
    """

    agents: tuple[Agent, ...]
    state: Any = Field(repr=False)
    """A `State`, for which pydantic would otherwise build a validator; langchain has the model's `repr` made for each
    call, and whole documents are in it."""

    @property
    @override
    def _llm_type(self) -> str:
        return "readroom-decision"

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
        calls = hand_offs(names, self.state)
        message = AIMessage("", tool_calls=calls) if calls else await self._finish(run, finish)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _decide(self, run: Run) -> tuple[tuple[str, ...], str | None]:
        """Return the agents to hand over to, or none and the agent whose message is the answer."""
        options = next_options(run, self.state, self.agents)
        if options.forced:
            return options.usual, next(iter(options.finish), None)
        task = NextStep(
            question=run.request.question,
            allowed=options.names,
            descriptions={agent.name: agent.description for agent in options.agents},
            may_finish=options.finish,
            parallel=options.parallel,
            state=describe_progress(run, self.state),
        )
        try:
            async with asyncio.timeout(run.turn_seconds):
                decision = await run.ask(task)
        except (EngineError, TimeoutError) as error:
            reason = error.message if isinstance(error, EngineError) else "It ran out of time."
            run.warn(f"The supervisor's decision failed, so the usual step was taken: {reason}")
            return options.usual, None
        chosen = tuple(name for name in decision.next if name in options.names)[: options.parallel]
        if not chosen and decision.finish in options.finish:
            return (), decision.finish
        return chosen or options.usual, None

    async def _finish(self, run: Run, agent: str | None) -> AIMessage:
        """Forward an agent's message word for word, or have it rewritten where forwarding is off."""
        if agent is None or "judgement" not in self.state:
            return AIMessage("")
        markdown = self.state["judgement"].markdown
        if run.settings.message_forwarding:
            call = tool_call(name="forward_message", args={"from_agent": agent}, id=uuid.uuid4().hex)
            return AIMessage("", tool_calls=[call])
        try:
            async with asyncio.timeout(run.turn_seconds):
                rewritten = await run.ask(RewriteAnswer(question=run.request.question, message=markdown))
        except (EngineError, TimeoutError):
            return AIMessage(markdown)
        return AIMessage(rewritten.markdown)


def hand_offs(names: tuple[str, ...], state: State) -> list[ToolCall]:
    """Return the calls that hand over to agents; each retrieval is given a question of its own to look up."""
    parts = iter(open_parts(state) if "routed" in state and "judgement" not in state else [])
    calls: list[ToolCall] = []
    for name in names:
        part = next(parts, EVERYTHING) if name == "retrieval" else EVERYTHING
        if name == "retrieval" and part == EVERYTHING and "judgement" not in state:
            continue
        calls.append(tool_call(name=f"transfer_to_{name}", args={"part": part}, id=uuid.uuid4().hex))
    return calls
