"""Joining, leaving and cancelling work."""

import asyncio
import contextvars
import gc
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import EngineError
from agents.jobs.single_flight import ReportProgress, SingleFlight, StillRunning, job_key
from agents.schema import Coverage, Progress


class Work:
    """Work that goes on until it is told to end, and counts what becomes of it."""

    def __init__(self) -> None:
        self.starts = 0
        self.cancelled = 0
        self.active = 0
        self.most_active = 0
        self.report: ReportProgress | None = None
        self.started = asyncio.Event()
        self.ended = asyncio.Event()
        self._outcome: asyncio.Future[str] | None = None

    async def __call__(self, report: ReportProgress) -> str:
        self.starts += 1
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        self.report = report
        self._outcome = asyncio.get_running_loop().create_future()
        self.started.set()
        try:
            return await self._outcome
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.active -= 1
            self.ended.set()

    def finish(self, result: str = "done") -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(result)

    def fail(self, error: Exception) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(error)

    def tell(self, fraction: float, message: str = "", notes: tuple[str, ...] = ()) -> None:
        assert self.report is not None
        self.report(Progress(fraction=fraction, message=message), notes)


@pytest.fixture
async def flights() -> AsyncIterator[SingleFlight]:
    flights = SingleFlight()
    yield flights
    await flights.close()


@pytest.fixture
async def work() -> Work:
    return Work()


@pytest.fixture(autouse=True)
async def complaints() -> AsyncIterator[list[dict[str, Any]]]:
    """What asyncio complains of, such as an error that nobody asked for."""
    found: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    yield found
    gc.collect()
    await turns_of_the_loop()
    assert found == []


