"""What a user of the command line names, as the assistant takes it."""
# MERGED """The session that the command line used last, for `--continue`."""

import re
from collections.abc import Sequence
from pathlib import Path

from agents.errors import RequestError, SessionError
from agents.schema import Document, Response
from agents.settings import Settings

_DOCUMENT_ID = re.compile(r"[0-9a-f]{16}")
_URL = re.compile(r"https?://")
_HOW_TO_ASK = 'Write `readroom ask FILE "QUESTION"`'


def absolute(source: str) -> str:
    """Return a relative path made absolute; document ids and URLs stay."""
    return source if _is_id(source) or _URL.match(source) else str(_path(source))


def with_roots(settings: Settings, roots: Sequence[Path]) -> Settings:
    """Return the settings with these folders as the only allowed ones, if any are given."""
    if not roots:
        return settings
    documents = settings.documents.model_copy(update={"roots": tuple(root.expanduser().absolute() for root in roots)})
    return settings.model_copy(update={"documents": documents})


def files_and_question(words: Sequence[str], *, in_session: bool) -> tuple[list[str], str]:
    """Return the files and the question that `ask` was given.

    Raises:
        RequestError: One of them is missing; a session has files of its own.
    """
    *files, question = words
    if _is_source(question):
        raise RequestError(f"The question is missing: {question} is a document.", hint=f"{_HOW_TO_ASK}.")
    if not files and not in_session:
        raise RequestError(
            "No document is named.", hint=f"{_HOW_TO_ASK}, or go on with the last session's documents: --continue."
        )
    return files, question


def allowing(settings: Settings, sources: Sequence[str], roots: Sequence[Path] = ()) -> Settings:
    """Return the settings with every folder allowed, on the drives of this folder and of the named files.

    Whoever types a path into a shell may read it, and go on with it later. Roots that are given, or set explicitly,
    hold all the same.
    """
    settings = with_roots(settings, roots)
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


def _is_source(word: str) -> bool:
    try:
        return _is_id(word) or bool(_URL.match(word) and len(word.split()) == 1) or _path(word).is_file()
    except (OSError, RuntimeError):  # what no path can be: too long a name, or an unknown ~user
        return False


def _path(source: str) -> Path:
    return Path(source).expanduser().absolute()


_FILE = "last-session"


def remember(settings: Settings, response: Response) -> None:
    """Note the response's session as the last one."""
    (settings.ready_data_dir() / _FILE).write_text(response.session.session_id)


def forget_last(settings: Settings, session_ids: Sequence[str]) -> None:
    """Forget which session was the last, if it is one of these."""
    file = settings.data_dir / _FILE
    if file.exists() and file.read_text().strip() in session_ids:
        file.unlink()


def chosen(settings: Settings, session: str | None, *, go_on: bool) -> str | None:
    """Return the session that is named, or the last one where that is asked for; None: a new one.

    Raises:
        RequestError: Both were asked for.
        SessionError: There is no last one.
    """
    if go_on and session:
        raise RequestError("--session and --continue name two sessions.", hint="Give one of them.")
    return last_session(settings) if go_on else session


def last_session(settings: Settings) -> str:
    """Return the id of the last session.

    Raises:
        SessionError: There was none.
    """
    try:
        return (settings.data_dir / _FILE).read_text().strip()
    except FileNotFoundError as error:
        raise SessionError(
            "There is no session to continue.", hint="Ask without --continue, and name a document."
        ) from error
