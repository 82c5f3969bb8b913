"""The graph: the registry of agents, the supervisor over them, and the guard around each agent's turn."""

import asyncio
import functools
import importlib
import logging
import threading
import warnings
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, InjectedToolCallId, tool
from langgraph.graph.message import add_messages
from langgraph.prebuilt import InjectedState
from langgraph.runtime import get_runtime
from langgraph.types import Command, Send
from langgraph_supervisor.handoff import METADATA_KEY_HANDOFF_DESTINATION, create_forward_message_tool

from agents.errors import ReadroomError
from agents.schema import MILLISECONDS, AgentStep
from agents.supervisor import policy
from agents.supervisor.planner import go_without_plan, plan
from agents.supervisor.policy import Agent, Decisions
from agents.supervisor.retrieval import go_without_passages, retrieve
from agents.supervisor.router import route, route_as_simple
from agents.supervisor.run import Run
from agents.supervisor.state import State, Update
from agents.supervisor.synthesis import synthesize
from agents.supervisor.validation import validate
from agents.telemetry import span

AGENTS = (
    Agent("router", "decides how much work the question is", route, policy.needs_route, route_as_simple),
    Agent("planner", "splits it into sub-questions", plan, policy.needs_plan, go_without_plan),
    Agent("retrieval", "finds the passages to answer from", retrieve, policy.needs_passages, go_without_passages),
    Agent("synthesis", "drafts the answer with quotes", synthesize, policy.needs_draft),
    Agent("validation", "checks the draft against the documents", validate, policy.needs_validation),
)
"""All agents; where several are ready, the first one is the usual choice. A new agent is one more line here."""
Graph = Any
"""A compiled langgraph graph; langgraph's own generics are unknown to a strict type checker."""
_logger = logging.getLogger(__name__)
_PATCHING = threading.Lock()


class GraphState(State):
    """The agents' results, and what langgraph itself keeps."""

    messages: Annotated[list[AnyMessage], add_messages]
    remaining_steps: int
    """A key that the supervisor's own agent asks for; the run's budget counts the steps."""


def build_graph(agents: tuple[Agent, ...] = AGENTS) -> Graph:
    """Return the compiled graph; a run is its context: `graph.ainvoke(..., context=run)`."""
    workflow = _create_supervisor(
        [AgentNode(agent) for agent in agents],
        model=Decisions(agents),
        # Named here because upstream would order them by a set of names.
        tools=[*map(hand_over, agents), create_forward_message_tool("supervisor")],
        parallel_tool_calls=True,
        output_mode="last_message",
        add_handoff_messages=False,
        add_handoff_back_messages=False,
        state_schema=GraphState,
        context_schema=Run,
    )
    return workflow.compile()


def recursion_limit(max_steps: int) -> int:
    """Return langgraph's limit for a run: two supersteps a round, and a few to begin and finish.

    However many agents there are: every turn is a step of the run's budget.
    """
    return 2 * max_steps + 6


def hand_over(agent: Agent) -> BaseTool:
    """Return the tool by which the supervisor hands over to an agent, with the question that it is to look up.

    Upstream's own tool takes no argument, so that two retrievals at once would not know which question is whose.
    """

    @tool(f"transfer_to_{agent.name}", description=agent.description)
    def transfer(
        part: int, state: Annotated[dict[str, Any], InjectedState], tool_call_id: Annotated[str, InjectedToolCallId]
    ) -> Command[Any]:
        del tool_call_id
        return Command(graph=Command.PARENT, goto=[Send(agent.name, {**state, "part": part})])

    transfer.metadata = {METADATA_KEY_HANDOFF_DESTINATION: agent.name}
    return transfer


class AgentNode:
    """An agent as langgraph-supervisor calls it: by `name` and `ainvoke`.

    A compiled graph around each would be run by a scheduler of its own, which takes longer than most turns.
    """

    def __init__(self, agent: Agent) -> None:
        self.name = agent.name
        self._agent = agent

    async def ainvoke(self, state: State, _config: RunnableConfig) -> dict[str, Any]:
        """Give the agent a turn; its message is what can be forwarded: the checked answer, once there is one."""
        run = get_runtime(Run).context
        update, outcome = await self._take_turn(run, state)
        judged = update if "judgement" in update else state
        message = judged["judgement"].markdown if "judgement" in judged else outcome
        return {**update, "messages": [AIMessage(message, name=self.name)]}

    def invoke(self, _state: State, _config: RunnableConfig) -> dict[str, Any]:
        """Refuse to run synchronously."""
        raise NotImplementedError("The agents only run asynchronously.")

    async def _take_turn(self, run: Run, state: State) -> tuple[Update, str]:
        """Run one turn of the agent; whatever it raises is a failure of that turn, never of the run."""
        name, started, outcome = self.name, run.budget.clock(), "done"
        run.budget.steps += 1
        update: Update = {}
        try:
            with span(f"agent {name}"):
                async with asyncio.timeout(self._seconds(run, state)):
                    update = await self._agent.turn(run, state)
        except TimeoutError:
            outcome = "timed out"
            run.warn(f"{name} ran out of time.")
        except ReadroomError as error:
            outcome = "failed"
            run.warn(f"{name} failed: {error.message}")
        except Exception:
            outcome = "failed"
            _logger.exception("The %s agent failed", name)
            run.warn(f"{name} failed.")
        if outcome != "done" and self._agent.recover:
            update = self._agent.recover(run, state)
        seconds = round(run.budget.clock() - started, MILLISECONDS)
        run.ledger.steps.append(AgentStep(agent=name, seconds=seconds, outcome=outcome))
        return update, outcome

    def _seconds(self, run: Run, state: State) -> float:
        """Return the turn's time limit; reading whole documents may take as long as the run has."""
        reads_whole = self.name == "synthesis" and state["routed"].kind == "whole_document"
        return run.budget.seconds_left if reads_whole else run.turn_seconds


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