async def turns_of_the_loop(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def waiter(
    flights: SingleFlight, work: Work, key: str = "k", **options: Any
) -> "asyncio.Task[str | StillRunning]":
    """Start a caller that waits, and let it get as far as waiting."""
    task = asyncio.create_task(flights.join(key, work, **options))
    await turns_of_the_loop()
    return task


async def test_two_callers_of_one_key_cost_one_run(flights: SingleFlight, work: Work) -> None:
    first, second = await waiter(flights, work), await waiter(flights, work)
    work.finish("answer")
    assert [await first, await second] == ["answer", "answer"]
    assert work.starts == 1


async def test_callers_of_two_keys_do_not_join(flights: SingleFlight, work: Work) -> None:
    first, second = await waiter(flights, work, "a"), await waiter(flights, work, "b")
    assert work.starts == 2
    first.cancel()
    second.cancel()


async def test_an_impatient_caller_gets_progress_and_notes_and_later_the_result(
    flights: SingleFlight, work: Work
) -> None:
    assert isinstance(await flights.join("k", work, wait_seconds=0), StillRunning)
    await work.started.wait()
    work.tell(0.25, "Window 1 of 4", ("The pump is checked every 14 days.",))
    work.tell(0.5, "Window 2 of 4", ("The valve is red.",))
    running = await flights.join("k", work, wait_seconds=0)
    assert running == StillRunning(
        progress=Progress(fraction=0.5, message="Window 2 of 4"),
        notes=("The pump is checked every 14 days.", "The valve is red."),
    )
    work.finish("answer")
    await work.ended.wait()
    assert await flights.join("k", work, wait_seconds=0) == "answer"
    assert await flights.join("k", work) == "answer"
    assert work.starts == 1


async def test_a_result_can_be_had_only_for_a_while(work: Work) -> None:
    flights = SingleFlight(claim_seconds=0)
    first = await waiter(flights, work)
    work.finish("old")
    assert await first == "old"
    await turns_of_the_loop()
    again = await waiter(flights, work)
    work.finish("new")
    assert await again == "new"
    await flights.close()


async def test_the_oldest_results_make_room(work: Work) -> None:
    flights = SingleFlight(results=2)
    for key in "abc":
        caller = await waiter(flights, work, key)
        work.finish(key)
        await caller
    assert await flights.join("b", work) == "b"
    assert await flights.join("c", work) == "c"
    assert work.starts == 3
    assert isinstance(await flights.join("a", work, wait_seconds=0), StillRunning)
    await flights.close()


async def test_an_error_reaches_everyone_who_waits_and_a_retry_starts_anew(flights: SingleFlight, work: Work) -> None:
    first, second = await waiter(flights, work), await waiter(flights, work)
    work.fail(ValueError("no"))
    for caller in (first, second):
        with pytest.raises(ValueError, match="no"):
            await caller
    retry = await waiter(flights, work)
    work.finish("yes")
    assert await retry == "yes"
    assert work.starts == 2


@pytest.mark.parametrize("turns", range(6))
async def test_a_retry_started_while_an_error_is_handed_out_is_not_lost(
    flights: SingleFlight, work: Work, turns: int
) -> None:
    async def retry() -> "str | StillRunning":
        await turns_of_the_loop(turns)
        return await flights.join("k", work)

    callers = [await waiter(flights, work), asyncio.create_task(retry())]
    work.fail(ValueError("no"))
    await turns_of_the_loop(10)
    callers.append(await waiter(flights, work))
    assert work.most_active == 1
    work.finish()
    await asyncio.gather(*callers, return_exceptions=True)


async def test_an_error_that_nobody_waited_for_goes_to_the_next_caller_once(flights: SingleFlight, work: Work) -> None:
    await flights.join("k", work, wait_seconds=0)
    await work.started.wait()
    work.fail(ValueError("no"))
    await turns_of_the_loop()
    with pytest.raises(ValueError, match="no"):
        await flights.join("k", work)
    retry = await waiter(flights, work)
    work.finish("yes")
    assert await retry == "yes"


async def test_an_error_that_nobody_ever_asks_for_is_dropped_in_silence(work: Work) -> None:
    flights = SingleFlight(claim_seconds=0)
    await flights.join("k", work, wait_seconds=0)
    await work.started.wait()
    work.fail(ValueError("no"))
    await turns_of_the_loop()
    assert isinstance(await flights.join("k", work, wait_seconds=0), StillRunning)
    await flights.close()


async def test_cancelling_one_of_two_callers_leaves_the_work_alone(flights: SingleFlight, work: Work) -> None:
    first, second = await waiter(flights, work), await waiter(flights, work)
    first.cancel()
    await turns_of_the_loop()
    work.finish("answer")
    assert await second == "answer"
    assert (first.cancelled(), work.cancelled) == (True, 0)


async def test_cancelling_both_callers_cancels_the_work(flights: SingleFlight, work: Work) -> None:
    callers = [await waiter(flights, work), await waiter(flights, work)]
    for caller in callers:
        caller.cancel()
    await work.ended.wait()
    assert work.cancelled == 1
    retry = await waiter(flights, work)
    work.finish("answer")
    assert await retry == "answer"
    assert work.starts == 2


async def test_a_call_that_times_out_on_its_own_counts_as_cancelled(flights: SingleFlight, work: Work) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await flights.join("k", work)
    await turns_of_the_loop()
    assert isinstance(await flights.join("k", work, wait_seconds=0), StillRunning)


async def test_a_caller_that_got_running_has_not_cancelled_the_work(flights: SingleFlight, work: Work) -> None:
    patient = await waiter(flights, work)
    await flights.join("k", work, wait_seconds=0)
    await turns_of_the_loop()
    assert work.cancelled == 0
    patient.cancel()
    await work.ended.wait()
    assert work.cancelled == 1


async def test_work_that_nobody_asks_about_is_cancelled_after_a_while(work: Work) -> None:
    flights = SingleFlight(idle_seconds=0)
    await flights.join("k", work, wait_seconds=0)
    await work.ended.wait()
    assert work.cancelled == 1
    await flights.close()


async def test_asking_again_stops_the_idle_clock(work: Work) -> None:
    flights = SingleFlight(idle_seconds=0)
    await flights.join("k", work, wait_seconds=0)
    again = await waiter(flights, work)
    work.finish("answer")
    assert await again == "answer"
    assert work.starts == 1
    await flights.close()


async def test_a_cancel_that_arrives_as_the_work_ends_loses_no_result(flights: SingleFlight, work: Work) -> None:
    caller = await waiter(flights, work)
    work.finish("answer")
    caller.cancel()
    await turns_of_the_loop()
    assert await flights.join("k", work, wait_seconds=0) == "answer"
    assert (work.starts, work.cancelled) == (1, 0)


async def test_work_that_ends_in_spite_of_a_cancel_does_not_disturb_its_successor(flights: SingleFlight) -> None:
    release = asyncio.Event()

    async def stubborn(_report: ReportProgress) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await release.wait()
        return "late"

    caller = asyncio.create_task(flights.join("k", stubborn))
    await turns_of_the_loop()
    caller.cancel()
    await turns_of_the_loop()
    work = Work()
    successor = await waiter(flights, work)
    release.set()
    await turns_of_the_loop()
    work.finish("fresh")
    assert await successor == "fresh"


async def test_progress_goes_to_every_caller_and_never_falls(flights: SingleFlight, work: Work) -> None:
    seen: dict[str, list[float]] = {"first": [], "second": [], "late": []}
    first = await waiter(flights, work, on_progress=lambda p: seen["first"].append(p.fraction))
    await waiter(flights, work, on_progress=lambda p: seen["second"].append(p.fraction))
    work.tell(0.4)
    work.tell(0.2)
    await waiter(flights, work, on_progress=lambda p: seen["late"].append(p.fraction))
    work.tell(0.9)
    work.finish()
    await first
    assert seen == {"first": [0.4, 0.4, 0.9], "second": [0.4, 0.4, 0.9], "late": [0.4, 0.9]}


async def test_a_caller_that_has_left_hears_no_more_progress(flights: SingleFlight, work: Work) -> None:
    heard: list[float] = []
    staying = await waiter(flights, work)
    await flights.join("k", work, wait_seconds=0, on_progress=lambda p: heard.append(p.fraction))
    work.tell(0.5)
    work.finish()
    await staying
    assert heard == []


async def test_a_progress_callback_that_raises_harms_nobody(
    flights: SingleFlight, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_progress: Progress) -> None:
        raise RuntimeError("client gone")

    heard: list[float] = []
    first = await waiter(flights, work, on_progress=broken)
    second = await waiter(flights, work, on_progress=lambda p: heard.append(p.fraction))
    work.tell(0.5)
    work.finish("answer")
    assert [await first, await second] == ["answer", "answer"]
    assert heard == [0.5]
    assert "client gone" in caplog.text


async def test_each_callback_runs_in_its_callers_context(flights: SingleFlight, work: Work) -> None:
    caller_name: contextvars.ContextVar[str] = contextvars.ContextVar("caller_name", default="nobody")
    seen: list[str] = []

    async def call(name: str) -> None:
        caller_name.set(name)
        await flights.join("k", work, on_progress=lambda _: seen.append(caller_name.get()))

    callers = [asyncio.create_task(call(name)) for name in ("first", "second")]
    await turns_of_the_loop()
    work.tell(0.5)
    work.finish()
    await asyncio.gather(*callers)
    assert seen == ["first", "second"]


async def test_work_that_cancels_itself_is_an_error_and_not_a_cancelled_caller(flights: SingleFlight) -> None:
    async def gives_up(_report: ReportProgress) -> str:
        raise asyncio.CancelledError

    with pytest.raises(EngineError, match="stopped before it finished") as caught:
        await flights.join("k", gives_up)
    assert caught.value.retryable


async def test_closing_cancels_the_work_and_tells_who_waits(flights: SingleFlight, work: Work) -> None:
    caller = await waiter(flights, work)
    await flights.close()
    assert work.cancelled == 1
    with pytest.raises(EngineError, match="Make the same call again"):
        await caller


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["wait", "peek", "finish", "fail", "turn", "settle"]),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
    ),
    max_size=25,
)


