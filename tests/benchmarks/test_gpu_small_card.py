import pytest

from agents.engine.vllm.hardware import read_gpus
from benchmarks.gpu.small_card import memory_left, stage


def test_what_is_read_of_the_memory_is_sorted_by_what_the_start_has_come_to() -> None:
    assert stage("The engine is setting up the KV cache, ready in about 25 s") == "setting up the KV cache"
    assert stage("The engine is starting, ready in about 120 s") == "starting"


@pytest.mark.skipif(bool(read_gpus()), reason="would take this machine's GPU")
def test_without_a_gpu_nothing_is_held() -> None:
    with memory_left(11.5) as free:
        assert free is None
