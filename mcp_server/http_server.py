"""uvicorn as Readroom runs it."""

import signal
import socket
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from typing_extensions import override

_SHUTDOWN_SECONDS = 5


async def serve(app: Starlette, bound: socket.socket) -> None:
    """Serve an application on a bound socket until a signal arrives."""
    await Server(config(app)).serve(sockets=[bound])


def config(app: Starlette) -> uvicorn.Config:
    """Return uvicorn's configuration for the application."""
    return uvicorn.Config(
        app,
        # httptools accepts header values that the protocol wants refused.
        http="h11",
        ws="none",
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )


class Server(uvicorn.Server):
    """A server that SIGINT ends at once, and that finishes what is in flight at other signals."""

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Act on a signal."""
        if sig == signal.SIGINT:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        super().handle_exit(sig, frame)
