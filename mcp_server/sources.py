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
    """Return the settings with the folders of the named files allowed too.

    Whoever types a path into a shell may read it. Roots that are set explicitly hold all the same.
    """
    if settings.documents.roots:
        return settings
    paths = [_path(source) for source in sources if not _is_id(source) and not _URL.match(source)]
    folders = [folder for path in paths for folder in (path.parent, path.resolve().parent)]
    return with_roots(settings, [*settings.documents.allowed_roots(), *folders])


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
