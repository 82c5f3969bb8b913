"""Documents to open, made on the spot."""

from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest

from agents.documents.library import Library
from agents.schema import Document, Heading, Page
from agents.settings import DocumentsSettings

PARAGRAPH = (
    "The feed pump shall be checked at intervals of 14 days. Its seal is replaced after 4,000 hours of running, and "
    "the operator on duty writes the reading into the log. Nobody may open the valve without a permit."
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder that the library may read."""
    root = tmp_path / "documents"
    root.mkdir()
    return root


@pytest.fixture
def settings(folder: Path) -> DocumentsSettings:
    return DocumentsSettings(roots=(folder,))


@pytest.fixture
async def library(settings: DocumentsSettings, tmp_path: Path) -> AsyncIterator[Library]:
    opened = Library(settings, tmp_path / "data")
    yield opened
    await opened.close()


@pytest.fixture
def write(folder: Path) -> Callable[[str, str | bytes], str]:
    """Return a function that writes a file into the folder and returns its path."""

    def write_file(name: str, content: str | bytes) -> str:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write_file


@pytest.fixture
def write_pdf(folder: Path) -> Callable[..., str]:
    """Return a function that writes a PDF with the given lines on each page and returns its path."""

    def write_file(name: str, pages: Iterable[Iterable[str]], *, title: str = "", password: str | None = None) -> str:
        from reportlab.pdfgen.canvas import Canvas

        canvas = Canvas(str(folder / name), encrypt=password)
        if title:
            canvas.setTitle(title)
        for lines in pages:
            for number, line in enumerate(lines):
                canvas.drawString(60, 780 - 14 * number, line)
            canvas.showPage()
        canvas.save()
        return str(folder / name)

    return write_file


def document(text: str, *, pages: Iterable[int] = (0,), headings: Iterable[tuple[int, str, int]] = ()) -> Document:
    """Return a document with this text; pages are given by where they start."""
    starts = list(pages)
    return Document(
        document_id="0" * 16,
        title="A document",
        name="document.txt",
        text=text,
        pages=tuple(
            Page(number=number, start=start, end=end)
            for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(text)], strict=True), 1)
        ),
        headings=tuple(Heading(level=level, text=words, start=start) for level, words, start in headings),
    )
