"""Choosing the engine."""

import subprocess
import sys
from pathlib import Path

import pytest

from agents.engine.registry import choose_engine, open_engine
from agents.engine.tasks.decisions import Route
from agents.errors import SettingsError
from agents.settings import EngineSettings
from tests.agents.engine.conftest import MakeSettings
from tests.agents.engine.openai.test_engine import ROUTE
from tests.conftest import REPOSITORY
from tests.support.chat_server import ChatServer


def test_a_server_that_is_named_is_chosen_first() -> None:
    choice = choose_engine(EngineSettings(base_url="http://127.0.0.1:8000/v1"))
    assert choice.kind == "openai"
    assert "http://127.0.0.1:8000/v1" in choice.reason


def test_a_server_that_is_asked_for_must_be_named() -> None:
    with pytest.raises(SettingsError) as caught:
        choose_engine(EngineSettings(kind="openai"))
    assert "READROOM_ENGINE__BASE_URL" in caught.value.hint


def test_what_is_asked_for_is_chosen() -> None:
    assert choose_engine(EngineSettings(kind="extractive", base_url="http://127.0.0.1:1/v1")).kind == "extractive"
    assert choose_engine(EngineSettings(kind="vllm", vllm_command="no-such-vllm")).missing


async def test_the_extractive_engine_needs_nothing(tmp_path: Path) -> None:
    engine = await open_engine(EngineSettings(kind="extractive"), tmp_path)
    assert engine.info.name == "extractive"
    await engine.close()


async def test_a_named_server_is_opened(tmp_path: Path) -> None:
    with ChatServer(ROUTE) as server:
        engine = await open_engine(EngineSettings(base_url=server.base_url), tmp_path)
        assert (await engine.run(Route())).result.kind == "complex"
        await engine.close()


async def test_the_resident_engine_is_opened_and_then_found_running(fake: MakeSettings, data_dir: Path) -> None:
    engine = await open_engine(fake(), data_dir)
    assert engine.info.name == "vllm"
    await engine.close()
    found = choose_engine(fake().model_copy(update={"kind": "auto"}), data_dir)
    assert (found.kind, found.reason) == ("vllm", "A resident vLLM is running.")


@pytest.mark.parametrize(
    "module", ["agents.engine.registry", "agents.engine.vllm.watchdog", "agents.engine.vllm.engine"]
)
def test_no_process_of_ours_imports_torch_or_vllm(module: str) -> None:
    script = f"import sys, {module}; print([name for name in ('torch', 'vllm', 'transformers') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_looking_up_a_name_loads_no_engine() -> None:
    script = (
        "import sys; from agents.engine.registry import check_kind; check_kind('vllm'); "
        "print(sorted({'langchain_openai', 'openai', 'httpx', 'filelock', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_choosing_loads_no_heavy_library() -> None:
    script = (
        "import sys; from agents.engine.registry import choose_engine; from agents.settings import EngineSettings; "
        "choose_engine(EngineSettings()); print(sorted({'langchain_openai', 'openai'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
