"""The GPUs that CUDA sees, and what the processor can do."""

import platform
from pathlib import Path
from types import SimpleNamespace

import pytest

from agents.engine.vllm import memory_plan
from agents.engine.vllm.hardware import RESERVED_VARIABLE, cpu_environment, read_gpus, supports_fp8_kv_cache
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


@pytest.mark.parametrize(
    ("flags", "can"),
    [("fpu avx2 avx512f avx512bw", True), ("fpu avx2 amx_tile", True), ("fpu sse2 avx2", False)],
)
def test_an_fp8_cache_needs_avx_512_or_amx(flags: str, can: bool, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    assert supports_fp8_kv_cache(tmp_path / "cpuinfo") is can


def test_where_the_processor_does_not_say_only_one_of_x86_may_keep_it(tmp_path: Path) -> None:
    assert supports_fp8_kv_cache(tmp_path / "nothing") is (platform.machine().lower() in ("x86_64", "amd64"))


@pytest.mark.parametrize(("cores", "reserved"), [(1, "0"), (2, "0"), (3, "0"), (4, None), (64, None)])
def test_on_a_small_machine_no_core_is_kept_from_computing(cores: int, reserved: str | None) -> None:
    assert cpu_environment(cores, {}).get(RESERVED_VARIABLE) == reserved


def test_what_the_user_reserves_stays_reserved() -> None:
    assert cpu_environment(2, {RESERVED_VARIABLE: "1"}) == {}
