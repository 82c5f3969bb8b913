"""Documents in S3-compatible storage: what is read, what never is, and what is said where it cannot be."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from s3fs import S3FileSystem

from agents.documents import folders, objects
from agents.documents.collection import collect
from agents.documents.library import Library, Parsing
from agents.documents.parsing.sandbox import Sandbox
from agents.errors import DocumentError
from agents.schema import Progress
from agents.settings import DocumentsSettings
from tests.support import samples
from tests.support.s3_storage import Storage, silent_server

PUMP = "The pump holds 40 litres."
VALVE = "The valve was made by Orlov in 1987."
NOT_READ = {
    "s3://{bucket}/secrets/a.txt": "outside the folders",
    "s3://{bucket}/reports-of-others/a.txt": "outside the folders",
    "s3://{bucket}": "outside the folders",
    "s3://another-bucket/reports/a.txt": "outside the folders",
    "s3://{bucket}/secrets/a.txt::s3:": "outside the folders",
    "s3://{bucket}/secrets/a.txt::s3://{bucket}/reports/a.txt": "empty names",
    "s3://{bucket}/reports/a.txt::file:///etc/hosts": "empty names",
    "s3://{bucket}/reports/../secrets/a.txt": "empty names",
    "s3://{bucket}/reports/./a.txt": "empty names",
    "s3://{bucket}/reports//a.txt": "empty names",
    "s3://{bucket}/reports/\udcfc.txt": "not in UTF-8",
    "s3://": "empty names",
    "s3:///reports/a.txt": "empty names",
    "s3://{bucket}/reports/%2e%2e/secrets/a.txt": "does not exist",
    "s3://{bucket}/reports/a.txt::file:/etc/hosts": "does not exist",
    "s3://{bucket}/reports/a.txt?versionId=null": "does not exist",
    "s3://{bucket}/reports/a*": "does not exist",
    "simplecache::s3://{bucket}/reports/a.txt": "absolute path",
    "s3a://{bucket}/reports/a.txt": "absolute path",
    "gs://{bucket}/reports/a.txt": "absolute path",
    "http://127.0.0.1/{bucket}/reports/a.txt": "fetching is switched off",
    "file:///etc/hosts": "outside the folders",
}
"""What is named, and a part of what is said to it."""


@pytest.fixture
async def library(storage: Storage, tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Library]:
    """A library that may read what lies in `reports`."""
    settings = DocumentsSettings(roots=(storage.address("reports/"),), max_bytes=1_000_000)
    library = Library(settings, tmp_path / "data", parsing=Parsing.by(sandbox))
    yield library
    await library.close()


@pytest.fixture
def downloads(caplog: pytest.LogCaptureFixture) -> "Downloads":
    caplog.set_level("INFO", "werkzeug")
    return Downloads(caplog)


class Downloads:
    """What the server has been asked for the bytes of."""

    def __init__(self, log: pytest.LogCaptureFixture) -> None:
        self._log = log

    def of(self, key: str) -> int:
        asked = re.compile(rf"GET /[^/?]+/\S*{re.escape(key)}")
        return sum(bool(asked.search(record.getMessage())) for record in self._log.records)


async def refusal(library: Library, source: str) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        await library.open(source)
    assert caught.value.hint
    return caught.value


def ignore(_progress: Progress) -> None:
    pass


async def test_an_object_is_read_like_a_file(library: Library, storage: Storage, tmp_path: Path) -> None:
    file = samples.write_pdf(tmp_path / "a.pdf", [[PUMP], [VALVE]])
    address = storage.put("reports/a.pdf", await asyncio.to_thread(Path(file).read_bytes))
    document = await library.open(address)
    assert PUMP in document.text
    assert len(document.pages) == 2
    assert (await library.list_documents()).documents[0].path == address
    assert (await library.search("Who made the valve?", [document.document_id], 1))[0].passage.text.endswith(VALVE)
    assert await library.picture(document.document_id, 2)


async def test_an_object_that_has_not_changed_is_not_fetched_again(
    library: Library, storage: Storage, tmp_path: Path, downloads: Downloads
) -> None:
    address = storage.put("reports/pump.txt", PUMP)
    document = await library.open(address)
    assert downloads.of("reports/pump.txt") == 1
    assert (await library.open(address)).document_id == document.document_id
    await collect(library, [storage.address("reports")], 10, ignore)
    assert (await library.current_contents([document.document_id]))[document.document_id]
    assert downloads.of("reports/pump.txt") == 1


async def test_an_object_that_was_written_anew_within_the_second_and_is_as_long_is_fetched_again(
    library: Library, storage: Storage
) -> None:
    address = storage.put("reports/pump.txt", PUMP)
    first = await library.open(address)
    storage.put("reports/pump.txt", PUMP.replace("40", "41"))
    (content,) = (await library.current_contents([first.document_id]))[first.document_id]
    second = await library.open(address)
    assert content.document_id == second.document_id != first.document_id
    assert "41 litres" in second.text


async def test_a_prefix_is_a_folder_of_documents_newest_first(library: Library, storage: Storage) -> None:
    names = ("pump.txt", "deep/er/valve.md", "photo.jpg", ".hidden.txt", ".git/readme.md", "~$a.docx", "empty/")
    for name in names:
        storage.put(f"reports/{name}", f"{name}: {PUMP}" if not name.endswith("/") else "")
    storage.put("reports-of-others/secret.txt", VALVE)
    found = await library.find_files(storage.address("reports/"))
    assert {state.path for state in found.files} == {
        storage.address("reports/pump.txt"),
        storage.address("reports/deep/er/valve.md"),
    }
    assert await library.is_folder(storage.address("reports/deep"))
    assert not await library.is_folder(storage.address("reports/pump.txt"))
    (inner,) = (await library.list_documents("er")).documents
    assert inner.path == storage.address("reports/deep/er/valve.md")
    assert (await library.list_documents(storage.address("reports/deep"), "valve")).documents == (inner,)
    collection = await collect(library, [storage.address("reports")], 10, ignore)
    assert len(collection.documents) == 2


async def test_a_prefix_with_too_many_objects_says_that_not_all_were_looked_at(
    library: Library, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MAX_ENTRIES", 2)
    for number in range(3):
        storage.put(f"reports/{number}.txt", PUMP)
    assert not (await library.find_files(storage.address("reports"))).whole


async def test_nothing_but_what_lies_below_an_allowed_address_is_read(
    library: Library, storage: Storage, downloads: Downloads
) -> None:
    for key in ("reports/a.txt", "reports-of-others/a.txt", "secrets/a.txt"):
        storage.put(key, PUMP)
    for source, said in NOT_READ.items():
        assert said in (await refusal(library, source.format(bucket=storage.bucket))).message
    assert downloads.of(".txt") == 0


async def test_an_address_is_no_way_into_a_folder_nor_a_folder_into_an_address(
    storage: Storage, tmp_path: Path
) -> None:
    address = storage.put("reports/a.txt", PUMP)
    library = Library(DocumentsSettings(roots=("/",)), tmp_path / "data")
    assert "outside" in (await refusal(library, address)).message
    await library.close()


async def test_an_id_is_no_way_around_the_allowed_addresses(library: Library, storage: Storage, tmp_path: Path) -> None:
    document = await library.open(storage.put("reports/a.txt", PUMP))
    other = Library(DocumentsSettings(roots=(storage.address("other"),)), tmp_path / "data")
    assert "outside" in (await refusal(other, document.document_id)).message
    await other.close()


async def test_an_object_that_is_too_large_or_empty_is_not_fetched(
    library: Library, storage: Storage, downloads: Downloads
) -> None:
    large, empty = storage.put("reports/large.txt", b"a" * 1_000_001), storage.put("reports/empty.txt", b"")
    assert "too large: 1,000,001 bytes" in (await refusal(library, large)).message
    assert "is empty" in (await refusal(library, empty)).message
    assert downloads.of(".txt") == 0


async def test_an_object_that_was_replaced_since_it_was_found_is_not_read(storage: Storage) -> None:
    address = storage.put("reports/a.txt", PUMP)
    found = objects.look(address)
    assert found
    for content in (VALVE, PUMP[:5], PUMP.replace("40", "41")):
        storage.put("reports/a.txt", content)
        with pytest.raises(DocumentError, match="was replaced while it was fetched"):
            objects.download(address, found, 60).result()
    storage.delete("reports/a.txt")
    with pytest.raises(DocumentError, match="does not exist"):
        objects.download(address, found, 60).result()


async def test_what_is_not_there_is_said_to_be_missing(library: Library, storage: Storage) -> None:
    error = await refusal(library, storage.address("reports/none.txt"))
    assert error.message == f"{storage.address('reports/none.txt')} does not exist."
    storage.put("reports/deep/a.txt", PUMP)
    assert "is a folder" in (await refusal(library, storage.address("reports/deep"))).message


async def test_what_the_storage_refuses_is_said_to_be_with_the_rights_that_are_needed(
    library: Library, storage: Storage
) -> None:
    address = storage.put("reports/a.txt", PUMP)
    storage.refuse("reports/*")
    error = await refusal(library, address)
    assert "refuses it" in error.message
    assert "s3:GetObject" in error.hint


async def test_without_credentials_the_variables_that_bring_them_are_named(
    library: Library, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = storage.put("reports/a.txt", PUMP)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    error = await refusal(library, address)
    assert "no credentials" in error.message
    assert "AWS_ACCESS_KEY_ID" in error.hint


async def test_without_the_extra_the_command_that_adds_it_is_named(
    library: Library, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    error = await refusal(library, storage.address("reports/a.txt"))
    assert "not installed" in error.message
    assert "pip install" in error.hint


async def test_a_storage_that_does_not_answer_is_waited_for_so_long_and_no_longer(
    library: Library, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "ANSWER_SECONDS", 0.2)
    with silent_server() as (url, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        S3FileSystem.clear_instance_cache()
        error = await refusal(library, storage.address("reports/a.txt"))
        assert "took longer than 0.2 seconds" in error.message
        assert "AWS_ENDPOINT_URL_S3" in error.hint
        with pytest.raises(DocumentError, match="took longer"):
            await collect(library, [storage.address("reports")], 10, ignore)


async def test_a_storage_that_is_not_there_is_named_and_other_folders_are_listed_all_the_same(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "pump.txt").write_text(PUMP)
    with silent_server() as (url, _):
        pass
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
    settings = DocumentsSettings(roots=(tmp_path / "room", storage.address("reports")))
    library = Library(settings, tmp_path / "data")
    listing = await library.list_documents()
    assert [document.path for document in listing.documents] == [str(tmp_path / "room" / "pump.txt")]
    assert f"{storage.address('reports')} cannot be reached: Could not connect" in listing.notes[0]
    await library.close()


class NoTurns(asyncio.Semaphore):
    """Gives nobody a turn until one is released."""

    def __init__(self) -> None:
        super().__init__(0)
        self.asked = asyncio.Event()

    async def acquire(self) -> Literal[True]:
        self.asked.set()
        return await super().acquire()


async def test_an_object_waits_for_its_turn_to_be_fetched(storage: Storage, tmp_path: Path, sandbox: Sandbox) -> None:
    turns, address = NoTurns(), storage.put("reports/pump.txt", PUMP)
    parsing = Parsing.by(sandbox)._replace(fetching=turns)
    library = Library(DocumentsSettings(roots=(storage.address("reports"),)), tmp_path / "data", parsing=parsing)

    opening = asyncio.create_task(library.open(address))
    await turns.asked.wait()
    storage.put("reports/pump.txt", VALVE)
    turns.release()
    with pytest.raises(DocumentError, match="was replaced while it was fetched"):
        await opening

    assert (await library.open(address)).text.strip() == VALVE
    assert not turns.locked()
    await library.close()


async def test_whoever_gives_up_ends_the_transfer(
    library: Library, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent_server() as (url, server):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        S3FileSystem.clear_instance_cache()
        opening = asyncio.ensure_future(
            asyncio.wrap_future(objects.download(storage.address("reports/a.txt"), objects.Found(10, 0), 60))
        )
        connection, _ = await asyncio.to_thread(server.accept)
        with connection:
            connection.settimeout(60)
            assert (await asyncio.to_thread(connection.recv, 4096)).startswith(b"GET ")
            opening.cancel()
            while await asyncio.to_thread(connection.recv, 4096):
                pass
        assert opening.cancelled()


@pytest.mark.parametrize("root", ["s3://", "s3://bucket/../other", "gs://bucket", "http://host/bucket"])
def test_what_no_document_can_be_read_from_cannot_be_allowed(root: str) -> None:
    with pytest.raises(ValueError, match="s3://"):
        DocumentsSettings(roots=(root,))
