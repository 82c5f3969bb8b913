"""What the command line shows at a terminal: the real command, with a terminal of its own as its stderr."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import REPOSITORY, environment

if sys.platform == "win32":
    pytest.skip("there is no pty", allow_module_level=True)
import pty

PUMP = "The pump holds 40 litres. It was built in 1987. The filter is replaced every 6 months."
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """A command whose stderr is a terminal; its stdout is a pipe."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._screen, stderr = pty.openpty()
        variables = environment(folder, COLUMNS="160", TERM="xterm")
        command = [sys.executable, "-m", "mcp_server", *words]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, env=variables, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
        os.close(stderr)
        self.shown = ""

    def read(self) -> Iterator[str]:
        """Yield all that was shown so far, as often as there is more, to the end."""
        # The terminal's other end is closed when the process ends: Linux calls that an error.
        with contextlib.suppress(OSError):
            while more := os.read(self._screen, 4_096):
                self.shown += _CONTROLS.sub("", more.decode(errors="replace"))
                yield self.shown

    def ended(self) -> tuple[int, str]:
        """Return the exit code and stdout."""
        for _ in self.read():
            pass
        stdout, _ = self.process.communicate()
        os.close(self._screen)
        return self.process.returncode, stdout


def long_text(folder: Path) -> Path:
    """Write a text of several windows."""
    lines = [
        f"Pump {number} was looked at by team {number * 7 % 11} and holds {number} litres." for number in range(24_000)
    ]
    path = folder / "pumps.txt"
    path.write_text("\n\n".join(" ".join(lines[at : at + 20]) for at in range(0, len(lines), 20)))
    return path


def test_a_terminal_shows_pages_opened_and_steps_and_the_pipe_holds_the_answer_alone(tmp_path: Path) -> None:
    tmp_path.joinpath("pump [draft].md").write_text(PUMP)
    terminal = Terminal(tmp_path, "ask", str(tmp_path / "pump [draft].md"), "How many litres does the pump hold?")
    code, stdout = terminal.ended()

    assert code == 0
    assert "Opened pump [draft]: 1 page" in terminal.shown
    assert "left:" in terminal.shown
    assert "40 litres" in stdout
    assert "Opened" not in stdout


def test_ctrl_c_says_what_is_kept_and_keeps_it(tmp_path: Path) -> None:
    command = ("analyze", str(long_text(tmp_path)), "--mode", "detailed")
    terminal = Terminal(tmp_path, *command)
    next(shown for shown in terminal.read() if re.search(r"Read window \d+ of \d+", shown))
    terminal.process.send_signal(signal.SIGINT)
    code, stdout = terminal.ended()

    assert (code, stdout) == (130, "")
    stopped = terminal.shown.rpartition("Stopped: ")[2]
    assert re.match(
        r"Read window \d+ of \d+.* \(\d\d%\)\. Documents that were opened and parts that were read", stopped
    )
    assert "run the same command again" in stopped
    assert "Traceback" not in terminal.shown

    assert json.loads(Terminal(tmp_path, "documents", "--json").ended()[1])["documents"][0]["title"] == "pumps"
    with sqlite3.connect(tmp_path / "data" / "runs.db") as windows:
        (stored,) = windows.execute("SELECT COUNT(*) FROM results").fetchone()
    windows.close()
    assert stored >= 1


def test_without_a_terminal_nothing_is_shown(tmp_path: Path) -> None:
    tmp_path.joinpath("pump.md").write_text(PUMP)
    command = [sys.executable, "-m", "mcp_server", "ask", str(tmp_path / "pump.md"), "When was the pump built?"]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment(tmp_path), capture_output=True, text=True, check=False
    )

    assert "1987" in done.stdout
    assert done.stderr == ""
