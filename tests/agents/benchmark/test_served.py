from pathlib import Path

import pytest

from agents.benchmark.report import Measurement
from agents.benchmark.serving import MemoryWatch, Served, find_served, measure_sleep, memory_figures, plan_figures
from agents.engine.vllm import lifecycle
from agents.engine.vllm.hardware import Gpu
from agents.engine.vllm.memory_plan import plan
from agents.engine.vllm.state_files import EngineFiles
from agents.errors import EngineError
from agents.schema import EngineInfo
from agents.settings import EngineSettings, Settings
from tests.agents.engine.conftest import MakeSettings
from tests.support.fake_vllm_api import ENDPOINT


async def sleepy(settings: EngineSettings, data_dir: Path) -> Served:
    """Start a resident engine, and say that it can sleep, as it could on a GPU."""
    state = await lifecycle.start(settings, data_dir)
    launch = state.launch.model_copy(update={"can_sleep": True})
    return Served(ENDPOINT, EngineFiles(data_dir), state.model_copy(update={"launch": launch}))


async def keys(served: Served) -> list[str]:
    figures: list[Measurement] = [figure async for figure in measure_sleep(served)]
    return [figure.key for figure in figures]


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


async def test_the_resident_engine_is_found_with_its_key_and_its_memory_is_watched(
    fake: MakeSettings, data_dir: Path
) -> None:
    settings = Settings(data_dir=data_dir, engine=fake())
    state = await lifecycle.start(settings.engine, data_dir)

    served = await find_served(settings, EngineInfo(name="vllm", model=state.model))

    assert served is not None
    assert served.endpoint.base_url == f"http://127.0.0.1:{state.port}/v1"
    assert served.endpoint.headers() == {"Authorization": f"Bearer {EngineFiles(data_dir).key()}"}
    assert not served.on_gpu
    held = served.memory_gib()
    assert held
    async with MemoryWatch(served):
        pass


async def test_an_engine_that_is_no_vllm_is_not_measured_directly() -> None:
    assert await find_served(Settings(), EngineInfo(name="extractive")) is None
    assert await find_served(Settings(), EngineInfo(name="openai-compatible")) is None


async def test_a_resident_engine_that_has_gone_is_an_error(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, engine=EngineSettings(kind="vllm"))

    with pytest.raises(EngineError, match="has just ended"):
        await find_served(settings, EngineInfo(name="vllm"))


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
