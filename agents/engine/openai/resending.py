"""Sending a request again: its connection broke, or the server cannot answer it now.

A router in front of several servers answers 5xx until it has noticed that one of them is gone. Answers are not
streamed: nobody has seen any part of one that broke off, and the whole request is sent again.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from typing_extensions import override

_logger = logging.getLogger(__name__)
CANNOT_NOW = frozenset(
    {
        httpx.codes.TOO_MANY_REQUESTS,
        httpx.codes.INTERNAL_SERVER_ERROR,
        httpx.codes.BAD_GATEWAY,
        httpx.codes.SERVICE_UNAVAILABLE,
        httpx.codes.GATEWAY_TIMEOUT,
    }
)
"""The statuses of a server that may answer the same request later."""
_BROKEN = (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
"""Not only where a server has died: it closes connections that have been idle, and a request may be on its way then."""
PAUSES = (0.5, 1.0)
"""Seconds before a request is sent for the second and the third time. By default vllm-router tries each five times, and
passes over a server after ten failures: what was sent to a dead one is answered by another at the third time."""
Sleep = Callable[[float], Awaitable[None]]


class ResendingClient(httpx.AsyncClient):
    """Sends a request again, after the pause that the server asks for (`Retry-After`), else after each of some pauses.

    Args:
        seconds: No request is sent again later than this after the first time.
        sleep: Waits for some seconds.
        pauses: In seconds, one after each time.
        broken: The errors after which a request is sent again.
        options: Those of httpx.AsyncClient.
    """

    def __init__(
        self,
        seconds: float,
        sleep: Sleep = asyncio.sleep,
        pauses: Sequence[float] = PAUSES,
        broken: tuple[type[httpx.TransportError], ...] = _BROKEN,
        **options: Any,  # noqa: ANN401 - they are httpx's
    ) -> None:
        super().__init__(**options)
        self._seconds = seconds
        self._sleep = sleep
        self._pauses = pauses
        self._broken = broken

    @override
    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request and return its response; where no later one was better, the last.

        Raises:
            httpx.TransportError: It could not be sent, or its connection broke every time.
        """
        last = time.monotonic() + self._seconds
        pauses = iter(self._pauses)
        while True:
            try:
                response = await super().send(request, **options)
            except self._broken as error:
                why, pause = repr(error), next(pauses, math.inf)
                if time.monotonic() + pause > last:
                    raise
            else:
                if response.status_code not in CANNOT_NOW:
                    return response
                why, pause = f"status {response.status_code}", retry_after(response) or next(pauses, math.inf)
                if time.monotonic() + pause > last:
                    return response
                await response.aclose()
            _logger.info("%s: %s; sent again in %.1f s", request.url, why, pause)
            await self._sleep(pause)


def retry_after(response: httpx.Response) -> float:
    """Return for how many seconds a server asks to be left alone; 0 where it says nothing that can be read."""
    told = response.headers.get("Retry-After", "")
    if told.isdecimal():
        return float(told)
    try:
        until = parsedate_to_datetime(told)
    except ValueError:
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
