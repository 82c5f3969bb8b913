"""Damaged files: each of some small ones with bits flipped, cut off, or with its blocks swapped, dropped or repeated.

python -m benchmarks.mutations [FOLDER ...] [--each 20] [--seed 1]

FOLDER holds small sound files, tests/cases by default; what the tests make (pytest --basetemp build/made -o
tmp_path_retention_policy=all) and the folder of benchmarks.documents have those of the other formats. Beside the file's
own bytes, those of one file within a zip container are changed and packed again, for a changed container mostly fails
its checksums before anything is read. Every changed file must be read or be refused with a reason: no crash, no time or
memory beyond the limits, and no words of Python in a message. What fails is written to --keep.
"""

import argparse
import asyncio
import io
import random
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from agents.documents.parsing import formats
from agents.documents.parsing.sandbox import Sandbox
from agents.errors import DocumentError
from agents.settings import DocumentsSettings
from benchmarks.record import record

CASES = Path(__file__).parent.parent / "tests" / "cases"
LIMIT_SECONDS = 30.0
MOST_BYTES = 1_000_000
"""Larger files are left out: each of theirs would take seconds."""

Outcome = Literal["read", "refused", "crashed", "over the limit"]

_CRASHED = re.compile(r"its reader failed with|ended abruptly|ended from outside")
_OVER_THE_LIMIT = re.compile(r"took longer than|bytes of memory and was ended")
_PYTHON = re.compile(r"Traceback|File \"|\w+Error\b|<class |object at 0x")


def flip_bits(data: bytearray, chance: random.Random) -> None:
    """Flip up to 20 bits."""
    for _ in range(chance.randint(1, 20)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def cut_off(data: bytearray, chance: random.Random) -> None:
    """Keep the beginning only."""
    del data[chance.randrange(len(data)) :]


def swap_blocks(data: bytearray, chance: random.Random) -> None:
    """Exchange two blocks of one size."""
    size = chance.randint(1, max(1, len(data) // 4))
    one, other = (chance.randrange(len(data) - size + 1) for _ in range(2))
    data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]


def drop_block(data: bytearray, chance: random.Random) -> None:
    """Leave a block out."""
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, max(1, len(data) // 4))]


def repeat_block(data: bytearray, chance: random.Random) -> None:
    """Write a block up to 50 times."""
    start = chance.randrange(len(data))
    block = data[start : start + chance.randint(1, max(1, len(data) // 20))]
    data[start:start] = block * chance.randint(1, 50)


CHANGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip_bits,
    cut_off,
    swap_blocks,
    drop_block,
    repeat_block,
)


def changed(data: bytes, change: Callable[[bytearray, random.Random], None], chance: random.Random) -> bytes:
    """Return the data with one change."""
    copy = bytearray(data)
    if copy:
        change(copy, chance)
    return bytes(copy)


def changed_within(data: bytes, change: Callable[[bytearray, random.Random], None], chance: random.Random) -> bytes:
    """Return a zip container with one change to one of its files."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as container, zipfile.ZipFile(target, "w") as copy:
        members = container.infolist()
        chosen = chance.choice([member for member in members if member.file_size])
        for member in members:
            content = container.read(member)
            copy.writestr(member, changed(content, change, chance) if member is chosen else content)
    return target.getvalue()


def is_sound_zip(data: bytes) -> bool:
    """Whether a file is a zip container of which every file can be unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as container:
            return container.testzip() is None
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError):
        return False


def mutations(data: bytes, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield changed files without end, each with what was done to it."""
    zipped = is_sound_zip(data)
    while True:
        for change in CHANGES:
            yield change.__name__, changed(data, change, chance)
            if zipped:
                yield f"{change.__name__} within", changed_within(data, change, chance)


class Result(NamedTuple):
    """What became of a changed file."""

    outcome: Outcome
    message: str = ""


async def read(sandbox: Sandbox, data: bytes, name: str) -> Result:
    """Read a changed file as the library would."""
    try:
        await sandbox.parse(io_file(data), name)
    except DocumentError as error:
        message = f"{error.message} {error.hint}"
        if _OVER_THE_LIMIT.search(message):
            return Result("over the limit", message)
        return Result("crashed" if _CRASHED.search(message) or _PYTHON.search(message) else "refused", message)
    return Result("read")


def io_file(data: bytes) -> io.BufferedRandom:
    """Return an open file without a name that holds the data."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller has it until it is collected
    file.write(data)
    file.flush()
    return file


def sound_files(folders: list[Path]) -> dict[str, list[Path]]:
    """Return the small files of every format, by its label."""
    found: dict[str, list[Path]] = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        reader = formats.by_suffix(path.suffix)
        if reader is not None and 0 < path.stat().st_size <= MOST_BYTES and path.name != "cases.json":
            found.setdefault(reader.label, []).append(path)
    return found


async def main(folders: list[Path], each: int, seed: int, keep: Path | None) -> None:
    """Change and read `each` files of every format, and print and record what became of them."""
    counts = await read_changed(folders, each, seed, keep)
    outcomes: tuple[Outcome, ...] = get_args(Outcome)
    figures = {
        f"{label.lstrip('.')}_{outcome.replace(' ', '_')}": counter[outcome]
        for label, counter in counts.items()
        for outcome in outcomes
    }
    record(
        "mutations",
        f"python -m benchmarks.mutations {' '.join(folder.name for folder in folders)} --each {each} --seed {seed}: "
        "changed copies of small files, "
        f"{LIMIT_SECONDS:g} seconds each at most.",
        {"files": sum(figures.values()), **figures},
        goal="every one read, or refused with a reason",
        met=not any(counter["crashed"] + counter["over the limit"] for counter in counts.values()),
    )


async def read_changed(folders: list[Path], each: int, seed: int, keep: Path | None) -> dict[str, Counter[Outcome]]:
    """Change and read `each` files of every format; return what became of them, by format."""
    sandbox = Sandbox(DocumentsSettings(parse_seconds=LIMIT_SECONDS))
    counts: dict[str, Counter[Outcome]] = {}
    for label, paths in sound_files(folders).items():
        counts[label] = Counter()
        chance = random.Random(f"{seed} {label}")
        sources = [(path, mutations(path.read_bytes(), chance)) for path in paths]
        for number in range(each):
            path, changes = sources[number % len(sources)]
            # In a thread, as what is measured beside it is how long the loop waits.
            done, data = await asyncio.to_thread(next, changes)
            result = await read(sandbox, data, path.name)
            counts[label][result.outcome] += 1
            if result.outcome not in ("read", "refused"):
                print(f"{label} {path.name} ({done}, number {number}): {result.message}")
                if keep:
                    (keep / f"{number}-{path.name}").write_bytes(data)
    await asyncio.to_thread(sandbox.close)
    return counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="*", default=[CASES])
    parser.add_argument("--each", type=int, default=20, help="changed files of every format")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where the files that fail are kept")
    asked = parser.parse_args()
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(asked.folder, asked.each, asked.seed, asked.keep))
