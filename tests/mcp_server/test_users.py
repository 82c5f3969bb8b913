"""Two users of two servers, of whom one tries everything with the other's ids, paths and names."""

import json
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import PromptReference, ResourceTemplateReference
from pydantic import SecretStr

from agents.cursors import encode_cursor
from agents.errors import SettingsError
from agents.reading import ReadingPlace
from agents.settings import EngineSettings, ServerSettings, Settings
from agents.stored_data import list_stored
from agents.users import Users, places_of
from mcp_server.parts import ResultPlace
from mcp_server.server import create_server
from tests.support.messages import ACCEPT, INITIALIZE
from tests.support.postgres import Cluster
from tests.support.serving import serving_settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWNERS_TOKEN = "the owner's own token"
QUESTION = "When does the lighthouse open?"
HERS = "The Zanzibar lighthouse opens at nine. Its keeper is called Philomena. Visitors pay four shillings.\n"
HIS = "The bakery sells bread. It closes at six in the evening.\n"
SHARED = "The ferry leaves at noon. It carries forty passengers.\n"
ERAS = pytest.mark.parametrize("era", ["legacy", "auto"])


@dataclass(frozen=True)
class Known:
    """What somebody knows of a user: where a document lies, and the ids of it, of a session and of its result."""

    path: str
    document_id: str
    session_id: str
    number: int = 1

    @property
    def folder(self) -> str:
        return str(Path(self.path).parent)

    @property
    def result_cursor(self) -> str:
        return encode_cursor(ResultPlace(session=self.session_id, number=self.number, start=1))

    @property
    def reading_cursor(self) -> str:
        return encode_cursor(ReadingPlace(document=self.document_id, reading="", spans=((0, 50),)))


