"""What may not be opened, and what the caller is told."""

import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.documents.library import Library
from agents.errors import DocumentError
from agents.settings import DocumentsSettings
from tests.support import samples


async def refusal(library: Library, source: str) -> DocumentError:
    """Return the error that opening gives; the library must live on."""
    with pytest.raises(DocumentError) as caught:
        await library.open(source)
    assert caught.value.hint
    return caught.value


async def test_a_missing_file_is_named_and_a_similar_one_suggested(
    library: Library, write: Callable[[str, str], str]
) -> None:
    path = write("handbook.txt", "Words.")
    error = await refusal(library, path.replace("handbook", "handbok"))
    assert "does not exist" in error.message
    assert error.hint.startswith(f"Did you mean {path}? ")


async def test_a_file_in_a_missing_folder_says_so(library: Library, tmp_path: Path) -> None:
    assert "does not exist either" in (await refusal(library, str(tmp_path / "no" / "a.txt"))).hint


async def test_a_folder_is_refused(library: Library, tmp_path: Path) -> None:
    assert "is a folder" in (await refusal(library, str(tmp_path))).message


@pytest.mark.parametrize("source", ["a.txt", "./a.txt", "docs/a.pdf"])
async def test_a_relative_path_is_refused_and_the_roots_are_named(
    library: Library, tmp_path: Path, source: str
) -> None:
    error = await refusal(library, source)
    assert "absolute path" in error.message
    assert str(tmp_path) in error.hint


@pytest.mark.parametrize("source", ["", "  ", "/etc/a\0b"])
async def test_an_empty_or_broken_path_is_refused(library: Library, source: str) -> None:
    assert "empty" in (await refusal(library, source)).message


async def test_nobody_is_told_what_lies_outside_the_roots_nor_where_it_leads(tmp_path: Path) -> None:
    room, outside = tmp_path / "room", tmp_path / "outside"
    (outside / "shelf").mkdir(parents=True)
    room.mkdir()
    outside.joinpath("link.txt").symlink_to(outside / "shelf")
    library = Library(DocumentsSettings(roots=(room,)), tmp_path / "data")
    for name in ("shelf", "link.txt", "nothing"):
        source = str(outside / name)
        assert not await library.is_folder(source)
        allowed = f"the folders that may be read: {room}."
        assert (await refusal(library, source)).message == f"{source} is outside {allowed}"
    await library.close()


async def test_a_path_outside_the_roots_is_refused_whether_it_exists_or_not(library: Library) -> None:
    for source in ("/etc/hosts", "/etc/no-such-file"):
        error = await refusal(library, source)
        assert "outside the folders" in error.message
        assert "READROOM_DOCUMENTS__ROOTS" in error.hint


async def test_a_way_up_and_out_of_the_roots_is_refused(library: Library, tmp_path: Path) -> None:
    assert "outside" in (await refusal(library, f"{tmp_path}/../../../../etc/hosts")).message


async def test_a_symbolic_link_out_of_the_roots_is_refused(library: Library, tmp_path: Path) -> None:
    (tmp_path / "file").symlink_to("/etc/hosts")
    (tmp_path / "folder").symlink_to("/etc")
    for source in ("file", "folder/hosts"):
        error = await refusal(library, str(tmp_path / source))
        assert "outside" in error.message
        assert "leads to" in error.message


@pytest.mark.parametrize("hidden", [".ssh/id_ed25519", "work/.env", ".config/app/token.txt"])
async def test_hidden_files_of_the_home_folder_are_read_only_where_their_folder_is_allowed_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: str
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    file = home / hidden
    file.parent.mkdir(parents=True)
    file.write_text("The key is 12345.")
    (home / "link.txt").symlink_to(file)
    by_default = Library(DocumentsSettings(), tmp_path / "data")
    by_name = Library(DocumentsSettings(roots=(home,)), tmp_path / "data")

    for source in (file, home / "link.txt"):
        error = await refusal(by_default, str(source))
        assert "is hidden" in error.message
        assert "--root" in error.hint
    document = await by_name.open(str(file))
    assert "is hidden" in (await refusal(by_default, document.document_id)).message

    await by_default.close()
    await by_name.close()


async def test_a_symbolic_link_within_the_roots_is_followed(
    library: Library, tmp_path: Path, write: Callable[[str, str], str]
) -> None:
    (tmp_path / "link.txt").symlink_to(write("a.txt", "Some words."))
    assert (await library.open(str(tmp_path / "link.txt"))).text == "Some words."


async def test_an_empty_file_is_refused(library: Library, write: Callable[[str, str], str]) -> None:
    assert "empty (0 bytes)" in (await refusal(library, write("a.pdf", ""))).message


