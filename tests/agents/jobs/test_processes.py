import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from agents.errors import DocumentError, EngineError
from agents.jobs.processes import Processes

ERRANDS = "tests.support.errands"
REPOSITORY = Path(__file__).parents[3]
PATIENCE = 30.0
"""Seconds after which a test has failed; none takes a tenth of it."""


@pytest.fixture
async def processes() -> AsyncIterator[Processes]:
    processes = Processes()
    yield processes
    await processes.close()


async def add(first: int, second: int) -> int:
    return first + second


def wait_for_end(process: int) -> None:
    """Wait until a process has ended."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(process).wait(PATIENCE)


async def test_work_is_done_in_another_process_and_can_call_what_this_one_answers(processes: Processes) -> None:
    total, process = await processes.run(f"{ERRANDS}:add", 2, 3, answers={"add": add})

    assert total == 5
    assert process != os.getpid()


async def test_a_process_that_has_done_its_work_is_given_more(processes: Processes) -> None:
    _, first = await processes.run(f"{ERRANDS}:add", 2, 3, answers={"add": add})
    with pytest.raises(DocumentError):
        await processes.run(f"{ERRANDS}:refuse", "a.txt", answers={})
    _, again = await processes.run(f"{ERRANDS}:add", 2, 3, answers={"add": add})

    assert first == again


async def test_what_the_work_raises_is_raised_here_with_its_hint(processes: Processes) -> None:
    with pytest.raises(DocumentError, match=r"a\.txt is empty\. Name another file\.") as refused:
        await processes.run(f"{ERRANDS}:refuse", "a.txt", answers={})

    assert refused.value.hint == "Name another file."


async def test_what_a_call_raises_here_is_raised_in_the_work(processes: Processes) -> None:
    async def refuse(*_: int) -> int:
        raise EngineError("The engine is out.", hint="Wait.", retryable=True)

    with pytest.raises(EngineError, match="The engine is out") as refused:
        await processes.run(f"{ERRANDS}:add", 2, 3, answers={"add": refuse})

    assert refused.value.retryable


async def test_cancelled_work_ends_its_process_whatever_it_is_doing(processes: Processes) -> None:
    begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def note(process: int) -> None:
        begun.set_result(process)

    work = asyncio.create_task(processes.run(f"{ERRANDS}:hold_the_lock", answers={"begun": note}))
    process = await begun
    assert psutil.Process(process).nice() > psutil.Process().nice()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work

    assert not psutil.pid_exists(process)


async def test_work_whose_process_is_killed_is_done_by_another(processes: Processes) -> None:
    attempts = iter((True, False))

    async def is_first() -> bool:
        return next(attempts)

    assert psutil.pid_exists(await processes.run(f"{ERRANDS}:die_if_first", answers={"is_first": is_first}))


async def test_work_that_kills_every_process_fails_alone(processes: Processes) -> None:
    with pytest.raises(EngineError, match="killed") as failed:
        await processes.run(f"{ERRANDS}:die", answers={})
    total, _ = await processes.run(f"{ERRANDS}:add", 2, 3, answers={"add": add})

    assert failed.value.retryable
    assert total == 5


async def test_where_no_process_can_be_started_the_work_fails_with_advice(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="could not be started") as failed:
        await Processes(python=str(tmp_path / "python")).run(f"{ERRANDS}:die", answers={})

    assert "free memory" in failed.value.hint


async def test_a_call_that_the_work_gives_up_is_cancelled_here(processes: Processes) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def for_ever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    answers = {"for_ever": for_ever, "once_begun": begun.wait}
    assert await processes.run(f"{ERRANDS}:give_up", answers=answers) == "Gave up."

    await asyncio.wait_for(cancelled.wait(), PATIENCE)


async def test_more_work_than_there_may_be_processes_waits_its_turn() -> None:
    processes = Processes(limit=1)
    busy: list[bool] = []

    async def add_and_look(one: int, other: int) -> int:
        busy.append(processes.are_busy)
        return one + other

    both = await asyncio.gather(
        *(processes.run(f"{ERRANDS}:add", number, 1, answers={"add": add_and_look}) for number in range(2))
    )
    await processes.close()

    (first, one), (second, other) = both
    assert (first, second) == (1, 2)
    assert one == other
    assert busy == [True, True]
    assert not processes.are_busy


async def test_a_process_without_work_is_ended_after_a_while_and_when_the_server_closes() -> None:
    impatient, patient = Processes(idle_seconds=0.0), Processes()
    _, soon = await impatient.run(f"{ERRANDS}:add", 2, 3, answers={"add": add})
    _, later = await patient.run(f"{ERRANDS}:add", 2, 3, answers={"add": add})
    await asyncio.to_thread(wait_for_end, soon)
    assert psutil.pid_exists(later)
    await patient.close()

    assert not psutil.pid_exists(later)


def test_a_process_ends_with_the_one_that_it_works_for_even_in_the_middle_of_its_work() -> None:
    with subprocess.Popen([sys.executable, "-m", ERRANDS], cwd=REPOSITORY, stdout=subprocess.PIPE) as server:
        assert server.stdout
        process = int(server.stdout.readline())
        server.kill()

    wait_for_end(process)
