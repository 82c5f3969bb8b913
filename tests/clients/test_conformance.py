"""The official conformance suite against our server, with the tools that the suite calls."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.visit import HERE
from tests.support.processes import server_started_by


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of our server with the suite's fixtures."""
    how = server_started_by(tmp_path_factory.mktemp("conformance"), "-m", "tests.support.conformance_server")
    command = [how.command, *how.args]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=how.env, cwd=how.cwd, text=True, **pipes) as server:
        yield server.stdout.readline().strip()
        server.kill()


@pytest.mark.parametrize(("version", "passed"), [("2025-11-25", 84), ("2026-07-28", 152)])
def test_every_check_passes(
    version: str, passed: int, fixtures: str, node: str, run: Callable[..., str], tmp_path: Path
) -> None:
    suite = [node, str(HERE / "node_modules/.bin/conformance"), "server", "--url", fixtures, "--suite", "all"]
    said = run(*suite, "--spec-version", version, "-o", str(tmp_path))
    checks = [check for file in tmp_path.glob("*/checks.json") for check in json.loads(file.read_text())]
    found = Counter(check["status"] for check in checks if check["status"] != "INFO")
    sys.stdout.write(said)
    assert found == {"SUCCESS": passed}
