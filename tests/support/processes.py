"""Servers in processes of their own."""

import os
import sys
from pathlib import Path

from mcp import StdioServerParameters

REPOSITORY = Path(__file__).parents[2]
HEAVY = {
    "langgraph",
    "llama_index",
    "sqlalchemy",
    "numpy",
    "torch",
    "matplotlib",
    "langchain",
    "langchain_core",
    "xberg",
    "bm25s",
    "prometheus_client",
}
"""What an answer needs and a handshake must not wait for."""


def server_process(data_dir: Path, *options: str) -> StdioServerParameters:
    """Return how to start the real server over stdio, on the engine that needs no model."""
    return server_started_by(data_dir, "-m", "mcp_server", "serve", *options)


def server_started_by(data_dir: Path, *words: str) -> StdioServerParameters:
    """Return how to start a Python program in the repository, with a data folder of its own."""
    return StdioServerParameters(command=sys.executable, args=list(words), cwd=REPOSITORY, env=environment(data_dir))


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """Return the variables for a process: the extractive engine, and this data folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("READROOM_")}
    return {
        **inherited,
        "PYTHONPATH": str(REPOSITORY),
        "READROOM_DATA_DIR": str(data_dir / "data"),
        "READROOM_ENGINE__KIND": "extractive",
        **more,
    }
