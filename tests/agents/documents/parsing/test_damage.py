"""Files that were damaged on their way: each is read or refused with a reason, and no exception but that gets out."""

import io
import random
import zipfile
from pathlib import Path

import pytest

from agents.documents.parsing import extraction
from agents.documents.parsing.parse import parse
from agents.errors import DocumentError

CASES = Path(__file__).parents[3] / "cases"
FILES = (
    *("tracked.docx", "harbour.pptx", "roster.xlsx", "ferryman.epub", "form.pdf"),
    *("stub.eml", "portal.html", "utf16.csv", "j20.json", "two_tables.md"),
)


def damaged(data: bytes, seed: int) -> bytes:
    """Return the file with some bits flipped, and a block of it in another's place."""
    chance = random.Random(seed)
    copy = bytearray(data)
    for _ in range(10):
        copy[chance.randrange(len(copy))] ^= 1 << chance.randrange(8)
    start, other = (chance.randrange(len(copy)) for _ in range(2))
    copy[start : start + 100] = copy[other : other + 100]
    return bytes(copy)


def damaged_within(path: Path, seed: int, target: Path) -> bytes:
    """Return a zipped file of which every part of XML is damaged."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            copy.writestr(name, damaged(content, seed) if len(content) > 200 else content)
    return target.read_bytes()


def outcome(data: bytes, name: str) -> str:
    """Return "read", or why the file was refused."""
    try:
        parse(data, name)
    except DocumentError as error:
        return error.message
    return "read"


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_read_or_refused_with_a_reason(file: str, seed: int, tmp_path: Path) -> None:
    path = CASES / file
    copies = [damaged(path.read_bytes(), seed)]
    if zipfile.is_zipfile(path):
        copies.append(damaged_within(path, seed, tmp_path / file))
    for copy in copies:
        said = outcome(copy, file)
        assert said == "read" or (file in said and "Error" not in said)


def test_an_old_workbook_without_its_workbook_is_damaged_and_of_no_unknown_kind() -> None:
    with pytest.raises(DocumentError, match="damaged: its container holds no XLS file"):
        parse(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000), "fees.xls")


def test_a_zip_container_whose_directory_points_outside_is_damaged() -> None:
    data = (CASES / "tracked.docx").read_bytes()
    with pytest.raises(DocumentError, match="damaged"):
        parse(data[3_000:], "tracked.docx")


@pytest.mark.parametrize("file", ["tracked.docx", "harbour.pptx", "roster.xlsx", "ferryman.epub"])
def test_bytes_behind_a_containers_end_do_not_matter(file: str) -> None:
    data = (CASES / file).read_bytes()
    sound = parse(data, file).text
    assert parse(data + bytes(10), file).text == sound
    # More than zipfile looks through.
    assert parse(data + b"x" * 100_000, file).text == sound
    # With the mark of an end among it.
    assert parse(data + b"PK\x05\x06" + b"x" * 100, file).text == sound


def test_the_end_of_a_container_within_a_cut_one_is_not_its_own() -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as container:
        container.write(CASES / "roster.xlsx", "ppt/embeddings/roster.xlsx")
        container.writestr("ppt/presentation.xml", bytes(200_000))
    cut = whole.getvalue()[:-100_000]
    with pytest.raises(DocumentError, match="its zip container is incomplete"):
        parse(cut, "cut.pptx")


def test_a_small_workbook_that_repeats_itself_is_no_zip_bomb() -> None:
    copy = io.BytesIO()
    with zipfile.ZipFile(CASES / "roster.xlsx") as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                rows = b"<row>" + 10 * b'<c t="n"><v>1000</v></c>' + b"</row>"
                content = content.replace(b"</sheetData>", 10_000 * rows + b"</sheetData>")
            target.writestr(name, content)
    # As a workbook of more than a million cells is read.
    assert extraction.extract(copy.getvalue(), "fees.xlsx", "xlsx").content.count("1000") >= 100_000


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("stray.md", b"# Rules\n\nThe rule\0 is old.\n"),
        ("open.html", b"<body><p>The rule is old.</p><![x<p>The rule is old.</body>"),
        ("charset.html", b"<meta charset=undefined><p>Gr\xfc\xdfe: The rule is old.</p>"),
        ("unclosed.html", b"<body>" + b"<p>The rule is old." * 200),
        ("deep.html", 500 * b"<div>" + b"The rule is old." + 500 * b"</div>"),
        ("heads.eml", 300 * b"Content-Type: message/rfc822\n\n" + b"Subject: Rules\n\nThe rule is old.\n"),
    ],
)
def test_a_file_that_is_only_unusual_is_read_to_its_end(name: str, data: bytes) -> None:
    assert parse(data, name).text.strip().endswith("The rule is old.")


def test_mails_within_mails_without_end_are_said_to_be_just_that() -> None:
    data = 3_000 * b"Content-Type: message/rfc822\n\n" + b"Subject: Rules\n\nThe rule is old.\n"
    with pytest.raises(DocumentError, match="holds mails within mails, more deeply than is read"):
        parse(data, "heads.eml")
