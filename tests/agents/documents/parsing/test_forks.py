"""Work shared between forks: its order, its failures, and what is left of the forks, which is nothing."""

import os
import signal
import sys
from collections.abc import Callable

import psutil
import pytest

from agents.documents.parsing.forks import Ended, run_at_once

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

MORE_THAN_A_PIPE_HOLDS = 1_000_000


def nothing() -> str:
    return ""


def many_words() -> str:
    return "word " * MORE_THAN_A_PIPE_HOLDS


def a_page_that_cannot_be_read() -> str:
    raise ValueError("page 7")


def killed() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return "not reached"


def processes() -> list[psutil.Process]:
    return psutil.Process().children()


def test_results_come_in_the_order_of_the_tasks() -> None:
    assert run_at_once([nothing, many_words, nothing]) == ["", many_words(), ""]


@pytest.mark.parametrize(
    "tasks",
    [
        [a_page_that_cannot_be_read, many_words, many_words],
        [nothing, a_page_that_cannot_be_read, many_words],
        [nothing, many_words, a_page_that_cannot_be_read],
    ],
)
def test_where_one_task_fails_its_exception_is_raised_and_no_fork_stays(tasks: list[Callable[[], str]]) -> None:
    before = processes()

    with pytest.raises(ValueError, match="page 7"):
        run_at_once(tasks)

    assert processes() == before


def test_a_fork_that_is_killed_is_told_by_its_code_and_the_others_finish() -> None:
    before = processes()

    assert run_at_once([nothing, killed, many_words]) == ["", Ended(-signal.SIGKILL), many_words()]
    assert processes() == before
