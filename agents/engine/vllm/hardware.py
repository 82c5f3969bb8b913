"""What this machine has to run vLLM on: its NVIDIA GPUs, as NVML reports them, and its processor."""

import os
import platform
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import Field

from agents.engine.model_config import GIB
from agents.schema import Frozen

Nvml: TypeAlias = Any
"""pynvml, which has no types."""
Handle: TypeAlias = Any
"""NVML's handle of a GPU."""

RESERVED_VARIABLE = "VLLM_CPU_NUM_OF_RESERVED_CPU"
"""Environment variable: cores that vLLM's CPU build computes nothing on, but schedules."""
FP8_FROM = (8, 9)
"""Compute capability from which a GPU multiplies in FP8: Ada's."""
_ENOUGH_CORES = 4
"""From here on a core for the scheduler is not missed."""
_X86 = ("x86_64", "amd64")
_FP8_INSTRUCTIONS = ("avx512f", "amx_tile")


class Gpu(Frozen):
    """A GPU as NVML sees it now."""

    index: int = Field(description="Its number among the GPUs that CUDA sees.")
    name: str
    total_gib: float
    free_gib: float
    capability: tuple[int, int] = Field(default=(0, 0), description="CUDA compute capability.")
    driver: str = ""


def read_gpus(nvml: Nvml = None) -> tuple[Gpu, ...]:
    """Return the NVIDIA GPUs that CUDA sees, in its order, with their free memory; none where NVML cannot say.

    Args:
        nvml: Used in place of pynvml.
    """
    if nvml is None:
        import pynvml

        nvml = pynvml
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return ()
    try:
        driver = str(nvml.nvmlSystemGetDriverVersion())
        gpus: list[Gpu] = []
        for index, handle in enumerate(visible_handles(nvml)):
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            gpu = Gpu(
                index=index,
                name=str(nvml.nvmlDeviceGetName(handle)),
                total_gib=memory.total / GIB,
                free_gib=memory.free / GIB,
                capability=tuple(nvml.nvmlDeviceGetCudaComputeCapability(handle)),
                driver=driver,
            )
            gpus.append(gpu)
        return tuple(gpus)
    except nvml.NVMLError:
        # A card that was lost, or one that shares the system's memory and has none of its own to report.
        return ()
    finally:
        nvml.nvmlShutdown()


def visible_handles(nvml: Nvml) -> list[Handle]:
    """Return NVML's handles of the GPUs that CUDA_VISIBLE_DEVICES names, up to the first entry that names none.

    Its numbers are taken to count the GPUs in bus order, as NVML does and CUDA does on a machine of equal cards.

    Args:
        nvml: pynvml, initialised.
    """
    handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    if asked is None:
        return handles
    named = (_find_gpu(nvml, handles, word.strip()) for word in asked.split(","))
    return list(takewhile(lambda handle: handle is not None, named))


def _find_gpu(nvml: Nvml, handles: Sequence[Handle], word: str) -> Handle | None:
    """Return the GPU that a number, the beginning of a UUID, or the UUID of a MIG instance names; None for no GPU."""
    if word.isdecimal():
        return handles[int(word)] if int(word) < len(handles) else None
    if word.startswith("MIG-"):
        try:
            return nvml.nvmlDeviceGetHandleByUUID(word)
        except nvml.NVMLError:
            return None
    known = [handle for handle in handles if word and str(nvml.nvmlDeviceGetUUID(handle)).startswith(word)]
    return known[0] if len(known) == 1 else None


def gpu_memory_by_process(pids: Sequence[int]) -> float | None:
    """Return the GiB that these processes hold on all GPUs; None where NVML cannot say."""
    import pynvml

    nvml: Nvml = pynvml
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        held = 0
        for index in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle):
                held += (process.usedGpuMemory or 0) if process.pid in pids else 0
        return held / GIB or None
    except nvml.NVMLError:
        return None
    finally:
        nvml.nvmlShutdown()


def supports_fp8_kv_cache(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether vLLM's CPU build can have an FP8 KV cache here: on x86 with AVX-512 or AMX.

    Its attention backend refuses it elsewhere ("FP8 KV cache on CPU requires x86 with AVX-512 or AMX").
    Where an x86 processor's flags cannot be read, it is left to vLLM.
    """
    try:
        flags = cpuinfo.read_text(errors="replace")
    except OSError:
        return platform.machine().lower() in _X86
    return any(name in flags for name in _FP8_INSTRUCTIONS)


def cpu_environment(cores: int | None = None, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment in which vLLM's CPU build computes on every core of a small machine.

    By default it reserves one for its scheduler, which on two cores is half of them: a prompt of 65,000 tokens took
    26.4 s so and 13.0 s on both.

    Args:
        cores: That this process may use; None: as the system says.
        environ: What the user has set there stays.
    """
    usable = cores or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    return {RESERVED_VARIABLE: "0"} if usable < _ENOUGH_CORES and RESERVED_VARIABLE not in environ else {}
