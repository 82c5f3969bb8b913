"""The graph: the registry of agents, the supervisor over them, and the guard around each agent's turn."""

import asyncio
import functools
import importlib
import logging
import threading
import warnings
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import MessagesState
from langgraph.runtime import get_runtime
from langgraph_supervisor.handoff import create_forward_message_tool, create_handoff_tool

from agents.errors import ReadroomError
from agents.schema import AgentStep
from agents.supervisor import policy
from agents.supervisor.planner import go_without_plan, plan
from agents.supervisor.policy import Agent, DecisionModel
from agents.supervisor.retrieval import close_taken_parts, retrieve
from agents.supervisor.router import route, route_as_simple
from agents.supervisor.run import Run
from agents.supervisor.synthesis import synthesize
from agents.supervisor.validation import validate
from agents.telemetry import span

AGENTS = (
    Agent("router", "decides how much work the question is", route, policy.needs_route, route_as_simple),
    Agent("planner", "splits it into sub-questions", plan, policy.needs_plan, go_without_plan),
    Agent("retrieval", "finds the passages to answer from", retrieve, policy.needs_passages, close_taken_parts),
    Agent("synthesis", "drafts the answer with quotes", synthesize, policy.needs_draft),
    Agent("validation", "checks the draft against the documents", validate, policy.needs_validation),
)
"""All agents; where several are ready, the first one is the usual choice. A new agent is one more line here."""
Graph = Any
"""A compiled langgraph graph; langgraph's own generics are unknown to a strict type checker."""
_logger = logging.getLogger(__name__)
_PATCHING = threading.Lock()


def build_graph(agents: tuple[Agent, ...] = AGENTS) -> Graph:
    """Return the compiled graph; a run is its context: `graph.ainvoke(..., context=run)`."""
    tools = [
        create_handoff_tool(agent_name=agent.name, description=agent.description, add_handoff_messages=False)
        for agent in agents
    ]
    workflow = _create_supervisor(
        [AgentNode(agent) for agent in agents],
        model=DecisionModel(agents=agents),
        # Named here because upstream would order them by a set of names.
        tools=[*tools, create_forward_message_tool("supervisor")],
        parallel_tool_calls=True,
        output_mode="last_message",
        add_handoff_messages=False,
        add_handoff_back_messages=False,
        context_schema=Run,
    )
    return workflow.compile()


def recursion_limit(max_steps: int) -> int:
    """Return langgraph's limit for a run: two supersteps a round, and a few to begin and finish.

    However many agents there are: every turn is a step of the run's budget.
    """
    return 2 * max_steps + 6


class AgentNode:
    """An agent as langgraph-supervisor calls it: by `name` and `ainvoke`.

    A compiled graph around each would be run by a scheduler of its own, which takes longer than most turns.
    """

    def __init__(self, agent: Agent) -> None:
        self.name = agent.name
        self._agent = agent

    async def ainvoke(self, _state: MessagesState, _config: RunnableConfig) -> dict[str, list[AIMessage]]:
        """Give the agent a turn; its message is what can be forwarded: the checked answer, once there is one."""
        run = get_runtime(Run).context
        step = await self._take_turn(run)
        message = run.judgement.markdown if run.judgement else step.outcome
        return {"messages": [AIMessage(message, name=self.name)]}

    def invoke(self, _state: MessagesState, _config: RunnableConfig) -> dict[str, list[AIMessage]]:
        """Refuse to run synchronously."""
        raise NotImplementedError("The agents only run asynchronously.")

    async def _take_turn(self, run: Run) -> AgentStep:
        """Run one turn of the agent; whatever it raises is a failure of that turn, never of the run."""
        name, started, outcome = self.name, run.budget.clock(), "done"
        run.budget.steps += 1
        try:
            with span(f"agent {name}"):
                async with asyncio.timeout(self._seconds(run)):
                    await self._agent.turn(run)
        except TimeoutError:
            outcome = "timed out"
            run.warnings.append(f"{name} ran out of time.")
        except ReadroomError as error:
            outcome = "failed"
            run.warnings.append(f"{name} failed: {error.message}")
        except Exception:
            outcome = "failed"
            _logger.exception("The %s agent failed", name)
            run.warnings.append(f"{name} failed.")
        if outcome != "done":
            self._recover(run)
        step = AgentStep(agent=name, seconds=run.budget.clock() - started, outcome=outcome)
        run.steps.append(step)
        return step

    def _seconds(self, run: Run) -> float:
        """Return the turn's time limit; reading whole documents may take as long as the run has."""
        reads_whole = self.name == "synthesis" and (run.kind == "whole_document" or run.full_scan)
        return run.budget.seconds_left if reads_whole else policy.turn_seconds(run)

    def _recover(self, run: Run) -> None:
        if self._agent.recover:
            self._agent.recover(run)
        else:
            run.failures[self.name] = run.failed(self.name) + 1


def _create_supervisor(nodes: list[AgentNode], **options: object) -> Graph:
    """Call langgraph-supervisor's `create_supervisor`, patched so that hand-offs made in one message run in parallel.

    As shipped it builds version "v2" of the supervisor's own agent, which runs only one of several hand-offs (issue
    230 of langgraph-supervisor). Version "v1" runs them all.
    """
    upstream: Any = importlib.import_module("langgraph_supervisor.supervisor")
    with _PATCHING, warnings.catch_warnings():
        # It still takes create_react_agent from where langgraph has deprecated it.
        warnings.simplefilter("ignore", DeprecationWarning)
        shipped = upstream.create_react_agent
        upstream.create_react_agent = functools.partial(shipped, version="v1")
        try:
            return upstream.create_supervisor(nodes, **options)
        finally:
            upstream.create_react_agent = shipped
