"""The memory that this process has from the system, and giving back what it no longer uses."""

import ctypes
import gc
import sys
from pathlib import Path
from typing import Any

_WORTH_BYTES = 4 * 1024**2
"""Growth that is worth the some ten milliseconds of looking for unused memory."""
_PAGE_BYTES = 4_096


class Resident:
    """Gives memory back to the system once much of it was taken: C's allocator keeps what Python has freed.

    On systems other than Linux with glibc it does nothing.
    """

    def __init__(self) -> None:
        self._least = 0

    def give_back(self) -> None:
        """Give back what is not in use, if the process has grown since it last did."""
        now = resident_bytes()
        self._least = min(self._least or now, now)
        if now - self._least > _WORTH_BYTES and (trim := _malloc_trim()):
            # What a failure's traceback holds hangs together in circles.
            gc.collect()
            trim(0)
            self._least = resident_bytes()


def resident_bytes() -> int:
    """Return the process' resident memory; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


def _malloc_trim() -> Any:  # noqa: ANN401 - a function of C
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
