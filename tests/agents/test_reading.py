"""The reading desk over a real library."""

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents import reading
from agents.documents.folders import look_into
from agents.documents.library import Library
from agents.documents.listing import list_documents
from agents.documents.store import Store
from agents.errors import DocumentError, RequestError
from agents.schema import Document
from agents.settings import DocumentsSettings
from tests.support.postgres import both

TEXT = "\n\n".join(f"Paragraph {number} says that ward {number} holds {number} litres." for number in range(900))


def write_at(path: Path, text: str, modified: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (modified, modified))


async def names(library: Library, **asked: str | None) -> list[str | None]:
    listed = await reading.list_documents(library, **asked)
    return [each.title if each.path is None else Path(each.path).name for each in listed.documents]


@pytest.fixture
async def library(tmp_path: Path, database_url: SecretStr | None) -> AsyncIterator[Library]:
    """A library that may read one folder beside another."""
    settings = DocumentsSettings(roots=(tmp_path / "papers",))
    library = Library(settings, tmp_path / "data", database_url=database_url)
    yield library
    await library.close()


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    for number, name in enumerate(("old.txt", "deep/contract_orlov.txt", "new.md")):
        write_at(tmp_path / "papers" / name, f"# Title {number}\n\nWords.", number)
    write_at(tmp_path / "other" / "secret.txt", "Secret words.", 9)
    return tmp_path / "papers"


async def test_what_may_be_read_is_listed_newest_first(library: Library, papers: Path) -> None:
    listed = await reading.list_documents(library)
    assert [each.path for each in listed.documents] == [
        str(papers / name) for name in ("new.md", "deep/contract_orlov.txt", "old.txt")
    ]
    assert (listed.folders, listed.total, listed.next_cursor) == ((str(papers),), 3, None)
    newest = listed.documents[0]
    assert (newest.bytes, newest.modified) == (17, "1970-01-01T00:00:02+00:00")
    assert newest.document_id is newest.pages is newest.tokens is None


@both
async def test_what_was_opened_is_listed_with_its_pages_and_tokens(library: Library, papers: Path) -> None:
    document = await library.open(str(papers / "new.md"))
    listed = (await reading.list_documents(library)).documents[0]
    assert (listed.document_id, listed.title, listed.pages) == (document.document_id, "Title 2", 1)
    assert listed.tokens == 5


@both
async def test_a_document_whose_file_has_gone_is_still_listed(library: Library, papers: Path) -> None:
    await library.open(str(papers / "new.md"))
    papers.joinpath("new.md").unlink()
    assert await names(library) == ["contract_orlov.txt", "old.txt", "Title 2"]
    assert await names(library, folder=str(papers / "deep")) == ["contract_orlov.txt"]


@both
async def test_a_file_that_has_changed_is_listed_once_and_as_unread(library: Library, papers: Path) -> None:
    await library.open(str(papers / "new.md"))
    papers.joinpath("new.md").write_text("Other words.")
    listed = await reading.list_documents(library)
    assert listed.total == 3
    assert listed.documents[0].document_id is None


async def test_what_another_program_was_allowed_to_read_is_not_listed(papers: Path, tmp_path: Path) -> None:
    wider = Library(DocumentsSettings(roots=(tmp_path,)), tmp_path / "data")
    await wider.open(str(tmp_path / "other" / "secret.txt"))
    await wider.close()
    library = Library(DocumentsSettings(roots=(papers,)), tmp_path / "data")
    assert await names(library) == ["new.md", "contract_orlov.txt", "old.txt"]
    assert await names(library, query="secret") == []
    assert await library.opened_documents() == ()
    assert await reading.complete_document(library, "secret", ids=True) == []
    tmp_path.joinpath("other", "secret.txt").unlink()
    assert await names(library, query="secret") == []
    await library.close()


async def test_a_document_is_found_by_words_of_its_name(library: Library, papers: Path) -> None:
    assert await names(library, query="the Orlov contract") == ["contract_orlov.txt"]


