"""What is left of a parsing process after it was cancelled, killed or abandoned: nothing."""

import asyncio
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from agents.documents.library import Library
from agents.documents.parsing import sandbox
from agents.documents.parsing.limits import Limits
from agents.documents.parsing.sandbox import Sandbox
from agents.errors import DocumentError
from agents.settings import DocumentsSettings
from tests.support import samples

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

LONG = "Many words stand here. " * 1_000_000
OPEN_ONE = """
import asyncio, pathlib, sys
from agents.documents.library import Library
from agents.settings import DocumentsSettings
from tests.support import samples

path = pathlib.Path(sys.argv[1])
asyncio.run(Library(DocumentsSettings(roots=(path.parent,)), path.parent / "killed").open(str(path)))
"""


@pytest.fixture(name="library", autouse=True)
async def own_library(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Library]:
    """A library with processes of its own beside no others: they are counted."""
    sandbox.close()
    library = Library(DocumentsSettings(roots=(tmp_path,)), tmp_path / "data")
    yield library
    await library.close()


def forks_of(process: psutil.Process) -> list[psutil.Process]:
    """Return the processes that were forked by the fork server of a process."""
    return [fork for server in process.children() for fork in server.children()]


async def one_fork_of(process: psutil.Process) -> psutil.Process:
    """Wait for a parsing process, which nobody announces."""
    while not (forks := forks_of(process)):  # noqa: ASYNC110
        await asyncio.sleep(0)
    return forks[0]


def runs(process: psutil.Process) -> bool:
    """Whether a process has not ended; one that waits to be reaped has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def gone(processes: list[psutil.Process]) -> None:
    """Wait until processes have ended."""
    while any(map(runs, processes)):  # noqa: ASYNC110
        await asyncio.sleep(0)


async def test_each_document_is_read_by_a_fork_of_its_own(library: Library, write: Callable[[str, str], str]) -> None:
    paths = [write(f"{number}.txt", f"{number} {LONG[:500_000]}") for number in range(2)]
    first, second = (asyncio.create_task(library.open(path)) for path in paths)
    seen: set[int] = set()
    while not (first.done() and second.done()):
        seen.update(fork.pid for fork in forks_of(psutil.Process()))
        await asyncio.sleep(0)
    assert len(seen) == 2
    assert forks_of(psutil.Process()) == []
    assert len(psutil.Process().children()) == 1


async def test_a_cancelled_open_leaves_no_fork_behind(library: Library, write: Callable[[str, str], str]) -> None:
    opening = asyncio.create_task(library.open(write("a.txt", LONG)))
    fork = await one_fork_of(psutil.Process())
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert not runs(fork)
    assert (await library.open(write("b.txt", "Few words."))).text == "Few words."


async def test_a_fork_that_takes_too_long_is_gone_when_the_caller_is_told(
    tmp_path: Path, write: Callable[[str, str], str]
) -> None:
    library = Library(DocumentsSettings(roots=(tmp_path,), parse_seconds=0.05), tmp_path / "data")
    with pytest.raises(DocumentError, match=r"longer than 0\.05 seconds"):
        await library.open(write("a.txt", LONG))
    assert forks_of(psutil.Process()) == []
    await library.close()


async def test_a_file_whose_fork_is_killed_is_read_once_more(
    library: Library, write: Callable[[str, str], str]
) -> None:
    opening = asyncio.create_task(library.open(write("a.txt", LONG[:500_000])))
    killed = await one_fork_of(psutil.Process())
    killed.kill()
    assert (await opening).text == LONG[:500_000]


async def test_a_fork_that_is_killed_twice_is_no_fault_of_the_file_and_of_no_other(
    library: Library, write: Callable[[str, str], str]
) -> None:
    opening = asyncio.create_task(library.open(write("a.txt", LONG)))
    first = await one_fork_of(psutil.Process())
    first.kill()
    while (second := await one_fork_of(psutil.Process())) == first:  # noqa: ASYNC110
        await asyncio.sleep(0)
    second.kill()
    with pytest.raises(DocumentError, match="was ended from outside, twice") as refused:
        await opening
    assert "The file may well be sound" in refused.value.hint
    assert (await library.open(write("b.txt", "Few words."))).text == "Few words."


async def test_a_fork_server_that_is_killed_is_replaced(library: Library, write: Callable[[str, str], str]) -> None:
    await library.open(write("a.txt", "Some words."))
    (server,) = psutil.Process().children()
    server.kill()
    await gone([server])
    assert (await library.open(write("b.txt", "Few words."))).text == "Few words."


async def test_a_closed_library_leaves_no_process_and_opens_again(
    library: Library, write: Callable[[str, str], str]
) -> None:
    library.warm_up()
    await library.close()
    assert psutil.Process().children() == []
    assert (await library.open(write("a.txt", "Few words."))).text == "Few words."


async def test_a_killed_reader_takes_its_parsing_processes_with_it(write: Callable[[str, str], str]) -> None:
    path = write("a.txt", LONG)
    reader = await asyncio.create_subprocess_exec(sys.executable, "-c", OPEN_ONE, path)
    process = psutil.Process(reader.pid)
    fork = await one_fork_of(process)
    left = [*process.children(), fork]
    reader.kill()
    await reader.wait()
    await gone(left)


async def test_where_no_process_can_be_forked_a_document_is_read_by_a_new_interpreter(
    tmp_path: Path, write: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_CAN_FORK", False)
    library = Library(DocumentsSettings(roots=(tmp_path,)), tmp_path / "data")
    assert (await library.open(write("a.txt", "Few words."))).text == "Few words."
    with pytest.raises(DocumentError, match="holds no text"):
        await library.open(write("b.txt", " "))
    assert psutil.Process().children() == []
    await library.close()


async def test_a_fault_that_a_file_was_read_in_spite_of_stands_in_the_log(
    tmp_path: Path, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    workbook = Path(samples.write_xlsx(tmp_path / "sound.xlsx"))
    with zipfile.ZipFile(workbook) as sound, zipfile.ZipFile(tmp_path / "broken.xlsx", "w") as copy:
        for member in sound.namelist():
            copy.writestr(member, sound.read(member).replace(b"<patternFill/>", b""))

    document = await library.open(str(tmp_path / "broken.xlsx"))

    assert document.warnings[-1].startswith("The workbook could not be read with its formats")
    assert "broken.xlsx was read in part after a fault.\nTraceback" in caplog.text


async def test_scanned_pages_are_counted_and_no_part_of_the_result() -> None:
    link = asyncio.StreamReader()
    link.feed_data(b'{"scan": [0, 2]}\n{"scan": [1, ')
    link.feed_data(b'2]}\n["Title", "text"]')
    link.feed_eof()
    counts: list[tuple[int, int]] = []

    output = await sandbox._read(link, Limits.of(DocumentsSettings()), lambda done, total: counts.append((done, total)))

    assert (output, counts) == (b'["Title", "text"]', [(0, 2), (1, 2)])
