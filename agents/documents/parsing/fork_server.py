"""The process that parsing processes are forked from: it has imported what they need, and never reads a document.

Each document gets a fresh fork, so what a hostile file does to its process ends with that process. The forks share
the layout of their addresses, which separate starts would not, and no memory but what was there before any document.

`sandbox.py` starts it with one end of a socket as standard input. For each document a byte arrives there, and with it
two descriptors: the file, and the link, a socket of the document's own. Over the link comes the job as a line of JSON;
back go lines on scanned pages, the result and, behind it, a zero byte and the exit code as four bytes. When the client
shuts its side of the link, or is gone, the document's process is killed with all that it started.
"""

import ctypes
import gc
import os
import select
import signal
import socket
import struct
import sys
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import NoReturn

from agents.documents.parsing import formats, parse
from agents.documents.parsing.parse import Job

EXIT_CODE = struct.Struct("!xi")
"""No result holds a zero byte, so the end of one that breaks off is not taken for a code."""
_LATER = ("openpyxl.reader.excel",)
"""What a reader imports when it reads, for it is slow, and the server before that, once it has nothing to do. It must
start no threads: a fork has none but its own."""
_STEMMER = "Stemmer"
"""What finding the terms of any document imports."""
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux's prctl(2)."""


def main() -> None:
    """Serve the client at the other end of standard input until it hangs up."""
    # Readers import what only they need, and what is slow or starts threads, when they read.
    for module in (*(reader.module for reader in formats.READERS), _STEMMER):
        # A module that cannot be imported is an error of the fork that needs it.
        with suppress(Exception):
            import_module(module)
    # What was imported stays: no fork need look through it for garbage, which would copy its memory as well.
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as control:
        ForkServer(control).serve()


class ForkServer:
    """Forks a process for each document, ends it if the client says so, and tells the client how it ended.

    Args:
        control: Where the documents' descriptors arrive.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._links: dict[int, socket.socket] = {}
        """The link of each running process, by its id."""
        self._killed: set[int] = set()
        self._later = list(_LATER)
        self._ended, self._wakeup = os.pipe()

    def serve(self) -> None:
        """Serve until the client hangs up; then nothing is left running."""
        os.set_blocking(self._wakeup, False)
        signal.signal(signal.SIGCHLD, self._wake_up)
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        while self._step():
            pass
        for process in self._links:
            self._kill(process)

    def _step(self) -> bool:
        """Wait for the next event and handle it; False when the client has hung up."""
        links = {link: process for process, link in self._links.items() if process not in self._killed}
        has_time = bool(self._later) and not self._links
        ready, _, _ = select.select([self._control, self._ended, *links], [], [], 0 if has_time else None)
        if not ready:
            with suppress(Exception):
                import_module(self._later.pop())
            return True
        for process in (links[link] for link in ready if link in links):
            self._killed.add(process)
            self._kill(process)
        if self._ended in ready:
            os.read(self._ended, 4_096)
            self._reap()
        return self._control not in ready or self._accept()

    def _accept(self) -> bool:
        """Start the process of one document; False when there will be no more."""
        byte, descriptors, _, _ = socket.recv_fds(self._control, 1, 2)
        if not byte:
            return False
        file, link = descriptors
        # Read here and not in the fork: from now on a link that has something to read is one that was shut.
        with os.fdopen(os.dup(link), "rb", buffering=0) as request:
            job = Job.from_json(request.readline())
        process = os.fork()
        if not process:
            # The other documents' links, above all, are none of this document's business.
            for other in (self._control, *self._links.values()):
                other.close()
            os.close(self._ended)
            self._parse(file, link, job)
        os.close(file)
        self._links[process] = socket.socket(fileno=link)
        return True

    def _reap(self) -> None:
        """Tell the exit codes of the processes that have ended."""
        for process in list(self._links):
            if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            # Before its id is free for others: what it started and left running goes with it.
            self._kill(process)
            _, status = os.waitpid(process, 0)
            self._killed.discard(process)
            with self._links.pop(process) as link, suppress(OSError):
                link.sendall(EXIT_CODE.pack(os.waitstatus_to_exitcode(status)))

    @staticmethod
    def _wake_up(_signal: int, _frame: FrameType | None) -> None:
        """Do nothing: a signal without a handler would not write to the wakeup descriptor."""

    @staticmethod
    def _parse(file: int, link: int, job: Job) -> NoReturn:
        """Parse one document, or draw a page of it, in this process, which ends with it."""
        try:
            if sys.platform == "linux":
                ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(file, 0)
            os.close(file)
            parse.run(job, result=link)
        finally:
            os._exit(1)

    @staticmethod
    def _kill(process: int) -> None:
        """Kill a process that was not reaped yet, and its group, which it may not have made yet."""
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                kill(process, signal.SIGKILL)
