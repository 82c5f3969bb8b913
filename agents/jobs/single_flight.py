"""Work in flight: callers who ask for the same thing at the same time share one piece of work.

SingleFlight  joins callers with the same key to one flight, in this process
job_key       the key: a hash of everything that decides a result; agents.jobs.window_cache uses it, too
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
from agents.schema import Frozen, OnProgress, Progress

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class ReportProgress(Protocol):
    """How work reports its progress; to be called on the event loop's thread."""

    def __call__(self, progress: Progress, notes: tuple[str, ...] = (), /) -> None:
        """Report progress, and add notes to those that a waiting caller is shown."""
        ...


class StillRunning(Frozen):
    """What a caller gets whose time runs out before the work is done."""

    progress: Progress
    notes: tuple[str, ...] = Field(default=(), description="What the work has found so far.")


class SingleFlight:
    """The work in flight in this process and, for a while, its results; belongs to one event loop.

    Args:
        idle_seconds: Work that nobody waits for is cancelled after this time.
        claim_seconds: A result can be had for this time after the work has finished.
        results: Finished results held at most, at least 1; the oldest are evicted.
    """

    def __init__(self, idle_seconds: float = 900.0, claim_seconds: float = 600.0, results: int = 64) -> None:
        self._idle_seconds = idle_seconds
        self._claim_seconds = claim_seconds
        self._results = results
        self._flights: dict[str, _Flight[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def join(
        self,
        key: str,
        work: Callable[[ReportProgress], Awaitable[T]],
        wait_seconds: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> T | StillRunning:
        """Wait for the work of this key, which the first caller starts and later ones join.

        The same call made again after a StillRunning joins the work or gets its result. An error goes to everyone who
        waits or, if nobody does, to the next caller; then the work may be started anew. A caller that is cancelled
        while nobody else waits cancels the work; one that got StillRunning does not count as waiting, nor as cancelled.

        Args:
            key: From `job_key`; callers that give the same key must mean the same work.
            work: Starts the work, in a copy of the first caller's context; is given a function to report with.
            wait_seconds: How long to wait; None: until the work ends.
            on_progress: Called with each progress, in the caller's context; the fraction never falls.

        Raises:
            EngineError: The work was stopped, for example by `close`.
            Exception: Whatever the work raised.
        """
        flight = cast("_Flight[T]", self._flights.get(key) or self._start(key, work))
        if flight.task.done():
            return self._claim(key, flight)
        waiter = flight.enter(on_progress)
        try:
            await asyncio.wait({flight.task}, timeout=wait_seconds)
        except asyncio.CancelledError:
            flight.waiters.remove(waiter)
            if not flight.waiters:
                self._cancel(key, flight)
            raise
        flight.waiters.remove(waiter)
        if flight.task.done():
            return self._claim(key, flight)
        if not flight.waiters:
            flight.start_timer(self._idle_seconds, lambda: self._cancel(key, flight))
        return StillRunning(progress=flight.progress, notes=tuple(flight.notes))

    def is_in_flight(self, key: str) -> bool:
        """Whether a caller with this key starts nothing: the work is in flight, or its result can be had."""
        return key in self._flights

    async def close(self) -> None:
        """Cancel all work and wait until it has ended."""
        for key, flight in tuple(self._flights.items()):
            self._drop(key, flight)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, key: str, work: Callable[[ReportProgress], Awaitable[T]]) -> "_Flight[T]":
        flight = _Flight(work)
        self._flights[key] = flight
        self._tasks.add(flight.task)
        flight.task.add_done_callback(lambda _: self._finish(key, flight))
        return flight

    def _finish(self, key: str, flight: "_Flight[Any]") -> None:
        self._tasks.discard(flight.task)
        flight.stop_timer()
        # Reading the error also tells asyncio that it was not overlooked.
        delivered = flight.failed and (flight.waiters or flight.task.cancelled())
        if self._flights.get(key) is not flight:
            return
        if delivered:
            self._drop(key, flight)
            return
        flight.start_timer(self._claim_seconds, lambda: self._drop(key, flight))
        finished = [(other_key, other) for other_key, other in self._flights.items() if other.task.done()]
        for other_key, other in finished[: -self._results]:
            self._drop(other_key, other)

    def _claim(self, key: str, flight: "_Flight[T]") -> T:
        if flight.failed:
            self._drop(key, flight)
        return flight.result()

    def _cancel(self, key: str, flight: "_Flight[Any]") -> None:
        # Work that has just finished is not to be cancelled any more: its result can be had.
        if not flight.task.done():
            self._drop(key, flight)
            flight.task.cancel()

    def _drop(self, key: str, flight: "_Flight[Any]") -> None:
        flight.stop_timer()
        if self._flights.get(key) is flight:
            del self._flights[key]


class _Flight(Generic[T]):
    """One piece of work and the callers who wait for it."""

    def __init__(self, work: Callable[[ReportProgress], Awaitable[T]]) -> None:
        self.progress = Progress(fraction=0.0, message="Started")
        self.notes: list[str] = []
        self.waiters: list[_Waiter] = []
        self.timer: asyncio.TimerHandle | None = None
        self.task = asyncio.create_task(self._perform(work))

    async def _perform(self, work: Callable[[ReportProgress], Awaitable[T]]) -> T:
        return await work(self.report)

    def report(self, progress: Progress, notes: tuple[str, ...] = (), /) -> None:
        if self.task.done():
            return
        fraction = max(progress.fraction, self.progress.fraction)
        self.progress = Progress(fraction=fraction, message=progress.message)
        self.notes.extend(notes)
        for waiter in tuple(self.waiters):
            waiter.report(self.progress)

    def enter(self, on_progress: OnProgress | None) -> "_Waiter":
        waiter = _Waiter(on_progress, contextvars.copy_context())
        self.waiters.append(waiter)
        self.stop_timer()
        if self.progress.fraction > 0:
            waiter.report(self.progress)
        return waiter

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


@dataclass(eq=False)
class _Waiter:
    """A caller that waits, and the context in which its callback runs."""

    on_progress: OnProgress | None
    context: contextvars.Context

    def report(self, progress: Progress) -> None:
        if self.on_progress is None:
            return
        try:
            self.context.run(self.on_progress, progress)
        except Exception:
            _logger.warning("A caller's progress callback failed.", exc_info=True)


def job_key(**inputs: object) -> str:
    """Return the SHA-256, in hex, of everything that decides a result: the same in every process.

    Inputs are JSON values, paths and pydantic models. Sets are refused: their order is not stable.

    Raises:
        TypeError: An input is none of these.
    """
    text = json.dumps(inputs, sort_keys=True, default=_jsonable)
    return hashlib.sha256(text.encode()).hexdigest()


def _jsonable(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"A job's key cannot hold a {type(value).__name__}; pass JSON values, paths or models.")
