"""Starting clients in processes of their own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from agents.settings import EngineSettings

REPOSITORY = Path(__file__).parents[2]


class ClientProcess:
    """A client in a process of its own; it is killed when the block ends."""

    def __init__(self, settings: EngineSettings, data_dir: Path) -> None:
        words = [sys.executable, "-m", "tests.support.client_process", str(data_dir), settings.model_dump_json()]
        self._process = subprocess.Popen(
            words, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.pid = self._process.pid

    def __enter__(self) -> "ClientProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def ask(self, command: str) -> dict[str, Any]:
        self.tell(command)
        return self.answer()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()
