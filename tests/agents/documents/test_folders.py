import os
import sys
from pathlib import Path

import pytest

from agents.documents import folders
from agents.documents.folders import FolderFiles, find_files
from agents.settings import DocumentsSettings


def write(path: Path, *, modified: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("Words.")
    os.utime(path, (modified, modified))
    return path


def names(root: Path) -> list[str]:
    found = find_files([str(root)], DocumentsSettings(roots=(root,)))
    return [str(Path(state.path).relative_to(root)) for state in found.files]


def test_documents_are_found_in_every_folder_newest_first(tmp_path: Path) -> None:
    for number, name in enumerate(("old.txt", "deep/er/b.pdf", "deep/a.docx", "new.md")):
        write(tmp_path / name, modified=number)
    assert names(tmp_path) == ["new.md", "deep/a.docx", "deep/er/b.pdf", "old.txt"]


def test_other_files_hidden_ones_and_those_that_office_keeps_are_no_documents(tmp_path: Path) -> None:
    for name in ("a.py", "photo.jpg", ".hidden.txt", ".git/readme.md", "~$a.docx", "README"):
        write(tmp_path / name)
    assert names(tmp_path) == []


def test_links_never_lead_out_of_the_allowed_folders(tmp_path: Path) -> None:
    root = tmp_path / "root"
    inside, outside = write(root / "a.txt"), write(tmp_path / "out" / "secret.txt")
    (root / "file.txt").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    (root / "again.txt").symlink_to(inside)
    assert names(root) == ["a.txt"]


def test_a_search_that_sees_too_many_files_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_ENTRIES", 3)
    for number in range(4):
        write(tmp_path / f"{number}.txt")
    write(tmp_path / "deep" / "a.txt")
    found = find_files([str(tmp_path)], DocumentsSettings(roots=(tmp_path,)))
    assert len(found.files) == 4
    assert not found.whole


def test_a_folder_that_has_gone_holds_nothing(tmp_path: Path) -> None:
    assert find_files([str(tmp_path / "gone")], DocumentsSettings(roots=(tmp_path,))) == FolderFiles((), whole=True)


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode")
def test_a_document_whose_name_no_message_can_hold_is_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/Gr\xfc\xdfe.txt")))
    write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/B\xfccher/b.txt")))
    found = find_files([str(tmp_path)], DocumentsSettings(roots=(tmp_path,)))
    assert [Path(state.path).name for state in found.files] == ["a.txt"]
    assert "UTF-8: 2." in found.note
