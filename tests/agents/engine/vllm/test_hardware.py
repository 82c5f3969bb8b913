"""The GPUs that CUDA sees."""

from types import SimpleNamespace

import pytest

from agents.engine.vllm import memory_plan
from agents.engine.vllm.hardware import read_gpus
from agents.settings import EngineSettings

GIB = 1024**3


class FakeNvml:
    """A machine of GPUs with the UUIDs GPU-a0..., GPU-b1..., GPU-c2... and as many GiB as given."""

    class NVMLError(Exception):
        """As pynvml's."""

    def __init__(self, *gib: int) -> None:
        self._gib = gib
        self.uuids = [f"GPU-{'abc'[index]}{index}5f2d31" for index in range(len(gib))]

    def nvmlInit(self) -> None:  # noqa: N802
        if not self._gib:
            raise self.NVMLError

    def nvmlShutdown(self) -> None:  # noqa: N802
        return

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return "580.159.04"

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self._gib)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:  # noqa: N802
        if uuid != "MIG-1":
            raise self.NVMLError
        return 0

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return self.uuids[handle]

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return f"Card {handle}"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(total=self._gib[handle] * GIB, free=(self._gib[handle] - 1) * GIB)

    def nvmlDeviceGetCudaComputeCapability(self, _handle: int) -> tuple[int, int]:  # noqa: N802
        return (9, 0)


def names(monkeypatch: pytest.MonkeyPatch, visible: str | None) -> list[str]:
    """Return the GPUs that are seen on a machine of three, with CUDA_VISIBLE_DEVICES so."""
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    return [gpu.name for gpu in read_gpus(FakeNvml(16, 24, 80))]


def test_every_gpu_is_seen_where_nothing_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(monkeypatch, None) == ["Card 0", "Card 1", "Card 2"]


@pytest.mark.parametrize(
    ("visible", "seen"),
    [
        ("1", ["Card 1"]),
        ("2,0", ["Card 2", "Card 0"]),
        (" 2 , 1 ", ["Card 2", "Card 1"]),
        ("GPU-b15f2d31", ["Card 1"]),
        ("GPU-c2,0", ["Card 2", "Card 0"]),
        ("MIG-1", ["Card 0"]),
    ],
)
def test_only_the_gpus_that_cuda_is_shown_are_planned_with(
    monkeypatch: pytest.MonkeyPatch, visible: str, seen: list[str]
) -> None:
    assert names(monkeypatch, visible) == seen


@pytest.mark.parametrize("visible", ["", "-1", "3", "GPU-", "GPU-d", "MIG-2", "none", "-1,0"])
def test_an_entry_that_names_no_gpu_hides_it_and_all_behind_it(monkeypatch: pytest.MonkeyPatch, visible: str) -> None:
    assert names(monkeypatch, visible) == []
    assert names(monkeypatch, f"1,{visible}") == ["Card 1"]


def test_the_plan_is_for_the_gpu_that_cuda_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    nvml = FakeNvml(4, 24)
    assert memory_plan.plan(EngineSettings(), read_gpus(nvml)).gpu == "Card 1"
    assert read_gpus(nvml)[0].index == 0


def test_a_machine_without_a_driver_has_no_gpus() -> None:
    assert read_gpus(FakeNvml()) == ()


class LostCard(FakeNvml):
    """One that can be counted, and no longer asked."""

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802
        raise self.NVMLError


def test_a_card_that_cannot_be_asked_is_no_error() -> None:
    assert read_gpus(LostCard(24)) == ()
