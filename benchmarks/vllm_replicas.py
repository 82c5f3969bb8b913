"""Two vLLMs behind vllm-router, two servers and one PostgreSQL: what follow-ups find cached, and a vLLM that is killed.

    python -m benchmarks.vllm_replicas --database-url postgresql+psycopg://... [--vllm .venv-vllm/bin/vllm]
        [--router vllm-router] [--documents 6]

The database is one of its own, and empty. vLLM runs on the CPU (`make vllm`), with small random weights; the router is
in a virtual environment of its own (`pip install vllm-router`). Documents are read whole, then all are asked about at
once, and once more, each question at the other server than the one before. That is done behind each of the router's
policies in turn. At last documents are read in windows, and a vLLM is killed.
"""

import argparse
import asyncio
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from agents.benchmark.checkpoints import sentences, write_tiny
from agents.benchmark.prometheus import Metrics, increase
from benchmarks.record import record
from benchmarks.replicas import Caller, Servers, free_port, left, two_servers

POLICIES = ("round_robin", "cache_aware", "sticky_least_loaded", "consistent_hash")
"""The last one is that of docs/team.md."""
ROUTER_OPTIONS = {
    "--cb-failure-threshold": "3",
    "--health-check-interval-secs": "5",
    "--health-failure-threshold": "2",
    "--log-level": "warning",
}
"""As docs/team.md and deploy/compose.yaml have them."""
DOCUMENT_SENTENCES = 900
"""Some 21,500 tokens."""
CONTEXT = 32_768
KV_BYTES = 128
"""Of one token of the tiny model: a key and a value of 32 numbers of two bytes."""
FOLLOW_UPS = 2
KILLED_AFTER = 10
"""Requests of the windows that a vLLM has answered when it is killed."""


@dataclass
class Program:
    """A server that was started, at an address of its own."""

    process: "subprocess.Popen[bytes]"
    url: str

    def kill(self) -> None:
        """Kill it and all that it has started, as when its machine is gone."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    async def metrics(self) -> Metrics:
        """Return what it counts."""
        async with httpx.AsyncClient(trust_env=False) as http:
            return Metrics.parse((await http.get(f"{self.url}/metrics")).text)


@asynccontextmanager
async def started(words: Sequence[str], port: int, log: Path) -> AsyncGenerator[Program]:
    """Start a server, wait until it is healthy, and kill it in the end."""
    program = _start(words, port, log)
    try:
        while not await _is_healthy(program):
            if program.process.poll() is not None:
                raise SystemExit(await asyncio.to_thread(log.read_text, encoding="utf-8", errors="replace"))
            await asyncio.sleep(0.5)
        yield program
    finally:
        program.kill()


def _start(words: Sequence[str], port: int, log: Path) -> Program:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*words, "--host", "127.0.0.1", "--port", str(port)],
            # Two of them share the machine.
            env={**os.environ, "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) // 2)), "VLLM_NO_USAGE_STATS": "1"},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Program(process, f"http://127.0.0.1:{port}")


async def _is_healthy(program: Program) -> bool:
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(f"{program.url}/health")).is_success
    except httpx.TransportError:
        return False


def serve(vllm: str, model: Path, cached_tokens: int) -> list[str]:
    """Return how a vLLM is started."""
    words = [vllm, "serve", str(model), "--enforce-eager", "--max-model-len", str(CONTEXT), "--max-num-seqs", "8"]
    words += ["--block-size", "32", "--kv-cache-memory-bytes", str(cached_tokens * KV_BYTES)]
    return [*words, "--structured-outputs-config", '{"backend": "guidance", "disable_any_whitespace": true}']


def route(router: str, policy: str, vllms: Iterable[Program]) -> list[str]:
    """Return how the router is started."""
    words = [router, "--policy", policy, "--worker-urls", *(vllm.url for vllm in vllms), *_words(ROUTER_OPTIONS)]
    return [*words, "--prometheus-port", str(free_port()), "--worker-startup-check-interval", "1"]


def _words(options: Mapping[str, str]) -> list[str]:
    return [word for option in options.items() for word in option]


async def call(servers: Servers, at: int, tool: str, **arguments: object) -> dict[str, Any]:
    """Make a call, and its polls, at one of the servers."""
    return await Caller([servers.addresses[at % 2]], random.Random(0)).call(tool, arguments)


def write(room: Path, name: str, seed: int) -> str:
    """Write a document that nobody has read."""
    path = room / f"{name}.txt"
    path.write_text(sentences(DOCUMENT_SENTENCES, seed), encoding="utf-8")
    return str(path)


@dataclass(frozen=True)
class Prompts:
    """How many prompts of over 20,000 tokens each vLLM had, and how many of all were not found in its cache."""

    at: tuple[float, ...]
    computed: float
    """So many took over 2,000 tokens of computing: a tenth of the document."""

    @classmethod
    async def of(cls, vllms: Iterable[Program]) -> "Prompts":
        """Count those since the vLLMs' start."""
        metrics = [await vllm.metrics() for vllm in vllms]
        return cls(
            tuple(_above(each, "vllm:request_prompt_tokens", "20000.0") for each in metrics),
            sum(_above(each, "vllm:request_prefill_kv_computed_tokens", "2000.0") for each in metrics),
        )

    def __sub__(self, before: "Prompts") -> "Prompts":
        """Return those since an earlier moment."""
        at = tuple(now - then for now, then in zip(self.at, before.at, strict=True))
        return Prompts(at, self.computed - before.computed)

    def figures(self, policy: str) -> dict[str, float]:
        """Return what is kept of them."""
        return {
            f"{policy}_prompts_with_a_document": sum(self.at),
            f"{policy}_found_in_the_cache": 1.0 - self.computed / sum(self.at),
            f"{policy}_at_one_vllm_at_most": max(self.at) / sum(self.at),
        }


def _above(metrics: Metrics, histogram: str, bound: str) -> float:
    within = metrics.total(f"{histogram}_bucket", le=bound) or 0.0
    return (metrics.total(f"{histogram}_count") or 0.0) - within


async def follow_up(servers: Servers, room: Path, vllms: Sequence[Program], policy: str, documents: int) -> Prompts:
    """Have documents read whole, then ask about all of them in rounds; return the prompts of the rounds."""
    seed = 100 * POLICIES.index(policy)
    paths = [write(room, f"{policy}-{number}", seed + number) for number in range(documents)]
    wanted = {"window_tokens": CONTEXT}
    readings = await asyncio.gather(
        *(call(servers, number, "analyze_document", document=path, **wanted) for number, path in enumerate(paths))
    )
    sessions = [reading["session"]["session_id"] for reading in readings]
    before = await Prompts.of(vllms)
    for turn in range(1, FOLLOW_UPS + 1):
        asked = {"question": f"What was measured on {turn} May?"}
        await asyncio.gather(
            *(call(servers, number + turn, "ask", session_id=each, **asked) for number, each in enumerate(sessions))
        )
    return (await Prompts.of(vllms)) - before


async def survive_kill(servers: Servers, room: Path, killed: Program, documents: int) -> dict[str, float]:
    """Kill a vLLM while both servers have documents read in windows; return what became of the calls."""
    wanted = {"mode": "extraction", "focus": "pressure", "window_tokens": 2_000}
    paths = [write(room, f"windows-{number}", seed=1_000 + number) for number in range(documents)]
    calls = [
        asyncio.create_task(call(servers, at, "analyze_document", document=path, **wanted))
        for path in paths
        for at in range(2)
    ]
    before = await killed.metrics()
    while True:
        metrics = await killed.metrics()
        running = metrics.total("vllm:num_requests_running") or 0.0
        if running and (increase(before, metrics, "vllm:request_success_total") or 0.0) >= KILLED_AFTER:
            break
        await asyncio.sleep(0.05)
    killed.kill()
    killed_at = time.monotonic()
    analyses = await asyncio.gather(*calls)
    return {
        "requests_at_the_vllm_that_was_killed": running,
        "calls": len(calls),
        "calls_answered": sum(_is_whole(analysis) for analysis in analyses),
        "seconds_from_kill_to_last_answer": time.monotonic() - killed_at,
    }


def _is_whole(analysis: dict[str, Any]) -> bool:
    """Whether the model has read every window: a warning tells of each request that failed."""
    if not analysis:
        return False
    coverage = analysis["coverage"]
    return coverage["tokens_read"] == coverage["tokens_total"] and "The engine at" not in str(analysis["warnings"])


def _version(command: str, distribution: str) -> str:
    """Return the version of what a virtual environment's command is from."""
    python = Path(shutil.which(command) or command).with_name("python")
    program = f"import importlib.metadata; print(importlib.metadata.version({distribution!r}))"
    return subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


async def main(database: SecretStr, vllm: str, router: str, documents: int) -> None:
    """Measure, and keep what was found."""
    figures: dict[str, Any] = {
        "vllm_router": _version(router, "vllm-router"),
        "vllm": _version(vllm, "vllm"),
        "documents": documents,
    }
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        room = Path(name)
        model = write_tiny(room / "model")
        serving = serve(vllm, model, documents * CONTEXT)
        async with AsyncExitStack() as running:
            vllms = [
                await running.enter_async_context(started(serving, free_port(), room / f"vllm-{number}.log"))
                for number in range(2)
            ]
            port = free_port()
            engine = {
                "READROOM_ENGINE__BASE_URL": f"http://127.0.0.1:{port}/v1",
                "READROOM_ENGINE__MODEL": str(model),
                "READROOM_ENGINE__CHECK_READING": "false",
                "READROOM_SUPERVISOR__WINDOW_TOKENS": str(CONTEXT),
            }
            servers = await running.enter_async_context(two_servers(room, database, engine))
            await servers.answering()
            for policy in POLICIES:
                async with started(route(router, policy, vllms), port, room / f"router-{policy}.log"):
                    prompts = await follow_up(servers, room, vllms, policy, documents)
                    figures |= prompts.figures(policy)
                    if policy == POLICIES[-1]:
                        figures |= await survive_kill(servers, room, vllms[0], documents)
        figures |= left(database, {})
    del figures["turns_lost"]
    record(
        "vllm_replicas",
        f"python -m benchmarks.vllm_replicas --documents {documents} --database-url URL: two servers, one PostgreSQL, "
        f"vllm-router ({' '.join(_words(ROUTER_OPTIONS))}) and two vLLMs on the CPU with a tiny random model. "
        "Documents of over 20,000 tokens are read whole, then all are asked about twice; found in the cache is a "
        "prompt of which at most 2,000 tokens were computed. At last a vLLM is killed while documents are read in "
        "windows.",
        figures,
        goal="follow-ups find at least 90 % of their document in the cache, every call is answered though a vLLM is "
        "killed, no finished window is computed twice",
        met=figures[f"{POLICIES[-1]}_found_in_the_cache"] == 1.0
        and figures["calls_answered"] == figures["calls"]
        and not figures["windows_computed_twice"],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--database-url", type=SecretStr, required=True, help="of a database of its own, which is empty"
    )
    parser.add_argument("--vllm", default=".venv-vllm/bin/vllm", help="its command")
    parser.add_argument("--router", default="vllm-router", help="its command")
    parser.add_argument("--documents", type=int, default=6)
    asked = parser.parse_args()
    asyncio.run(main(asked.database_url, asked.vllm, asked.router, asked.documents))
