from contextlib import ExitStack
from itertools import pairwise

import pytest

from agents.jobs.load import Load


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def begun(load: Load, pieces: int) -> list[ExitStack]:
    """Begin some pieces of work; each ends when it is closed."""
    under_way = [ExitStack() for _ in range(pieces)]
    for piece in under_way:
        piece.enter_context(load.working())
    return under_way


def work_off(clock: Clock, pieces: list[ExitStack], seconds_each: float) -> None:
    for piece in pieces:
        clock.now += seconds_each
        piece.close()


def test_as_many_as_are_worked_on_at_once_wait_for_nothing_however_slow_they_are() -> None:
    clock = Clock()
    load = Load(2, clock)
    slow = begun(load, 1)
    clock.now += 3_600

    assert load.seconds_over(0.0) == 0.0
    work_off(clock, slow, seconds_each=1.0)


def test_a_wait_is_foretold_by_the_pace_at_which_work_ended() -> None:
    clock = Clock()
    load = Load(1, clock)
    work_off(clock, begun(load, 20), seconds_each=10.0)
    queue = begun(load, 3)

    assert len(queue) == load.under_way
    assert load.seconds_over(0.0) == pytest.approx(30.0, rel=0.1)
    assert load.seconds_over(45.0) == 0.0


def test_whoever_is_refused_is_taken_after_the_seconds_that_were_named_give_or_take_one_piece() -> None:
    clock = Clock()
    load = Load(1, clock)
    work_off(clock, begun(load, 20), seconds_each=10.0)
    queue = begun(load, 9)
    seconds = load.seconds_over(45.0)
    ended = int(seconds // 10) + 2
    work_off(clock, queue[:ended], seconds_each=10.0)

    assert seconds == pytest.approx(45.0, abs=10.0)
    assert load.seconds_over(45.0) == 0.0


def test_time_without_work_does_not_slow_the_pace() -> None:
    clock = Clock()
    load = Load(1, clock)
    work_off(clock, begun(load, 20), seconds_each=1.0)
    clock.now += 86_400
    queue = begun(load, 5)

    assert load.seconds_over(45.0) == 0.0
    assert len(queue) == load.under_way


def test_work_that_does_not_end_slows_the_pace_before_any_has_ended() -> None:
    clock = Clock()
    load = Load(2, clock)
    standing = begun(load, 8)
    at_first = load.seconds_over(45.0)
    clock.now += 60

    assert at_first == 0.0
    assert load.seconds_over(45.0) > 300.0
    assert len(standing) == load.under_way


def test_what_is_about_to_begin_counts_and_says_nothing_of_the_pace() -> None:
    clock = Clock()
    load = Load(1, clock)
    work_off(clock, begun(load, 20), seconds_each=10.0)
    queue = begun(load, 1)
    before = load.seconds_over(0.0)
    with load.counted():
        counted = load.seconds_over(0.0)

    assert (before, counted) == (pytest.approx(10.0, rel=0.1), pytest.approx(20.0, rel=0.1))
    assert (load.seconds_over(0.0), load.under_way) == (before, len(queue))


def test_those_who_are_turned_away_are_told_to_come_back_one_by_one() -> None:
    clock = Clock()
    load = Load(1, clock)
    work_off(clock, begun(load, 20), seconds_each=10.0)
    queue = begun(load, 9)
    told = [load.turn_away(45.0) for _ in range(8)]

    assert len(queue) == 9
    assert all(9.0 < later - sooner < 10.0 for sooner, later in pairwise(told[:5]))
    assert told[-1] == told[0] + 45.0
