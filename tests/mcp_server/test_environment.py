import json
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_server.environment import foreign_agents, overwritten_agents
from tests.support.processes import REPOSITORY, environment


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """An environment in which the distribution openai-agents owns a package named agents as well."""
    tmp_path.joinpath("agents").symlink_to(REPOSITORY / "agents")
    information = tmp_path / "openai_agents-0.9.0.dist-info"
    information.mkdir()
    information.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: openai-agents\nVersion: 0.9.0\n")
    return tmp_path


def readroom(shared: Path, *words: str) -> subprocess.CompletedProcess[str]:
    variables = environment(shared, PYTHONPATH=f"{shared}:{REPOSITORY}")
    command = [sys.executable, "-m", "mcp_server", *words]
    return subprocess.run(command, cwd=shared, env=variables, capture_output=True, text=True, check=False)


def test_nothing_is_said_where_nothing_is_shared() -> None:
    assert foreign_agents() is None
    assert overwritten_agents() is None


@pytest.mark.parametrize("words", [("serve",), ("ask", "a.txt", "Why?"), ("engine", "status")])
def test_an_overwritten_package_stops_the_start_and_names_the_way_out(shared: Path, words: tuple[str, ...]) -> None:
    done = readroom(shared, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert "openai-agents 0.9.0 is installed in the same environment" in done.stderr
    assert "~/.readroom/bin/pip install ." in done.stderr


@pytest.mark.parametrize(("foreign", "command"), [("agents/__init__.py", "serve"), ("agents.py", "doctor")])
def test_a_foreign_package_on_the_path_is_named_with_the_way_out(tmp_path: Path, foreign: str, command: str) -> None:
    (tmp_path / foreign).parent.mkdir(exist_ok=True)
    (tmp_path / foreign).touch()
    done = readroom(tmp_path, command)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Another package named 'agents' is found before Readroom's: {tmp_path / foreign}." in done.stderr
    assert "PYTHONPATH" in done.stderr


def test_doctor_reports_it_with_the_rest(shared: Path) -> None:
    done = readroom(shared, "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1
    assert checks["package agents"]["state"] == "problem"
    assert checks["engine"]["state"] == "ok"
