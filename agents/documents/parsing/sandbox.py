"""Running the parsing process: a file in, its document's Record or a page's picture out, within limits."""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar, cast

from agents.documents.parsing import formats
from agents.documents.parsing.fork_server import EXIT_CODE
from agents.documents.parsing.limits import SCAN, Limits, read_report
from agents.documents.parsing.parse import Job
from agents.documents.record import Record
from agents.errors import DocumentError
from agents.schema import PagePicture
from agents.settings import DocumentsSettings

OnScan = Callable[[int, int], None]
"""Told how many scanned pages of a document are read, and how many there are."""

ResultT = TypeVar("ResultT")

_logger = logging.getLogger(__name__)

_PACKAGE_ROOT = str(Path(__file__).resolve().parents[3])
# -P keeps the working directory, whatever lies in it, out of the child's imports.
_START = (
    "import importlib, sys; root = sys.argv.pop(1); root in sys.path or sys.path.insert(0, root); "
    "importlib.import_module(sys.argv.pop(1)).main()"
)
_CHILD = (sys.executable, "-P", "-c", _START, _PACKAGE_ROOT)
_CAN_FORK = all(hasattr(os, name) for name in ("fork", "waitid")) and hasattr(socket, "send_fds")

_KILLED = -getattr(signal, "SIGKILL", 9)
"""The exit code of a process that the system, or somebody, has killed."""


class Sandbox:
    """Parses files, each in a process of its own.

    Where the platform can, it is a fork of a process that was started beforehand: an interpreter's start and the
    imports take as long as reading a hundred pages.

    Args:
        settings: The limits.
    """

    def __init__(self, settings: DocumentsSettings) -> None:
        self._settings = settings
        self._processes = (
            ForkClient((*_CHILD, "agents.documents.parsing.fork_server"))
            if _CAN_FORK
            else ProcessStarter((*_CHILD, "agents.documents.parsing.parse"))
        )

    def warm_up(self) -> None:
        """Start what parsing needs, without waiting for it."""
        self._processes.warm_up()

    async def parse(self, file: IO[bytes], name: str, on_scan: OnScan = lambda _done, _total: None) -> Record:
        """Parse an open file; a cancel kills the process that reads it and all that it started.

        Args:
            file: The file.
            name: Its name.
            on_scan: Told how many of its scanned pages are read.

        Raises:
            DocumentError: The file cannot be read, or not within the limits.
        """
        return await self._run(file, self._job(name), Record.from_bytes, on_scan)

    async def draw(self, file: IO[bytes], name: str, page: int, quotes: Sequence[tuple[str, str, str]]) -> PagePicture:
        """Return a page of an open PDF as a picture, and where quotes stand on it.

        Args:
            file: The file.
            name: Its name.
            page: The page's position, from 1.
            quotes: Words to be found there, what stands before them, and what behind.

        Raises:
            DocumentError: The page cannot be drawn, or not within the limits.
        """
        return await self._run(file, self._job(name)._replace(drawing=(page, quotes)), _picture)

    def close(self) -> None:
        """End what was started; it starts again when it is needed."""
        self._processes.close()

    def _job(self, name: str) -> Job:
        return Job(name, self._settings.passage_tokens, Limits.of(self._settings))

    async def _run(
        self,
        file: IO[bytes],
        job: Job,
        restore: Callable[[memoryview], ResultT],
        on_scan: OnScan = lambda _done, _total: None,
    ) -> ResultT:
        """Return the result that the process of an open file wrote, restored, or raise what it says went wrong."""
        try:
            _rewind(file)
            output, code = await self._processes.run(file, job, on_scan)
            if code is None or code == _KILLED:
                # By the system, which is short of memory, or by hand: that says nothing of the file.
                _rewind(file)
                output, code = await self._processes.run(file, job, on_scan)
        except TimeoutError:
            raise self._too_slow(job.name) from None
        return await asyncio.to_thread(self._result, output, code, job.name, restore)

    def _result(
        self, output: bytearray, code: int | None, name: str, restore: Callable[[memoryview], ResultT]
    ) -> ResultT:
        """Restore what the process wrote, or raise what it says went wrong."""
        if code == -getattr(signal, "SIGXCPU", 0):
            raise self._too_slow(name)
        if code is None or code == _KILLED:
            raise DocumentError(
                f"The process that was to read {name} was ended from outside, twice, or could not be started.",
                hint="The file may well be sound: see that the machine has free memory, and ask again.",
            )
        if code or not output:
            raise formats.ended_abruptly(name, code)
        end = output.find(b"\n")
        try:
            said = json.loads(output[:end] if end >= 0 else output)
            if "error" not in said:
                result = restore(memoryview(output)[end + 1 :])
                for fault in said["faults"]:
                    _logger.warning("%s was read in part after a fault.\n%s", name, fault)
                return result
        except ValueError as error:
            # A file that has taken the process over may have it write anything.
            raise formats.ended_abruptly(name, code) from error
        message, hint, traceback = said["error"]
        if message == "memory":
            raise DocumentError(
                f"Reading {name} needs more than {self._settings.parse_memory_bytes:,} bytes of memory and was ended.",
                hint="Split the file, or raise READROOM_DOCUMENTS__PARSE_MEMORY_BYTES.",
            )
        if traceback:
            _logger.warning("The reader of %s failed.\n%s", name, traceback)
        raise DocumentError(message, hint=hint)

    def _too_slow(self, name: str) -> DocumentError:
        return DocumentError(
            f"Reading {name} took longer than {self._settings.parse_seconds:g} seconds and was ended.",
            hint="Split the file, or raise READROOM_DOCUMENTS__PARSE_SECONDS.",
        )


