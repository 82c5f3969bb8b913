"""What the agents do with a model, timed: asks alone and by eight users, a summary and an extraction.

    python -m benchmarks.gpu.real_work --questions FOLDER --base-url URL --before CHECKOUT --out real_work_CARD.json
    python -m benchmarks.gpu.real_work --questions FOLDER --out real_work_dummy_CARD.json     # our own engine

The questions and documents are those of a question set; each document is parsed before it is asked. `--before` has an
older checkout's agents do the same at the same server, in turns. Without a server, our own engine is started; dummy
weights show the speed of answers that are as long as they may be. An answer is shown when its quotes were checked: its
first words come with the last.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, TypeVar

import httpx

from agents.assistant import Assistant
from agents.benchmark.prometheus import Metrics
from agents.benchmark.workbench import percentile
from agents.settings import DocumentsSettings, EngineSettings, Settings

USERS = 8
COUNTERS = {
    "decode_seconds": "request_decode_time_seconds_sum",
    "prefill_seconds": "request_prefill_time_seconds_sum",
    "generated": "generation_tokens_total",
    "prompted": "prompt_tokens_total",
    "cached": "prefix_cache_hits_total",
}
"""Of vLLM, by our names."""
FREE, FREE_TOKENS = "Write down, one by one and in words, the numbers from one to two hundred.", 256

ResultT = TypeVar("ResultT")
Figures = dict[str, float]


@dataclass(frozen=True)
class Server:
    """The vLLM that the agents ask."""

    root: str
    model: str
    headers: dict[str, str]

    async def counted(self) -> Figures:
        """Return its counters."""
        async with httpx.AsyncClient(headers=self.headers) as client:
            metrics = Metrics.parse((await client.get(f"{self.root}/metrics")).text)
        return {name: metrics.total(f"vllm:{counter}") or 0.0 for name, counter in COUNTERS.items()}

    async def during(self, work: Awaitable[ResultT]) -> tuple[ResultT, Figures]:
        """Await some work; return its result, its seconds and by how much each counter rose."""
        before, begun = await self.counted(), time.perf_counter()
        result = await work
        seconds, after = time.perf_counter() - begun, await self.counted()
        return result, {"seconds": seconds, **{name: after[name] - before[name] for name in COUNTERS}}

    async def decode_freely(self) -> float:
        """Return the tokens a second of one plain text."""
        body = {"model": self.model, "prompt": FREE, "max_tokens": FREE_TOKENS, "temperature": 0.0, "ignore_eos": True}
        async with httpx.AsyncClient(headers=self.headers, timeout=120.0) as client:
            _, rose = await self.during(client.post(f"{self.root}/v1/completions", json=body))
        return (rose["generated"] - 1) / rose["decode_seconds"]


async def find_server(assistant: Assistant) -> Server:
    """Return the server of the settings, or our own engine, started if it is not running."""
    opened = await assistant.engine(lambda _: None)
    model, base_url = opened.engine.info.model or "", assistant.settings.engine.base_url
    if base_url:
        return Server(base_url.rstrip("/").removesuffix("/v1"), model, {})
    # Older checkouts do not have it, and are asked at a server's address alone.
    from agents.benchmark.served import find_served

    served = await find_served(assistant.settings, opened.engine.info)
    if served is None:
        raise SystemExit("There is no vLLM to measure.")
    root = served.endpoint.base_url.rstrip("/").removesuffix("/v1")
    return Server(root, model, {"Authorization": f"Bearer {served.files.key()}"})


async def ask_all(assistant: Assistant, asks: Sequence[tuple[str, str]], users: int) -> list[Figures]:
    """Return the seconds, calls and tokens of each ask, asked by so many users at once."""
    waiting, took = iter(asks), list[Figures]()

    async def user() -> None:
        for question, document in waiting:
            begun = time.perf_counter()
            answer = await assistant.ask(question, [document], wait_seconds=float("inf"))
            took.append(
                {
                    "seconds": time.perf_counter() - begun,
                    "calls": answer.usage.engine_calls,
                    "prompt_tokens": answer.usage.prompt_tokens,
                    "completion_tokens": answer.usage.completion_tokens,
                }
            )

    await asyncio.gather(*(user() for _ in range(users)))
    return took


def together(asks: Sequence[Figures], rose: Figures) -> Figures:
    """Return what asks took: seconds, means of calls and tokens, and the server's rates meanwhile."""
    seconds = [each["seconds"] for each in asks]
    return {
        "asks": len(asks),
        "p50_seconds": percentile(seconds, 0.5),
        "p95_seconds": percentile(seconds, 0.95),
        "asks_per_minute": 60 * len(asks) / rose["seconds"],
        **{name: sum(each[name] for each in asks) / len(asks) for name in asks[0] if name != "seconds"},
        **rates(rose),
    }


