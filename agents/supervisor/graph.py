"""The graph: a supervisor over five named agents, and the guard around each agent's turn."""

import asyncio
import functools
import importlib
import logging
import threading
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import MessagesState
from langgraph.runtime import get_runtime
from langgraph_supervisor.handoff import create_forward_message_tool, create_handoff_tool

from agents.errors import ReadroomError
from agents.schema import AgentStep
from agents.supervisor.planner import plan
from agents.supervisor.policy import DecisionModel
from agents.supervisor.retrieval import retrieve
from agents.supervisor.router import route
from agents.supervisor.run import Run
from agents.supervisor.synthesis import synthesize
from agents.supervisor.validation import validate
from agents.telemetry import span

Agent = Callable[[Run], Awaitable[str]]
"""One agent's turn: reads the run, puts its result on the table, returns its message."""

AGENTS: dict[str, Agent] = {
    "router": route,
    "planner": plan,
    "retrieval": retrieve,
    "synthesis": synthesize,
    "validation": validate,
}
Graph = Any
"""A compiled langgraph graph; langgraph's own generics are unknown to a strict type checker."""
_LOG = logging.getLogger(__name__)
_REBINDING = threading.Lock()


class _Agent:
    """One agent as langgraph-supervisor calls it: by name and `ainvoke`.

    A compiled graph around each would be run by a scheduler of its own, which takes longer than most turns.
    """

    def __init__(self, name: str, turn: Agent) -> None:
        self.name = name
        self._turn = turn

    async def ainvoke(self, _state: MessagesState, _config: RunnableConfig) -> dict[str, list[AIMessage]]:
        message = await _guarded(self.name, self._turn, get_runtime(Run).context)
        return {"messages": [AIMessage(message, name=self.name)]}

    def invoke(self, _state: MessagesState, _config: RunnableConfig) -> dict[str, list[AIMessage]]:
        raise NotImplementedError("The agents only run asynchronously.")


def build_graph(agents: dict[str, Agent] = AGENTS) -> Graph:
    """Return the compiled graph; a run is its context: `graph.ainvoke(..., context=run)`."""
    tools = [create_handoff_tool(agent_name=name, add_handoff_messages=False) for name in agents]
    workflow = _create_supervisor(
        [_Agent(name, agent) for name, agent in agents.items()],
        model=DecisionModel(),
        # Named here because upstream would order them by a set of names.
        tools=[*tools, create_forward_message_tool("supervisor")],
        parallel_tool_calls=True,
        output_mode="last_message",
        add_handoff_messages=False,
        add_handoff_back_messages=False,
        context_schema=Run,
    )
    return workflow.compile()


def _create_supervisor(agents: list[_Agent], **options: object) -> Graph:
    """Call langgraph-supervisor's `create_supervisor`, with its agent built so that hand-offs run in parallel.

    As shipped it builds version "v2" of the agent, which runs only one of several hand-offs made in one
    message (issue 230 of langgraph-supervisor). Version "v1" runs them all.
    """
    upstream: Any = importlib.import_module("langgraph_supervisor.supervisor")
    with _REBINDING, warnings.catch_warnings():
        # It still takes create_react_agent from where langgraph has deprecated it.
        warnings.simplefilter("ignore", DeprecationWarning)
        shipped = upstream.create_react_agent
        upstream.create_react_agent = functools.partial(shipped, version="v1")
        try:
            return upstream.create_supervisor(agents, **options)
        finally:
            upstream.create_react_agent = shipped


def recursion_limit(max_steps: int) -> int:
    """Return langgraph's limit for a run: two supersteps a round, and a few to begin and finish."""
    return 2 * max_steps + 6


async def _guarded(name: str, agent: Agent, run: Run) -> str:
    """Run one agent's turn; whatever it raises is a failure of that turn, never of the run."""
    started = run.budget.clock()
    run.budget.steps += 1
    try:
        with span(f"agent {name}"):
            async with asyncio.timeout(turn_seconds(name, run)):
                message = await agent(run)
        outcome = "done"
    except TimeoutError:
        message, outcome = f"{name} ran out of time.", "timed out"
    except ReadroomError as error:
        message, outcome = f"{name} failed: {error.message}", "failed"
    except Exception:
        _LOG.exception("The %s agent failed", name)
        message, outcome = f"{name} failed.", "failed"
    if outcome != "done":
        run.failures[name] = run.failed(name) + 1
        run.warnings.append(message)
        recover(name, run)
    run.steps.append(AgentStep(agent=name, seconds=run.budget.clock() - started, outcome=outcome))
    return message


def turn_seconds(name: str, run: Run) -> float:
    """Return an agent's time limit; reading a whole document takes as long as the run has."""
    reading = name == "synthesis" and (run.kind == "whole_document" or run.full_scan)
    return run.budget.seconds_left if reading else min(run.settings.agent_seconds, run.budget.seconds_left)


def recover(name: str, run: Run) -> None:
    """Put on the table what lets the run go on without the agent that failed."""
    if name == "router" and run.kind is None:
        run.kind, run.reason = "simple", "The router failed, so the short way was taken."
    elif name == "planner" and not run.parts:
        run.kind = "simple"
    elif name == "retrieval":
        for part in run.parts:
            part.done = part.done or part.taken
        if run.judgement is not None:
            run.full_scan = True
