"""What every test may ask for."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from agents.documents.library import Library
from agents.results import ResultStore
from agents.settings import DocumentsSettings

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def handbook() -> str:
    """The path of the example PDF."""
    return str(EXAMPLES / "station-handbook.pdf")


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    """A library that may read the test's own folder and the examples."""
    library = Library(DocumentsSettings(roots=(tmp_path, EXAMPLES)), tmp_path / "data")
    yield library
    await library.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ResultStore]:
    """A store for finished windows."""
    store = ResultStore(tmp_path / "data")
    yield store
    await store.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    """Write a text file and return its path."""

    def written(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return written
