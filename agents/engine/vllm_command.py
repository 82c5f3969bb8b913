"""How `vllm serve` is called: the command, its arguments and its environment."""

import importlib.util
import shlex
import shutil
import sys
from pathlib import Path


def find_vllm(command: str) -> tuple[str, ...] | None:
    """Return the words that call vLLM, or None where it is not installed.

    The first word is looked up on PATH and beside our own Python; the default falls back to a vLLM
    that is importable here.
    """
    words = shlex.split(command)
    if not words:
        return None
    found = shutil.which(words[0]) or shutil.which(words[0], path=str(Path(sys.executable).parent))
    if found:
        return (found, *words[1:])
    if words == ["vllm"] and importlib.util.find_spec("vllm"):
        return (sys.executable, "-m", "vllm.entrypoints.cli.main")
    return None