def test_in_any_order_of_events_work_runs_once_and_as_long_as_somebody_waits() -> None:
    complaints: list[dict[str, Any]] = []

    @given(steps=STEPS)
    @settings(max_examples=300, deadline=None)
    def check(steps: list[Any]) -> None:
        asyncio.run(play(steps, complaints))

    check()
    gc.collect()
    assert complaints == []


async def play(steps: list[Any], complaints: list[dict[str, Any]]) -> None:
    """Take the steps, then check what must hold after any of them."""
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    flights, work = SingleFlight(), Work()
    callers: list[asyncio.Task[str | StillRunning]] = []
    for step in steps:
        match step:
            case "wait":
                callers.append(asyncio.create_task(flights.join("k", work)))
            case "peek":
                callers.append(asyncio.create_task(flights.join("k", work, wait_seconds=0)))
            case "finish":
                work.finish()
            case "fail":
                work.fail(ValueError("no"))
            case ("cancel", number) if number < len(callers):
                callers[number].cancel()
            case _:
                await turns_of_the_loop(1 if step == "turn" else 8)
    await turns_of_the_loop(8)

    assert work.most_active <= 1, "two flights of one key at once"
    if any(not caller.done() for caller in callers):
        assert work.active == 1, "somebody waits for work that was cancelled"
    elif "peek" not in steps:
        assert work.active == 0, "work goes on though all its callers were cancelled"
    await flights.close()
    for outcome in await asyncio.gather(*callers, return_exceptions=True):
        assert outcome == "done" or isinstance(
            outcome, StillRunning | ValueError | EngineError | asyncio.CancelledError
        )
    assert work.active == 0


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abé", max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(inputs=st.dictionaries(st.text("abcdef", min_size=1, max_size=3), JSON_VALUES, max_size=4))
def test_a_key_does_not_depend_on_the_order_of_its_inputs(inputs: dict[str, Any]) -> None:
    assert job_key(**inputs) == job_key(**dict(reversed(inputs.items())))


@given(one=JSON_VALUES, other=JSON_VALUES)
def test_different_inputs_have_different_keys(one: Any, other: Any) -> None:
    assert (job_key(question=one) == job_key(question=other)) == (repr(one) == repr(other))


def keys_in_new_processes(seeds: Iterator[str]) -> set[str]:
    code = (
        "from agents.jobs.single_flight import job_key; "
        "print(job_key(question='Why?', documents=('a', 'b'), top={'x': 1, 'y': 2}))"
    )
    return {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in seeds
    }


def test_a_key_is_the_same_in_every_process() -> None:
    assert len(keys_in_new_processes(iter("12"))) == 1


def test_models_and_paths_are_part_of_a_key_and_sets_are_refused() -> None:
    assert job_key(coverage=Coverage(windows=1), at=Path("a")) != job_key(coverage=Coverage(windows=2), at=Path("a"))
    with pytest.raises(TypeError, match="cannot hold a set"):
        job_key(documents={"a", "b"})
