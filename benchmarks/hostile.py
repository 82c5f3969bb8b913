"""Paths that another program races: how often what it puts in a file's place is read.

python -m benchmarks.hostile [--opens 50000]

A second process swaps a file below the root, in turns, for a link to a file outside, for a pipe, and back; a folder for
a link to a folder outside. Every open that succeeds is read. Goal: no byte from outside, and no open that hangs.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from pathlib import Path

from agents.documents.access import find_file, open_file
from agents.errors import DocumentError
from agents.settings import DocumentsSettings
from benchmarks.record import record

INSIDE, OUTSIDE = b"Words of the room.", b"Secret words."
SLOW_SECONDS = 1.0


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


def main(opens: int) -> None:
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
        f"python -m benchmarks.hostile --opens {opens}: a file that another process swaps for links and pipes.",
        {"opens": opens, **counts},
        goal="nothing leaked, no open that takes a second",
        met=not counts["leaked"] and not counts["slow"],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--opens", type=int, default=50_000)
    main(parser.parse_args().opens)