async def test_a_folder_outside_is_refused(library: Library, papers: Path) -> None:
    with pytest.raises(DocumentError, match="outside the folders"):
        await reading.list_documents(library, folder=str(papers.parent / "other"))
    with pytest.raises(DocumentError, match="is not a folder"):
        await reading.list_documents(library, folder=str(papers / "old.txt"))


@pytest.mark.parametrize("folder", ["Deep", "deep/", "the deep folder", "deeep"])
async def test_a_folder_is_found_by_its_name_as_documents_are(library: Library, papers: Path, folder: str) -> None:
    listed = await reading.list_documents(library, folder=folder)
    assert listed.folders == (str(papers / "deep"),)
    assert [each.path for each in listed.documents] == [str(papers / "deep" / "contract_orlov.txt")]


async def test_folders_of_one_name_are_listed_together_and_those_in_them_once(library: Library, papers: Path) -> None:
    for name in ("a/2024/one.txt", "b/2024/two.txt", "b/2024/more/2024/three.txt"):
        write_at(papers / name, "Words.", 5)
    assert set(await names(library, folder="2024")) == {"one.txt", "two.txt", "three.txt"}
    assert await names(library, folder="a/2024") == ["one.txt"]
    assert await names(library, folder="papers", query="two") == ["two.txt"]


async def test_no_folder_is_looked_into_twice_for_a_name(tmp_path: Path, papers: Path) -> None:
    write_at(papers / "deep" / "deeper" / "more.txt", "Words.", 5)
    store, looked_into = Store(tmp_path / "data"), Counter[str]()

    def look(folder: str) -> Iterator["os.DirEntry[str]"]:
        looked_into[folder] += 1
        return look_into(folder)

    listed = list_documents(store, DocumentsSettings(roots=(papers,)), "deep", None, look)

    assert [each.path for each in listed.documents] == [
        str(papers / "deep" / name) for name in ("deeper/more.txt", "contract_orlov.txt")
    ]
    assert looked_into == {str(papers): 1, str(papers / "deep"): 1, str(papers / "deep" / "deeper"): 1}
    store.close()


async def test_a_folder_that_is_not_there_is_refused_with_those_there_are(library: Library, papers: Path) -> None:
    for missing in ("Recipes", "../other", "/no/such/folder"):
        with pytest.raises(DocumentError) as refused:
            await reading.list_documents(library, folder=missing)
        assert "secret" not in str(refused.value)
    with pytest.raises(DocumentError, match=r"There are: papers, deep\. Leave folder out"):
        await reading.list_documents(library, folder="Recipes")


async def test_of_a_missing_file_it_is_told_what_finds_it(library: Library, papers: Path) -> None:
    for missing in ("old.tx", "recipes.txt", "no/recipes.txt"):
        with pytest.raises(DocumentError, match="list_documents finds documents by words of their names"):
            await library.open(str(papers / missing))


async def test_a_long_list_comes_in_parts(library: Library, papers: Path) -> None:
    for number in range(60):
        write_at(papers / "many" / f"minutes_{number}.txt", "Words.", number)
    first = await reading.list_documents(library, folder=str(papers / "many"), query="minutes")
    second = await reading.list_documents(library, cursor=first.next_cursor)
    assert (len(first.documents), len(second.documents), second.next_cursor) == (50, 10, None)
    assert len({each.path for each in (*first.documents, *second.documents)}) == 60
    with pytest.raises(RequestError, match="no cursor of this tool"):
        await reading.list_documents(library, cursor="x")


@both
async def test_half_typed_documents_are_completed(library: Library, papers: Path) -> None:
    contract = str(papers / "deep" / "contract_orlov.txt")
    for typed in ("orl", "orlov con", contract[:-6]):
        assert await reading.complete_document(library, typed, ids=False) == [contract]
    assert await reading.complete_document(library, "orlov", ids=True) == []
    document = await library.open(contract)
    assert await reading.complete_document(library, "orlov", ids=True) == [document.document_id]
    assert await reading.complete_document(library, "", ids=True) == [document.document_id]


