"""A server over stdio whose assistant prints to stdout, as libraries do."""

import os
import subprocess
import sys

from agents.schema import OnProgress
from agents.settings import Settings
from mcp_server.server import create_server
from tests.support.fake_assistant import FakeAssistant


async def print_by_the_way(_: OnProgress) -> None:
    print("a stray line")  # noqa: T201
    sys.stdout.flush()
    os.write(1, b"a stray write\n")
    subprocess.run([sys.executable, "-c", "print('a stray child')"], check=True)  # noqa: ASYNC221


if __name__ == "__main__":
    create_server(Settings(), FakeAssistant(work=print_by_the_way)).run("stdio")
