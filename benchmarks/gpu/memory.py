"""Watching the GPU's memory while something runs."""

import threading
import time
from collections.abc import Callable
from typing import Any, cast

from agents.engine.vllm.hardware import visible_handles

GIB = 1024**3


def read_device() -> dict[str, Any] | None:
    """Return what NVML says of the first GPU that CUDA sees: name, driver, memory by process; None without one."""
    import pynvml

    nvml = cast("Any", pynvml)
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        handle = next(iter(visible_handles(nvml)), None)
        if handle is None:
            return None
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        processes = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        return {
            "name": str(nvml.nvmlDeviceGetName(handle)),
            "driver": str(nvml.nvmlSystemGetDriverVersion()),
            "total_gib": round(memory.total / GIB, 3),
            "used_gib": round(memory.used / GIB, 3),
            "processes_gib": [round((process.usedGpuMemory or 0) / GIB, 3) for process in processes],
        }
    finally:
        nvml.nvmlShutdown()


class Sampler:
    """Reads the GPU's memory five times a second and keeps the highest, for each phase and over all."""

    def __init__(self) -> None:
        self.peaks: dict[str, dict[str, float]] = {}
        self.phase = "before"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            reading = read_device()
            if reading is None:
                return
            for phase in (self.phase, "all"):
                peak = self.peaks.setdefault(phase, {"used_gib": 0.0, "largest_process_gib": 0.0})
                peak["used_gib"] = max(peak["used_gib"], reading["used_gib"])
                peak["largest_process_gib"] = max([peak["largest_process_gib"], *reading["processes_gib"]])


def settled(read: Callable[[], float | None], seconds: float = 10.0) -> float | None:
    """Return a reading once it no longer falls, or what it is when the time is up."""
    deadline, last = time.monotonic() + seconds, read()
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = read()
        if now is None or last is None or now >= last - 0.01:
            return now
        last = now
    return last