@dataclass(frozen=True)
class Town:
    """Two servers of Ada and Ben."""

    settings: Settings
    addresses: tuple[str, str]
    tokens: dict[str, str]
    folder: Path

    @asynccontextmanager
    async def client(self, user: str, era: str = "auto", server: int = 1) -> AsyncGenerator[Client]:
        headers = {"Authorization": f"Bearer {self.tokens[user]}"}
        async with (
            create_mcp_http_client(headers=headers) as http,
            Client(streamable_http_client(f"{self.addresses[server]}/mcp", http_client=http), mode=era) as client,
        ):
            yield client

    async def get_to_know(self, user: str, path: Path, server: int = 0) -> Known:
        async with self.client(user, server=server) as client:
            asked = await client.call_tool("ask", {"question": QUESTION, "documents": [str(path)]})
        answer = asked.structured_content
        assert answer["status"] == "complete", asked
        session, (document,) = answer["session"], answer["documents"]
        return Known(str(path), document["document_id"], session["session_id"], session["result"])


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["SQLite", "PostgreSQL"])
async def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Town]:
    folder = tmp_path_factory.mktemp("town")
    url: SecretStr | None = None
    if request.param == "PostgreSQL":
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.empty_database()
    for name, text in (("ada/lighthouse.txt", HERS), ("ben/bakery.txt", HIS), ("shared/ferry.txt", SHARED)):
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    users = Users(folder / "users.json")
    tokens = {name: users.add(name, [folder / name, folder / "shared"]) for name in ("ada", "ben")}
    settings = Settings(
        data_dir=folder / "data",
        database_url=url,
        users_file=folder / "users.json",
        engine=EngineSettings(kind="extractive"),
        server=ServerSettings(port=0, token=SecretStr(OWNERS_TOKEN), audit_file=folder / "audit.jsonl"),
    )
    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(serving_settings(settings)) for _ in range(2)]
        yield Town(settings, (addresses[0], addresses[1]), {**tokens, "owner": OWNERS_TOKEN}, folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hers(town: Town) -> Known:
    """What Ada has asked, at the first server; Ben comes to the second."""
    return await town.get_to_know("ada", town.folder / "ada" / "lighthouse.txt")


@pytest.fixture(scope="module")
def nobodys(hers: Known) -> Known:
    """What nobody has."""
    return Known(str(Path(hers.path).with_name("nothing.txt")), "0123456789abcdef", str(uuid.uuid4()))


Attempt = Callable[[Client, Known], Awaitable[Any]]


def tool(name: str, **arguments: Callable[[Known], object] | str) -> Attempt:
    def call(client: Client, known: Known) -> Awaitable[Any]:
        return client.call_tool(name, {key: v(known) if callable(v) else v for key, v in arguments.items()})

    return call


def resource(uri: str) -> Attempt:
    return lambda client, known: client.read_resource(uri.format(known=known))


ATTEMPTS: dict[str, Attempt] = {
    "asking her document by its path": tool("ask", question=QUESTION, documents=lambda known: [known.path]),
    "asking her document by its id": tool("ask", question=QUESTION, documents=lambda known: [known.document_id]),
    "asking her folder": tool("ask", question=QUESTION, documents=lambda known: [known.folder]),
    "going on with her session": tool("ask", question=QUESTION, session_id=lambda known: known.session_id),
    "going on with her result": tool("ask", question=QUESTION, cursor=lambda known: known.result_cursor),
    "analysing her document by its path": tool("analyze_document", document=lambda known: known.path),
    "analysing her document by its id": tool("analyze_document", document=lambda known: known.document_id),
    "comparing her folder": tool("analyze_document", document=lambda known: known.folder, mode="comparison"),
    "analysing in her session": tool(
        "analyze_document", document="/", session_id=lambda known: known.session_id, mode="summary"
    ),
    "reading her document by its path": tool("read_document", document=lambda known: known.path),
    "reading her document by its id": tool("read_document", document=lambda known: known.document_id),
    "finding words in her document": tool("read_document", document=lambda known: known.document_id, find="Zanzibar"),
    "reading on": tool(
        "read_document", document=lambda known: known.document_id, cursor=lambda known: known.reading_cursor
    ),
    "listing her folder": tool("list_documents", folder=lambda known: known.folder),
    "listing by her document's name": tool("list_documents", query=lambda known: Path(known.path).stem),
    "showing a page of hers": tool("show_page", document_id=lambda known: known.document_id, page=lambda _: 1),
    "her document as a resource": resource("readroom://documents/{known.document_id}/text"),
    "a page of hers as a resource": resource("readroom://documents/{known.document_id}/pages/1"),
    "her session as a resource": resource("readroom://sessions/{known.session_id}"),
}


async def outcome(attempt: Attempt, client: Client, known: Known) -> str:
    """Return what an attempt gives or is refused with, without what it named itself."""
    try:
        got = (await attempt(client, known)).model_dump_json()
    except MCPError as error:
        got = f"{error.code} {error.message} {error.data}"
    for named in (known.path, known.document_id, known.session_id, Path(known.path).stem):
        got = got.replace(named, "NAMED")
    return got


@ERAS
async def test_what_is_another_user_s_is_as_if_it_were_not(town: Town, hers: Known, nobodys: Known, era: str) -> None:
    async with town.client("ben", era) as ben:
        tried = {name: await outcome(attempt, ben, hers) for name, attempt in ATTEMPTS.items()}
        assert tried == {name: await outcome(attempt, ben, nobodys) for name, attempt in ATTEMPTS.items()}
    for word in ("Zanzibar", "Philomena", "shillings"):
        assert [name for name, got in tried.items() if word in got] == []


async def test_what_is_a_user_s_is_not_the_server_s_owner_s_either(town: Town, hers: Known) -> None:
    async with town.client("owner") as owner:
        tried = {name: await outcome(attempt, owner, hers) for name, attempt in ATTEMPTS.items()}
    assert [name for name, got in tried.items() if "Philomena" in got] == []


@ERAS
async def test_lists_and_completions_hold_what_is_one_s_own(town: Town, hers: Known, era: str) -> None:
    await town.get_to_know("ben", town.folder / "ben" / "bakery.txt")
    template, page = (
        ResourceTemplateReference(type="ref/resource", uri=f"readroom://documents/{{document_id}}/{rest}")
        for rest in ("text{?start}", "pages/{page}")
    )
    session = ResourceTemplateReference(type="ref/resource", uri="readroom://sessions/{session_id}{?start}")
    prompt = PromptReference(type="ref/prompt", name="ask")
    seen: dict[str, str] = {}
    for user in ("ada", "ben"):
        async with town.client(user, era) as client:
            shown = [
                await client.list_resources(),
                await client.call_tool("list_documents", {}),
                await client.complete(template, {"name": "document_id", "value": ""}),
                await client.complete(prompt, {"name": "document", "value": "light"}),
                await client.complete(session, {"name": "session_id", "value": ""}),
                await client.complete(page, {"name": "page", "value": ""}, {"document_id": hers.document_id}),
                await client.read_resource("readroom://status"),
            ]
        seen[user] = " ".join(each.model_dump_json() for each in shown)
    for part in (hers.document_id, hers.session_id, "lighthouse.txt"):
        assert part in seen["ada"]
        assert part not in seen["ben"]
    assert "bakery" in seen["ben"]


async def test_a_user_goes_on_at_either_server(town: Town, hers: Known) -> None:
    async with town.client("ada", server=1) as ada:
        answered = await ada.call_tool("ask", {"question": "What is the keeper called?", "session_id": hers.session_id})
        transcript = await ada.read_resource(f"readroom://sessions/{hers.session_id}")
    assert "Philomena" in answered.structured_content["claims"][0]["text"]
    assert QUESTION in transcript.model_dump_json()


async def test_of_a_document_that_both_may_read_neither_learns_that_the_other_has(town: Town) -> None:
    ferry = town.folder / "shared" / "ferry.txt"
    known = await town.get_to_know("ada", ferry)
    async with town.client("ben") as ben:
        by_id = await ben.call_tool("read_document", {"document": known.document_id})
        assert "There is no document" in by_id.model_dump_json()
        listed = await ben.call_tool("list_documents", {"query": "ferry"})
        assert known.document_id not in listed.model_dump_json()
        answer = (await ben.call_tool("ask", {"question": QUESTION, "documents": [str(ferry)]})).structured_content
    assert answer["documents"][0]["parsed"]
    assert answer["session"]["session_id"] != known.session_id


@ERAS
async def test_the_same_call_of_another_user_is_another_call(town: Town, era: str) -> None:
    """A call that ends before its work does is known by what it asks, not by whom."""
    call = {"question": f"Where does the ferry go in {era}?", "documents": [str(town.folder / "shared")]}
    sessions: dict[str, str] = {}
    for user in ("ada", "ben"):
        async with town.client(user, era, server=0) as client:
            running = (await client.call_tool("ask", {**call, "wait_seconds": 0})).structured_content
            assert running["status"] == "running"
            sessions[user] = running["session"]["session_id"]
    assert sessions["ada"] != sessions["ben"]
    for user, session_id in sessions.items():
        async with town.client(user, era, server=0) as client:
            polled = (await client.call_tool("ask", call)).structured_content
        assert (polled["session"]["session_id"], polled["session"]["turns"]) == (session_id, 1)


async def test_the_older_transport_knows_its_user_too(town: Town, hers: Known) -> None:
    for user, refused in (("ben", True), ("ada", False)):
        headers = {"Authorization": f"Bearer {town.tokens[user]}"}
        async with Client(sse_client(f"{town.addresses[0]}/sse", headers=headers)) as client:
            assert (await client.call_tool("read_document", {"document": hers.document_id})).is_error is refused


async def test_a_connection_is_its_user_s_alone(town: Town) -> None:
    address = f"{town.addresses[0]}/mcp"
    his, her = ({**ACCEPT, "Authorization": f"Bearer {town.tokens[name]}"} for name in ("ben", "ada"))
    async with httpx.AsyncClient() as http:
        opened = await http.post(address, json=INITIALIZE, headers=her)
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        refused = [
            await http.post(address, json=cancel, headers={**his, **session}),
            await http.post(
                address, json={"jsonrpc": "2.0", "id": 2, "method": "tools/list"}, headers={**his, **session}
            ),
            await http.get(address, headers={**his, **session, "Last-Event-ID": "1"}),
            await http.delete(address, headers={**his, **session}),
        ]
        accepted = await http.post(address, json=cancel, headers={**her, **session})
    assert [each.status_code for each in refused] == [404] * 4
    assert accepted.status_code == 202


async def test_without_a_token_of_a_user_nobody_is_let_in(town: Town) -> None:
    users = Users(town.folder / "users.json")
    removed = users.add("carl", [town.folder / "shared"])
    async with httpx.AsyncClient() as http:

        async def knock(token: str) -> int:
            headers = {**ACCEPT, **({"Authorization": f"Bearer {token}"} if token else {})}
            return (await http.post(f"{town.addresses[1]}/mcp", json=INITIALIZE, headers=headers)).status_code

        assert await knock(removed) == 200
        users.remove("carl")
        assert [await knock(token) for token in (removed, "", "wrong", "ada", users.all()[0].token_sha256)] == [401] * 5
        assert [await knock(town.tokens[name]) for name in ("ada", "ben", "owner")] == [200] * 3


async def test_a_user_cannot_measure_the_machine_of_all(town: Town) -> None:
    async with town.client("ada") as ada:
        refused = await ada.call_tool("benchmark", {})
    assert "readroom benchmark" in refused.content[0].text


async def test_what_is_kept_of_a_user_lies_apart(town: Town, hers: Known) -> None:
    kept = {name: await list_stored(places_of(name, town.settings)) for name in ("ada", "ben")}
    owners = await list_stored(town.settings)
    assert hers.document_id in {each.document_id for each in kept["ada"].documents}
    assert hers.document_id not in {each.document_id for each in (*kept["ben"].documents, *owners.documents)}
    assert hers.session_id not in {each.session_id for each in (*kept["ben"].sessions, *owners.sessions)}


async def test_each_call_leaves_a_line_without_what_was_said(town: Town, hers: Known) -> None:
    async with town.client("ben") as ben:
        await ben.call_tool("read_document", {"document": hers.document_id, "find": "words of no concern"})
        await ben.call_tool("ask", {"question": "Words of no concern?", "documents": [str(town.folder / "ben")]})
        with pytest.raises(MCPError):
            await ben.read_resource(f"readroom://sessions/{hers.session_id}")
    file = town.folder / "audit.jsonl"
    assert file.stat().st_mode & 0o077 == 0
    written = file.read_text()
    lines = [line for line in map(json.loads, written.splitlines()) if not line["call"].endswith("/list")]
    refused, asked, read = lines[-3:]
    assert "no concern" not in written
    assert (refused["user"], refused["call"], refused["ended"]) == ("ben", "read_document", "refused")
    assert refused["document"] == hers.document_id
    assert (asked["call"], asked["ended"], asked["documents"]) == ("ask", "complete", [str(town.folder / "ben")])
    assert asked["session_id"]
    assert (read["call"], read["ended"]) == ("resources/read", "refused")
    assert read["uri"].endswith(hers.session_id)


async def test_an_audit_that_cannot_be_written_is_said_before_anybody_is_served(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="READROOM_SERVER__AUDIT_FILE"):
        create_server(Settings(server=ServerSettings(audit_file=tmp_path / "nowhere" / "audit.jsonl")))
