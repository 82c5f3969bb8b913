"""The supervisor: runs a request through the graph within its budget, and always comes to an answer."""

import asyncio
import logging
import time
from functools import cached_property
from typing import TYPE_CHECKING

from agents.documents.library import Library
from agents.engine.engine import Engine
from agents.jobs.single_flight import ReportProgress
from agents.jobs.window_cache import WindowCache
from agents.settings import SupervisorSettings
from agents.supervisor.answer import accept_rewritten
from agents.supervisor.context_budget import fit_history
from agents.supervisor.fallback import fall_back
from agents.supervisor.run import Budget, Clock, Request, Run, ignore_progress
from agents.telemetry import span, untraced

if TYPE_CHECKING:
    from agents.supervisor.graph import Graph

SECONDS_TO_FINISH = 5
"""The graph may take so much longer than the run's budget before it is stopped from outside."""
_LOG = logging.getLogger(__name__)


class Supervisor:
    """Runs requests; keeps no state of any of them.

    Args:
        library: Where passages come from.
        window_cache: Where the notes from finished windows are stored.
        settings: How the agents work together.
        clock: Monotonic seconds.
    """

    def __init__(
        self, library: Library, window_cache: WindowCache, settings: SupervisorSettings, clock: Clock = time.monotonic
    ) -> None:
        self._library = library
        self._window_cache = window_cache
        self._settings = settings
        self._clock = clock

    def start(
        self,
        request: Request,
        engine: Engine,
        on_progress: ReportProgress = ignore_progress,
        *,
        prefix_cached: bool = False,
    ) -> Run:
        """Return a new run, to be completed with `complete`.

        Args:
            request: What is asked.
            engine: Computes the tasks.
            on_progress: Called as the run proceeds.
            prefix_cached: Whether the engine has these documents in its prefix cache.
        """
        settings = self._settings
        if request.window_tokens is not None:
            settings = settings.model_copy(update={"window_tokens": request.window_tokens})
        return Run(
            request=request,
            engine=engine,
            library=self._library,
            window_cache=self._window_cache,
            settings=settings,
            budget=Budget(settings.max_steps, settings.max_seconds, self._clock),
            prefix_cached=prefix_cached,
            on_progress=on_progress,
        )

    async def complete(self, run: Run) -> None:
        """Bring a run to its judgement, within its budget."""
        await run.load()
        await asyncio.to_thread(fit_history, run)
        with span("run", documents=len(run.request.documents), engine=run.engine.info.name):
            message = await self._run_graph(run)
            if run.judgement is None:
                await fall_back(run)
        if not self._settings.message_forwarding:
            accept_rewritten(run, message)

    @cached_property
    def _graph(self) -> "Graph":
        # langgraph takes a second to import; whoever only lists or forgets sessions need not wait for it.
        from agents.supervisor.graph import AGENTS, build_graph

        return build_graph(AGENTS)

    async def _run_graph(self, run: Run) -> str:
        """Run the graph; return the finishing message, empty where there is none."""
        from agents.supervisor.graph import recursion_limit

        config = {"recursion_limit": recursion_limit(run.budget.max_steps)}
        try:
            async with asyncio.timeout(run.budget.seconds_left + run.reading_seconds + SECONDS_TO_FINISH):
                with untraced():
                    state = await self._graph.ainvoke(
                        {"messages": [("user", run.question)]}, config=config, context=run
                    )
            return str(state["messages"][-1].content)
        except Exception as error:
            _LOG.warning("The graph ended without an answer: %r", error)
            run.warnings.append(f"The supervisor ended early: {type(error).__name__}.")
            return ""
