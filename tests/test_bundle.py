"""The bundle for one click: packed by `make bundle`, unpacked in a made home, and started as a client starts it."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uv
from mcp import Client, StdioServerParameters

from tests.clients.conftest import missing, node_binary

ROOT = Path(__file__).parent.parent
TOOL = ROOT / "bundle" / "node_modules" / ".bin" / "mcpb"
TOOLS = {"ask", "analyze_document", "list_documents", "read_document", "benchmark"}


def run(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed bundle."""
    if not TOOL.exists():
        missing("the bundle's tool is not installed: run `make clients`")
    folder = tmp_path_factory.mktemp("bundle")
    run(sys.executable, "bundle/stage.py", folder / "staged")
    said = run(node_binary(), TOOL, "pack", folder / "staged", folder / "readroom.mcpb")
    assert "Manifest schema validation passes!" in said
    return folder / "readroom.mcpb"


@pytest.fixture(scope="module")
def extension(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle as it lies in a home, with what uv would have installed beside it: what this interpreter has."""
    extension = tmp_path_factory.mktemp("home") / "extensions" / "readroom"
    run(node_binary(), TOOL, "unpack", bundle, extension)
    venv.create(extension / ".venv", symlinks=True)
    packages = sysconfig.get_path("purelib", vars={"base": str(extension / ".venv")})
    Path(packages, "this_interpreters.pth").write_text("\n".join(filter(os.path.isdir, sys.path)))
    return extension


@pytest.fixture
def start(extension: Path) -> Callable[..., StdioServerParameters]:
    """Say how a client starts the server, by the very code that clients use, with what its user has filled in."""

    def started(**filled_in: object) -> StdioServerParameters:
        config = json.loads(run(node_binary(), ROOT / "bundle/as_a_client.mjs", extension, json.dumps(filled_in)))
        home = extension.parents[1]
        own = {"HOME": str(home), "PATH": os.environ["PATH"], "UV_NO_SYNC": "1", "UV_OFFLINE": "1"}
        assert config["command"] == "uv"
        return StdioServerParameters(
            command=uv.find_uv_bin(), args=config["args"], cwd="/", env={**own, **config["env"]}
        )

    return started


async def test_the_unpacked_bundle_lists_its_tools_and_answers(
    start: Callable[..., StdioServerParameters], tmp_path: Path
) -> None:
    contracts, letters = tmp_path / "My contracts", tmp_path / "letters"
    for folder in (contracts, letters):
        folder.mkdir()
    contracts.joinpath("pump.txt").write_text("The pump holds 40 litres. The valve was made by Orlov in 1987.")
    letters.joinpath("tour.txt").write_text("The tour begins at noon.")

    async with Client(start(folders=[str(contracts), str(letters)], engine="extractive")) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
        listed = (await client.call_tool("list_documents", {})).structured_content
        asked = await client.call_tool(
            "ask", {"question": "How many litres does the pump hold?", "documents": [str(contracts)]}
        )

    assert {Path(each["path"]).name for each in listed["documents"]} == {"pump.txt", "tour.txt"}
    assert "40 litres" in asked.structured_content["claims"][0]["text"]


def test_a_client_starts_nothing_before_folders_are_chosen(extension: Path) -> None:
    assert json.loads(run(node_binary(), ROOT / "bundle/as_a_client.mjs", extension, "{}")) is None


def test_the_bundle_holds_the_code_and_nothing_else(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
        project = tomllib.loads(archive.read("pyproject.toml").decode())["project"]
    code = {str(path.relative_to(ROOT)) for room in ("agents", "mcp_server") for path in (ROOT / room).rglob("*.*")}

    beside = {"manifest.json", "icon.png", "server.py", "pyproject.toml", "README.md", "LICENSE"}
    assert set(names) - code == beside
    assert {name for name in code if "__pycache__" not in name} <= set(names)
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project == {key: value for key, value in whole.items() if key != "optional-dependencies"}


def test_the_manifest_says_what_the_server_is(manifest: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert manifest["version"] == project["version"]
    assert manifest["license"] == project["license"]
    assert manifest["repository"]["url"] == project["urls"]["Source"]
    assert {tool["name"] for tool in manifest["tools"]} == TOOLS


def test_every_field_of_the_dialogue_is_used(manifest: dict[str, Any]) -> None:
    used = re.findall(r"\$\{user_config\.(\w+)\}", json.dumps(manifest["server"]))
    assert sorted(used) == sorted(manifest["user_config"])


@pytest.fixture
def manifest() -> dict[str, Any]:
    return json.loads((ROOT / "bundle" / "manifest.json").read_text())
