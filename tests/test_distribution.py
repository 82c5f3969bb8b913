"""What would be published: the wheel and the sdist, built as `make dist` builds them."""

import email
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist, and with the wheel that was made from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(built.glob("*.whl")))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def code() -> set[str]:
    """Return every file of the packages, those that hold data too."""
    files = (path for room in ("agents", "mcp_server") for path in (ROOT / room).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}


def test_the_wheel_holds_the_code_with_its_data_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert names == code()
    assert {"agents/py.typed", "mcp_server/py.typed", "mcp_server/icon.svg"} <= names
    assert "agents/language/data/english.toml" in names


def test_the_sdist_holds_what_the_wheel_is_built_from_and_nothing_else(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}

    beside = {"README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "pyproject.toml", "PKG-INFO", ".gitignore"}
    assert names - code() == beside
    assert code() <= names


def test_the_metadata_says_whose_it_is_and_where(metadata: Message) -> None:
    links = dict(link.split(", ") for link in metadata.get_all("Project-URL"))

    assert set(links) == {"Source", "Issues", "Changelog"}
    assert metadata["Author"] == "The Readroom authors"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    extras = {"vllm", "embeddings", "ocr", "postgres", "s3", "telemetry", "test", "docs"}
    assert set(metadata.get_all("Provides-Extra")) == extras


def test_the_registrys_own_check_passes(built: Path) -> None:
    files = [str(path) for path in built.iterdir()]
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True, check=False
    )
    assert done.stdout.count("PASSED") == len(files) == 2, done.stdout


def test_every_link_of_the_description_works_outside_of_the_repository(metadata: Message) -> None:
    description = metadata.get_payload()
    links = [part.split(")", 1)[0] for part in description.split("](")[1:]]

    assert [link for link in links if not link.startswith(("https://", "#"))] == []