async def test_a_file_of_a_gigabyte_is_refused_without_reading_it(library: Library, tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(1 << 30)
    error = await refusal(library, str(tmp_path / "a.txt"))
    assert "1,073,741,824 bytes" in error.message
    assert "READROOM_DOCUMENTS__MAX_BYTES" in error.hint


async def test_a_device_is_refused(tmp_path: Path) -> None:
    library = Library(DocumentsSettings(roots=(Path("/dev"),)), tmp_path)
    assert "not a regular file" in (await refusal(library, "/dev/zero")).message
    await library.close()


async def test_an_encrypted_pdf_needs_its_password(library: Library, tmp_path: Path) -> None:
    path = samples.write_pdf(tmp_path / "a.pdf", [["Words."]], password="secret")
    assert "encrypted" in (await refusal(library, path)).message


async def test_an_encrypted_word_document_needs_its_password(library: Library, tmp_path: Path) -> None:
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000) + "EncryptedPackage".encode("utf-16-le") + bytes(2000)
    (tmp_path / "a.docx").write_bytes(content)
    assert "encrypted" in (await refusal(library, str(tmp_path / "a.docx"))).message


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
async def test_a_truncated_pdf_is_refused(library: Library, tmp_path: Path, share: float) -> None:
    path = samples.write_pdf(tmp_path / "a.pdf", [[samples.PARAGRAPH]] * 5)
    os.truncate(path, int(os.stat(path).st_size * share))  # noqa: PTH116
    assert "truncated or damaged" in (await refusal(library, path)).message


@pytest.mark.parametrize("kind", ["docx", "pptx", "xlsx", "epub"])
async def test_a_truncated_office_document_is_refused(library: Library, tmp_path: Path, kind: str) -> None:
    writer: Callable[[Path], str] = getattr(samples, f"write_{kind}")
    path = writer(tmp_path / f"a.{kind}")
    os.truncate(path, os.stat(path).st_size // 2)  # noqa: PTH116
    assert "truncated or damaged" in (await refusal(library, path)).message


def write_stored(path: Path, *, cut: str = "") -> None:
    """Write a zipped document without compression, one of its files cut off."""
    writer: Callable[[Path], str] = getattr(samples, f"write_{path.suffix[1:]}")
    writer(path)
    with zipfile.ZipFile(path) as container:
        contents = {name: container.read(name) for name in container.namelist()}
    with zipfile.ZipFile(path, "w") as container:
        for name, content in contents.items():
            container.writestr(name, content[:-40] if name == cut else content)


@pytest.mark.parametrize(("name", "member"), [("a.xlsx", "xl/worksheets/sheet1.xml"), ("a.epub", "book.opf")])
async def test_an_office_document_with_broken_xml_is_refused_as_damaged(
    library: Library, tmp_path: Path, name: str, member: str
) -> None:
    write_stored(tmp_path / name, cut=member)
    assert "truncated or damaged: Parsing error" in (await refusal(library, str(tmp_path / name))).message


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx", "a.epub"])
async def test_an_office_document_that_cannot_be_unpacked_is_refused_as_damaged(
    library: Library, tmp_path: Path, name: str
) -> None:
    write_stored(tmp_path / name)
    # No file that holds XML matches its checksum any more.
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes().replace(b'="', b"='"))
    assert "cannot be unpacked" in (await refusal(library, str(tmp_path / name))).message


