"""Hostile and broken input: what it reads, breaks, blocks and costs.

python -m benchmarks.hostile races [--opens 50000]
python -m benchmarks.hostile files [FOLDER ...] [--each 95]
python -m benchmarks.hostile crowd [--asks 20]

races: a second process swaps a file below the root, in turns, for a link to a file outside, for a pipe, and back; a
folder for a link to a folder outside. Every open that succeeds is read. Goal: no byte from outside, and no open that
hangs.

files: mutated copies of small files (benchmarks.mutations), then files whose work grows faster than they do
(benchmarks.growing_files), each asked, read by section and, last, left by its client in the midst of reading. A task
on the event loop says how long that was blocked; `chrt -r 1` before the command leaves other programs out of it.

crowd: as many `readroom ask` at once, each on the same document, in a fresh data folder.
"""

import argparse
import asyncio
import gc
import math
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from agents.assistant import Assistant
from agents.documents.access import find_file, open_file
from agents.errors import DocumentError, ReadroomError
from agents.jobs.processes import Processes
from agents.resident import resident_bytes
from agents.settings import DocumentsSettings, EngineSettings, Settings
from benchmarks.growing_files import GROWING
from benchmarks.mutations import CASES, read_changed
from benchmarks.record import record

INSIDE, OUTSIDE = b"Words of the room.", b"Secret words."
SLOW_SECONDS = 1.0
QUESTION = "How much oil does the pump hold?"
TICK_SECONDS = 0.005
SWITCH_SECONDS = 0.0005
"""As mcp_server.transports sets it."""
LEAVING_SECONDS = 0.2
GONE_SECONDS = 5.0
BLOCK_MS, MEMORY_MB, CHILD_MB = 100, 150, 1_074
"""The goals."""


def swap(room: Path, outside: Path) -> None:
    """Swap the file and its folder without end."""
    file, folder = room / "shelf" / "a.txt", room / "shelf"
    link, pipe, other = room / "link", room / "pipe", room / "other"
    while True:
        link.symlink_to(outside / "a.txt")
        link.rename(file)
        os.mkfifo(pipe)
        pipe.rename(file)
        (room / "new").write_bytes(INSIDE)
        (room / "new").rename(file)
        folder.rename(other)
        folder.symlink_to(outside)
        folder.unlink()
        other.rename(folder)


def race(opens: int) -> None:
    """Open the file as often as is asked, while it is swapped."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        room, outside = Path(name) / "room", Path(name) / "outside"
        (room / "shelf").mkdir(parents=True)
        outside.mkdir()
        (room / "shelf" / "a.txt").write_bytes(INSIDE)
        (outside / "a.txt").write_bytes(OUTSIDE)
        settings = DocumentsSettings(roots=(room,))
        rival = multiprocessing.get_context("spawn").Process(target=swap, args=(room, outside), daemon=True)
        rival.start()
        counts = dict.fromkeys(("read", "refused", "leaked", "slow"), 0)
        for _ in range(opens):
            started = time.perf_counter()
            try:
                with open_file(find_file(str(room / "shelf" / "a.txt"), settings), settings) as file:
                    content = file.read()
                counts["leaked" if content == OUTSIDE else "read"] += 1
            except DocumentError:
                counts["refused"] += 1
            counts["slow"] += time.perf_counter() - started > SLOW_SECONDS
        rival.terminate()
        rival.join()
    record(
        "hostile",
        f"python -m benchmarks.hostile races --opens {opens}: a file that another process swaps for links and pipes.",
        {"opens": opens, **counts},
        goal="nothing leaked, no open that takes a second",
        met=not counts["leaked"] and not counts["slow"],
    )


class Blocks:
    """The longest time for which an event loop did nothing else, measured by a task that wakes up all the time."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            self.longest = max(self.longest, time.perf_counter() - before - TICK_SECONDS)


