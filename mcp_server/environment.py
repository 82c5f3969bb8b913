"""What is installed here. Imports nothing of `agents`, which another distribution may have overwritten."""

import importlib.metadata
import importlib.util
import json
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

OTHER_DISTRIBUTION = "openai-agents"
OWN_ENVIRONMENT = "python3 -m venv ~/.readroom && ~/.readroom/bin/pip install ."
"""The command that gives Readroom an environment of its own; run in the folder into which it was cloned."""
_ANEW = f"`{OWN_ENVIRONMENT}`, in the folder into which it was cloned"


def readroom_version() -> str:
    """Return the installed version, or a mark for a source tree that is not installed."""
    try:
        return importlib.metadata.version("readroom")
    except importlib.metadata.PackageNotFoundError:
        return "0+source"


def source() -> str | None:
    """Return the folder or the file that Readroom was installed from, where pip has noted one of this machine."""
    try:
        noted = importlib.metadata.distribution("readroom").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return None
    url = urlsplit(json.loads(noted)["url"] if noted else "")
    return url2pathname(url.path) if url.scheme == "file" else None


def foreign_agents() -> str | None:
    """Say what is wrong if Python finds another package `agents` than Readroom's, else return None."""
    ours = Path(__file__).parents[1] / "agents" / "__init__.py"
    found = _agents()
    if found is None:
        return f"Readroom's package 'agents' is missing. Install Readroom again: {_ANEW}."
    if found.resolve() == ours.resolve():
        return None
    return (
        f"Another package named 'agents' is found before Readroom's: {found}. Take its folder off Python's path "
        f"(PYTHONPATH, or the folder in which `python -m` is run), or give Readroom an environment of its own: {_ANEW}."
    )


def overwritten_agents() -> str | None:
    """Say what is wrong if the distribution `openai-agents` shares this environment, else return None.

    It installs a package named `agents` too, and whichever of the two was installed last has overwritten files
    of the other.
    """
    try:
        other = importlib.metadata.distribution(OTHER_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return None
    if _agents() != Path(str(other.locate_file("agents/__init__.py"))):
        return None
    return (
        f"The distribution {OTHER_DISTRIBUTION} {other.version} is installed in the same environment and overwrites "
        f"files of Readroom's package 'agents'. Give Readroom an environment of its own: {_ANEW}."
    )


def _agents() -> Path | None:
    spec = importlib.util.find_spec("agents")
    return Path(spec.origin) if spec and spec.origin else None
