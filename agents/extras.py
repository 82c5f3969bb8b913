"""What Readroom's extras bring, and the command that adds one to this installation."""

import importlib.metadata
import sys


def add_extra(extra: str) -> str:
    """Return the command that installs what an extra brings, beside the Readroom that runs.

    It names the extra's packages: Readroom itself is on no registry, and pip need not know where it came from. Where
    Readroom runs without being installed, it names the extra.
    """
    try:
        required = importlib.metadata.requires("readroom") or ()
    except importlib.metadata.PackageNotFoundError:
        return f"{sys.executable} -m pip install '.[{extra}]'"
    packages = [
        requirement.partition(";")[0].strip()
        for requirement in required
        if f'extra == "{extra}"' in requirement.partition(";")[2].replace("'", '"')
    ]
    return f"{sys.executable} -m pip install " + " ".join(f'"{package}"' for package in packages)
