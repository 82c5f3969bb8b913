"""Doing parts of one document's work at once, in forks of the process that reads it."""

import os
import signal
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection, Pipe
from typing import Any, Generic, NamedTuple, TypeVar

CAN_FORK = hasattr(os, "fork")
_MAX_PROCESSES = 4
_Result = TypeVar("_Result")


class Ended(NamedTuple):
    """What is left of a fork that ended before it had a result."""

    code: int
    """Its exit code, negative for a signal."""


def useful_processes(parts: int) -> int:
    """Return how many processes may share work that can be cut into so many parts, this one included."""
    return max(1, min(os.cpu_count() or 1, _MAX_PROCESSES, parts)) if CAN_FORK else 1


def run_at_once(tasks: Sequence[Callable[[], _Result]]) -> list[_Result | Ended]:
    """Return the tasks' results in order: the first task runs here, each other one in a fork.

    No fork is left when this returns or raises.

    Args:
        tasks: Each returns, or raises, what can be pickled.

    Raises:
        Exception: The first that a task raised.
    """
    with ExitStack() as forks:
        others: list[_Fork[_Result]] = []
        for task in tasks[1:]:
            others.append(_Fork(task))
            forks.callback(others[-1].end)
        return [tasks[0](), *(fork.result() for fork in others)]


class _Fork(Generic[_Result]):
    """A fork of this process that has one task.

    Args:
        task: The task.
    """

    def __init__(self, task: Callable[[], _Result]) -> None:
        self._receiver, sender = Pipe(duplex=False)
        self._runs = True
        self._process = os.fork()
        if not self._process:
            self._run(task, sender)
        sender.close()

    def result(self) -> _Result | Ended:
        """Wait for the result and return it, or raise what the task raised."""
        try:
            result: _Result | Exception = self._receiver.recv()
        except (EOFError, OSError):
            return Ended(self._wait())
        self._wait()
        if isinstance(result, Exception):
            raise result
        return result

    def end(self) -> None:
        """End the fork, whatever it is doing: one whose result nobody takes would wait for ever to hand it over."""
        if self._runs:
            os.kill(self._process, signal.SIGKILL)
            self._wait()

    def _wait(self) -> int:
        """Wait until the fork has ended and return its exit code."""
        self._receiver.close()
        _, status = os.waitpid(self._process, 0)
        self._runs = False
        return os.waitstatus_to_exitcode(status)

    @staticmethod
    def _run(task: Callable[[], _Result], sender: "Connection[Any, Any]") -> None:
        """Run the task and send what comes of it, in a process that ends with it."""
        try:
            try:
                sender.send(task())
            except Exception as error:
                # The traceback does not travel with an exception, but its notes do.
                error.add_note(traceback.format_exc())
                sender.send(error)
        finally:
            os._exit(0)
