import pytest

from agents.engine.vllm.plugin.memory import releasing


class Worker:
    """Makes a KV cache, as vLLM's does."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def initialize_from_config(self, sizes: list[int]) -> int:
        self._said.append(f"made {sizes}")
        return len(sizes)


@pytest.fixture
def worker() -> type[Worker]:
    return type("OwnWorker", (Worker,), {"initialize_from_config": Worker.initialize_from_config})


def test_memory_is_given_back_before_the_cache_is_made(worker: type[Worker]) -> None:
    said: list[str] = []

    releasing(worker, lambda: said.append("released"))

    assert worker(said).initialize_from_config([7]) == 1
    assert said == ["released", "made [7]"]


def test_a_second_call_changes_nothing(worker: type[Worker]) -> None:
    said: list[str] = []

    for _ in range(2):
        releasing(worker, lambda: said.append("released"))

    worker(said).initialize_from_config([])
    assert said == ["released", "made []"]


def test_a_worker_that_makes_no_cache_is_refused() -> None:
    with pytest.raises(AttributeError, match="initialize_from_config"):
        releasing(object, lambda: None)
