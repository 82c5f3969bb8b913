"""What is installed here. Imports nothing of `agents`, which another distribution may have overwritten."""

import importlib.metadata
import importlib.util
from pathlib import Path

OTHER_DISTRIBUTION = "openai-agents"


def readroom_version() -> str:
    """Return the installed version, or a mark for a source tree that is not installed."""
    try:
        return importlib.metadata.version("readroom")
    except importlib.metadata.PackageNotFoundError:
        return "0+source"


def other_agents() -> str | None:
    """Say what is wrong if the distribution `openai-agents` shares this environment, else return None.

    It installs a package named `agents` too, and whichever of the two was installed last has overwritten files
    of the other.
    """
    try:
        other = importlib.metadata.distribution(OTHER_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return None
    ours = importlib.util.find_spec("agents")
    theirs = Path(str(other.locate_file("agents/__init__.py")))
    if ours is None or ours.origin is None or Path(ours.origin) != theirs:
        return None
    return (
        f"The distribution {OTHER_DISTRIBUTION} {other.version} is installed in the same environment and overwrites "
        "files of Readroom's package 'agents'. Give Readroom an environment of its own, for example with "
        "`uv tool install readroom` or `pipx install readroom`."
    )
