"""Work in flight and finished, found again by its key.

SingleFlight     joins callers that ask for the same thing to one piece of work, in this process
job_key  its key, and that of a result that agents.jobs.window_cache keeps on disk
"""

import asyncio
import contextvars
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

from pydantic import BaseModel, Field

from agents.errors import EngineError
from agents.schema import Frozen, Progress

T = TypeVar("T")

_logger = logging.getLogger(__name__)


def job_key(**inputs: object) -> str:
    """Return the SHA-256, in hex, of whatever decides a result: the same for the same inputs in every process.

    Inputs are JSON values, paths and pydantic models. Sets are refused: their order is not stable.

    Raises:
        TypeError: An input is none of these.
    """
    text = json.dumps(inputs, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"A run's key cannot hold a {type(value).__name__}; pass JSON values, paths or models.")


class StillRunning(Frozen):
    """What a caller gets whose patience ends before the work does."""

    progress: Progress
    notes: tuple[str, ...] = Field(default=(), description="What the work has found so far.")


class Report(Protocol):
    """How work tells how far it has come; to be called on the event loop's thread."""

    def __call__(self, progress: Progress, notes: tuple[str, ...] = (), /) -> None:
        """Report progress, and add notes to those that a waiting caller is shown."""
        ...


@dataclass(eq=False)
class _Watcher:
    """A caller that waits, and the context in which its callback runs."""

    on_progress: Callable[[Progress], None] | None
    context: contextvars.Context

    def tell(self, progress: Progress) -> None:
        if self.on_progress is None:
            return
        try:
            self.context.run(self.on_progress, progress)
        except Exception:
            _logger.warning("A caller's progress callback failed.", exc_info=True)


class _Flight(Generic[T]):
    """One piece of work and those who wait for it."""

    def __init__(self, work: Callable[[Report], Awaitable[T]]) -> None:
        self.progress = Progress(fraction=0.0, message="Started")
        self.notes: list[str] = []
        self.watchers: list[_Watcher] = []
        self.timer: asyncio.TimerHandle | None = None
        self.task = asyncio.create_task(self._perform(work))

    async def _perform(self, work: Callable[[Report], Awaitable[T]]) -> T:
        return await work(self.report)

    def report(self, progress: Progress, notes: tuple[str, ...] = (), /) -> None:
        if self.task.done():
            return
        fraction = max(progress.fraction, self.progress.fraction)
        self.progress = Progress(fraction=fraction, message=progress.message)
        self.notes.extend(notes)
        for watcher in tuple(self.watchers):
            watcher.tell(self.progress)

    def enter(self, on_progress: Callable[[Progress], None] | None) -> _Watcher:
        watcher = _Watcher(on_progress, contextvars.copy_context())
        self.watchers.append(watcher)
        self.stop_timer()
        if self.progress.fraction > 0:
            watcher.tell(self.progress)
        return watcher

    def leave(self, watcher: _Watcher) -> None:
        self.watchers.remove(watcher)

    def start_timer(self, seconds: float, action: Callable[[], None]) -> None:
        self.stop_timer()
        self.timer = asyncio.get_running_loop().call_later(seconds, action)

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    @property
    def failed(self) -> bool:
        return self.task.cancelled() or self.task.exception() is not None

    def result(self) -> T:
        """Return the result of the finished work, or raise its error."""
        if self.task.cancelled():
            raise EngineError(
                "The work was stopped before it finished.", hint="Make the same call again.", retryable=True
            )
        return self.task.result()


class SingleFlight:
    """Work in flight in this process and, for a while, finished; one event loop's.

    Args:
        idle_seconds: Work that nobody waits for is cancelled after this time.
        claim_seconds: A result can be had for this time after the work has finished.
        results: Finished results kept at most, at least 1; the oldest go first.
    """

    def __init__(self, idle_seconds: float = 900.0, claim_seconds: float = 600.0, results: int = 64) -> None:
        self._idle_seconds = idle_seconds
        self._claim_seconds = claim_seconds
        self._results = results
        self._runs: dict[str, _Flight[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def join(
        self,
        key: str,
        work: Callable[[Report], Awaitable[T]],
        wait_seconds: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> T | StillRunning:
        """Wait for the work of this key, which the first caller starts and later ones join.

        The same call made again after a StillRunning joins the work or gets its result. An error goes to everyone who
        waits or, if nobody does, to the next caller; then the work may be started anew. A caller that is cancelled
        while nobody else waits cancels the work; one that got StillRunning does not count as waiting, nor as cancelled.

        Args:
            key: From `job_key`; whoever gives the same key must mean the same work.
            work: Starts the work, in a copy of the first caller's context; is given a function to report with.
            wait_seconds: How long to wait; none given: until the work ends.
            on_progress: Called with each progress, in the caller's context; the fraction never falls.

        Raises:
            EngineError: The work was stopped, for example by `close`.
            Exception: Whatever the work raised.
        """
        run = cast("_Flight[T]", self._runs.get(key) or self._start(key, work))
        if run.task.done():
            return self._claim(key, run)
        watcher = run.enter(on_progress)
        try:
            await asyncio.wait({run.task}, timeout=wait_seconds)
        except asyncio.CancelledError:
            run.leave(watcher)
            if not run.watchers:
                self._cancel(key, run)
            raise
        run.leave(watcher)
        if run.task.done():
            return self._claim(key, run)
        if not run.watchers:
            run.start_timer(self._idle_seconds, lambda: self._cancel(key, run))
        return StillRunning(progress=run.progress, notes=tuple(run.notes))

    async def close(self) -> None:
        """Cancel all work and wait until it has ended."""
        for key, run in tuple(self._runs.items()):
            self._drop(key, run)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, key: str, work: Callable[[Report], Awaitable[T]]) -> _Flight[T]:
        run = _Flight(work)
        self._runs[key] = run
        self._tasks.add(run.task)
        run.task.add_done_callback(lambda _: self._finish(key, run))
        return run

    def _finish(self, key: str, run: _Flight[Any]) -> None:
        self._tasks.discard(run.task)
        run.stop_timer()
        # Asking for the error also tells asyncio that it was not overlooked.
        told = run.failed and (run.watchers or run.task.cancelled())
        if self._runs.get(key) is not run:
            return
        if told:
            self._drop(key, run)
            return
        run.start_timer(self._claim_seconds, lambda: self._drop(key, run))
        finished = [(other_key, other) for other_key, other in self._runs.items() if other.task.done()]
        for other_key, other in finished[: -self._results]:
            self._drop(other_key, other)

    def _claim(self, key: str, run: _Flight[T]) -> T:
        if run.failed:
            self._drop(key, run)
        return run.result()

    def _cancel(self, key: str, run: _Flight[Any]) -> None:
        # Work that has just finished is not to be cancelled any more: its result can be had.
        if not run.task.done():
            self._drop(key, run)
            run.task.cancel()

    def _drop(self, key: str, run: _Flight[Any]) -> None:
        run.stop_timer()
        if self._runs.get(key) is run:
            del self._runs[key]
