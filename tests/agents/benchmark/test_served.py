from pathlib import Path

import pytest

from agents.benchmark.engine_memory import MemoryWatch
from agents.benchmark.served import find_served
from agents.engine.vllm import lifecycle
from agents.engine.vllm.state_files import EngineFiles
from agents.errors import EngineError
from agents.schema import EngineInfo
from agents.settings import EngineSettings, Settings
from tests.agents.engine.conftest import MakeSettings


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
