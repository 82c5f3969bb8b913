"""What a user of the command line names, as the assistant takes it."""

import re
from collections.abc import Sequence
from pathlib import Path

from agents.errors import RequestError
from agents.schema import Document
from agents.settings import Settings

_DOCUMENT_ID = re.compile(r"[0-9a-f]{16}")
_URL = re.compile(r"https?://")


def absolute(source: str) -> str:
    """Return a relative path made absolute; document ids and URLs stay."""
    return source if _is_id(source) or _URL.match(source) else str(_path(source))


def with_roots(settings: Settings, roots: Sequence[Path]) -> Settings:
    """Return the settings with these folders as the only allowed ones, if any are given."""
    if not roots:
        return settings
    documents = settings.documents.model_copy(update={"roots": tuple(root.expanduser().absolute() for root in roots)})
    return settings.model_copy(update={"documents": documents})


def allowing(settings: Settings, sources: Sequence[str]) -> Settings:
    """Return the settings with every folder allowed, on the drives of this folder and of the named files.

    Whoever types a path into a shell may read it, and go on with it later. Roots that are set explicitly hold all the
    same.
    """
    if settings.documents.roots:
        return settings
    named = [_path(source) for source in sources if not _is_id(source) and not _URL.match(source)]
    paths = [Path.cwd(), Path.home(), *named, *(path.resolve() for path in named)]
    return with_roots(settings, list(dict.fromkeys(Path(path.anchor) for path in paths)))


async def open_document(source: str, settings: Settings) -> Document:
    """Open a document through the library, without an engine.

    Raises:
        DocumentError: It cannot be opened.
    """
    from agents.documents.library import Library

    library = Library(settings.documents, settings.ready_data_dir())
    try:
        return await library.open(source)
    finally:
        await library.close()


def page_of(document: Document, number: int) -> tuple[int, int]:
    """Return where a page begins and ends in the document's text.

    Raises:
        RequestError: The document has no such page.
    """
    for page in document.pages:
        if page.number == number:
            return page.start, page.end
    raise RequestError(f"{document.title} has no page {number}.", hint=f"Name a page from 1 to {len(document.pages)}.")


def _is_id(source: str) -> bool:
    return bool(_DOCUMENT_ID.fullmatch(source)) and not Path(source).exists()


def _path(source: str) -> Path:
    return Path(source).expanduser().absolute()
