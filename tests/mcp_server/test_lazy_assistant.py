import asyncio
import importlib.util
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agents.settings import Settings
from mcp_server.lazy_assistant import HEAVY_MODULES, LazyAssistant
from tests.support.fake_assistant import FakeAssistant
from tests.support.processes import HEAVY, REPOSITORY


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    gate = threading.Event()
    monkeypatch.setattr(threading, "readroom_gate", gate, raising=False)
    return gate


@pytest.fixture
def slow_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module whose import waits until the gate is open, a new one for each test."""
    name = f"readroom_slow_{tmp_path.name}"
    tmp_path.joinpath(f"{name}.py").write_text("import threading\nthreading.readroom_gate.wait(30)\n")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_what_the_first_answer_imports_is_there() -> None:
    assert [name for name in HEAVY_MODULES if importlib.util.find_spec(name) is None] == []


async def test_a_given_assistant_is_used_and_left_open() -> None:
    given = FakeAssistant()
    lazy = LazyAssistant(Settings(), given)
    async with lazy.held():
        lazy.warm_up()
        assert await lazy.get() is given
    assert given.closed == 0


async def test_imports_leave_the_event_loop_free(tmp_path: Path, gate: threading.Event, slow_module: str) -> None:
    lazy = LazyAssistant(Settings(data_dir=tmp_path), modules=(slow_module,))
    async with lazy.held():
        waiting = asyncio.create_task(lazy.get())
        await asyncio.sleep(0)
        assert not waiting.done()
        gate.set()
        assert await waiting is await lazy.get()


async def test_who_does_not_wait_for_the_imports_is_told_and_later_gets_the_assistant(
    tmp_path: Path, gate: threading.Event, slow_module: str
) -> None:
    lazy = LazyAssistant(Settings(data_dir=tmp_path), modules=(slow_module,))
    async with lazy.held():
        assert await lazy.get_within(0.0) is None
        gate.set()
        assert await lazy.get() is await lazy.get_within(0.0)


async def test_polls_while_it_starts_name_the_session_that_the_call_then_has(
    tmp_path: Path, gate: threading.Event, slow_module: str
) -> None:
    lazy = LazyAssistant(Settings(data_dir=tmp_path), modules=(slow_module,))
    async with lazy.held():
        first, second = [await lazy.begin("a call", None, 0.0) for _ in range(2)]
        assert first == second
        assert await lazy.begin("another call", None, 0.0) != first
        assert await lazy.begin("a call", "one that is named", 0.0) == "one that is named"
        gate.set()
        built = await lazy.get()
        assert await lazy.begin("a call", None, 0.0) == (built, first)
        assert await lazy.begin("a third call", None, 0.0) == (built, None)


async def test_who_lists_documents_does_not_wait_for_what_answers_need(
    tmp_path: Path, gate: threading.Event, slow_module: str
) -> None:
    tmp_path.joinpath("pump.txt").write_text("The pump holds 40 litres.")
    settings = Settings(data_dir=tmp_path / "data", documents={"roots": [tmp_path]})
    lazy = LazyAssistant(settings, modules=("agents.assistant", slow_module))
    async with lazy.held():
        listed = await (await lazy.get_to_list()).list_documents(query="pump")
        assert [each.path for each in listed.documents] == [str(tmp_path / "pump.txt")]
        assert await lazy.get_within(0.0) is None
        gate.set()
        assert await lazy.get() is await lazy.get_to_list()


def test_listing_documents_needs_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import asyncio, json, pathlib, sys\n"
        "from agents.settings import Settings\n"
        "from mcp_server.lazy_assistant import LazyAssistant\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "settings = Settings(data_dir=folder, documents={'roots': [folder]})\n"
        "async def main():\n"
        "    lazy = LazyAssistant(settings, modules=['agents.assistant'])\n"
        "    async with lazy.held():\n"
        "        await (await lazy.get_to_list()).list_documents(query='pump')\n"
        "asyncio.run(main())\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    # An assistant has its sessions' store, which takes a sixth of its import.
    assert (HEAVY - {"sqlalchemy"}).isdisjoint(json.loads(done.stdout))


async def test_a_cancelled_caller_leaves_the_imports_running(
    tmp_path: Path, gate: threading.Event, slow_module: str
) -> None:
    lazy = LazyAssistant(Settings(data_dir=tmp_path), modules=(slow_module,))
    async with lazy.held():
        waiting = asyncio.create_task(lazy.get())
        await asyncio.sleep(0)
        waiting.cancel()
        gate.set()
        assert await lazy.get()


async def test_imports_end_with_the_server_and_start_again_with_the_next_client(
    tmp_path: Path, gate: threading.Event, slow_module: str
) -> None:
    tmp_path.joinpath("readroom_never.py").write_text("import threading\nthreading.readroom_imported = True\n")
    lazy = LazyAssistant(Settings(data_dir=tmp_path), modules=(slow_module, "readroom_never"))
    async with lazy.held():
        lazy.warm_up()
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "readroom-warm-up":
            thread.join()
    assert not hasattr(threading, "readroom_imported")
    async with lazy.held():
        assert await lazy.get()


async def test_the_assistant_stays_open_until_the_last_client_leaves(tmp_path: Path) -> None:
    lazy = LazyAssistant(Settings(data_dir=tmp_path))
    async with lazy.held():
        first = await lazy.get()
        async with lazy.held():
            pass
        assert await lazy.get() is first
    async with lazy.held():
        assert await lazy.get() is not first


async def test_a_broken_installation_is_an_error_of_the_call(tmp_path: Path) -> None:
    lazy = LazyAssistant(Settings(data_dir=tmp_path), modules=("readroom_missing_module",))
    async with lazy.held():
        with pytest.raises(ModuleNotFoundError):
            await lazy.get()


async def test_where_there_are_users_nobody_is_taken_for_the_owner_unsaid(tmp_path: Path) -> None:
    lazy = LazyAssistant(Settings(data_dir=tmp_path / "data", users_file=tmp_path / "users.json"))
    async with lazy.held():
        with pytest.raises(LookupError):
            await lazy.get_to_list()
