"""Work for another process, as the tests of `agents.jobs.processes` hand it over."""

import asyncio
import os
import signal
import sys

from agents.errors import DocumentError
from agents.jobs.processes import Parent, Processes


async def add(parent: Parent, *numbers: int) -> tuple[int, int]:
    """Have the parent add two numbers; return the sum, and this process's id."""
    print("A library that prints disturbs nothing.")  # noqa: T201
    total = await asyncio.wrap_future(parent.call("add", *numbers))
    return total, os.getpid()


async def refuse(_parent: Parent, path: str) -> None:
    """Fail as a document that cannot be read does."""
    raise DocumentError(f"{path} is empty.", hint="Name another file.")


async def hold_the_lock(parent: Parent) -> None:
    """Tell this process's id, then never give the interpreter's lock away for long."""
    await asyncio.wrap_future(parent.call("begun", os.getpid()))
    while True:
        pass


async def die_if_first(parent: Parent) -> int:
    """Kill this process if it is the first to be given this work; return its id."""
    if await asyncio.wrap_future(parent.call("is_first")):
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


async def die(_parent: Parent) -> None:
    """Kill this process."""
    os.kill(os.getpid(), signal.SIGKILL)


async def give_up(parent: Parent) -> str:
    """Call something that takes for ever, and stop waiting once it has begun."""
    call = asyncio.wrap_future(parent.call("for_ever"))
    await asyncio.wrap_future(parent.call("once_begun"))
    call.cancel()
    return "Gave up."


async def lead() -> None:
    """Be a server with a process that computes; print that process's id, and wait."""

    async def begun(process: int) -> None:
        sys.stdout.write(f"{process}\n")
        sys.stdout.flush()

    await Processes().run("tests.support.errands:hold_the_lock", answers={"begun": begun})


if __name__ == "__main__":
    asyncio.run(lead())
