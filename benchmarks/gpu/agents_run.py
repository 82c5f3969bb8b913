"""The agents on the resident engine: what complex questions, follow-ups and whole documents cost it.

    python -m benchmarks.gpu.agents_run --out benchmarks/results/agents_KV_CARD.json --kv fp8_e5m2
    python -m benchmarks.gpu.agents_run --out /tmp/agents.json --tiny --vllm-command .../vllm --tokens 4000 \
        --window 1024 --set max_model_len=8192                                                          # a rehearsal

A document of about 120,000 tokens is made anew for each run, so that nothing of it is cached. Random weights compute
every task; which way a question takes, and its parts, are decided by rule, and its answer is the text's own words. Then
the recorded tasks are sent again in the product's layout and in the two usual ones, one token each.
"""

import argparse
import asyncio
import math
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from agents.assistant import Assistant
from agents.benchmark.completion_client import CompletionClient
from agents.benchmark.corpus import Fact, synthetic_pages, write_markdown
from agents.benchmark.prometheus import Metrics, increase
from agents.benchmark.served import Served, find_served
from agents.engine.engine import Task
from agents.engine.vllm import lifecycle
from agents.engine.vllm.engine import ResidentEngine
from agents.errors import EngineError
from agents.schema import Analysis, Answer
from agents.settings import EngineSettings
from benchmarks.gpu.client import SOURCES
from benchmarks.gpu.layouts import compare
from benchmarks.gpu.options import data_dir, engine_settings, parser, prepare, product_settings, surroundings
from benchmarks.gpu.unattended import write_json
from benchmarks.prefix_sharing import directed
from benchmarks.scripted_engine import ScriptedEngine

_LOOK_SECONDS = 0.05
_ONE_PASS_SPARE = 1_000
"""Tokens of a one-pass window beyond the document's; what the context holds beside it is left to the history."""


