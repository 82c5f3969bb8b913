"""The agents' progress as MCP notifications."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.mcpserver import Context

from agents.schema import Progress

OnProgress = Callable[[Progress], None]
_SMALLEST_RISE = 1e-4


@asynccontextmanager
async def notified_progress(ctx: Context[Any, Any]) -> AsyncGenerator[OnProgress]:
    """Yield a callback that turns progress into notifications; any thread may call it.

    The protocol wants values that rise: a new message at the same fraction rises by a hair, and a
    fraction that falls back is reported at the highest so far.
    """
    loop = asyncio.get_running_loop()
    pending: asyncio.Queue[Progress | None] = asyncio.Queue()

    async def send() -> None:
        reported, message = 0.0, ""
        while (progress := await pending.get()) is not None:
            value = max(progress.fraction, reported + _SMALLEST_RISE)
            if value <= 1.0 and (progress.fraction > reported or progress.message != message):
                reported, message = value, progress.message
                await ctx.report_progress(value, 1.0, message)

    def report(progress: Progress) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(pending.put_nowait, progress)

    sender = asyncio.create_task(send())
    try:
        yield report
        loop.call_soon(pending.put_nowait, None)
        await sender
    finally:
        sender.cancel()
