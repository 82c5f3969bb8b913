"""The supervisor: runs a request through the graph within its budget, and always comes to an answer."""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, cast

from agents.documents.library import Library
from agents.engine.engine import Engine
from agents.engine.extractive.engine import ExtractiveEngine
from agents.jobs.load import computed_at_once
from agents.jobs.single_flight import ReportProgress, job_key
from agents.jobs.window_cache import WindowCache
from agents.schema import AgentStep, RouteKind
from agents.settings import EngineSettings, SupervisorSettings
from agents.supervisor.answer import Completed, accept_rewritten
from agents.supervisor.context_budget import fit_history
from agents.supervisor.retrieval import retrieve
from agents.supervisor.run import Budget, Clock, Ledger, Request, Run, Texts, ignore_progress
from agents.supervisor.state import Routed, State
from agents.supervisor.synthesis import synthesize
from agents.supervisor.validation import validate
from agents.telemetry import span, turn, untraced

if TYPE_CHECKING:
    from agents.supervisor.graph import Graph

SECONDS_TO_FINISH = 5
"""The graph may take so much longer than the run's budget before it is stopped from outside."""
FALLBACK_WARNING = (
    "The agents came to no answer, so the fallback did: passages searched and quoted without a language model."
)
_logger = logging.getLogger(__name__)


class Elsewhere(Protocol):
    """Where a run can go on."""

    def takes(self, run: Run, state: State) -> bool:
        """Whether the rest of a run belongs there."""
        ...

    async def finish(self, run: Run, state: State) -> Completed:
        """Bring a run to its judgement."""
        ...


class Supervisor:
    """Runs requests; keeps no state of any of them.

    Args:
        library: Where passages come from.
        window_cache: Where the notes from finished windows are stored.
        settings: How the agents work together.
        clock: Monotonic seconds.
        elsewhere: Where runs go on that would keep others waiting; None: here.
    """

    def __init__(
        self,
        library: Library,
        window_cache: WindowCache,
        settings: SupervisorSettings,
        clock: Clock = time.monotonic,
        elsewhere: "Elsewhere | None" = None,
    ) -> None:
        self._library = library
        self._window_cache = window_cache
        self._settings = settings
        self._clock = clock
        self._elsewhere = elsewhere
        self._computing = asyncio.Semaphore(computed_at_once())

    async def run(
        self,
        request: Request,
        engine: Engine,
        on_progress: ReportProgress = ignore_progress,
        *,
        prefix_cached: bool = False,
    ) -> Completed:
        """Bring a request to its judgement, within its budget.

        Args:
            request: What is asked.
            engine: Computes the tasks.
            on_progress: Called as the run proceeds.
            prefix_cached: Whether the engine has these documents in its prefix cache.
        """
        settings = self._settings
        if request.window_tokens is not None:
            settings = settings.model_copy(update={"window_tokens": request.window_tokens})
        budget = Budget(settings.max_steps, settings.max_seconds, self._clock)
        texts = await Texts.load(self._library, engine, request.documents)
        run = Run(
            request=request,
            engine=engine,
            library=self._library,
            window_cache=self._window_cache,
            settings=settings,
            texts=texts,
            budget=budget,
            ledger=Ledger(texts, others=request.others),
            prefix_cached=prefix_cached,
            on_progress=on_progress,
        )
        run = await asyncio.to_thread(fit_history, run)
        with span("run", documents=len(request.documents), engine=engine.info.name):
            return await self.finish(run, cast("State", {}))

    async def finish(self, run: Run, state: State) -> Completed:
        """Bring a run to its judgement, going on from what its agents have returned."""
        async with self._turn(run):
            state, message = await self._run_graph(run, state)
        if self._elsewhere and "judgement" not in state and self._elsewhere.takes(run, state):
            return await self._elsewhere.finish(run, state)
        completed = Completed(run, state) if "judgement" in state else await fall_back(run, state)
        return completed if run.settings.message_forwarding else accept_rewritten(completed, message)

    @cached_property
    def _graph(self) -> "Graph":
        # langgraph takes a second to import; whoever only lists or forgets sessions need not wait for it.
        from agents.supervisor.graph import AGENTS, build_graph

        return build_graph(AGENTS)

    def _turn(self, run: Run) -> AbstractAsyncContextManager[object]:
        """Return what a run waits for before it begins.

        Without a model a run computes all the time: of many at once the first are done while the last still wait. Long
        ones would make short ones wait, so where these have no other place to go everything goes on at once.
        """
        return (
            nullcontext() if run.engine.info.generative or not self._elsewhere else turn(self._computing, "computing")
        )

    async def _run_graph(self, run: Run, state: State) -> tuple[State, str]:
        """Run the graph, up to where the run goes on elsewhere.

        Returns:
            What its agents have returned, and the finishing message.
        """
        from agents.supervisor.graph import recursion_limit

        config = {"recursion_limit": recursion_limit(run.budget.max_steps)}
        try:
            async with asyncio.timeout(run.budget.seconds_left + run.reading_seconds + SECONDS_TO_FINISH):
                with untraced():
                    asked = {**state, "messages": [("user", run.request.question)]}
                    steps = self._graph.astream(asked, config=config, context=run, stream_mode="values")
                    async with aclosing(steps):
                        async for reached in steps:
                            state = reached
                            if self._elsewhere and self._elsewhere.takes(run, state):
                                return state, ""
        except Exception as error:
            _logger.warning("The graph ended without an answer: %r", error)
            run.warn(f"The supervisor ended early: {type(error).__name__}.")
            return state, ""
        return state, str(cast("Any", state)["messages"][-1].content)


