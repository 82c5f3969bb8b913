"""Having parsing processes forked from one that was started beforehand (fork_server.py)."""

import asyncio
import json
import socket
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from agents.documents.parsing.fork_server import EXIT_CODE

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
