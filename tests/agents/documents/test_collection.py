import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.documents.collection import Collection, collect
from agents.documents.library import Library
from agents.errors import DocumentError
from agents.schema import Progress
from tests.support.postgres import both


def ignore(_: Progress) -> None:
    """Discard progress."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    for name in ("a", "b", "c"):
        folder.joinpath(f"{name}.txt").write_text(f"The pump of ward {name} is blue.")
    return folder


async def texts(library: Library, collection: Collection) -> set[str]:
    return {document.text for document in await collection.load(library)}


@both
async def test_a_folder_stands_for_the_documents_in_it(library: Library, folder: Path) -> None:
    seen: list[Progress] = []
    collection = await collect(library, [str(folder)], 9, seen.append)
    assert await texts(library, collection) == {f"The pump of ward {name} is blue." for name in "abc"}
    assert collection.warnings == ()
    assert seen[-1].message == f"Opening the documents in {folder}: 3 of 3 new ones"


@both
async def test_only_what_is_new_or_changed_is_opened_again(library: Library, folder: Path) -> None:
    await collect(library, [str(folder)], 9, ignore)
    folder.joinpath("a.txt").write_text("The pump of ward a is red.")
    folder.joinpath("b.txt").unlink()
    folder.joinpath("d.txt").write_text("The pump of ward d is green.")
    collection = await collect(library, [str(folder)], 9, ignore)
    opened = [document for document in collection.documents.values() if document is not None]
    assert {document.name for document in opened} == {"a.txt", "d.txt"}
    assert await texts(library, collection) == {
        "The pump of ward a is red.",
        "The pump of ward c is blue.",
        "The pump of ward d is green.",
    }


@both
async def test_files_that_cannot_be_read_are_named_in_one_warning(library: Library, folder: Path) -> None:
    for number in range(7):
        folder.joinpath(f"{number}.pdf").write_bytes(b"%PDF-1.4 cut off")
    collection = await collect(library, [str(folder)], 20, ignore)
    assert len(collection.documents) == 3
    (warning,) = collection.warnings
    assert warning.startswith(f"7 files in {folder} cannot be read")
    assert warning.count(".pdf is truncated") == 5
    assert warning.endswith("And 2 more.")


@both
async def test_a_file_that_could_be_read_once_it_is_mended_is_read(library: Library, folder: Path) -> None:
    broken = folder / "d.json"
    broken.write_bytes(b"\x00\x01\x02")
    assert (await collect(library, [str(folder)], 9, ignore)).warnings
    assert (await collect(library, [str(folder)], 9, ignore)).warnings
    broken.write_text('{"pump": "white"}')
    mended = await collect(library, [str(folder)], 9, ignore)
    assert mended.warnings == ()
    assert len(mended.documents) == 4


@both
async def test_a_folder_beyond_the_limit_says_which_were_left_out(library: Library, folder: Path) -> None:
    collection = await collect(library, [str(folder)], 2, ignore)
    assert len(collection.documents) == 2
    (warning,) = collection.warnings
    assert f"{folder} holds 3 documents, and at most 2 of a folder are taken: the newest." in warning
    assert "Left out: " in warning


@both
async def test_a_folder_without_documents_is_an_error(library: Library, folder: Path) -> None:
    empty = folder / "empty"
    empty.mkdir()
    with pytest.raises(DocumentError, match="holds no document of a format that can be read"):
        await collect(library, [str(empty)], 9, ignore)
    empty.joinpath("a.pdf").write_bytes(b"%PDF-1.4 cut off")
    with pytest.raises(DocumentError, match=r"1 file in .* cannot be read"):
        await collect(library, [str(empty)], 9, ignore)


@both
async def test_a_folder_outside_of_the_allowed_ones_is_refused(library: Library) -> None:
    with pytest.raises(DocumentError, match="outside the folders that may be read"):
        await collect(library, ["/etc"], 9, ignore)


@both
async def test_known_ids_are_not_loaded_until_they_are_needed(
    library: Library, write: Callable[[str, str], str]
) -> None:
    document = await library.open(write("a.txt", "Words."))
    collection = await collect(library, [document.document_id], 9, ignore)
    assert collection.documents == {document.document_id: None}
    assert await texts(library, collection) == {"Words."}


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode")
@both
async def test_a_file_whose_name_no_message_can_hold_costs_the_others_nothing(library: Library, folder: Path) -> None:
    folder.joinpath(os.fsdecode(b"Gr\xfc\xdfe.txt")).write_text("The pump of ward d is blue.")
    collection = await collect(library, [str(folder)], 9, ignore)
    assert len(await texts(library, collection)) == 3
    assert "not in UTF-8: 1." in collection.warnings[0]
