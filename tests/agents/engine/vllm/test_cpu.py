"""What a processor can do."""

import platform
from pathlib import Path

import pytest

from agents.engine.vllm.hardware import RESERVED_VARIABLE, cpu_environment, supports_fp8_kv_cache


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
