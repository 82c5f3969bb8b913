"""Runs that servers share through their database: one computes, and the others wait for what it stores."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from pydantic import Field

from agents.jobs.claims import RETRY_SECONDS
from agents.jobs.single_flight import ReportProgress
from agents.jobs.window_cache import WindowCache
from agents.schema import Frozen, Progress

TELL_SECONDS = 1.0
"""Between two times that others are told how far a run has come."""
ResultT = TypeVar("ResultT", bound=Frozen)


class Told(Frozen):
    """What is known elsewhere of a run under way."""

    progress: Progress = Progress(fraction=0.0, message="Started")
    notes: tuple[str, ...] = Field(default=(), description="All so far.")


class SharedRuns:
    """Runs by their keys, of all servers that keep their results in the same place.

    Args:
        results: Where results and progress are kept.
        claim_seconds: A result can be had for this time after the run has finished.
    """

    def __init__(self, results: WindowCache, claim_seconds: float = 600.0) -> None:
        self._results = results
        self._claim_seconds = claim_seconds

    async def run(
        self,
        key: str,
        result: type[ResultT],
        work: Callable[[ReportProgress], Awaitable[ResultT]],
        report: ReportProgress,
    ) -> ResultT:
        """Do some work, or wait for it where it is being done; if that fails or is killed, do it here.

        Args:
            key: Says everything that decides the result.
            result: What results.
            work: Does it; is given a function to report with.
            report: Told how far the work has come, here or there.

        Raises:
            Exception: Whatever the work raised here.
        """
        key, seen = f"run {key}", Told()
        while True:
            async with self._results.claim(key) as claimed:
                if claimed:
                    stored = await self._results.get(key, self._claim_seconds)
                    if stored is not None:
                        return await asyncio.to_thread(result.model_validate_json, stored)
                    finished = await self._tell(key, work, report)
                    await self._results.put(key, await asyncio.to_thread(finished.model_dump_json))
                    return finished
            told = Told.model_validate_json(await self._results.get(_told(key)) or "{}")
            if told != seen:
                report(told.progress, told.notes[len(seen.notes) :])
                seen = told
            await asyncio.sleep(RETRY_SECONDS)

    async def _tell(
        self, key: str, work: Callable[[ReportProgress], Awaitable[ResultT]], report: ReportProgress
    ) -> ResultT:
        """Do the work, and store how far it has come for those who wait elsewhere."""
        now = begun = Told()

        def reported(progress: Progress, notes: tuple[str, ...] = (), /) -> None:
            nonlocal now
            now = Told(progress=progress, notes=(*now.notes, *notes))
            report(progress, notes)

        async def tell() -> None:
            stored = begun
            while True:
                await asyncio.sleep(TELL_SECONDS)
                if now is not stored:
                    stored = now
                    await self._results.put(_told(key), stored.model_dump_json())

        telling = asyncio.create_task(tell())
        try:
            return await work(reported)
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling


def _told(key: str) -> str:
    return f"progress of {key}"
