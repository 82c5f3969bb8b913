"""The memory that the running engine takes."""

import psutil

from agents.engine.model_config import GIB
from agents.engine.vllm.hardware import gpu_memory_by_process, read_gpus
from agents.engine.vllm.memory_plan import MemoryPlan
from agents.engine.vllm.processes import ProcessId, session

_TOLERANCE_GIB = 0.05


class MemoryReading:
    """Reads the GPU memory of the engine's processes, or their RAM where there is no GPU.

    Args:
        plan: What the engine was to take; None without a GPU.
    """

    def __init__(self, plan: MemoryPlan | None) -> None:
        self._plan = plan
        self._first: float | None = None

    def gib(self, leader: ProcessId | None) -> float | None:
        """Return the GiB in use; None where it cannot be read.

        Inside a container NVML may not know our process numbers; then all that has been taken of the GPU
        since the plan was made counts as ours.
        """
        if leader is None:
            return None
        processes = session(leader)
        if self._plan is None:
            return sum(_resident(process) for process in processes) / GIB
        held = gpu_memory_by_process([process.pid for process in processes])
        if held is not None:
            return held / self._plan.gpus
        free = [gpu.free_gib for gpu in read_gpus()[: self._plan.gpus]]
        return max(0.0, self._plan.free_gib - min(free)) if free else None

    def over_budget(self, used: float | None) -> bool:
        """Whether a reading is past the budget; without a GPU there is none.

        An engine that starts a little above its plan stays there: then only growth is a reason to wait.
        """
        if self._plan is None or used is None:
            return False
        self._first = used if self._first is None else self._first
        return used > max(self._plan.budget_gib, self._first) + _TOLERANCE_GIB


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0
