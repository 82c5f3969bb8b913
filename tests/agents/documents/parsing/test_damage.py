"""Files that were damaged on their way: each is read or refused with a reason, and no exception but that gets out."""

import random
import zipfile
from pathlib import Path

import pytest

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
