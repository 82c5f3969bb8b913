"""Files that a reader must refuse; each is made in a folder whose parent is the only root."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

GIBIBYTE = 1024**3
MEBIBYTE = 1024**2


def missing(folder: Path) -> Path:
    return folder / "missing.pdf"


def directory(folder: Path) -> Path:
    (folder / "letters").mkdir()
    return folder / "letters"


def relative(folder: Path) -> Path:
    return Path("papers/pump.txt")


def outside(folder: Path) -> Path:
    path = folder.parents[1] / "secret.txt"
    path.write_text("The code is 4711.")
    return path


def linked_outside(folder: Path) -> Path:
    link = folder / "innocent.txt"
    link.symlink_to(outside(folder))
    return link


def empty(folder: Path) -> Path:
    path = folder / "empty.txt"
    path.touch()
    return path


def encrypted(folder: Path) -> Path:
    return _pdf(folder / "encrypted.pdf", StandardEncryption("password"))


def truncated(folder: Path) -> Path:
    path = _pdf(folder / "truncated.pdf")
    path.write_bytes(path.read_bytes()[:400])
    return path


def binary(folder: Path) -> Path:
    path = folder / "binary.txt"
    path.write_bytes(os.urandom(50_000))
    return path


def huge(folder: Path) -> Path:
    path = folder / "huge.txt"
    with path.open("wb") as file:
        file.truncate(GIBIBYTE)
    return path


def zip_bomb(folder: Path) -> Path:
    path = folder / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w", force_zip64=True) as member:
            for _ in range(1_024):
                member.write(bytes(MEBIBYTE))
    return path


def _pdf(path: Path, encryption: StandardEncryption | None = None) -> Path:
    canvas = Canvas(str(path), encrypt=encryption)
    canvas.drawString(72, 720, "The pump holds 40 litres.")
    canvas.save()
    return path


FILES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (missing, r"missing\.pdf does not exist"),
    "empty folder": (directory, "holds no document of a format that can be read"),
    "relative": (relative, r"absolute path"),
    "outside the roots": (outside, r"outside the folders"),
    "linked outside the roots": (linked_outside, r"outside the folders"),
    "empty": (empty, r"empty"),
    "encrypted": (encrypted, r"encrypted"),
    "truncated": (truncated, r"truncated or damaged"),
    "binary": (binary, r"binary"),
    "one gibibyte": (huge, r"too large"),
    "zip bomb": (zip_bomb, r"zip bomb"),
}
"""How each file is made, and what the error about it must name."""
