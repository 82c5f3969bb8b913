"""A client of the resident engine in a process of its own, spoken to over its standard streams.

    python -m tests.support.client_process DATA_DIR SETTINGS_JSON

Each line `start` or `run` on standard input is done, and answered by one line of JSON.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from agents.engine.vllm import lifecycle
from agents.engine.vllm.state_files import EngineState
from agents.settings import EngineSettings


async def main(data_dir: Path, settings: EngineSettings) -> None:
    engine: Any = None
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() == "start":
            say(described(await lifecycle.start(settings, data_dir)))
            continue
        from agents.engine.tasks.decisions import Route
        from agents.engine.vllm.engine import ResidentEngine

        engine = engine or await ResidentEngine.open(settings, data_dir)
        outcome = await engine.run(Route(question="Who signed it?"))
        say(outcome.result.model_dump_json())


def described(state: EngineState) -> str:
    assert state.engine is not None
    return json.dumps({"engine": state.engine.pid, "started_by": state.launch.started_by})


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), EngineSettings.model_validate_json(sys.argv[2])))
