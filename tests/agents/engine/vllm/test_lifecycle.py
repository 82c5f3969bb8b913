"""The resident engine's life, with a fake `vllm serve` in its place."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from importlib.metadata import distributions
from pathlib import Path

import pytest
from filelock import FileLock

from agents.benchmark.checkpoints import write_tiny
from agents.engine.tasks.decisions import Route
from agents.engine.vllm import launch, lifecycle
from agents.engine.vllm.engine import ResidentEngine
from agents.engine.vllm.hardware import Gpu, supports_fp8_kv_cache
from agents.engine.vllm.memory_plan import plan
from agents.engine.vllm.processes import ProcessId, end_session, session
from agents.engine.vllm.state_files import Attachment, Attempt, EngineFiles, EngineState, write_atomically
from agents.errors import EngineError
from agents.schema import Passage, Progress
from agents.settings import EngineSettings
from tests.agents.engine.conftest import MakeSettings, eventually
from tests.support.clients import ClientProcess

QUESTION = Route(question="Who signed it?")


def engine_of(state: EngineState | None) -> ProcessId:
    assert state is not None
    assert state.engine is not None
    return state.engine


async def test_the_first_client_starts_the_engine_and_the_second_attaches(fake: MakeSettings, data_dir: Path) -> None:
    heard: list[Progress] = []
    first = await lifecycle.start(fake(), data_dir, heard.append)
    second = await lifecycle.start(fake(), data_dir)
    assert first.engine == second.engine
    assert heard
    assert "ready in about" in heard[0].message


async def test_every_task_is_answered_by_the_engine_that_is_attached(fake: MakeSettings, data_dir: Path) -> None:
    engine = await ResidentEngine.open(fake(), data_dir)
    outcome = await engine.run(QUESTION)
    assert outcome.result.kind == "simple"
    assert (outcome.usage.engine_calls, outcome.usage.prompt_tokens) == (1, 7)
    assert engine.info.name == "vllm"
    assert engine.info.kv_cache_dtype == ("fp8_e5m2" if supports_fp8_kv_cache() else "auto")
    await engine.close()


def test_ten_processes_that_start_at_once_end_with_one_engine(fake: MakeSettings, data_dir: Path) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(ClientProcess(fake(), data_dir)) for _ in range(10)]
        for client in clients:
            client.tell("start")
        answers = [client.answer() for client in clients]
    assert len({answer["engine"] for answer in answers}) == 1
    assert len({answer["started_by"] for answer in answers}) == 1


def test_killing_the_starter_leaves_the_engine_to_the_others(fake: MakeSettings, data_dir: Path) -> None:
    with ClientProcess(fake(), data_dir) as starter, ClientProcess(fake(), data_dir) as other:
        before = starter.ask("start")["engine"]
        assert other.ask("run")["kind"] == "simple"
        starter.kill()
        assert other.ask("run")["kind"] == "simple"
        assert other.ask("start")["engine"] == before


async def test_a_request_in_flight_is_told_when_the_engine_is_killed_and_the_next_one_is_answered(
    fake: MakeSettings, data_dir: Path
) -> None:
    settings = fake("--fake-answer-seconds", "1")
    engine = await ResidentEngine.open(settings, data_dir)
    files = EngineFiles(data_dir)
    killed = engine_of(files.read_state())
    request = asyncio.create_task(engine.run(QUESTION))
    await asyncio.to_thread(eventually, files.busy)
    await asyncio.sleep(0.3)
    os.kill(killed.pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        with pytest.raises(EngineError, match="stopped answering") as caught:
            await request
    assert caught.value.retryable
    assert (await engine.run(QUESTION)).result.kind == "simple"
    state = files.read_state()
    assert engine_of(state) != killed
    assert state is not None
    assert state.restarts == 1
    assert not session(killed), "its engine core went with it"
    await engine.close()


async def test_an_engine_that_dies_without_our_plugin_too_is_not_restarted_again(
    fake: MakeSettings, data_dir: Path
) -> None:
    files = EngineFiles(data_dir)
    for _ in range(3):
        process = engine_of(await lifecycle.start(fake(), data_dir))
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(eventually, lambda gone=process: not gone.alive())
        await asyncio.to_thread(eventually, lambda gone=process: (s := files.read_state()) is None or s.engine != gone)
    assert await asyncio.to_thread(eventually, lambda: (s := files.read_state()) is not None and s.state == "failed")
    assert (await lifecycle.status(fake(), data_dir)).state == "failed"


async def test_an_engine_that_dies_twice_goes_on_without_our_plugin(fake: MakeSettings, data_dir: Path) -> None:
    settings = fake()
    words = ("serve", settings.model, *settings.extra_args)
    ways = tuple(
        Attempt(arguments=words, kv_cache_dtype="fp8_e4m3", context_tokens=8_192, plugin=plugin)
        for plugin in (True, False)
    )
    engine = await started(settings, data_dir, ways)
    files = EngineFiles(data_dir)
    for _ in range(2):
        process = engine_of(files.read_state())
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(
            eventually,
            lambda gone=process: (s := files.read_state()) is not None and s.engine != gone and s.state == "ready",
        )
    state = files.read_state()
    assert state is not None
    assert state.launch.attempts == ways[1:]
    assert any("vLLM does without it: it ended without a word" in note for note in state.notes)
    await engine.close()


async def test_killing_the_watch_takes_the_engine_along(fake: MakeSettings, data_dir: Path) -> None:
    state = await lifecycle.start(fake(), data_dir)
    os.kill(state.watch.pid, signal.SIGKILL)
    assert await asyncio.to_thread(eventually, lambda: not engine_of(state).alive())
    again = await lifecycle.start(fake(), data_dir)
    assert again.engine != state.engine
    assert not session(engine_of(state)), "what the engine had started is gone too"


def a_process_of_its_own(script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            start_new_session=True)  # fmt: skip


async def test_what_a_dead_watch_left_running_is_ended_before_a_new_start(fake: MakeSettings, data_dir: Path) -> None:
    state = await lifecycle.start(fake(), data_dir)
    await lifecycle.stop(data_dir)
    left = a_process_of_its_own("import time; time.sleep(600)")
    orphan = ProcessId.of(left.pid)
    write_atomically(EngineFiles(data_dir).state, state.model_copy(update={"engine": orphan}).model_dump_json())
    again = await lifecycle.start(fake(), data_dir)
    assert not orphan.alive()
    assert engine_of(again).alive()
    left.communicate()


async def test_a_starter_that_died_while_it_held_the_lock_is_in_nobodys_way(fake: MakeSettings, data_dir: Path) -> None:
    files = EngineFiles(data_dir)
    files.make()
    hold = (
        f"from filelock import FileLock; FileLock({str(files.folder / 'start.lock')!r}).acquire(); print(1, flush=True)"
    )
    starter = a_process_of_its_own(f"{hold}; input()")
    assert starter.stdout is not None
    starter.stdout.readline()
    files.launch.write_text("{half a launch")
    starter.kill()
    starter.communicate()
    assert engine_of(await lifecycle.start(fake(), data_dir)).alive()


async def test_a_port_that_another_program_took_is_left_to_it(
    fake: MakeSettings, data_dir: Path, tmp_path: Path
) -> None:
    state = await lifecycle.start(fake("--fake-port-taken-once", str(tmp_path / "taken")), data_dir)
    assert state.state == "ready"
    assert state.restarts == 0
    assert "address already in use" in EngineFiles(data_dir).log.with_suffix(".previous.log").read_text()


async def test_an_idle_engine_is_stopped_and_its_lock_is_free(fake: MakeSettings, data_dir: Path) -> None:
    state = await lifecycle.start(fake(idle_stop_seconds=0.5), data_dir)
    files = EngineFiles(data_dir)
    assert await asyncio.to_thread(eventually, lambda: not state.watch.alive())
    assert not session(engine_of(state))
    assert files.read_state() is None
    with FileLock(files.folder / "watch.lock").acquire(timeout=0):
        assert (await lifecycle.status(fake(), data_dir)).state == "absent"


async def test_a_request_in_flight_keeps_the_engine_from_being_stopped(fake: MakeSettings, data_dir: Path) -> None:
    engine = await ResidentEngine.open(fake("--fake-answer-seconds", "2", idle_stop_seconds=0.5), data_dir)
    assert (await engine.run(QUESTION)).result.kind == "simple"
    await engine.close()


async def test_an_idle_engine_sleeps_and_the_next_request_wakes_it(fake: MakeSettings, data_dir: Path) -> None:
    settings = fake(idle_sleep_seconds=0.5)
    files = EngineFiles(data_dir)
    files.make()
    asleep_after = launch.plan_launch(settings, files.plugin).model_copy(update={"can_sleep": True})
    lifecycle.start_watchdog(asleep_after, files)
    engine = await ResidentEngine.open(settings, data_dir)
    assert await asyncio.to_thread(eventually, lambda: (s := files.read_state()) is not None and s.state == "asleep")
    assert (await lifecycle.status(settings, data_dir)).state == "asleep"
    assert (await engine.run(QUESTION)).result.kind == "simple"
    await engine.close()


async def test_other_settings_replace_an_engine_that_nobody_else_uses(fake: MakeSettings, data_dir: Path) -> None:
    first = await lifecycle.start(fake(), data_dir)
    second = await lifecycle.start(fake(max_num_seqs=4), data_dir)
    assert second.digest != first.digest
    assert not engine_of(first).alive()


async def test_other_settings_are_refused_while_others_use_the_engine(fake: MakeSettings, data_dir: Path) -> None:
    with ClientProcess(fake(), data_dir) as other:
        other.ask("run")
        with pytest.raises(EngineError, match="1 other program") as caught:
            await lifecycle.start(fake(max_num_seqs=4), data_dir)
    assert "READROOM_ENGINE__MODEL=" in caught.value.hint
    assert "readroom engine stop" in caught.value.hint


async def test_a_failed_start_says_why_and_is_not_repeated_for_every_request(
    fake: MakeSettings, data_dir: Path
) -> None:
    settings = fake("--fake-fails", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")
    with pytest.raises(EngineError, match="OutOfMemoryError: CUDA out of memory") as caught:
        await lifecycle.start(settings, data_dir)
    assert "nvidia-smi" in caught.value.hint
    failed = EngineFiles(data_dir).read_state()
    with pytest.raises(EngineError, match="out of memory"):
        await lifecycle.start(settings, data_dir, retry_failed=False)
    assert EngineFiles(data_dir).read_state() == failed
    status = await lifecycle.status(settings, data_dir)
    assert (status.state, status.pid) == ("failed", None)
    assert "out of memory" in lifecycle.log_tail(data_dir)


async def test_an_engine_that_is_never_ready_fails_in_time(fake: MakeSettings, data_dir: Path) -> None:
    with pytest.raises(EngineError, match="not ready within 1 s"):
        await lifecycle.start(fake("--fake-never-ready", start_seconds=1), data_dir)


async def started(settings: EngineSettings, data_dir: Path, attempts: tuple[Attempt, ...]) -> ResidentEngine:
    """Start an engine that has these ways to start, and open it."""
    files = EngineFiles(data_dir)
    files.make()
    planned = launch.plan_launch(settings, files.plugin).model_copy(update={"attempts": attempts})
    lifecycle.start_watchdog(planned, files)
    return await ResidentEngine.open(settings, data_dir)


async def test_where_e5m2_cannot_be_had_e4m3_is_used_and_said(fake: MakeSettings, data_dir: Path) -> None:
    settings = fake("--fake-refuses-e5m2")
    card = Gpu(index=0, name="GPU", total_gib=80, free_gib=80)
    engine = await started(settings, data_dir, launch.attempts(settings, plan(settings, [card]), [card]))
    assert engine.info.kv_cache_dtype == "fp8_e4m3"
    assert any("fp8_e5m2 kv-cache is not supported here" in note for note in engine.info.notes)
    await engine.close()


@pytest.mark.parametrize(
    ("garbled", "used"), [(["fp8_e5m2"], "fp8_e4m3"), (["fp8_e5m2", "fp8_e4m3"], "auto")], ids=["e5m2", "both"]
)
async def test_where_an_fp8_cache_ruins_the_model_another_format_is_used_and_said(
    fake: MakeSettings, data_dir: Path, garbled: list[str], used: str
) -> None:
    settings = fake("--fake-garbles", *garbled)
    card = Gpu(index=0, name="GPU", total_gib=80, free_gib=80)
    engine = await started(settings, data_dir, launch.attempts(settings, plan(settings, [card]), [card]))
    assert engine.info.kv_cache_dtype == used
    assert any("it wrote “r, rrrr of of rrrr”" in note for note in engine.info.notes)
    await engine.close()


async def test_a_model_that_reads_with_no_cache_is_not_used(fake: MakeSettings, data_dir: Path) -> None:
    with pytest.raises(EngineError, match="did not understand what it read"):
        await lifecycle.start(fake("--fake-garbles", "auto", kv_cache_dtype="auto"), data_dir)


async def test_an_engine_that_answers_no_chat_is_not_used_and_it_is_said_why(
    fake: MakeSettings, data_dir: Path
) -> None:
    with pytest.raises(EngineError, match=r"asked to copy a sentence, it refused with status 400: .*no chat template"):
        await lifecycle.start(fake("--fake-refuses-chat", "the model has no chat template"), data_dir)


async def test_the_reading_check_can_be_switched_off(fake: MakeSettings, data_dir: Path) -> None:
    engine = await ResidentEngine.open(
        fake("--fake-garbles", "auto", kv_cache_dtype="auto", check_reading=False), data_dir
    )
    assert engine.info.kv_cache_dtype == "auto"
    await engine.close()


async def test_where_vllm_does_not_know_our_format_the_cache_stays_and_the_kernels_go(
    fake: MakeSettings, data_dir: Path
) -> None:
    settings = fake("--fake-knows-no-format-of-ours")
    ways = tuple(
        Attempt(
            arguments=("serve", settings.model, "--quantization", name, *settings.extra_args),
            kv_cache_dtype="fp8_e4m3",
            context_tokens=8_192,
            plugin=name != "fp8",
        )
        for name in ("readroom_fp8_kernels", "fp8")
    )
    engine = await started(settings, data_dir, ways)
    assert engine.info.kv_cache_dtype == "fp8_e4m3"
    assert any("Unknown quantization method: readroom_fp8_kernels" in note for note in engine.info.notes)
    await engine.close()


async def test_where_our_plugin_fails_inside_vllm_the_engine_runs_without_it_and_says_so(
    fake: MakeSettings, data_dir: Path
) -> None:
    settings = fake("--fake-plugin-breaks")
    ways = tuple(
        Attempt(
            arguments=("serve", settings.model, *settings.extra_args),
            kv_cache_dtype="fp8_e4m3",
            context_tokens=8_192,
            plugin=plugin,
        )
        for plugin in (True, False)
    )
    engine = await started(settings, data_dir, ways)
    assert any("vLLM does without it: ImportError" in note for note in engine.info.notes)
    await engine.close()


def test_on_a_cpu_weights_of_16_bits_stay_as_they_are_and_it_is_said(fake: MakeSettings, data_dir: Path) -> None:
    said = "vLLM quantizes no weights on a CPU: they stay as the checkpoint has them."
    for fp8_format in (False, True):
        model = write_tiny(data_dir / f"tiny-{fp8_format}", fp8_format=fp8_format)
        settings = fake().model_copy(update={"model": str(model), "quantization": "fp8"})
        planned = launch.plan_launch(settings, EngineFiles(data_dir).plugin)

        assert ("--quantization" in planned.attempts[0].arguments) == fp8_format
        assert (said in planned.notes) != fp8_format


def test_vllm_finds_our_plugin_once(fake: MakeSettings, data_dir: Path) -> None:
    files = EngineFiles(data_dir)
    files.make()
    launch.plan_launch(fake(), files.plugin)
    found = [
        entry.name
        for distribution in distributions(path=[str(files.plugin), *sys.path])
        for entry in distribution.entry_points
        if entry.group == "vllm.general_plugins" and "readroom" in entry.name
    ]
    assert found == ["readroom_fp8"]


async def test_more_ram_for_evicted_documents_than_there_is_shared_memory_is_refused(
    fake: MakeSettings, data_dir: Path
) -> None:
    with pytest.raises(EngineError, match=r"KV_OFFLOAD_GIB asks for 1e\+06 GiB"):
        await lifecycle.start(fake(kv_offload_gib=1_000_000), data_dir)


async def test_past_the_budget_a_long_request_waits_until_the_memory_falls(
    fake: MakeSettings, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = fake()
    files = EngineFiles(data_dir)
    files.make()
    roomy = plan(settings, [Gpu(index=0, name="GPU", total_gib=80, free_gib=80)])
    lifecycle.start_watchdog(launch.plan_launch(settings, files.plugin).model_copy(update={"plan": roomy}), files)
    engine = await ResidentEngine.open(settings, data_dir)
    state = files.read_state()
    assert state is not None
    write_atomically(files.state, state.model_copy(update={"over_budget": True}).model_dump_json())
    assert (await engine.run(QUESTION)).result.kind == "simple", "a short one is not held back"
    text = "word " * 10_000
    passage = Passage(document_id="d", title="Long", index=0, start=0, end=len(text), page=1, text=text)
    request = asyncio.create_task(engine.run(Route(question="Who?", evidence=(passage,))))
    assert await asyncio.to_thread(eventually, lambda: "a long request waits" in caplog.text)
    assert not request.done()
    write_atomically(files.state, state.model_dump_json())
    assert (await request).result.kind == "simple"
    await engine.close()


async def test_a_killed_client_is_counted_no_longer(fake: MakeSettings, data_dir: Path) -> None:
    files = EngineFiles(data_dir)
    with ClientProcess(fake(), data_dir) as other:
        other.ask("run")
        assert (await lifecycle.status(fake(), data_dir)).clients == 1
        other.kill()
        assert files.attached() == ()
    assert not list(files.clients.iterdir())


def test_a_client_whose_number_was_given_to_another_process_is_not_taken_for_it(tmp_path: Path) -> None:
    files = EngineFiles(tmp_path)
    files.make()
    former = ProcessId(pid=os.getpid(), started=time.time() - 100_000)
    write_atomically(files.clients / "1-former.json", former.model_dump_json())
    client = Attachment(files)
    client.attach()
    assert [process.pid for process in files.attached()] == [os.getpid()]
    with client.busy():
        assert files.busy()
    assert not files.busy()
    client.detach()
    assert files.attached() == ()


async def test_the_key_is_for_the_users_eyes_only(fake: MakeSettings, data_dir: Path) -> None:
    await lifecycle.start(fake(), data_dir)
    files = EngineFiles(data_dir)
    assert files.api_key.stat().st_mode & 0o077 == 0
    assert files.folder.stat().st_mode & 0o077 == 0
    assert files.key() not in files.launch.read_text() + files.state.read_text()
    assert not [line for line in _command_lines() if files.key() in line]


def _command_lines() -> list[str]:
    import psutil

    return [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]


async def test_without_vllm_the_error_says_what_to_install(fake: MakeSettings, data_dir: Path) -> None:
    settings = fake().model_copy(update={"vllm_command": "no-such-vllm"})
    with pytest.raises(EngineError) as caught:
        await lifecycle.start(settings, data_dir)
    install = f'{sys.executable} -m pip install "vllm>=0.26"'
    assert install in caught.value.hint
    assert install in (await lifecycle.status(settings, data_dir)).missing


async def test_stopping_ends_the_engine_and_all_it_started(fake: MakeSettings, data_dir: Path) -> None:
    state = await lifecycle.start(fake(), data_dir)
    assert len(session(engine_of(state))) == 2
    assert await lifecycle.stop(data_dir)
    assert not session(engine_of(state))
    assert not await lifecycle.stop(data_dir)


def test_a_session_is_ended_though_its_leader_is_gone() -> None:
    script = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    leader = a_process_of_its_own(f"{script}; print(1, flush=True); input()")
    assert leader.stdout is not None
    leader.stdout.readline()
    known = ProcessId.of(leader.pid)
    leader.kill()
    leader.wait()
    assert len(session(known)) == 1
    end_session(known, 1)
    assert not session(known)
    leader.communicate()