async def read_files(folders: list[Path], each: int) -> None:
    """Read damaged files, then growing ones, and tell what it took."""
    sys.setswitchinterval(SWITCH_SECONDS)
    blocks = Blocks()
    watch = asyncio.create_task(blocks.watch())
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        room = Path(name)
        settings = Settings(
            data_dir=room / "data", documents=DocumentsSettings(roots=(room,)), engine=EngineSettings(kind="extractive")
        )
        assistant = Assistant(settings, processes=Processes())
        start_without_priority(assistant)
        put_the_loop_first()
        (room / "small.txt").write_text("The pump is new. It holds 40 litres of oil.")
        await assistant.ask(QUESTION, [str(room / "small.txt")])
        # As a server does once everything is imported.
        gc.collect()
        gc.freeze()
        maker = multiprocessing.get_context("spawn").Process(target=make_files, args=(room,))
        maker.start()
        await asyncio.to_thread(maker.join)
        blocks.longest, started = 0.0, resident_bytes()
        counts = await read_changed(folders, each, seed=1, keep=None)
        figures["mutated_files"] = sum(counter.total() for counter in counts.values())
        figures["mutated_crashed"] = sum(counter["crashed"] for counter in counts.values())
        figures["mutated_over_the_limit"] = sum(counter["over the limit"] for counter in counts.values())
        outcomes = Counter[str]()
        for file in GROWING:
            before, blocks.longest = blocks.longest, 0.0
            for kind, seconds in [each async for each in visits(assistant, room / file)]:
                outcomes[kind] += 1
                figures[f"{file}_seconds"] = max(figures.get(f"{file}_seconds", 0.0), seconds)
            print(f"{file}: {figures[f'{file}_seconds']:.1f} s, block {blocks.longest * 1e3:.0f} ms", flush=True)
            figures[f"{file}_block_ms"] = 1e3 * blocks.longest
            blocks.longest = max(before, blocks.longest)
        figures |= {
            f"growing_{kind}": outcomes[kind] for kind in ("answered", "refused", "blamed", "slow", "left_behind")
        }
        # Whoever left may have work behind; a last small question comes when it is done.
        await assistant.ask(QUESTION, [str(room / "small.txt")])
        figures["longest_block_ms"] = 1e3 * blocks.longest
        figures["memory_above_start_mb"] = (resident_bytes() - started) / 1e6
        watch.cancel()
        await assistant.close()
    figures["child_peak_mb"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1_000
    bad = ("mutated_crashed", "mutated_over_the_limit", "growing_blamed", "growing_slow", "growing_left_behind")
    record(
        "hostile_files",
        f"python -m benchmarks.hostile files {' '.join(folder.name for folder in folders)} --each {each}: damaged "
        "files and files that grow, in one process as a server holds it.",
        figures,
        goal="no crash, nothing over its limit, no sound file blamed, no child over 1 GiB, no block over 100 ms, the "
        "memory within 150 MB of its start",
        met=not any(figures[each] for each in bad)
        and figures["child_peak_mb"] <= CHILD_MB
        and figures["longest_block_ms"] <= BLOCK_MS
        and figures["memory_above_start_mb"] <= MEMORY_MB,
    )


def start_without_priority(assistant: Assistant) -> None:
    """Start what parses without this process' priority: two such processes share a core in turns of a tenth second."""
    policy = os.sched_getscheduler(0)
    if policy in (os.SCHED_RR, os.SCHED_FIFO):
        os.sched_setscheduler(0, policy | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        assistant.library.warm_up()
        os.sched_setscheduler(0, policy, os.sched_param(1))


def put_the_loop_first() -> None:
    """Where this process has priority, let its threads have less of it than its loop.

    What is measured is how long they keep the loop waiting, not the tenth of a second for which two of them have both
    cores of a small machine.
    """
    policy = os.sched_getscheduler(0)
    if policy in (os.SCHED_RR, os.SCHED_FIFO):
        os.sched_setscheduler(0, policy, os.sched_param(2))
        workers = ThreadPoolExecutor(initializer=os.sched_setscheduler, initargs=(0, policy, os.sched_param(1)))
        asyncio.get_running_loop().set_default_executor(workers)


async def visits(assistant: Assistant, path: Path) -> AsyncIterator[tuple[str, float]]:
    """Yield what becomes of each use of a file, and the seconds: a question, a section, and a client that hangs up."""
    limit = assistant.settings.documents.parse_seconds + assistant.settings.supervisor.agent_seconds
    for use in (
        lambda: assistant.ask(QUESTION, [str(path)], wait_seconds=math.inf),
        lambda: assistant.read_document(str(path), section="1. Fee"),
        lambda: assistant.read_document(str(path), find="forty litres of nothing"),
    ):
        begun = time.perf_counter()
        try:
            await use()
            outcome = "answered"
        except ReadroomError as error:
            outcome = "blamed" if "truncated or damaged" in error.message else "refused"
        seconds = time.perf_counter() - begun
        yield "slow" if seconds > limit else outcome, seconds
    # Other bytes, so that it is read anew.
    other = str(path.with_name(f"again_{path.name}"))
    leaving = asyncio.create_task(assistant.ask(QUESTION, [other], wait_seconds=math.inf))
    await asyncio.sleep(LEAVING_SECONDS)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    begun = time.perf_counter()
    while busy_children() and time.perf_counter() - begun < GONE_SECONDS:  # noqa: ASYNC110 - a process says nothing
        await asyncio.sleep(TICK_SECONDS)
    yield "left_behind" if busy_children() else "gone", 0.0


def make_files(room: Path) -> None:
    """Write every growing file, and again with one more byte."""
    for name, make in GROWING.items():
        content = make()
        (room / name).write_bytes(content)
        (room / f"again_{name}").write_bytes(content + b" ")


def busy_children() -> int:
    """Return how many parsing processes run: children of this process' own children."""
    return sum(len(child.children()) for child in psutil.Process().children())


def crowd(asks: int) -> None:
    """Start as many command lines at once, and count those that answer."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        document = Path(name) / "small.txt"
        document.write_text("The pump is new. It holds 40 litres of oil.")
        variables = {**os.environ, "READROOM_DATA_DIR": f"{name}/data", "READROOM_ENGINE__KIND": "extractive"}
        command = [sys.executable, "-m", "mcp_server", "ask", str(document), QUESTION]
        figures: dict[str, float] = {"asks": asks}
        for turn in ("fresh", "warm"):
            begun = time.perf_counter()
            started = [
                subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for _ in range(asks)
            ]
            said = [process.communicate() for process in started]
            answered = [
                process.returncode == 0 and "40 litres" in out for process, (out, _) in zip(started, said, strict=True)
            ]
            for (_, err), well in zip(said, answered, strict=True):
                if not well:
                    print(err[-400:])
            figures |= {f"{turn}_answered": sum(answered), f"{turn}_seconds": time.perf_counter() - begun}
    record(
        "hostile_crowd",
        f"python -m benchmarks.hostile crowd --asks {asks}: command lines at once in a fresh data folder, then again.",
        figures,
        goal="every one answers",
        met=figures["fresh_answered"] == figures["warm_answered"] == asks,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("races", "files", "crowd"))
    parser.add_argument("folder", type=Path, nargs="*", default=[CASES])
    parser.add_argument("--opens", type=int, default=50_000)
    parser.add_argument("--each", type=int, default=95, help="changed files of every format")
    parser.add_argument("--asks", type=int, default=20)
    asked = parser.parse_args()
    if asked.part == "races":
        race(asked.opens)
    elif asked.part == "files":
        asyncio.run(read_files(asked.folder, asked.each))
    else:
        crowd(asked.asks)
