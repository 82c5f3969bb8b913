"""uvicorn as Readroom runs it."""

import asyncio
import signal
import socket
from types import FrameType

import h11
import uvicorn
from starlette.applications import Starlette
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 20.0
"""What Apache's mod_reqtimeout grants by default to a client that sends no byte of its headers."""
_SHUTDOWN_SECONDS = 5


async def serve(app: Starlette, bound: socket.socket) -> None:
    """Serve an application on a bound socket until a signal arrives."""
    await Server(Config(app)).serve(sockets=[bound])


class Config(uvicorn.Config):
    """uvicorn's configuration for an application.

    Args:
        app: The application.
        header_seconds: How long a client may take over the headers of a request.
    """

    def __init__(self, app: Starlette, header_seconds: float = HEADER_SECONDS) -> None:
        super().__init__(
            app,
            # httptools accepts header values that the protocol wants refused.
            http=TimedProtocol,
            ws="none",
            log_config=None,
            log_level="warning",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        self.header_seconds = header_seconds


class Server(uvicorn.Server):
    """A server that SIGINT ends at once, and that finishes what is in flight at other signals."""

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Act on a signal."""
        if sig == signal.SIGINT:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        super().handle_exit(sig, frame)


class TimedProtocol(H11Protocol):
    """HTTP/1.1 that drops a client that is too slow with its headers; uvicorn itself waits for them without end."""

    config: Config
    _timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Start the time for the first request's headers."""
        super().connection_made(transport)
        self._time_headers()

    @override
    def data_received(self, data: bytes) -> None:
        """Start the time at a request's first byte; end it when its headers are there.

        Between two requests uvicorn's own time for idle connections runs.
        """
        super().data_received(data)
        self._time_headers()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """End the time."""
        super().connection_lost(exc)
        self._end_timer()

    def _time_headers(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._end_timer()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.config.header_seconds, self.transport.close)

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
