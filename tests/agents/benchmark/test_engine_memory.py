from pathlib import Path

import pytest

from agents.benchmark.engine_memory import kv_figures, measure_sleep, memory_figures, plan_figures
from agents.benchmark.prometheus import Metrics
from agents.benchmark.served import Served
from agents.engine.vllm import lifecycle
from agents.engine.vllm.hardware import Gpu
from agents.engine.vllm.memory_plan import plan
from agents.engine.vllm.state_files import EngineFiles
from agents.errors import EngineError
from agents.settings import EngineSettings
from tests.agents.engine.conftest import MakeSettings
from tests.support.fake_vllm_api import CACHE, ENDPOINT, SHAPE
from tests.support.reports import all_of


async def sleepy(settings: EngineSettings, data_dir: Path) -> Served:
    """Start a resident engine, and say that it can sleep, as it could on a GPU."""
    state = await lifecycle.start(settings, data_dir)
    launch = state.launch.model_copy(update={"can_sleep": True})
    return Served(ENDPOINT, EngineFiles(data_dir), state.model_copy(update={"launch": launch}))


async def keys(served: Served) -> list[str]:
    return [figure.key for figure in await all_of(measure_sleep(served))]


async def test_an_idle_engine_is_put_to_sleep_and_woken(fake: MakeSettings, data_dir: Path) -> None:
    served = await sleepy(fake(), data_dir)

    assert await keys(served) == ["sleep_seconds", "wake_seconds", "asleep_gib"]


async def test_an_engine_that_is_in_use_is_not_put_to_sleep(fake: MakeSettings, data_dir: Path) -> None:
    served = await sleepy(fake(), data_dir)

    with served.in_use(), pytest.raises(EngineError, match="in use and is not put to sleep"):
        await keys(served)


async def test_an_engine_that_cannot_sleep_says_so() -> None:
    with pytest.raises(EngineError, match="does not sleep"):
        await keys(Served(ENDPOINT, EngineFiles(Path("/nowhere"))))


def test_memory_is_the_gpus_where_there_is_one_and_the_processes_where_not() -> None:
    assert {figure.key: figure.value for figure in memory_figures(14.0, 14.6, on_gpu=True)} == {
        "gpu_now_gib": 14.0,
        "gpu_peak_gib": 14.6,
    }
    assert [(figure.key, figure.value) for figure in memory_figures(3.0, None, on_gpu=False)] == [
        ("engine_memory_mib", 3_072)
    ]
    assert memory_figures(None, 14.6, on_gpu=True) == []


def test_the_plan_is_shown_by_its_parts() -> None:
    card = Gpu(index=0, name="A card", total_gib=16.0, free_gib=15.5)
    made = plan(EngineSettings(), [card])

    figures = {figure.key: figure.value for figure in plan_figures(made)}

    assert figures["plan_weights_gib"] == made.weights_gib
    assert sum(figures.values()) == pytest.approx(made.needed_gib)


@pytest.mark.parametrize(
    ("labels", "tokens", "ratio"),
    [
        ('{cache_dtype="fp8_e5m2",num_gpu_blocks="100",block_size="16"}', 1_600, 0.5),
        ('{cache_dtype="auto",num_gpu_blocks="100",block_size="16"}', 1_600, 1.0),
        ('{cache_dtype="fp8_e5m2",kv_cache_size_tokens="2000",kv_cache_memory_bytes="128000"}', 2_000, 0.5),
        ('{cache_dtype="auto",kv_cache_size_tokens="2000",kv_cache_memory_bytes="256000"}', 2_000, 1.0),
        ('{cache_dtype="fp8",num_gpu_blocks="100",block_size="16",kv_cache_memory_bytes="None"}', 1_600, 0.5),
    ],
)
def test_the_kv_cache_is_set_beside_one_of_16_bits(labels: str, tokens: int, ratio: float) -> None:
    metrics = Metrics.parse(f"vllm:cache_config_info{labels} 1.0")

    figures = {figure.key: figure.value for figure in kv_figures(metrics, SHAPE)}

    assert figures["kv_cache_tokens"] == tokens
    assert figures["kv_to_bf16"] == pytest.approx(ratio)


def test_an_engine_that_says_nothing_about_its_kv_cache_gives_no_figures() -> None:
    assert kv_figures(Metrics.parse(""), SHAPE) == []
    assert [figure.key for figure in kv_figures(Metrics.parse(f"{CACHE}}} 1"), None)] == ["kv_cache_tokens"]