@pytest.fixture
async def long(library: Library, papers: Path) -> Document:
    write_at(papers / "long.txt", TEXT, 5)
    return await library.open(str(papers / "long.txt"))


async def test_a_document_is_read_part_by_part(library: Library, long: Document) -> None:
    parts = [await reading.read_document(library, long)]
    while cursor := parts[-1].next_cursor:
        parts.append(await reading.read_document(library, long, cursor=cursor))
    spans = [span for part in parts for span in part.spans]
    assert "".join(span.text for span in spans) == TEXT
    assert [(span.start, span.end) for span in spans[1:]] == [
        (before.end, after.end) for before, after in pairwise(spans)
    ]
    assert len(parts) > 3
    assert {part.reading for part in parts} == {"the whole document"}


async def test_a_cursor_of_another_text_is_refused(library: Library, long: Document, papers: Path) -> None:
    cursor = (await reading.read_document(library, long)).next_cursor
    other = await library.open(str(papers / "old.txt"))
    with pytest.raises(RequestError, match="belongs to another document"):
        await reading.read_document(library, other, cursor=cursor)
    listed = await reading.list_documents(library)
    for wrong in ("", "abc", "eyJ9", listed.next_cursor or "e30"):
        with pytest.raises(RequestError):
            await reading.read_document(library, long, cursor=wrong)


async def test_arguments_that_exclude_each_other_are_refused(library: Library, long: Document) -> None:
    with pytest.raises(RequestError, match="exclude each other"):
        await reading.read_document(library, long, pages="1", section="2")
    with pytest.raises(RequestError, match="holds no words"):
        await reading.read_document(library, long, find="…")
    with pytest.raises(RequestError, match="leave find out"):
        await reading.read_document(library, long, find="")


async def test_words_that_stand_often_are_counted_and_the_first_shown(library: Library, long: Document) -> None:
    part = await reading.read_document(library, long, find="litres")
    assert part.check is not None
    assert (part.check.verdict, part.check.count, len(part.check.places)) == ("exact", 900, 20)
    assert part.notes == ("Only the first 20 of 900 places are shown.",)
    assert part.spans == ()


async def test_of_words_that_stand_more_often_than_is_counted_it_is_said(library: Library, papers: Path) -> None:
    write_at(papers / "drops.txt", "A drop fell here. " * 1_200, 1)
    document = await library.open(str(papers / "drops.txt"))
    part = await reading.read_document(library, document, find="drop")

    assert part.notes == ("Only the first 20 of 1,000 places are shown, and there may be more than were counted.",)


async def test_words_that_are_not_there_come_with_what_is_nearest(library: Library, long: Document) -> None:
    part = await reading.read_document(library, long, find="Paragraph 7 says that ward 7 holds 70 litres.")
    assert part.check is not None
    assert (part.check.verdict, part.check.count) == ("absent", 0)
    assert part.check.places[0].text == "Paragraph 7 says that ward 7 holds 7 litres."
    assert part.notes == ("There it is said “7” in place of “70”.",)


async def test_words_that_share_nothing_have_nothing_near(library: Library, long: Document) -> None:
    part = await reading.read_document(library, long, find="Zebras gallop")
    assert part.check is not None
    assert (part.check.verdict, part.check.places) == ("absent", ())


async def test_a_quote_is_looked_for_where_it_is_said_to_stand(library: Library, papers: Path) -> None:
    write_at(papers / "a.md", "# One\n\nThe pump is blue.\n\n# Two\n\nThe pump is blue.\n", 7)
    document = await library.open(str(papers / "a.md"))
    part = await reading.read_document(library, document, section="Two", find="The pump is blue.")
    assert part.check is not None
    assert [place.start for place in part.check.places] == [document.text.rindex("The pump")]