def rates(rose: Figures) -> Figures:
    """Return tokens a second of one request: those written, and of its prompt those computed."""
    return {
        "decode_tokens_per_second": rose["generated"] / max(1e-9, rose["decode_seconds"]),
        "prefill_tokens_per_second": (rose["prompted"] - rose["cached"]) / max(1e-9, rose["prefill_seconds"]),
    }


async def work(plan: dict[str, Any]) -> dict[str, Any]:
    """Do what a plan says with the agents of this process."""
    assistant = Assistant(
        Settings(
            data_dir=Path(plan["data"]),
            documents=DocumentsSettings(roots=(Path(plan["folder"]),)),
            engine=EngineSettings(**plan["engine"]),
        )
    )
    try:
        server = await find_server(assistant)
        for document in {document for _, document in plan["asks"]} | set(plan["analyses"]):
            await assistant.library.open(document)
        half = len(plan["asks"]) // 2
        found: dict[str, Any] = {"model": server.model, "free_tokens_per_second": await server.decode_freely()}
        for name, asks, users in (("alone", plan["asks"][:half], 1), ("eight", plan["asks"][half:], USERS)):
            found[name] = together(*await server.during(ask_all(assistant, asks, users)))
        for mode, focus in (("summary", None), ("extraction", "dates and deadlines")):
            found[mode] = []
            for document in plan["analyses"]:
                analysing = assistant.analyze(document, mode, focus, wait_seconds=float("inf"))
                _, rose = await server.during(analysing)
                found[mode].append({"document": Path(document).name, **rose, **rates(rose)})
        return found
    finally:
        await assistant.close()


def in_checkout(checkout: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """Return what a checkout's agents took, in a process of their own."""
    path = os.pathsep.join([str(checkout), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), "--alone"],
        env={**os.environ, "PYTHONPATH": path},
        cwd=checkout,
        input=json.dumps(plan),
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{checkout}: {done.stderr[-2_000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def arguments() -> argparse.Namespace:
    """Read the command line."""
    # What an older checkout may lack, as what else is imported in a function.
    from benchmarks.gpu.options import parser, prepare

    asked = parser(__doc__)
    asked.add_argument("--questions", dest="folder", type=Path, required=True, help="a question set")
    asked.add_argument("--base-url", help="a server that runs")
    asked.add_argument("--kv", default="fp8_e5m2", help="KV cache dtype of our own engine")
    asked.add_argument("--asks", type=int, default=80, help="half of them alone, half by eight users")
    asked.add_argument("--rounds", type=int, default=2)
    asked.add_argument("--analyse", type=Path, nargs="*", default=[], help="documents to summarise and extract from")
    asked.add_argument("--before", type=Path, help="an older checkout of this repository")
    options = asked.parse_args()
    prepare(options)
    return options


def main() -> None:
    """Measure round by round, and write the result after each."""
    from benchmarks.gpu.options import engine_settings, here
    from benchmarks.quality.questions import load

    options = arguments()
    if options.base_url:
        engine: dict[str, Any] = {"kind": "openai", "base_url": options.base_url}
    else:
        engine = engine_settings(options, options.kv).model_dump(mode="json", exclude_unset=True)
    questions = [each for each in load(options.folder.resolve(), "work") if each.answer is not None]
    sides = {"after": Path(__file__).resolve().parents[2]}
    if options.before:
        sides["before"] = options.before.resolve()
    rounds: list[dict[str, Any]] = []
    for number in range(1, options.rounds + 1):
        # The number makes each a question of its own, whose answer nobody keeps.
        asks = [(f"({number}) {each.text}", str(each.document)) for each in islice(cycle(questions), options.asks)]
        for name, checkout in sides.items():
            plan = {
                "engine": engine,
                "folder": str(options.folder.resolve()),
                "data": str(options.work / name),
                "asks": asks,
                # Later rounds would find them kept.
                "analyses": [str(path.resolve()) for path in options.analyse if number == 1],
            }
            rounds.append({"side": name, **in_checkout(checkout, plan)})
            print(json.dumps(rounds[-1]), flush=True)
            result = {"what": (__doc__ or "").splitlines()[0], **here(), "engine": engine, "rounds": rounds}
            options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--alone"]:
        print(json.dumps(asyncio.run(work(json.load(sys.stdin)))))
    else:
        main()
