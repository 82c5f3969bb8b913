"""Having parsing processes forked from one that was started beforehand (fork_server.py)."""
# MERGED """Running the parsing process: one file in, a Parsed out, within limits of time and memory."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from agents.documents.parsing.fork_server import EXIT_CODE
from agents.documents.parsing.parsed import Parsed
from agents.errors import DocumentError
from agents.settings import DocumentsSettings

_READ_BYTES = 1 << 20
_CLOSING_SECONDS = 5.0


class Forks:
    """The fork server's client. The server starts at its first use, and again if somebody kills it.

    Args:
        command: What starts the server.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._server: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Start the server, without waiting until it is ready."""
        with self._lock:
            self._control()

    async def run(self, file: IO[bytes], name: str, memory_bytes: int, seconds: float) -> tuple[bytes, int | None]:
        """Have a file read in a fork; return what it wrote and its exit code, None where that is unknown.

        The fork and all that it started are gone when this returns or raises.

        Args:
            file: Open at its beginning.
            name: Its name.
            memory_bytes: The address space that the fork may have.
            seconds: The time that it may take.

        Raises:
            TimeoutError: It took longer.
        """
        reader, writer = await asyncio.open_unix_connection(sock=self._fork(file, name, memory_bytes, seconds))
        try:
            async with asyncio.timeout(seconds):
                output = await _read(reader)
        finally:
            await asyncio.shield(_hang_up(reader, writer))
        result, ending = output[: -EXIT_CODE.size], output[-EXIT_CODE.size :]
        if len(ending) < EXIT_CODE.size or ending[0]:
            return b"", None
        return result, EXIT_CODE.unpack(ending)[0]

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

    def _fork(self, file: IO[bytes], name: str, memory_bytes: int, seconds: float) -> socket.socket:
        """Hand a file to the server; return the link to the fork that reads it."""
        ours, theirs = socket.socketpair()
        with theirs:
            ours.sendall(json.dumps((name, memory_bytes, seconds)).encode() + b"\n")
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
        if self._server is None:
            ours, theirs = socket.socketpair()
            nowhere = subprocess.DEVNULL
            with theirs:
                process = subprocess.Popen(  # noqa: S603 - our own module
                    self._command, stdin=theirs.fileno(), stdout=nowhere, stderr=nowhere, start_new_session=True
                )
            self._server = process, ours
        return self._server[1]


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Read to the end; a link that breaks ends there."""
    output = bytearray()
    with suppress(ConnectionError):
        while block := await reader.read(_READ_BYTES):
            output += block
    return bytes(output)


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End the fork if it still runs, and wait until the server says that it has."""
    try:
        async with asyncio.timeout(_CLOSING_SECONDS):
            writer.write_eof()
            await _read(reader)
    except (TimeoutError, OSError):
        pass
    finally:
        writer.close()


_PACKAGE_ROOT = str(Path(__file__).resolve().parents[3])
# -P keeps the working directory, whatever lies in it, out of the child's imports.
_START = (
    "import importlib, sys; root = sys.argv.pop(1); root in sys.path or sys.path.insert(0, root); "
    "importlib.import_module(sys.argv.pop(1)).main()"
)
_CHILD = (sys.executable, "-P", "-c", _START, _PACKAGE_ROOT)
_CAN_FORK = all(hasattr(os, name) for name in ("fork", "waitid")) and hasattr(socket, "send_fds")


class Loader:
    """Parses files, each in a process of its own.

    Where the platform can, it is a fork of a process that was started beforehand: an interpreter's start and the
    imports take as long as reading a hundred pages.

    Args:
        settings: The limits.
    """

    def __init__(self, settings: DocumentsSettings) -> None:
        self._settings = settings
        self._forks = Forks((*_CHILD, "agents.documents.parsing.fork_server")) if _CAN_FORK else None

    def warm_up(self) -> None:
        """Start what parsing needs, without waiting for it."""
        if self._forks is not None:
            self._forks.warm_up()

    async def parse(self, file: IO[bytes], name: str) -> Parsed:
        """Parse an open file; a cancel kills the process that reads it and all that it started.

        Raises:
            DocumentError: The file cannot be read, or not within the limits.
        """
        file.seek(0)
        run = _run_process if self._forks is None else self._forks.run
        try:
            output, code = await run(file, name, self._settings.parse_memory_bytes, self._settings.parse_seconds)
        except TimeoutError:
            raise _too_slow(name, self._settings) from None
        return await asyncio.to_thread(_result, output, code, name, self._settings)

    def close(self) -> None:
        """End what was started; it starts again if it is needed after all."""
        if self._forks is not None:
            self._forks.close()


async def _run_process(file: IO[bytes], name: str, memory_bytes: int, seconds: float) -> tuple[bytes, int | None]:
    """Start a process for one file; return what it wrote and its exit code."""
    process = await asyncio.create_subprocess_exec(
        *(*_CHILD, "agents.documents.parsing.parse", name, str(memory_bytes), str(seconds)),
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    finally:
        await _end(process)
    return output, process.returncode


def _result(output: bytes, code: int | None, name: str, settings: DocumentsSettings) -> Parsed:
    """Return what the process wrote, or raise what it says went wrong."""
    if code == -getattr(signal, "SIGXCPU", 0):
        raise _too_slow(name, settings)
    if code is None:
        raise DocumentError(
            f"The process that was to read {name} ended before it was done, or could not be started.",
            hint="Ask again; if it happens again, install Readroom anew, and see that the machine has free memory.",
        )
    if code or not output:
        raise DocumentError(
            f"Reading {name} ended abruptly (exit code {code}): the file is damaged or needs more memory than allowed.",
            hint="Check that it opens elsewhere, or raise READROOM_DOCUMENTS__PARSE_MEMORY_BYTES.",
        )
    if output.startswith(b'{"error"'):
        message, hint = json.loads(output)["error"]
        raise _too_big(name, settings) if message == "memory" else DocumentError(message, hint=hint)
    return Parsed.from_json(output)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the process and those that it forked, if it still runs, and wait for it."""
    if process.returncode is None:
        try:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        except ProcessLookupError:
            pass
        await asyncio.shield(process.wait())


def _too_slow(name: str, settings: DocumentsSettings) -> DocumentError:
    return DocumentError(
        f"Reading {name} took longer than {settings.parse_seconds:g} seconds and was ended.",
        hint="Split the file, or raise READROOM_DOCUMENTS__PARSE_SECONDS.",
    )


def _too_big(name: str, settings: DocumentsSettings) -> DocumentError:
    return DocumentError(
        f"Reading {name} needs more than {settings.parse_memory_bytes:,} bytes of memory and was ended.",
        hint="Split the file, or raise READROOM_DOCUMENTS__PARSE_MEMORY_BYTES.",
    )
