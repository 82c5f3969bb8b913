"""What was measured on: the machine, and the versions of what ran."""

import importlib.metadata
import platform
from pathlib import Path

import psutil

from agents.benchmark.report import Machine
from agents.engine.vllm.hardware import read_gpus

GIB = 1024**3
_DISTRIBUTIONS = (
    "readroom",
    "mcp",
    "langgraph",
    "langgraph-supervisor",
    "llama-index-core",
    "bm25s",
    "pypdfium2",
    "xberg",
)


def describe_machine() -> Machine:
    """Return what this machine is."""
    gpus = read_gpus()
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=psutil.cpu_count(logical=True) or 1,
        memory_gib=round(psutil.virtual_memory().total / GIB, 1),
        gpus=tuple(f"{gpu.name}, {gpu.total_gib:.0f} GiB" for gpu in gpus),
        gpu_driver=gpus[0].driver if gpus else "",
    )


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the distributions that do the work."""
    versions = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _processor() -> str:
    """Return the processor's name; Linux alone does not tell it through `platform`."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
