"""What this machine's processor can do for a vLLM that runs on it."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

RESERVED_VARIABLE = "VLLM_CPU_NUM_OF_RESERVED_CPU"
"""Environment variable: cores that vLLM's CPU build computes nothing on, but schedules."""
_ENOUGH_CORES = 4
_X86 = ("x86_64", "amd64")
_INSTRUCTIONS = ("avx512f", "amx_tile")


def keeps_fp8(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether vLLM's CPU build keeps an FP8 KV cache here: on x86 with AVX-512 or AMX.

    Its attention backend refuses it elsewhere ("FP8 KV cache on CPU requires x86 with AVX-512 or AMX").
    Where an x86 processor does not say, vLLM is asked.
    """
    try:
        flags = cpuinfo.read_text(errors="replace")
    except OSError:
        return platform.machine().lower() in _X86
    return any(name in flags for name in _INSTRUCTIONS)


def threads(cores: int | None = None, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment in which vLLM's CPU build computes on every core of a small machine.

    It keeps one for its scheduler, which on two cores is half of them: a prompt of 65,000 tokens took 26.4 s so and
    13.0 s on both.

    Args:
        cores: That this process may use; none: as the system says.
        environ: What the user has set himself stays.
    """
    usable = cores or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    return {RESERVED_VARIABLE: "0"} if usable < _ENOUGH_CORES and RESERVED_VARIABLE not in environ else {}
