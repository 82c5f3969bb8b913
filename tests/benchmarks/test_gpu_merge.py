from typing import Any

import pytest

from benchmarks.gpu.merge import merged


def run(kv: str, steps: dict[str, Any], card: str = "NVIDIA H100", peak: float = 14.0) -> dict[str, Any]:
    peaks = {name: {"used_gib": peak} for name in (*steps, "all")}
    engine = {"settings": {"kv_cache_dtype": kv}, "steps": steps, "memory_peaks_gib": peaks}
    return {"date": "2026-01-01", "device": {"name": card}, "command": ["--kv", kv], "engines": {kv: engine}}


def test_runs_side_by_side_become_one_result() -> None:
    one = merged([run("fp8_e5m2", {"start": {"seconds": 81}}), run("fp8_e4m3", {"start": {"seconds": 82}})])

    assert {kv: engine["steps"]["start"]["seconds"] for kv, engine in one["engines"].items()} == {
        "fp8_e5m2": 81,
        "fp8_e4m3": 82,
    }
    assert [each["command"] for each in one["runs"]] == [["--kv", "fp8_e5m2"], ["--kv", "fp8_e4m3"]]


def test_a_later_run_adds_its_steps_and_keeps_the_earlier_ones() -> None:
    earlier = run("fp8_e5m2", {"start": {"seconds": 81}, "sleep": {"slept": True}}, peak=14.0)
    later = run("fp8_e5m2", {"start": {"seconds": 83}, "sleep": {"skipped": "the time was up"}}, peak=14.5)

    engine = merged([earlier, later])["engines"]["fp8_e5m2"]

    assert engine["steps"] == {"start": {"seconds": 83}, "sleep": {"slept": True}}
    assert engine["step_runs"] == {"start": 1, "sleep": 0}
    assert engine["memory_peaks_gib"]["sleep"] == {"used_gib": 14.0}
    assert engine["memory_peaks_gib"]["start"] == {"used_gib": 14.5}


def test_runs_of_different_cards_are_not_merged() -> None:
    with pytest.raises(ValueError, match="different GPUs"):
        merged([run("auto", {}), run("auto", {}, card="NVIDIA H200")])


def test_a_start_that_found_an_engine_running_does_not_count() -> None:
    earlier = run("fp8_e5m2", {"start": {"seconds": 81}})
    later = run("fp8_e5m2", {"start": {"seconds": 0.3}, "sleep": {"slept": True}})

    steps = merged([earlier, later])["engines"]["fp8_e5m2"]["steps"]

    assert steps == {"start": {"seconds": 81}, "sleep": {"slept": True}}


def test_an_engine_without_our_kernels_stands_beside_the_one_with_them() -> None:
    plain = run("fp8_e5m2", {"start": {"seconds": 82}})
    plain["engines"]["fp8_e5m2"]["settings"]["own_kernels"] = False

    engines = merged([run("fp8_e5m2", {"start": {"seconds": 81}}), plain])["engines"]

    assert {name: engine["steps"]["start"]["seconds"] for name, engine in engines.items()} == {
        "fp8_e5m2": 81,
        "fp8_e5m2, vLLM's own kernels": 82,
    }