class PrefixCache:
    """What the engine has in its prefix cache, as far as the runs so far can tell: those of other servers, too.

    Args:
        settings: Say after how long an idle engine sleeps or stops, and so loses its cache.
        stored: Where it is noted, for all who share it; they are taken to share the engine.
    """

    def __init__(self, settings: EngineSettings, stored: WindowCache) -> None:
        idle = settings.idle_sleep_seconds, settings.idle_stop_seconds
        self._seconds = min(filter(None, idle), default=math.inf)
        self._stored = stored

    async def has(self, engine: Engine, ids: Sequence[str]) -> bool:
        """Whether the engine has read these documents in one prompt, recently enough to have them cached."""
        known = engine.info.context_tokens and await self._stored.get(_prefix(engine, ids), self._seconds)
        return bool(known)

    async def note(self, run: Run, ids: Sequence[str]) -> None:
        """Note the documents if this run read them in one prompt."""
        in_one_prompt = run.ledger.everything_read and run.ledger.windows <= 1 and not run.ledger.cached_windows
        if run.engine.info.context_tokens and in_one_prompt:
            await self._stored.put(_prefix(run.engine, ids), "true")


def _prefix(engine: Engine, ids: Sequence[str]) -> str:
    return f"prefix {job_key(model=engine.info.model, documents=list(ids))}"


async def fall_back(run: Run, state: State) -> Completed:
    """Judge without a language model; an agent's draft is used as far as its quotes are in the documents."""
    started = run.budget.clock()
    if "drafted" not in state:
        run.warn(FALLBACK_WARNING)
        run = replace(run, engine=ExtractiveEngine())
        routed = state["routed"] if "routed" in state else Routed(run.request.question)
        kind: RouteKind = "whole_document" if run.request.mode else "simple"
        state = cast("State", {"routed": replace(routed, kind=kind), "part": 0})
        if not run.request.mode:
            state = cast("State", {**state, **await retrieve(run, state)})
        state = cast("State", {**state, **await synthesize(run, state)})
    state = cast("State", {**state, **await validate(run, state)})
    run.ledger.steps.append(AgentStep(agent="fallback", seconds=run.budget.clock() - started))
    return Completed(run, state)
