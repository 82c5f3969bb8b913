"""Lay out what the bundle holds: `python bundle/stage.py FOLDER`.

The code, the manifest with its icon, and a pyproject.toml from which uv installs what the code needs.
"""

import shutil
import sys
from pathlib import Path

import tomlkit

HERE = Path(__file__).parent
ROOT = HERE.parent


def stage(folder: Path) -> None:
    """Fill the folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for package in ("agents", "mcp_server"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (HERE / "manifest.json", HERE / "icon.png", HERE / "server.py", ROOT / "README.md", ROOT / "LICENSE"):
        shutil.copy(file, folder)
    folder.joinpath("pyproject.toml").write_text(requirements())


def requirements() -> str:
    """Return the project's own pyproject.toml without its extras.

    uv would look for versions of all of them, vLLM's too, before the server's first start.
    """
    project = tomlkit.parse((ROOT / "pyproject.toml").read_text())
    del project["project"]["optional-dependencies"]
    project["tool"] = {"hatch": project["tool"]["hatch"]}
    return tomlkit.dumps(project)


if __name__ == "__main__":
    stage(Path(sys.argv[1]))
