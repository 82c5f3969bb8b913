"""What a processor can do."""

import platform
from pathlib import Path

import pytest

from agents.engine.cpu import keeps_fp8


@pytest.mark.parametrize(
    ("flags", "can"),
    [("fpu avx2 avx512f avx512bw", True), ("fpu avx2 amx_tile", True), ("fpu sse2 avx2", False)],
)
def test_an_fp8_cache_needs_avx_512_or_amx(flags: str, can: bool, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    assert keeps_fp8(tmp_path / "cpuinfo") is can


def test_where_the_processor_does_not_say_only_one_of_x86_may_keep_it(tmp_path: Path) -> None:
    assert keeps_fp8(tmp_path / "nothing") is (platform.machine().lower() in ("x86_64", "amd64"))
