"""Steps that run unattended: what they ran on, results kept as they come, child processes that leave nothing behind."""

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "PYTHONUNBUFFERED": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_USE_DEEP_GEMM": "0",
    "VLLM_USE_FLASHINFER_SAMPLER": "0",
}
"""For every vLLM that is measured; DeepGEMM's warm-up alone takes over 200 s."""


def describe() -> dict[str, Any]:
    """Return the date, the GPU with its driver, and the versions of what does the work."""
    gpu = ""
    if shutil.which("nvidia-smi"):
        asked = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
        gpu = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=30).stdout.strip()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "gpu": gpu or "none: a rehearsal on the CPU",
        "versions": {"python": platform.python_version()} | _versions("torch", "transformers", "tokenizers", "vllm"),
    }


def settings(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the command line's values as they are written into a result, without paths."""
    return {
        name: value if isinstance(value, int | float | str) else str(value)
        for name, value in vars(asked).items()
        if name not in {"python", "roots"} and not isinstance(value, Path | None)
    }


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write readable JSON; called after every step, so that a run that is cut short leaves what it had."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def plugin_folder(folder: Path) -> Path:
    """Write the entry point by which every process of vLLM finds the project's own plugin; goes on PYTHONPATH."""
    info = folder / "readroom_vllm_plugin-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: readroom-vllm-plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[vllm.general_plugins]\nreadroom_fp8 = agents.engine.vllm.plugin:register\n"
    )
    return folder


class Task(NamedTuple):
    """One command to run in a process group of its own."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]


def run_all(
    tasks: Sequence[Task], parallel: int, limit_seconds: float, ended: Callable[[Task, int | None], None]
) -> None:
    """Run the tasks, some at once; `ended` hears each exit code as it comes, None for one stopped at its limit."""
    waiting = list(tasks)
    running: list[tuple[Task, subprocess.Popen[bytes], float]] = []
    try:
        while waiting or running:
            while waiting and len(running) < parallel:
                task = waiting.pop(0)
                running.append((task, _start(task), time.monotonic() + limit_seconds))
            time.sleep(0.2)
            for entry in list(running):
                task, process, limit = entry
                code = process.poll()
                if code is None and time.monotonic() < limit:
                    continue
                _kill_group(process)
                running.remove(entry)
                ended(task, code)
    finally:
        for _, process, _ in running:
            _kill_group(process)


def last_lines(log: Path, count: int = 6) -> list[str]:
    """Return what a log says of a failure: its last errors, which may stand far above the end, and its last lines."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    errors = [line for line in lines[:-count] if "Error" in line]
    return [*errors[-count:], *lines[-count:]]


def _start(task: Task) -> subprocess.Popen[bytes]:
    task.log.parent.mkdir(parents=True, exist_ok=True)
    with task.log.open("wb") as log:
        return subprocess.Popen(
            list(task.command),
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **ENVIRONMENT, **task.environment},
            start_new_session=True,
        )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started: a leftover engine core would keep the GPU's memory."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _versions(*names: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