class AgentsRun:
    """The measurements of one engine.

    Args:
        engine: The engine's section.
        folder: The data folder whose engine is attached to, or started.
        tokens: Of the made document, by the engine's own tokenizer.
        window: Tokens of a reading window where the document is read in several.
    """

    def __init__(self, engine: EngineSettings, folder: Path, tokens: int, window: int) -> None:
        self._settings = engine
        self._folder = folder
        self._tokens = tokens
        self._window = window
        self._engine: ResidentEngine | None = None
        self._served: Served | None = None
        self._client: CompletionClient | None = None
        self._recorded: dict[str, list[Task[Any]]] = {}

    async def open(self) -> dict[str, Any]:
        """Attach to the engine, or start it."""
        began = time.monotonic()
        self._engine = await ResidentEngine.open(self._settings, self._folder)
        self._served = await find_served(product_settings(self._settings, self._folder), self._engine.info)
        if self._served is None:
            raise EngineError("The resident engine is not vLLM.", hint="See `engine logs`.")
        self._client = CompletionClient(self._served.endpoint)
        return {
            "seconds": round(time.monotonic() - began, 1),
            "engine": self._engine.info.model_dump(mode="json", exclude={"model", "tokenizer"}),
        }

    async def close(self) -> None:
        """Let go of the engine; it lives on."""
        if self._client:
            await self._client.close()
        if self._engine:
            await self._engine.close()

    def parts(self) -> dict[str, Callable[[], Awaitable[dict[str, Any]]]]:
        """Return the measurements in order of need."""
        return {
            "ask_one_pass": lambda: self._ask("ask_one_pass", self._tokens + _ONE_PASS_SPARE),
            "ask_by_search": lambda: self._ask("ask_by_search", self._window),
            "analysis_windows": lambda: self._analyze("analysis_windows", self._window),
            "analysis_one_pass": lambda: self._analyze("analysis_one_pass", self._tokens + _ONE_PASS_SPARE),
        }

    async def layouts(self, name: str, seconds: float) -> dict[str, Any]:
        """Replay what a measurement recorded, in every layout."""
        served, client = self._open()
        return await compare(served.endpoint, client, self._recorded.get(name, []), seconds)

    async def _ask(self, name: str, window: int) -> dict[str, Any]:
        """Ask a complex question about a new document, and two more in the same session."""
        async with self._assistant(name, window) as (assistant, engine, path, facts):
            session: str | None = None
            answers: list[dict[str, Any]] = []
            for number in range(3):
                three = (facts[number], facts[len(facts) // 2 + number], facts[-1 - number])
                question = " ".join(fact.question for fact in three)
                # A follow-up names no document: the session knows it.
                asking = assistant.ask(question, [str(path)] * (session is None), session, math.inf)
                answer, row = await self._watch(engine, asking)
                session = answer.session.session_id
                answers.append(row)
        document = answers[0]["tokens_total"]
        shares = {
            "first_prefilled_to_document": round(answers[0]["prefilled_tokens"] / document, 3),
            "follow_up_prefilled_to_document": [round(row["prefilled_tokens"] / document, 4) for row in answers[1:]],
        }
        return {"document_tokens": document, **shares, "answers": answers}

    async def _analyze(self, name: str, window: int) -> dict[str, Any]:
        """Have a new document read whole and summarised."""
        async with self._assistant(name, window) as (assistant, engine, path, _):
            _, row = await self._watch(engine, assistant.analyze(str(path), wait_seconds=math.inf))
        share = row["prefilled_tokens"] / row["tokens_total"]
        return {"document_tokens": row["tokens_total"], "prefilled_to_document": round(share, 3), **row}

    @asynccontextmanager
    async def _assistant(
        self, name: str, window: int
    ) -> AsyncIterator[tuple[Assistant, ScriptedEngine, Path, list[Fact]]]:
        """Yield an assistant that knows nothing yet, a document that the engine has not seen, and facts in it."""
        if self._engine is None:
            raise EngineError("The engine is not open.", hint="Open it first.")
        folder = self._folder / f"{name}-{time.time_ns()}"
        folder.mkdir()
        path = folder / "made.md"
        page = self._engine.count_tokens("\n\n".join(f"## {text}" for text in synthetic_pages(3, seed=16)[0])) / 3
        facts = write_markdown(path, max(6, round(self._tokens / page)), seed=time.time_ns())
        engine = directed(self._engine)
        settings = product_settings(self._settings, folder, window_tokens=window)
        assistant = Assistant(settings, engine=engine)
        try:
            # Parsed and indexed before the clock runs: the engine is measured here.
            await assistant.library.open(str(path))
            yield assistant, engine, path, facts
        finally:
            self._recorded[name] = [task for task in engine.tasks if task.evidence]
            await assistant.close()

    async def _watch(self, engine: ScriptedEngine, work: Awaitable[Answer | Analysis]) -> tuple[Answer | Analysis, Any]:
        """Do the work and return what it gave, with what the engine counted meanwhile."""
        _, client = self._open()
        known = len(engine.tasks)
        most = {"running": 0, "waiting": 0}
        looking = asyncio.create_task(_look(client, most))
        before, began = await client.metrics(), time.monotonic()
        try:
            given = await work
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
        seconds, after = time.monotonic() - began, await client.metrics()
        calls = [type(task).__name__ for task in engine.tasks[known:]]
        return given, {
            "route": given.route.kind if given.route else None,
            "wall_seconds": round(seconds, 2),
            "engine_calls": given.usage.engine_calls,
            "calls": {name: calls.count(name) for name in dict.fromkeys(calls)},
            "prompt_tokens": given.usage.prompt_tokens,
            "prefilled_tokens": _rise(before, after, SOURCES[0]),
            "cached_tokens": _rise(before, after, SOURCES[1]),
            "completion_tokens": given.usage.completion_tokens,
            "most_requests_running": most["running"],
            "most_requests_waiting": most["waiting"],
            "windows": given.coverage.windows,
            "tokens_read": given.coverage.tokens_read,
            "tokens_total": given.coverage.tokens_total,
            "warnings": list(given.warnings),
        }

    def _open(self) -> tuple[Served, CompletionClient]:
        if self._served is None or self._client is None:
            raise EngineError("The engine is not open.", hint="Open it first.")
        return self._served, self._client


async def _look(client: CompletionClient, most: dict[str, int]) -> None:
    """Note the most requests that the engine ever has in work, and waiting."""
    while True:
        metrics = await client.metrics()
        for name in most:
            now = int(metrics.total(f"vllm:num_requests_{name}") or 0)
            most[name] = max(most[name], now)
        await asyncio.sleep(_LOOK_SECONDS)


def _rise(before: Metrics, after: Metrics, source: str) -> int:
    return int(increase(before, after, "vllm:prompt_tokens_by_source_total", source=source) or 0)


async def measure_agents(
    run: AgentsRun, seconds: float, keep: Callable[[dict[str, Any]], None], replays: bool = True
) -> dict[str, Any]:
    """Take every measurement as far as the time goes, and hand on what is there after each.

    Args:
        run: On an engine that is or will be opened.
        seconds: Time for everything.
        keep: Given all results so far.
        replays: Whether the recorded tasks are sent again in every layout; a share of the time is kept for it.
    """
    deadline = time.monotonic() + seconds
    found: dict[str, Any] = {"opened": await run.open(), "runs": {}, "layouts": {}}
    try:
        for name, part in run.parts().items():
            left = deadline - time.monotonic()
            found["runs"][name] = await _take(name, part(), left)
            keep(found)
        for name in ("ask_one_pass", "ask_by_search") if replays else ():
            left = deadline - time.monotonic()
            # A request that is under way at the end is waited for.
            found["layouts"][name] = await _take(f"layouts of {name}", run.layouts(name, 0.8 * left), left)
            keep(found)
    finally:
        await run.close()
    return found


async def _take(name: str, work: Awaitable[dict[str, Any]], seconds: float) -> dict[str, Any]:
    began = time.monotonic()
    try:
        done = await asyncio.wait_for(work, max(0.0, seconds))
    except Exception as error:
        traceback.print_exc()
        done = {"error": f"{type(error).__name__}: {error or f'not done within {seconds:.0f} s'}"[:2_000]}
    shown = {key: value for key, value in done.items() if key != "each"}
    print(f"  {name}: {time.monotonic() - began:.1f} s {str(shown)[:900]}", flush=True)
    return done


async def measure(asked: argparse.Namespace, kv: str, out: Path, seconds: float) -> bool:
    """Measure one engine, writing after each part; whether none failed."""
    settings = engine_settings(asked, kv)
    report = surroundings(asked, "the agents on the resident engine, about a made document that is new to it") | {
        "kv_cache_dtype": kv,
        "engine_settings": settings.model_dump(mode="json", exclude={"api_key"}),
    }
    folder = data_dir(asked, kv)
    run = AgentsRun(settings, folder, asked.tokens, asked.window)
    found = await measure_agents(
        run, seconds, lambda part: write_json(out, report | part), replays=not asked.no_replays
    )
    if asked.stop:
        await lifecycle.stop(folder)
    return not any("error" in part for parts in (found["runs"], found["layouts"]) for part in parts.values())


def add_sizes(made: argparse.ArgumentParser) -> None:
    """Add the sizes of what is read."""
    made.add_argument("--tokens", type=int, default=120_000, help="of the made document")
    made.add_argument("--window", type=int, default=32_768, help="tokens of a reading window")
    made.add_argument("--no-replays", action="store_true", help="leave the other layouts out")


def main() -> int:
    """Measure and write; 1 if a part failed."""
    made = parser(__doc__)
    made.add_argument("--kv", nargs="+", default=["fp8_e5m2"], help="KV cache dtypes; KV in --out becomes the dtype")
    made.add_argument("--stop", action="store_true", help="stop the engine at the end")
    add_sizes(made)
    asked = made.parse_args()
    prepare(asked)
    whole = True
    for kv in asked.kv:
        out = asked.out.with_name(asked.out.name.replace("KV", kv))
        whole = asyncio.run(measure(asked, kv, out, asked.seconds / len(asked.kv))) and whole
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
