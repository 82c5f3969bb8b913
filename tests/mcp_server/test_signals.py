import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.messages import INITIALIZE, INITIALIZED
from tests.support.processes import server_process

AT_ONCE = 20
"""Seconds within which a process that ends at once has ended on a machine that is very busy; one that waits for its
client never does."""


@contextmanager
def served(data_dir: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    how = server_process(data_dir, *options)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([how.command, *how.args], env=how.env, cwd=how.cwd, text=True, **pipes) as server:
        try:
            yield server
        finally:
            server.kill()


def interrupted(server: subprocess.Popen[str]) -> int:
    server.send_signal(signal.SIGINT)
    return server.wait(AT_ONCE)


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the exit code is the signal's")


def test_over_stdio_it_ends_while_its_client_still_holds_the_pipe(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        # The notification starts the thread that imports, which an orderly end would wait for.
        for message in (INITIALIZE, INITIALIZED):
            server.stdin.write(json.dumps(message) + "\n")
        server.stdin.flush()
        assert '"id":1' in server.stdout.readline()
        assert interrupted(server) == -signal.SIGINT
        assert server.stderr.read() == ""


def test_over_http_it_ends(tmp_path: Path) -> None:
    with served(tmp_path, "--transport", "all", "--port", "0") as server:
        assert "Streamable HTTP" in server.stderr.readline()
        assert "SSE" in server.stderr.readline()
        assert interrupted(server) == -signal.SIGINT
        assert server.stderr.read() == ""
