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

_LOG = logging.getLogger(__name__)


class Supervisor:
    """Runs requests; holds nothing of any of them.

    Args:
        library: Where passages come from.
        store: Where finished windows are kept.
        settings: How the agents work together.
        clock: Seconds that only ever rise.
    """

    def __init__(
        self, library: Library, store: WindowCache, settings: SupervisorSettings, clock: Clock = time.monotonic
    ) -> None:
        self._library = library
        self._store = store
        self._settings = settings
        self._clock = clock

    @cached_property
    def _graph(self) -> "Graph":
        # langgraph takes a second to import; whoever only lists or forgets sessions need not wait for it.
        from agents.supervisor.graph import build_graph

        return build_graph()

    def start(
        self,
        request: Request,
        engine: Engine,
        tell: ReportProgress = ignore_progress,
        *,
        warm: bool = False,
    ) -> Run:
        """Lay out a run, ready to be completed.

        Args:
            request: What to do.
            engine: Who computes the tasks.
            tell: Told how far the run has come.
            warm: Whether the engine has lately read these documents whole, so that their prefix is cached.
        """
        return Run(
            request=request,
            engine=engine,
            library=self._library,
            store=self._store,
            settings=self._settings_for(request),
            budget=Budget(self._settings.max_steps, self._settings.max_seconds, self._clock),
            warm=warm,
            tell=tell,
        )

    def _settings_for(self, request: Request) -> SupervisorSettings:
        if request.window_tokens is None:
            return self._settings
        return self._settings.model_copy(update={"window_tokens": request.window_tokens})

    async def complete(self, run: Run) -> None:
        """Bring a run to its judgement, within its budget."""
        await run.load()
        await asyncio.to_thread(fit_history, run)
        with span("run", documents=len(run.request.documents), engine=run.engine.info.name):
            message = await self._invoke(run)
            if run.judgement is None:
                await fall_back(run)
        if not self._settings.message_forwarding:
            accept_rewritten(run, message)

    async def _invoke(self, run: Run) -> str:
        """Run the graph; return the finishing message, empty where there is none."""
        from agents.supervisor.graph import recursion_limit

        config = {"recursion_limit": recursion_limit(self._settings.max_steps)}
        try:
            async with asyncio.timeout(run.budget.seconds_left + run.reading_seconds + 5):
                with untraced():
                    state = await self._graph.ainvoke(
                        {"messages": [("user", run.question)]}, config=config, context=run
                    )
            return str(state["messages"][-1].content)
        except Exception as error:
            _LOG.warning("The graph ended without an answer: %r", error)
            run.warnings.append(f"The supervisor ended early: {type(error).__name__}.")
            return ""
