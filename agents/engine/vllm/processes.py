"""Processes that outlive whoever started them: recognising them, and ending them with all they started."""

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
from pydantic import Field

from agents.schema import Frozen

_SAME_START_SECONDS = 1.0
_POLL_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1


class ProcessId(Frozen):
    """A process; its start time tells it from a later one with the same number."""

    pid: int
    started: float = Field(description="Seconds since the epoch, as the operating system says.")

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """Identify a running process."""
        return cls(pid=pid, started=psutil.Process(pid).create_time())

    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _SAME_START_SECONDS
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def session(leader: ProcessId) -> list[psutil.Process]:
    """Return the processes of the session that `leader` began; they may have outlived it."""
    members: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            same = os.getsid(process.pid) == leader.pid
            late = process.create_time() >= leader.started - _SAME_START_SECONDS
            if same and late and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


def end_session(leader: ProcessId, patience_seconds: float) -> None:
    """Terminate a session's leader, and kill whatever is left of the session after `patience_seconds`."""
    if leader.alive():
        os.kill(leader.pid, signal.SIGTERM)
        wait_until(lambda: not leader.alive(), patience_seconds)
    while left := session(leader):
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        wait_until(lambda: not session(leader), 1.0)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll a condition up to a time limit; return whether it holds in the end."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def free_port() -> int:
    """Return a port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent() -> Callable[[], None]:
    """Return a `preexec_fn` after which a child is terminated when its parent dies.

    Only Linux can; elsewhere the child outlives a parent that was killed.
    """
    import ctypes

    libc = ctypes.CDLL(None)

    def set_death_signal() -> None:
        if hasattr(libc, "prctl"):
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return set_death_signal
