"""What whoever runs a server sees of it: read by Prometheus's own parser, and by a collector of spans."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from agents.benchmark.corpus import write_text
from agents.errors import SettingsError
from agents.settings import ServerSettings, Settings
from agents.users import Users
from mcp_server.environment import readroom_version
from mcp_server.observability import TOOLS, metrics_routes
from mcp_server.server import create_server
from tests.support.chat_server import ChatServer
from tests.support.collector import Collector, attributes
from tests.support.processes import server_process
from tests.support.serving import serving

METRICS_TOKEN = "for Prometheus alone"
OWNERS_TOKEN = "the owner's own token"
QUESTION = "How many litres does the Zanzibar pump hold?"
TRACES = {"legacy": "a" * 32, "auto": "b" * 32, "analysis": "c" * 32, "unknown": "d" * 32}
PARENT = "e" * 16


@dataclass(frozen=True)
class Visited:
    """A server that a user has visited, and what it told of that."""

    address: str
    users_token: str
    document: Path
    collector: Collector
    chat: ChatServer

    def metrics(self, token: str = METRICS_TOKEN, method: str = "GET") -> httpx.Response:
        return httpx.request(method, f"{self.address}/metrics", headers={"Authorization": f"Bearer {token}"})

    def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """Return the values of a metric by those of its labels, in the order of these."""
        families = text_string_to_metric_families(self.metrics().text)
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
            if sample.name == name
        }

    def trace(self, of: str, last: str) -> dict[str, Span]:
        """Return the spans of a trace by their names, once the last of them is there."""
        self.collector.named(last, trace_id=TRACES[of])
        return {span.name: span for span in self.collector.spans if span.trace_id.hex() == TRACES[of]}


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    folder = tmp_path_factory.mktemp("observed")
    document, report = folder / "philomena" / "zanzibar.txt", folder / "philomena" / "report.txt"
    document.parent.mkdir()
    document.write_text("The Zanzibar pump holds 40 litres. The valve was made by Orlov in 1987.")
    write_text(report, 40, seed=7)
    users = Users(folder / "users.json")
    token = users.add("philomena", [folder / "philomena"], max_runs=1)
    how = server_process(folder, "--transport", "http", "--port", "0")
    with Collector() as collector, ChatServer("The pump holds 40 litres.", vllm=True) as chat:
        env = {
            "READROOM_USERS_FILE": str(folder / "users.json"),
            "READROOM_SERVER__TOKEN": OWNERS_TOKEN,
            "READROOM_SERVER__METRICS_TOKEN": METRICS_TOKEN,
            "READROOM_ENGINE__KIND": "openai",
            "READROOM_ENGINE__BASE_URL": chat.base_url,
            "READROOM_ENGINE__MODEL": chat.model,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        with started(how, env) as (_, url):
            asyncio.run(visit(url, token, document, report))
            yield Visited(url.removesuffix("/mcp"), token, document, collector, chat)


@contextmanager
def started(how: StdioServerParameters, env: dict[str, str]) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start a server over HTTP in a process of its own; yield the process and the address."""
    with subprocess.Popen(
        [how.command, *how.args], env={**how.env, **env}, cwd=how.cwd, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            yield server, next(line for line in server.stderr if line.startswith("Streamable HTTP: ")).split()[-1]
        finally:
            server.kill()


async def visit(url: str, token: str, document: Path, report: Path) -> None:
    """Ask in both eras, and beside the analysis of a long document; ask about none, and call a tool by another name."""
    for era in ("legacy", "auto"):
        headers = {"Authorization": f"Bearer {token}", "traceparent": f"00-{TRACES[era]}-{PARENT}-01"}
        async with (
            create_mcp_http_client(headers=headers) as http,
            Client(streamable_http_client(url, http_client=http), mode=era) as client,
        ):
            call = {"question": f"{QUESTION} In the {era} era?", "documents": [str(document)]}
            assert not (await client.call_tool("ask", call)).is_error
    async with (
        create_mcp_http_client(headers={"Authorization": f"Bearer {token}"}) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        analysis = {"document": str(report), "mode": "extraction", "focus": "fees"}
        of_analysis = {"traceparent": f"00-{TRACES['analysis']}-{PARENT}-01"}
        await client.call_tool("analyze_document", {**analysis, "wait_seconds": 0}, meta=of_analysis)
        with pytest.raises(MCPError, match="1 of your calls"):
            await client.call_tool("ask", {"question": "Who made the valve?", "documents": [str(document)]})
        await client.call_tool("analyze_document", analysis, meta=of_analysis)
        missing = {"question": QUESTION, "documents": [str(document.with_name("nothing.txt"))]}
        named = {"traceparent": f"00-{TRACES['unknown']}-{PARENT}-01"}
        assert (await client.call_tool("ask", missing, meta=named)).is_error
        assert (await client.call_tool("no_such_tool", {})).is_error
        with pytest.raises(MCPError, match="zanzibar"):
            await client.read_resource("readroom://documents/zanzibar/text")


def test_the_figures_count_calls_runs_requests_and_documents(visited: Visited) -> None:
    assert visited.samples("readroom_calls_total") == {
        ("complete", "ask"): 2,
        ("refused", "ask"): 2,
        ("running", "analyze_document"): 1,
        ("complete", "analyze_document"): 1,
        ("refused", "other"): 1,
    }
    assert visited.samples("readroom_call_seconds_count")["ask",] == 4
    assert visited.samples("readroom_run_seconds_count") == {("done", "ask"): 2, ("done", "analyze"): 1}
    assert set(visited.samples("readroom_runs").values()) == {0}
    assert set(visited.samples("readroom_waiting").values()) == {0}
    assert visited.samples("readroom_document_parse_seconds_count") == {("done",): 2}
    assert visited.samples("readroom_refused_total") == {("user", "ask"): 1}
    requests = visited.samples("readroom_engine_request_seconds_count")
    assert 0 < requests["done",] <= len(visited.chat.requests)
    tokens = visited.samples("readroom_engine_tokens_total")
    assert tokens["prompt",] > tokens["cached",] > 0
    assert tokens["completion",] > 0
    assert visited.samples("readroom_claims_total")["stands",] >= 2
    assert visited.samples("process_resident_memory_bytes")[()] > 0


@pytest.mark.parametrize("era", ["legacy", "auto"])
def test_a_call_goes_on_with_the_trace_of_the_clients_headers_down_to_the_engine(visited: Visited, era: str) -> None:
    spans = visited.trace(era, last="tools/call ask")
    call, run, request = spans["tools/call ask"], spans["run"], spans["chat a-model"]

    assert call.parent_span_id.hex() == PARENT
    assert run.parent_span_id == call.span_id
    agents = {name for name, span in spans.items() if span.parent_span_id == run.span_id}
    assert {"agent router", "agent retrieval", "agent synthesis", "agent validation"} <= agents
    assert request.parent_span_id in {spans[name].span_id for name in agents}
    told = attributes(request)
    assert told["gen_ai.request.model"] == "a-model"
    assert told["gen_ai.usage.input_tokens"] > told["gen_ai.usage.cache_read.input_tokens"] > 0
    assert told["server.port"] == visited.chat.port
    requests = [each["traceparent"] for each in visited.chat.headers if TRACES[era] in each["traceparent"]]
    assert f"00-{TRACES[era]}-{request.span_id.hex()}-01" in requests


def test_an_analysis_goes_on_with_the_trace_of_the_calls_meta_in_another_process(visited: Visited) -> None:
    spans = visited.trace("analysis", last="agent synthesis")
    calls, run = visited.collector.named("tools/call analyze_document"), spans["run"]

    assert {call.parent_span_id.hex() for call in calls} == {PARENT}
    assert run.parent_span_id in {call.span_id for call in calls}
    assert spans["agent synthesis"].parent_span_id == run.span_id
    assert spans["chat a-model"].trace_id == run.trace_id
    processes = [visited.collector.processes[span.span_id] for span in (calls[0], run, spans["agent synthesis"])]
    assert processes[0] == processes[1] != processes[2]


def test_spans_are_of_readroom_and_its_version(visited: Visited) -> None:
    visited.collector.named("tools/call ask")

    assert {each["service.name"] for each in visited.collector.resources} == {"readroom"}
    assert {each["service.version"] for each in visited.collector.resources} == {readroom_version()}


def test_neither_figures_nor_spans_name_users_documents_or_questions(visited: Visited) -> None:
    failed = visited.trace("unknown", last="tools/call ask")
    words = visited.collector.sent.decode("utf-8", "replace") + visited.metrics().text

    assert attributes(failed["documents.open"])["error.type"] == "DocumentError"
    for private in (
        "philomena",
        "anzibar",
        "nothing.txt",
        "litres",
        "Orlov",
        str(visited.document.parent),
        visited.users_token,
    ):
        assert private not in words, private


@pytest.mark.parametrize("shown", ["", "wrong", "Zoë", OWNERS_TOKEN])
def test_a_stranger_a_user_and_the_owner_see_no_figures(visited: Visited, shown: str) -> None:
    for token in (shown, visited.users_token):
        headers = {"Authorization": f"Bearer {token}".encode()} if token else {}
        answered = httpx.get(f"{visited.address}/metrics", headers=headers)
        assert (answered.status_code, answered.content) == (401, b"")
        assert answered.headers["WWW-Authenticate"] == "Bearer"
    assert visited.metrics().status_code == 200
    assert visited.metrics(method="POST").status_code == 405


def test_whoever_reads_the_figures_may_do_nothing_else(visited: Visited) -> None:
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}

    assert httpx.post(f"{visited.address}/mcp", json={}, headers=headers).status_code == 401


async def test_without_a_token_of_their_own_there_are_no_figures() -> None:
    async with serving() as base, httpx.AsyncClient() as http:
        assert (await http.get(f"{base}/metrics")).status_code == 404


def test_an_empty_token_is_refused() -> None:
    with pytest.raises(SettingsError, match="METRICS_TOKEN is empty"):
        metrics_routes(ServerSettings(metrics_token=SecretStr("")))


async def test_every_tool_is_counted_by_its_name(tmp_path: Path) -> None:
    server = create_server(Settings(data_dir=tmp_path))

    assert {tool.name for tool in await server.list_tools()} == TOOLS


async def test_over_stdio_nothing_is_sent_whatever_the_environment_says(tmp_path: Path) -> None:
    how = server_process(tmp_path)
    with Collector() as collector:
        more = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "READROOM_SERVER__METRICS_TOKEN": METRICS_TOKEN}
        async with Client(how.model_copy(update={"env": {**how.env, **more}})) as client:
            assert (await client.list_tools()).tools

    assert collector.sent == b""


def test_a_server_that_is_told_to_end_sends_the_spans_that_are_left(tmp_path: Path) -> None:
    how = server_process(tmp_path, "--transport", "http", "--port", "0")

    async def visit(url: str) -> None:
        async with Client(url) as client:
            await client.list_prompts()

    with Collector() as collector:
        never = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_BSP_SCHEDULE_DELAY": "3600000"}
        with started(how, never) as (server, url):
            asyncio.run(visit(url))
            before = collector.sent
            server.terminate()
            server.communicate()

        assert before == b""
        assert collector.named("prompts/list")
