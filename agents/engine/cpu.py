"""What this machine's processor can do for a vLLM that runs on it."""

import platform
from pathlib import Path

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
