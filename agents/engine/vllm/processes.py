"""Processes that outlive whoever started them: knowing them again, and ending them with all they started."""

import os
import signal
import time
from collections.abc import Callable

import psutil
from pydantic import Field

from agents.schema import Frozen

_SAME_START_SECONDS = 1.0
_POLL_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1


class ProcessId(Frozen):
    """A process, told from a later one with the same number by its start time."""

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
    return [process for process in psutil.process_iter() if _belongs(process, leader)]


def _belongs(process: psutil.Process, leader: ProcessId) -> bool:
    try:
        same = os.getsid(process.pid) == leader.pid
        late = process.create_time() >= leader.started - _SAME_START_SECONDS
        return same and late and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.Error):
        return False


def end_session(leader: ProcessId, patience_seconds: float) -> None:
    """End a session: its leader is asked to, and after `patience_seconds` whatever is left is killed."""
    if leader.alive():
        os.kill(leader.pid, signal.SIGTERM)
        wait_until(lambda: not leader.alive(), patience_seconds)
    while left := session(leader):
        for process in left:
            try:
                process.kill()
            except psutil.Error:
                continue
        wait_until(lambda: not session(leader), 1.0)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look again and again whether a condition holds, up to a time limit; whether it does in the end."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def dying_with_parent() -> Callable[[], None]:
    """Return what a child must run before it becomes another program, to be asked to end when its parent dies.

    Only Linux knows it; elsewhere the child outlives a parent that was killed.
    """
    import ctypes

    libc = ctypes.CDLL(None)

    def ask() -> None:
        if hasattr(libc, "prctl"):
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask
