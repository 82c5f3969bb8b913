"""Replies of a trained model to the product's own prompts: made once, replayed in every run of the suite.

    python -m tests.support.recordings --base-url http://127.0.0.1:8000/v1

asks a real server (vLLM with the model of benchmarks/quality/model.py) what it has not answered yet, and drops what is
no longer asked. Without a server, what is not recorded is refused and remembered, so that a test can name it.
"""

import argparse
import asyncio
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
from typing_extensions import override

from agents.assistant import Assistant
from agents.schema import Mode, Response
from agents.settings import DocumentsSettings, EngineSettings, Settings
from tests.support.chat_server import send_json
from tests.support.local_server import LocalServer

TESTS = Path(__file__).parents[1]
REPLIES = TESTS / "recordings" / "replies.json"
COMMAND = "python -m tests.support.recordings --base-url URL"
CONTRACT, HANDBOOK = TESTS.parent / "examples" / "supply-contract.md", TESTS.parent / "examples" / "station-handbook.md"
CASES = TESTS / "cases"


@dataclass(frozen=True)
class Scenario:
    """What somebody asks of documents, turn by turn, or has analysed."""

    name: str
    documents: tuple[Path, ...]
    questions: tuple[str, ...] = ()
    mode: Mode | None = None
    focus: str | None = None


SCENARIOS = (
    Scenario("a sum", (CONTRACT,), ("What is the minimum value of goods that the Operator buys in a year?",)),
    Scenario("two facts", (CONTRACT,), ("When does the agreement take effect and how long is its initial term?",)),
    Scenario("people", (CONTRACT,), ("Who represents the Supplier?", "And the Operator?")),
    Scenario("a condition", (CONTRACT,), ("When does the minimum purchase not apply?",)),
    Scenario("not in the contract", (CONTRACT,), ("What is the Supplier's share price?",)),
    Scenario("not in the contract either", (CONTRACT,), ("Which football club does the Sales Director support?",)),
    Scenario("a clause", (CONTRACT,), ("What does section 3.2 say?",)),
    Scenario("a page that is not there", (CONTRACT,), ("What does page 99 say?",)),
    Scenario("a long handbook", (HANDBOOK,), ("What is done when E. coli is found in product water?",)),
    Scenario("a definition", (HANDBOOK,), ("How long must water be boiled?",)),
    Scenario("a table", (CASES / "two_tables.md",), ("How many were injured in 2024?",)),
    Scenario("a time", (CASES / "gate.txt",), ("When does the gate open on 4 May?",)),
    Scenario("Chinese", (CASES / "chinese.txt",), ("儿童票价是多少？",)),
    Scenario("Polish, which the rules do not know", (CASES / "gate.txt",), ("Kiedy otwiera się brama 5 maja?",)),
    Scenario("two documents", (CONTRACT, HANDBOOK), ("How many filter cartridges are kept in the Buffer Stock?",)),
    Scenario("a summary", (CONTRACT,), mode="summary"),
    Scenario("an extraction", (CASES / "closures.md",), mode="extraction", focus="dates"),
    Scenario("a summary of a table", (CASES / "two_tables.md",), mode="summary"),
)


class RecordedServer(LocalServer):
    """An OpenAI-compatible server that answers from the recordings.

    Args:
        upstream: The server that is asked for what is not recorded; none: such a request is refused.
    """

    def __init__(self, upstream: str | None = None) -> None:
        self.replies: dict[str, Any] = json.loads(REPLIES.read_text()) if REPLIES.is_file() else {}
        self.used: set[str] = set()
        self.missing: list[str] = []
        self.upstream = upstream
        self._client = httpx.Client(timeout=600.0)
        bound = type("Bound", (_Handler,), {"recorded": self})
        super().__init__(bound)
        self.base_url = f"{self.address}/v1"

    @override
    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._client.close()

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the reply to a request."""
        asked = {name: body.get(name) for name in ("messages", "response_format", "logprobs")}
        key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
        self.used.add(key)
        if key not in self.replies and self.upstream:
            self.replies[key] = self._ask(body)
        if key in self.replies:
            return 200, self.replies[key]["reply"]
        self.missing.append(_task(body))
        return 400, {"error": {"message": f"not recorded; make it anew: {COMMAND}"}}

    def _ask(self, body: dict[str, Any]) -> dict[str, Any]:
        model = self._client.get(f"{self.upstream}/models").json()["data"][0]["id"]
        reply = self._client.post(f"{self.upstream}/chat/completions", json={**body, "model": model})
        made = reply.raise_for_status().json()
        kept = {name: made[name] for name in ("id", "object", "created", "usage")}
        choice = made["choices"][0]
        message = {"role": "assistant", "content": choice["message"]["content"]}
        choices = [{"index": 0, "finish_reason": choice["finish_reason"], "message": message}]
        if choice.get("logprobs"):
            choices[0]["logprobs"] = choice["logprobs"]
        return {"task": _task(body), "model": model, "reply": {**kept, "model": "recorded", "choices": choices}}

    def save(self) -> None:
        """Write the replies that were used, and drop the others."""
        kept = {key: reply for key, reply in self.replies.items() if key in self.used}
        REPLIES.parent.mkdir(exist_ok=True)
        REPLIES.write_text(json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def _task(body: dict[str, Any]) -> str:
    """Return the kind of task that a request is, and the end of its prompt."""
    named = (body.get("response_format") or {}).get("json_schema", {}).get("name", "Answerable")
    return f"{named}: …{body['messages'][-1]['content'][-120:]!r}"


class _Handler(BaseHTTPRequestHandler):
    recorded: RecordedServer

    def do_GET(self) -> None:
        send_json(self, {"data": [{"id": "recorded", "owned_by": "recordings", "max_model_len": 32_768}]})

    def do_POST(self) -> None:
        status, reply = self.recorded.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        send_json(self, reply, status)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


async def play(scenario: Scenario, base_url: str, folder: Path) -> list[Response]:
    """Play a scenario through the product, and return what it answers, turn by turn.

    Args:
        scenario: What is asked.
        base_url: The server that answers for the engine.
        folder: Where the library and the sessions are kept.
    """
    settings = Settings(
        data_dir=folder,
        documents=DocumentsSettings(roots=(TESTS.parent,)),
        engine=EngineSettings(base_url=base_url, model="recorded"),
    )
    assistant = Assistant(settings)
    paths = [str(path) for path in scenario.documents]
    answers: list[Response] = []
    try:
        if scenario.mode:
            analysis = assistant.analyze(paths[0], scenario.mode, scenario.focus, wait_seconds=float("inf"))
            return [await analysis]
        for question in scenario.questions:
            session = answers[-1].session.session_id if answers else None
            answers.append(await assistant.ask(question, paths, session, wait_seconds=float("inf")))
        return answers
    finally:
        await assistant.close()


def record(base_url: str, scenarios: Sequence[Scenario] = SCENARIOS) -> None:
    """Play every scenario against a real server, and keep its replies."""
    with RecordedServer(base_url) as server, tempfile.TemporaryDirectory() as folder:
        for scenario in scenarios:
            for answer in asyncio.run(play(scenario, server.base_url, Path(folder))):
                sys.stdout.write(f"{scenario.name}: {answer.markdown[:200]!r}\n\n")
            server.save()
        sys.stdout.write(f"{len(server.used)} replies in {REPLIES}\n")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--base-url", required=True, help="the server, with its /v1")
    record(asked.parse_args().base_url)
