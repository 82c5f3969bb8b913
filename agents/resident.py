"""The memory that this process has from the system, and giving back what it no longer uses."""

import ctypes
import gc
import sys
from pathlib import Path
from typing import Any

_WORTH_BYTES = 4 * 1024**2
"""Growth that is worth the some ten milliseconds of looking for unused memory."""
_PAGE_BYTES = 4_096
_MMAP_THRESHOLD, _MOST_ARENAS = -3, -8
"""M_MMAP_THRESHOLD and M_ARENA_MAX of glibc's mallopt(3)."""
_OWN_MAPPING_BYTES = 1 << 20
"""A block as large as this goes back to the system when it is freed."""


class Resident:
    """Gives memory back to the system once much of it was taken: C's allocator keeps what Python has freed.

    On systems other than Linux with glibc it does nothing.
    """

    def __init__(self) -> None:
        self._least = 0
        if mallopt := _of_glibc("mallopt"):
            # Else the allocator takes ever larger blocks from its heaps, and a book's text leaves holes in them.
            mallopt(_MMAP_THRESHOLD, _OWN_MAPPING_BYTES)
            mallopt(_MOST_ARENAS, 2)

    def give_back(self) -> None:
        """Give back what is not in use, if the process has grown since it last did."""
        now = resident_bytes()
        self._least = min(self._least or now, now)
        if now - self._least > _WORTH_BYTES and (trim := _of_glibc("malloc_trim")):
            # What a failure's traceback holds hangs together in circles.
            gc.collect()
            trim(0)
            self._least = resident_bytes()


def resident_bytes() -> int:
    """Return the process' resident memory; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


def _of_glibc(name: str) -> Any:  # noqa: ANN401 - a function of C
    """Return one of glibc's functions; None where there is none."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
