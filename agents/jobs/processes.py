"""Processes that do what would keep the event loop waiting: they hold an interpreter lock of their own.

Processes  starts them when they are needed, hands them work, and ends them
Parent     in such a process: the one that it works for
main       what such a process runs

A process is started from scratch, never forked: forks of a process with threads hang. Messages are pickles, each behind
its length as eight bytes; nobody but the two processes can write to their pipes.
"""

import asyncio
import itertools
import os
import pickle
import pkgutil
import queue
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import IO, Any, NoReturn, cast

from agents import telemetry
from agents.errors import EngineError

Answers = Mapping[str, Callable[..., Awaitable[Any]]]
"""What the work may call in the process that waits for it, by name."""

NICENESS = 10
"""Of the processes that compute: on a full machine whoever talks goes before them."""
IDLE_SECONDS = 300.0
ATTEMPTS = 2
"""Work whose process is killed is done once more in a fresh one."""
_READ_BYTES = 2**20
_LENGTH = struct.Struct("!Q")
_START = "import sys; sys.path[:] = sys.argv[1:]; from agents.jobs.processes import main; main()"


class ProcessEndedError(Exception):
    """A process ended before its work was done."""


class Processes:
    """Processes that each do one piece of work at a time; belongs to one event loop. None runs until it is needed.

    Args:
        limit: Processes at most; more work waits. By default two, so that short work need not wait for long, or as many
            as leave one of the machine's cores free.
        idle_seconds: A process that had nothing to do for so long is ended, which frees its memory.
        python: The interpreter that they run.
    """

    def __init__(
        self, limit: int | None = None, idle_seconds: float = IDLE_SECONDS, python: str = sys.executable
    ) -> None:
        self._slots = asyncio.Semaphore(limit or max(2, (os.cpu_count() or 1) - 1))
        self._idle_seconds = idle_seconds
        self._python = python
        self._idle: dict[_Process, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def are_busy(self) -> bool:
        """Whether more work has to wait."""
        return self._slots.locked()

    async def run(self, function: str, *arguments: object, answers: Answers) -> Any:  # noqa: ANN401
        """Have a coroutine function called in another process; return what it returns.

        A cancel kills the process, whatever it is doing.

        Args:
            function: Where it stands, as `module:name`; it is given a `Parent`, then the arguments.
            arguments: Can be pickled.
            answers: What it may call here.

        Raises:
            EngineError: No process could be started, or it was killed, and so was the one that did it once more.
            Exception: Whatever it raised.
        """
        async with telemetry.turn(self._slots, "process"):
            for _ in range(ATTEMPTS):
                with suppress(ProcessEndedError):
                    return await self._attempt((function, arguments), answers)
        raise EngineError(
            "The process that was to do the work could not be started or was killed, twice.",
            hint="See that the machine has free memory, then make the same call again.",
            retryable=True,
        )

    async def close(self) -> None:
        """End the processes that have nothing to do; whoever waits for another is to be cancelled first."""
        for process in tuple(self._idle):
            self._end(process)
        await asyncio.gather(*self._ending)

    async def _attempt(self, work: tuple[str, tuple[object, ...]], answers: Answers) -> Any:  # noqa: ANN401
        process = self._take_idle() or await _Process.start(self._python)
        try:
            return await process.run(work, answers)
        finally:
            if process.is_free:
                later = asyncio.get_running_loop().call_later
                self._idle[process] = later(self._idle_seconds, self._end, process)
            else:
                await asyncio.shield(process.kill())

    def _take_idle(self) -> "_Process | None":
        while self._idle:
            process, timer = self._idle.popitem()
            timer.cancel()
            if process.is_free:
                return process
        return None

    def _end(self, process: "_Process") -> None:
        self._idle.pop(process).cancel()
        ending = asyncio.create_task(process.kill())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


class _Process:
    """One process, as the one that waits for it sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        # They were asked for when it was started.
        self._to = cast("asyncio.StreamWriter", process.stdin)
        self._from = cast("asyncio.StreamReader", process.stdout)
        self._works = False

    @classmethod
    async def start(cls, python: str) -> "_Process":
        """Start a process that finds what this one finds when it imports.

        Raises:
            ProcessEndedError: It cannot be started.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *(python, "-P", "-c", _START, *sys.path),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                limit=_READ_BYTES,
                # The terminal's Ctrl-C is for the server, which ends it.
                start_new_session=True,
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
            )
        except OSError as error:
            raise ProcessEndedError from error
        return cls(process)

    @property
    def is_free(self) -> bool:
        """Whether it can be given work."""
        return self._process.returncode is None and not self._works

    async def run(self, work: tuple[str, tuple[object, ...]], answers: Answers) -> Any:  # noqa: ANN401
        """Have work done; return what it returns, or raise what it raises.

        Raises:
            ProcessEndedError: The process ended before.
        """
        self._works = True
        calls: dict[int, asyncio.Task[None]] = {}
        try:
            await self._send(work)
            while True:
                number, content = await self._receive()
                if number is None:
                    break
                if content is not None:
                    calls[number] = asyncio.create_task(self._answer(number, *content, answers=answers))
                    calls[number].add_done_callback(lambda _, number=number: calls.pop(number, None))
                elif number in calls:
                    calls[number].cancel()
        except (EOFError, OSError) as error:
            raise ProcessEndedError from error
        finally:
            for call in tuple(calls.values()):
                call.cancel()
        self._works = False
        result, failure = content
        if failure is not None:
            raise failure
        return result

    async def kill(self) -> None:
        """End the process at once."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._to.close()
        await self._process.wait()

    async def _answer(self, number: int, name: str, arguments: tuple[object, ...], answers: Answers) -> None:
        try:
            reply = number, await answers[name](*arguments), None
        except Exception as error:  # is raised where the call was made
            reply = number, None, _portable(error)
        with suppress(OSError):
            await self._send(reply)

    async def _send(self, message: object) -> None:
        content = pickle.dumps(message)
        self._to.write(_LENGTH.pack(len(content)) + content)
        await self._to.drain()

    async def _receive(self) -> Any:  # noqa: ANN401
        (length,) = _LENGTH.unpack(await self._from.readexactly(_LENGTH.size))
        content = await self._from.readexactly(length)
        return await asyncio.to_thread(pickle.loads, content)


class Parent:
    """The process that this one works for, which waits at the other end of the pipes.

    Args:
        incoming: Brings work, and replies to calls.
        outgoing: Takes calls and results.
    """

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._writing = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._numbers = itertools.count()
        self._work: queue.SimpleQueue[tuple[str, tuple[object, ...]]] = queue.SimpleQueue()

    def call(self, name: str, *arguments: object) -> "Future[Any]":
        """Call one of the functions that the other process answers with, from any thread; a cancel reaches it."""
        future: Future[Any] = Future()
        number = next(self._numbers)
        self._waiting[number] = future
        self._send((number, (name, arguments)))
        future.add_done_callback(lambda done: self._send((number, None)) if done.cancelled() else None)
        return future

    def serve(self) -> NoReturn:
        """Do one piece of work after the other; the process ends with the one that it works for."""
        threading.Thread(target=self._read, daemon=True).start()
        while True:
            function, arguments = self._work.get()
            try:
                result = asyncio.run(pkgutil.resolve_name(function)(self, *arguments)), None
            except Exception as error:  # is raised where the work was asked for
                result = None, _portable(error)
            self._send((None, result))

    def _read(self) -> None:
        """Hand out what arrives; where nothing more will come, end this process in the middle of whatever it does."""
        try:
            while header := self._incoming.read(_LENGTH.size):
                message = pickle.loads(self._incoming.read(*_LENGTH.unpack(header)))  # noqa: S301 - our own parent's
                if isinstance(message[0], str):
                    self._work.put(message)
                    continue
                number, result, failure = message
                future = self._waiting.pop(number)
                with suppress(InvalidStateError):
                    future.set_exception(failure) if failure else future.set_result(result)
        finally:
            os._exit(0)

    def _send(self, message: object) -> None:
        content = pickle.dumps(message)
        with self._writing:
            self._outgoing.write(_LENGTH.pack(len(content)) + content)
            self._outgoing.flush()


def main() -> NoReturn:
    """Work for the process at the other end of standard input and output until it is gone."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What a library prints is no message.
    os.dup2(2, 1)
    Parent(incoming, outgoing).serve()


def _portable(error: Exception) -> Exception:
    """Return an error that can travel to another process, with its traceback as a note."""
    error.add_note(traceback.format_exc())
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:
        return RuntimeError(repr(error))
    return error