@pytest.mark.parametrize("name", ["a.bin", "a.txt", "a.md", "a.png"])
async def test_a_binary_file_is_refused_and_the_readable_kinds_are_listed(
    library: Library, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    error = await refusal(library, str(tmp_path / name))
    assert "binary" in error.message
    assert "PDF, DOCX, PPTX" in error.hint


async def test_random_bytes_called_pdf_are_refused(library: Library, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(bytes(range(256)) * 20)
    assert "does not begin like a PDF" in (await refusal(library, str(tmp_path / "a.pdf"))).message


async def test_a_zip_bomb_is_not_unpacked(library: Library, tmp_path: Path) -> None:
    assert "zip bomb" in (await refusal(library, samples.write_bomb(tmp_path / "a.docx"))).message


async def test_a_document_without_words_is_refused(library: Library, write: Callable[[str, str], str]) -> None:
    assert "holds no text" in (await refusal(library, write("a.txt", " \n\n "))).message


async def test_parsing_ends_at_its_time_limit(tmp_path: Path, write: Callable[[str, str], str]) -> None:
    library = Library(DocumentsSettings(roots=(tmp_path,), parse_seconds=0.001), tmp_path / "data")
    error = await refusal(library, write("a.txt", "Words."))
    assert "longer than 0.001 seconds" in error.message
    assert "READROOM_DOCUMENTS__PARSE_SECONDS" in error.hint
    await library.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its address space")
async def test_parsing_ends_at_its_memory_limit(tmp_path: Path, write: Callable[[str, str], str]) -> None:
    library = Library(DocumentsSettings(roots=(tmp_path,), parse_memory_bytes=120_000_000), tmp_path / "data")
    error = await refusal(library, write("a.txt", "Many words. " * 5_000_000))
    assert "memory" in error.message
    assert "READROOM_DOCUMENTS__PARSE_MEMORY_BYTES" in error.hint
    assert (await library.open(write("b.txt", "Few words."))).text == "Few words."
    await library.close()


@pytest.mark.parametrize("source", ["0123456789abcdef", "ffffffffffffffff"])
async def test_an_unknown_document_id_says_how_to_get_one(library: Library, source: str) -> None:
    error = await refusal(library, source)
    assert source in error.message
    assert "absolute path" in error.hint


async def test_a_url_is_refused_while_fetching_is_off(library: Library) -> None:
    assert "READROOM_DOCUMENTS__ALLOW_URLS" in (await refusal(library, "https://example.org/a.pdf")).hint


@pytest.mark.parametrize("name", ["a.txt", "a.pdf"])
async def test_a_document_of_more_pages_than_may_be_read_is_refused_before_they_are_read(
    name: str, tmp_path: Path
) -> None:
    library = Library(DocumentsSettings(roots=(tmp_path,), max_pages=3), tmp_path / "data")
    path = tmp_path / name
    if name == "a.pdf":
        tree = "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1000000>>endobj"
        page = "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj"
        path.write_text(f"%PDF-1.4\n{tree}\n{page}\ntrailer<</Root 1 0 R>>\n%%EOF\n")
    else:
        path.write_text("\f".join(f"Page {number}." for number in range(1, 5)))
    with pytest.raises(DocumentError, match="more than the 3 that are read") as caught:
        await library.open(str(path))
    assert "MAX_PAGES" in caught.value.hint
    await library.close()


@pytest.mark.parametrize("source", ["~nobody-of-this-name/a.txt", "~nobody-of-this-name", "a" * 5_000])
async def test_a_path_that_cannot_be_is_refused_like_any_other(library: Library, source: str) -> None:
    assert not await library.is_folder(source)
    assert "absolute path" in (await refusal(library, source)).message


async def test_a_name_that_is_too_long_for_the_disk_is_refused(library: Library, tmp_path: Path) -> None:
    source = str(tmp_path / ("a" * 5_000))
    assert not await library.is_folder(source)
    assert "cannot be opened" in (await refusal(library, source)).message


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        ("max_characters", "The pump holds 40 litres. " * 50),
        ("max_passages", "# Part\n\nThe pump holds 40 litres of oil. It is new, and stands in the hall.\n\n" * 50),
        ("max_pages", "The pump is new.\f" * 50),
    ],
)
async def test_a_document_beyond_a_limit_is_refused_and_the_setting_named(
    limit: str, text: str, tmp_path: Path, write: Callable[[str, str], str]
) -> None:
    settings = DocumentsSettings.model_validate({"roots": (tmp_path,), "passage_tokens": 50, limit: 20})
    library = Library(settings, tmp_path / "data")
    with pytest.raises(DocumentError, match=rf"has [\d,]+ {limit[4:]}, more than the 20") as refused:
        await library.open(write("long.md" if limit == "max_passages" else "long.txt", text))
    assert f"READROOM_DOCUMENTS__{limit.upper()}" in refused.value.hint
    await library.close()


async def test_a_mail_of_too_many_parts_is_refused_while_it_is_read(
    tmp_path: Path, write: Callable[[str, str], str]
) -> None:
    library = Library(DocumentsSettings(roots=(tmp_path,), max_pages=20), tmp_path / "data")
    mail = "Subject: All\nContent-Type: multipart/digest; boundary=b\n\n" + "--b\n\nSubject: One\n\nNew.\n" * 30
    with pytest.raises(DocumentError, match="has 21 parts, more than the 20"):
        await library.open(write("digest.eml", mail + "--b--\n"))
    await library.close()


async def test_lines_of_a_list_that_look_like_headings_are_none_where_they_are_too_many(
    library: Library, write: Callable[[str, str], str]
) -> None:
    document = await library.open(write("list.md", "# All\n\n" + "## Fee\n" * 20_001 + "\nThe pump is new.\n"))
    assert [heading.text for heading in document.headings] == ["All"]
    assert document.warnings == (
        "Of 20,002 lines that look like headings 1 were taken for ones, those of the highest levels.",
    )
