"""Documents in S3-compatible storage, asked for by real clients."""

import json
from contextlib import AsyncExitStack
from pathlib import Path

from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import CallToolResult
from typer.testing import CliRunner, Result

from agents.schema import Answer
from agents.settings import Settings
from agents.users import Users
from mcp_server.cli import app
from mcp_server.server import create_server
from tests.support.processes import environment
from tests.support.s3_storage import Storage
from tests.support.serving import serving_settings

PUMP = "The pump holds 40 litres. It was painted green in 1987.\n"
VALVE = "The valve was made by Orlov. It opens at nine bar.\n"
QUESTION = "How many litres does the pump hold?"


def settings(tmp_path: Path, **more: object) -> Settings:
    return Settings(data_dir=tmp_path / "data", engine={"kind": "extractive"}, **more)


async def ask(client: Client, *documents: str, **arguments: object) -> CallToolResult:
    return await client.call_tool("ask", {"question": QUESTION, "documents": [*documents], **arguments})


def readroom(tmp_path: Path, *words: str, **variables: str) -> Result:
    return CliRunner().invoke(app, words, env=environment(tmp_path, **variables))


def answer(result: CallToolResult) -> Answer:
    assert not result.is_error, result.content
    return Answer.model_validate(result.structured_content)


async def test_a_client_lists_asks_and_reads_what_lies_below_an_allowed_address(
    storage: Storage, tmp_path: Path
) -> None:
    pump, valve = storage.put("reports/pump.txt", PUMP), storage.put("reports/old/valve.txt", VALVE)
    secret = storage.put("secrets/pump.txt", PUMP)
    folder = storage.address("reports")
    async with Client(create_server(settings(tmp_path, documents={"roots": [folder]}))) as client:
        listed = await client.call_tool("list_documents", {})
        asked = answer(await ask(client, pump))
        of_folder = answer(await ask(client, folder + "/"))
        read = await client.call_tool("read_document", {"document": valve})
        refused = await ask(client, secret)
        storage.put("reports/pump.txt", PUMP.replace("40", "41"))
        after = answer(await ask(client, session_id=asked.session.session_id))

    assert {each["path"] for each in listed.structured_content["documents"]} == {pump, valve}
    assert f"In {folder}/:" in listed.content[0].text
    assert "old/valve.txt" in listed.content[0].text
    assert "40 litres" in asked.claims[0].text
    assert "40 litres" in of_folder.claims[0].text
    assert {document.title for document in of_folder.documents} == {"pump", "valve"}
    assert "Orlov" in read.content[0].text
    assert refused.is_error
    assert f"outside the folders that may be read: {folder}" in refused.content[0].text
    assert f"{pump} has changed since it was read" in " ".join(after.warnings)


async def test_users_each_read_below_an_address_of_their_own(storage: Storage, tmp_path: Path) -> None:
    documents = {"ada": storage.put("ada/pump.txt", PUMP), "ben": storage.put("ben/valve.txt", VALVE)}
    users = Users(tmp_path / "users.json")
    tokens = {name: users.add(name, [storage.address(name)]) for name in documents}
    shared = settings(tmp_path, users_file=tmp_path / "users.json", server={"port": 0})
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving_settings(shared))
        clients: dict[str, Client] = {}
        for name, token in tokens.items():
            headers = {"Authorization": f"Bearer {token}"}
            http = await stack.enter_async_context(create_mcp_http_client(headers=headers))
            client = Client(streamable_http_client(f"{address}/mcp", http_client=http))
            clients[name] = await stack.enter_async_context(client)
        hers = answer(await ask(clients["ada"], documents["ada"]))
        tried = [documents["ada"], hers.documents[0].document_id, storage.address("ada"), storage.address("")]
        refused = [await ask(clients["ben"], document) for document in tried]
        listed = await clients["ben"].call_tool("list_documents", {})

    assert "40 litres" in hers.claims[0].text
    assert all(result.is_error for result in refused)
    assert [each["path"] for each in listed.structured_content["documents"]] == [documents["ben"]]


def test_what_is_named_at_the_shell_is_read_unless_other_places_are_allowed(storage: Storage, tmp_path: Path) -> None:
    pump = storage.put("reports/pump.txt", PUMP)
    asked = readroom(tmp_path, "ask", pump, QUESTION)
    assert "40 litres" in asked.stdout
    refused = readroom(tmp_path, "ask", pump, QUESTION, "--root", storage.address("secrets/"))
    assert refused.exit_code
    assert f"outside the folders that may be read: {storage.address('secrets')}." in refused.stderr
    assert "s3://BUCKET" in readroom(tmp_path, "ask", pump, QUESTION, "--root", "gs://bucket").stderr
    forgotten = readroom(tmp_path, "forget", pump)
    assert forgotten.exit_code == 0, forgotten.stderr


def test_doctor_looks_at_an_address_that_is_allowed(storage: Storage, tmp_path: Path) -> None:
    storage.put("reports/pump.txt", PUMP)
    roots = json.dumps([storage.address("reports"), "s3://no-such-bucket/reports"])
    said = readroom(tmp_path, "doctor", READROOM_DOCUMENTS__ROOTS=roots).stdout
    assert f"{storage.address('reports')} may be read" in said
    assert "s3://no-such-bucket/reports does not exist" in said


def test_a_user_is_entered_with_an_address(storage: Storage, tmp_path: Path) -> None:
    file = {"READROOM_USERS_FILE": str(tmp_path / "users.json")}
    assert readroom(tmp_path, "users", "add", "ada", "--folder", storage.address("ada/"), **file).exit_code == 0
    assert readroom(tmp_path, "users", "list", **file).stdout == f"ada: {storage.address('ada')}\n"
    refused = readroom(tmp_path, "users", "add", "ben", "--folder", "s3://papers/../ben", **file)
    assert refused.exit_code
    assert refused.stderr.startswith("Error: s3://papers/../ben cannot be read: an address is s3://BUCKET")
