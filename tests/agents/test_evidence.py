import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.documents.library import Library
from agents.errors import DocumentError, RequestError
from agents.evidence import MAX_CHARACTERS, show_page
from agents.settings import DocumentsSettings

Write = Callable[[str, str], str]


async def test_the_text_is_cut_where_quotes_begin_and_end(library: Library, write: Write) -> None:
    document = await library.open(write("a.txt", "The pump holds 40 litres. The valve is red."))
    shown = await show_page(library, document.document_id, 1, [(0, 25), (15, 24), (90, 99)])
    assert [(each.text, each.quotes) for each in shown.text] == [
        ("The pump holds ", (0,)),
        ("40 litres", (0, 1)),
        (".", (0,)),
        (" The valve is red.", ()),
    ]
    assert (shown.cut, shown.picture, shown.note) == (False, None, "")


async def test_of_a_long_text_the_surroundings_of_the_first_quote_are_shown(library: Library, write: Write) -> None:
    text = "\n".join(f"Line {number} is written here." for number in range(5_000))
    document = await library.open(write("a.txt", text))
    start = document.text.index("Line 3000 ")
    shown = await show_page(library, document.document_id, 1, [(start, start + 20)])
    assert shown.cut
    assert shown.end - shown.start == MAX_CHARACTERS
    assert [each.text for each in shown.text if each.quotes] == [document.text[start : start + 20]]
    assert "".join(each.text for each in shown.text) == document.text[shown.start : shown.end]


async def test_a_page_that_is_not_there_is_refused(library: Library, write: Write) -> None:
    document = await library.open(write("a.txt", "One page."))
    with pytest.raises(RequestError, match="has no page 2"):
        await show_page(library, document.document_id, 2)


async def test_without_the_file_the_text_is_shown_and_why_there_is_no_picture(
    library: Library, handbook: str, tmp_path: Path
) -> None:
    document = await library.open(shutil.copy(handbook, str(tmp_path / "copy.pdf")))
    os.remove(tmp_path / "copy.pdf")  # noqa: PTH107
    shown = await show_page(library, document.document_id, 19)
    assert shown.picture is None
    assert "is gone or has changed" in shown.note
    assert "Fire in a battery container" in "".join(each.text for each in shown.text)


async def test_the_folders_that_may_be_read_hold_here_too(library: Library, handbook: str, tmp_path: Path) -> None:
    document = await library.open(handbook)
    elsewhere = Library(DocumentsSettings(roots=(tmp_path,)), tmp_path / "data")
    with pytest.raises(DocumentError, match="is outside the folders that may be read"):
        await show_page(elsewhere, document.document_id, 1)
    await elsewhere.close()