_READ_BYTES = 1 << 20
_PATIENCE = 4
"""A page may take so many times as long by the clock as of the processor, which other pages and programs use too."""
_CLOSING_SECONDS = 5.0


def _picture(data: memoryview) -> PagePicture:
    return PagePicture.model_validate_json(bytes(data))


def _rewind(file: IO[bytes]) -> None:
    """Go back to the beginning, for the process as well: seeking in what is buffered leaves the descriptor."""
    file.seek(0)
    os.lseek(file.fileno(), 0, os.SEEK_SET)


async def _read(reader: asyncio.StreamReader, limits: Limits, on_scan: OnScan) -> bytearray:
    """Return what a parsing process writes up to its end, apart from the lines on scanned pages; a link may break.

    Raises:
        TimeoutError: It took longer than it may, or a scanned page did.
    """
    output = bytearray()
    now = asyncio.get_running_loop().time
    async with asyncio.timeout(limits.seconds) as deadline:
        with suppress(ConnectionError):
            while block := await reader.read(_READ_BYTES):
                output += block
                while output.startswith(SCAN) and (end := output.find(b"\n")) >= 0:
                    on_scan(*read_report(bytes(output[:end])))
                    del output[: end + 1]
                    deadline.reschedule(max(deadline.when() or 0.0, now() + limits.ocr_page_seconds * _PATIENCE))
    return output


class ForkClient:
    """The fork server's client. The server starts when it is first used, and again if somebody kills it.

    Args:
        command: The command that starts the server.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._server: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Start the server, without waiting until it is ready."""
        with self._lock:
            self._control()

    async def run(self, file: IO[bytes], job: Job, on_scan: OnScan) -> tuple[bytearray, int | None]:
        """Have a file read in a fork; return what it wrote and its exit code, None where that is unknown.

        The fork and all that it started are gone when this returns or raises.

        Args:
            file: Open at its beginning.
            job: What the fork needs to know.
            on_scan: Told how many scanned pages are read.

        Raises:
            TimeoutError: It took longer.
        """
        reader, writer = await asyncio.open_unix_connection(sock=self._fork(file, job))
        try:
            output = await _read(reader, job.limits, on_scan)
        finally:
            await asyncio.shield(self._hang_up(reader, writer))
        ending = bytes(output[-EXIT_CODE.size :])
        if len(ending) < EXIT_CODE.size or ending[0]:
            return bytearray(), None
        del output[-EXIT_CODE.size :]
        return output, EXIT_CODE.unpack(ending)[0]

    def close(self) -> None:
        """End the server and every fork."""
        with self._lock:
            server, self._server = self._server, None
        if server is None:
            return
        process, control = server
        control.close()
        try:
            process.wait(_CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _fork(self, file: IO[bytes], job: Job) -> socket.socket:
        """Hand a file to the server; return the link to the fork that reads it."""
        ours, theirs = socket.socketpair()
        with theirs:
            ours.sendall(json.dumps(job).encode() + b"\n")
            descriptors = (file.fileno(), theirs.fileno())
            try:
                self._send(descriptors)
            except OSError:
                self.close()
                self._send(descriptors)
        return ours

    def _send(self, descriptors: Sequence[int]) -> None:
        with self._lock:
            socket.send_fds(self._control(), [b"\0"], descriptors)

    def _control(self) -> socket.socket:
        """Return the socket to the server, which is started if it does not run."""
        if self._server is None:
            ours, theirs = socket.socketpair()
            nowhere = subprocess.DEVNULL
            with theirs:
                process = subprocess.Popen(  # noqa: S603 - our own module
                    self._command, stdin=theirs.fileno(), stdout=nowhere, stderr=nowhere, start_new_session=True
                )
            self._server = process, ours
        return self._server[1]

    async def _hang_up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """End the fork if it still runs, and wait until the server says that it has ended."""
        try:
            async with asyncio.timeout(_CLOSING_SECONDS):
                writer.write_eof()
                while await reader.read(_READ_BYTES):
                    pass
        except (TimeoutError, OSError):
            pass
        finally:
            writer.close()


class ProcessStarter:
    """Starts an interpreter for each file, on platforms that cannot fork.

    Args:
        command: The command that starts it, without the file's name and the limits.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command

    def warm_up(self) -> None:
        """Do nothing: each process is started when it is needed."""

    async def run(self, file: IO[bytes], job: Job, on_scan: OnScan) -> tuple[bytearray, int | None]:
        """Have a file read by a new process; return what it wrote and its exit code, as `ForkClient.run` does."""
        process = await asyncio.create_subprocess_exec(
            *(*self._command, json.dumps(job)),
            stdin=file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            # It was asked for above.
            output = await _read(cast("asyncio.StreamReader", process.stdout), job.limits, on_scan)
            async with asyncio.timeout(_CLOSING_SECONDS):
                await process.wait()
        finally:
            await self._end(process)
        return output, process.returncode

    def close(self) -> None:
        """Do nothing: no process outlives its file."""

    @staticmethod
    async def _end(process: asyncio.subprocess.Process) -> None:
        """Kill the process and its forks, if it still runs, and wait for it."""
        if process.returncode is None:
            with suppress(ProcessLookupError):
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()
            await asyncio.shield(process.wait())
