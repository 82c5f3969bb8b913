from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.errors import BusyError
from agents.jobs.admission import Admission, Loads
from agents.jobs.load import RECENT, Load
from agents.jobs.window_cache import WindowCache


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def results(tmp_path: Path) -> AsyncIterator[WindowCache]:
    results = WindowCache(tmp_path)
    yield results
    await results.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loads(clock: Clock) -> Loads:
    return {"ask": Load(1, clock), "analyze": Load(1, clock)}


def measure(load: Load, clock: Clock, seconds_each: float) -> None:
    """Do as much work as tells the pace, one piece after the other."""
    for _ in range(RECENT):
        with load.working():
            clock.now += seconds_each


async def test_work_beyond_a_users_limit_is_refused_in_words_until_some_is_done(results: WindowCache) -> None:
    admission = Admission(1, None, 45.0, lambda: results)
    with admission.working("ask", "a call"):
        with pytest.raises(
            BusyError, match=r"1 of your calls are being worked on.*at most 1.*again in 1 seconds"
        ) as busy:
            await admission.check("ask", "another call")
        assert busy.value.retry_after_seconds == 1
    await admission.check("ask", "another call")


async def test_a_user_without_a_limit_who_has_the_server_alone_is_refused_nothing(results: WindowCache) -> None:
    admission = Admission(None, None, 0.0, lambda: results)
    begun = [admission.working("analyze", "a call") for _ in range(100)]

    await admission.check("analyze", "one more")
    assert len(begun) == 100


async def test_the_work_of_others_has_a_call_refused_that_would_wait_too_long(
    results: WindowCache, clock: Clock, loads: Loads
) -> None:
    hers, his = (Admission(None, loads, 45.0, lambda: results) for _ in range(2))
    measure(loads["ask"], clock, seconds_each=10.0)
    begun = [hers.working("ask", "a call") for _ in range(5)]

    with pytest.raises(BusyError, match=r"more work than it gets done.*again in 3 seconds"):
        await his.check("ask", "his call")
    await his.check("analyze", "another kind of work")
    begun[0].close()
    await his.check("ask", "his call")


async def test_a_call_that_was_told_to_come_again_is_let_in_whatever_the_load(results: WindowCache) -> None:
    admission = Admission(1, None, 45.0, lambda: results)
    await admission.promise("told to come again", begun=True)
    with admission.working("ask", "a call"):
        await admission.check("ask", "told to come again")
        with pytest.raises(BusyError):
            await admission.check("ask", "another call")


async def test_a_call_that_was_told_to_come_again_before_its_work_began_keeps_its_place(results: WindowCache) -> None:
    admission = Admission(1, None, 45.0, lambda: results)
    await admission.promise("still opening its documents", begun=False)

    with pytest.raises(BusyError):
        await admission.check("ask", "another call")
    await admission.check("ask", "still opening its documents")
    admission.beginning("ask", "still opening its documents").close()
    await admission.check("ask", "another call")


async def test_a_kept_place_and_the_work_that_takes_it_count_once(results: WindowCache) -> None:
    admission = Admission(2, None, 45.0, lambda: results)
    await admission.promise("slow to open", begun=False)

    with admission.working("ask", "slow to open"):
        await admission.check("ask", "another call")


async def test_nothing_is_refused_before_so_much_work_has_ended_that_its_pace_is_known(
    results: WindowCache, clock: Clock, loads: Loads
) -> None:
    admission = Admission(None, loads, 45.0, lambda: results)
    begun = [admission.working("ask", "a call") for _ in range(200)]
    clock.now += 5
    begun.pop().close()
    begun.pop().close()
    await admission.check("ask", "another call")
    for piece in begun[:RECENT]:
        clock.now += 0.1
        piece.close()
    await admission.check("ask", "another call")
    clock.now += 60

    with pytest.raises(BusyError):
        await admission.check("ask", "another call")
