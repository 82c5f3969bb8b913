"""A text that vLLM has computed before, sent once more with another end: until its first token is there.

    python -m benchmarks.text_again --vllm-command .../bin/vllm [--tokens 120000]

Two engines, one after the other: as Readroom starts it, and kept clear of our plugin by vLLM's own switch. Both are
asked with the text, as every task is, and with its token ids, which leaves tokenizing out. A tiny random checkpoint
answers: what is timed is all but the model. (Two at once disturb each other: vLLM waits for work in a busy loop.)
"""

import argparse
import asyncio
import os
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from agents.benchmark.checkpoints import sentences, write_tiny
from agents.benchmark.completion_client import CompletionClient
from agents.benchmark.served import find_served
from agents.engine.vllm import lifecycle
from agents.engine.vllm.engine import ResidentEngine
from agents.settings import EngineSettings, Settings
from benchmarks.record import record

ROUNDS = 9
FORMS = ("text", "ids")
TOKENS_PER_SENTENCE = 24.5
PLUGINS_VARIABLE = "VLLM_PLUGINS"
"""vLLM loads no plugin but those that it names."""


@asynccontextmanager
async def started(engine: EngineSettings, data_dir: Path) -> AsyncIterator[CompletionClient]:
    """Start an engine, and stop it in the end."""
    opened = await ResidentEngine.open(engine, data_dir)
    try:
        served = await find_served(Settings(data_dir=data_dir, engine=engine), opened.info)
        if served is None:
            raise SystemExit("The engine did not start.")
        client = CompletionClient(served.endpoint)
        yield client
        await client.close()
    finally:
        await opened.close()
        await lifecycle.stop(data_dir)


async def first_tokens(client: CompletionClient, text: str) -> dict[str, float]:
    """Return the seconds to the first token behind a text that was read before: medians, for each form of it."""
    await client.complete(text, 1)
    found: dict[str, list[float]] = {form: [] for form in FORMS}
    for number in range(ROUNDS):
        for form in FORMS:
            asked = f"{text} Who signed report {number}, asked as {form}?"
            done = await client.complete(await client.tokens(asked) if form == "ids" else asked, 1)
            found[form].append(done.first_token_seconds)
    return {form: statistics.median(times) for form, times in found.items()} | {"prompt_tokens": done.prompt_tokens}


async def measure(command: str, folder: Path, tokens: int) -> dict[str, Any]:
    """Start and ask both engines."""
    engine = EngineSettings(
        kind="vllm",
        check_reading=False,
        model=str(write_tiny(folder / "tiny")),
        vllm_command=command,
        quantization="auto",
        kv_cache_dtype="auto",
        extra_args=("--enforce-eager",),
        request_seconds=3_000,
    )
    text = sentences(round(tokens / TOKENS_PER_SENTENCE), seed=5)
    async with started(engine, folder / "ours") as client:
        version = await client.version()
        ours = await first_tokens(client, text)
    with patch.dict(os.environ, {PLUGINS_VARIABLE: ""}):
        async with started(engine, folder / "vllms") as client:
            vllms = await first_tokens(client, text)
    return {
        "vllm": version,
        "prompt_tokens": round(ours["prompt_tokens"]),
        **{f"ours_{form}_seconds": ours[form] for form in FORMS},
        **{f"vllms_own_{form}_seconds": vllms[form] for form in FORMS},
        **{f"ours_to_vllms_own_{form}": ours[form] / vllms[form] for form in FORMS},
    }


def main() -> None:
    """Measure and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vllm-command", default=".venv-vllm/bin/vllm")
    parser.add_argument("--tokens", type=int, default=120_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(asked.vllm_command, Path(folder), asked.tokens))
    record(
        "text_again",
        f"python -m benchmarks.text_again --tokens {asked.tokens}: seconds to the first token, medians of {ROUNDS}, on "
        "two vLLMs, with and without our plugin; a tiny random Qwen3 on the CPU.",
        figures,
        goal="a text that was computed before has its first token in a third of vLLM's own time",
        met=figures["ours_to_vllms_own_text"] <= 1 / 3,
    )


if __name__ == "__main__":
    main()
