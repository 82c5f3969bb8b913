"""Files that are replaced between the moment they are found and the moment they are opened."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.documents.access import find_file, open_file
from agents.errors import DocumentError
from agents.settings import DocumentsSettings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows opens a path as a whole")


@pytest.fixture
def settings(tmp_path: Path) -> DocumentsSettings:
    (tmp_path / "room" / "shelf").mkdir(parents=True)
    (tmp_path / "room" / "shelf" / "a.txt").write_text("Words of the room.")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.txt").write_text("Secret words.")
    return DocumentsSettings(roots=(tmp_path / "room",))


def by_a_link(file: Path, outside: Path) -> None:
    file.unlink()
    file.symlink_to(outside / "a.txt")


def by_a_folder_that_is_a_link(file: Path, outside: Path) -> None:
    file.parent.rename(file.parent.with_name("old"))
    file.parent.symlink_to(outside)


def by_a_pipe(file: Path, _outside: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def by_a_folder(file: Path, _outside: Path) -> None:
    file.unlink()
    file.mkdir()


def by_a_file_that_is_too_large(file: Path, _outside: Path) -> None:
    os.truncate(file, DocumentsSettings().max_bytes + 1)


def by_nothing(file: Path, _outside: Path) -> None:
    file.unlink()


@pytest.mark.parametrize(
    "replace",
    [by_a_link, by_a_folder_that_is_a_link, by_a_pipe, by_a_folder, by_a_file_that_is_too_large, by_nothing],
)
def test_what_has_taken_the_place_of_a_file_that_was_found_is_not_opened(
    replace: Callable[[Path, Path], None], settings: DocumentsSettings, tmp_path: Path
) -> None:
    file = tmp_path / "room" / "shelf" / "a.txt"
    state = find_file(str(file), settings)
    replace(file, tmp_path / "outside")
    with pytest.raises(DocumentError) as caught:
        open_file(state, settings)
    assert caught.value.hint


def test_a_file_that_was_found_is_opened(settings: DocumentsSettings, tmp_path: Path) -> None:
    with open_file(find_file(str(tmp_path / "room" / "shelf" / "a.txt"), settings), settings) as file:
        assert file.read() == b"Words of the room."


def test_a_file_that_is_itself_allowed_is_opened(settings: DocumentsSettings, tmp_path: Path) -> None:
    alone = DocumentsSettings(roots=(tmp_path / "outside" / "a.txt",))
    with open_file(find_file(str(tmp_path / "outside" / "a.txt"), alone), alone) as file:
        assert file.read() == b"Secret words."


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root gives a file to another user")
def test_a_hard_link_to_another_users_file_is_refused(settings: DocumentsSettings, tmp_path: Path) -> None:
    secret, link = tmp_path / "outside" / "a.txt", tmp_path / "room" / "a.txt"
    os.chown(secret, 65_534, 65_534)
    link.hardlink_to(secret)
    with pytest.raises(DocumentError, match="hard link to another user's file"):
        open_file(find_file(str(link), settings), settings)


def test_a_name_that_is_too_long_is_said_to_be(settings: DocumentsSettings, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="File name too long"):
        find_file(str(tmp_path / "room" / ("a" * 300)), settings)


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode")
def test_a_name_that_no_message_can_hold_is_refused_in_words_that_one_can(settings: DocumentsSettings) -> None:
    path = Path(settings.roots[0]) / os.fsdecode(b"Gr\xfc\xdfe.txt")
    path.write_text("Words of the room.")
    with pytest.raises(DocumentError, match=r"Gr\ufffd\ufffde\.txt cannot be read: .* not in UTF-8") as refused:
        find_file(str(path), settings)
    str(refused.value).encode()
