"""What a user of the command line names, as the assistant takes it: documents, a question, folders, a session.

The session used last is noted in the data folder, for `--continue`.
"""

import os
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from agents.documents.access import DOCUMENT_ID, URL, check_origins
from agents.errors import DocumentError, RequestError, SessionError, SettingsError
from agents.schema import Document, Response
from agents.settings import S3, Settings, is_s3, root_of
from agents.users import places_of

if TYPE_CHECKING:
    from agents.assistant import Assistant

STANDARD_INPUT = "-"
"""The name of standard input."""
_HOW_TO_ASK = 'Write `readroom ask FILE "QUESTION"`.'
_LAST_SESSION = "last-session"


def files_and_question(words: Sequence[str]) -> tuple[list[str], str]:
    """Return the documents and the question that `ask` was given.

    Raises:
        RequestError: The question is missing.
    """
    *files, question = words
    if _names_document(question):
        raise RequestError(f"The question is missing: {question} is a document.", hint=_HOW_TO_ASK)
    return files, question


def _names_document(word: str) -> bool:
    if word == STANDARD_INPUT or not word.strip():
        return bool(word.strip())
    try:
        path = local_path(word)
        return len(word.split()) == 1 if path is None else path.exists()
    except (OSError, RuntimeError):  # no path at all: too long a name, or an unknown ~user
        return False


def absolute(source: str) -> str:
    """Return a relative path made absolute; document ids and addresses stay as they are."""
    path = local_path(source)
    return source if path is None else str(path)


def local_path(source: str) -> Path | None:
    """Return the absolute path that `source` is, or None for a document id or an address."""
    if URL.match(source) or is_s3(source) or (DOCUMENT_ID.fullmatch(source) and not Path(source).exists()):
        return None
    return Path(source).expanduser().absolute()


@contextmanager
def named_documents(
    settings: Settings, words: Sequence[str], roots: Sequence[str] = ()
) -> Generator[tuple[list[str], Settings]]:
    """Yield the documents that are named, as the assistant takes them, and settings that allow them.

    `-` is standard input, which lies in a file of its own meanwhile. Folders are handed on as they are.

    Raises:
        RequestError: Standard input is empty.
    """
    allowed = allow_named(settings, [word for word in words if word != STANDARD_INPUT], roots)
    if STANDARD_INPUT not in words:
        yield [absolute(word) for word in words], allowed
        return
    with tempfile.TemporaryDirectory(prefix="readroom-") as name:
        folder = Path(name).resolve()
        copy = folder / "standard-input"
        with copy.open("wb") as file:
            # One byte more than may be read, so that the library finds it too large.
            file.write(sys.stdin.buffer.read(settings.documents.max_bytes + 1))
        if not copy.stat().st_size:
            raise RequestError("Standard input is empty.", hint='Write `cat FILE | readroom ask - "QUESTION"`.')
        # What is handed over may be read, whatever folders hold for files.
        sources = [str(copy) if word == STANDARD_INPUT else absolute(word) for word in words]
        yield sources, with_roots(allowed, [*allowed.documents.roots, str(folder)])


def allow_named(settings: Settings, sources: Sequence[str], roots: Sequence[str] = ()) -> Settings:
    """Return the settings with every folder and object allowed, on the drives and in the buckets of what is named.

    Whoever types a path into a shell may read it, and go on with it later. Roots that are given, or set explicitly,
    hold all the same.
    """
    settings = with_roots(settings, roots)
    if settings.documents.roots:
        return settings
    named = [path for source in sources if (path := local_path(source))]
    paths = [Path.cwd(), Path.home(), *named, *(path.resolve() for path in named)]
    buckets = [S3 + source[len(S3) :].partition("/")[0] for source in sources if is_s3(source)]
    return with_roots(settings, list(dict.fromkeys([*(path.anchor for path in paths), *buckets])))


def with_roots(settings: Settings, roots: Sequence[str]) -> Settings:
    """Return the settings with these folders and addresses as the only allowed ones, if any are given.

    Raises:
        SettingsError: One cannot be allowed.
    """
    if not roots:
        return settings
    documents = settings.documents.model_copy(update={"roots": tuple(map(absolute_root, roots))})
    return settings.model_copy(update={"documents": documents})


def missing_roots(settings: Settings) -> list[str]:
    """Return the allowed folders that are none, are not there now, or may not be looked into."""
    roots = (str(root) for root in settings.documents.roots)
    return [root for root in roots if not is_s3(root) and not os.path.isdir(os.path.expanduser(root))]  # noqa: PTH111, PTH112


def absolute_root(named: str) -> str:
    """Return a folder or an address that may be read, with a relative path made absolute.

    Raises:
        SettingsError: It is an address that none can be read from.
    """
    try:
        root = root_of(named)
    except ValueError as error:
        raise SettingsError(f"{named} cannot be read: {error}.", hint="Name another folder or address.") from error
    return root if is_s3(root) else str(Path(root).expanduser().absolute())


async def library_documents(assistant: "Assistant") -> list[str]:
    """Return the ids of the documents in the library that may be read here.

    Raises:
        RequestError: There are none.
    """
    found: list[str] = []
    for each in await assistant.library.stored_documents():
        with suppress(DocumentError):
            check_origins(each.document_id, each.paths, assistant.settings.documents)
            found.append(each.document_id)
    if not found:
        raise RequestError("No document is named, and the library holds none to ask.", hint=_HOW_TO_ASK)
    return found


async def open_document(source: str, settings: Settings) -> Document:
    """Open a document through the library, without an engine.

    Raises:
        DocumentError: It cannot be opened.
    """
    from agents.documents.library import Library

    library = Library(settings.documents, settings.ready_data_dir(), database_url=settings.database_url)
    try:
        return await library.open(source)
    finally:
        await library.close()


def page_span(document: Document, number: int) -> tuple[int, int]:
    """Return where a page begins and ends in the document's text, in characters.

    Raises:
        RequestError: The document has no such page.
    """
    for page in document.pages:
        if page.number == number:
            return page.start, page.end
    raise RequestError(f"{document.title} has no page {number}.", hint=f"Name a page from 1 to {len(document.pages)}.")


def chosen_session(settings: Settings, session: str | None, *, go_on: bool) -> str | None:
    """Return the session that is named, or with `go_on` the last one; None: a new one.

    Raises:
        RequestError: Both were asked for.
        SessionError: There is no last one.
    """
    if not go_on:
        return session
    if session:
        raise RequestError("--session and --continue name two sessions.", hint="Give one of them.")
    try:
        return (settings.data_dir / _LAST_SESSION).read_text().strip()
    except FileNotFoundError as error:
        raise SessionError(
            "There is no session to continue.", hint="Ask without --continue, and name a document."
        ) from error


def remember_session(settings: Settings, response: Response) -> None:
    """Note the response's session as the last one; where that cannot be written, `--continue` does not know of it."""
    from mcp_server.cli_output import note

    try:
        (settings.ready_data_dir() / _LAST_SESSION).write_text(response.session.session_id)
    except OSError as error:
        note(f"Not kept as the session used last: {error.strerror or error}. Go on with --session instead.")


def forget_last_session(settings: Settings, session_ids: Sequence[str]) -> None:
    """Forget which session was the last, if it is one of these."""
    file = settings.data_dir / _LAST_SESSION
    if file.exists() and file.read_text().strip() in session_ids:
        file.unlink()


def kept_of(settings: Settings, user: str | None) -> Settings:
    """Return the settings by which what is kept of a user is found, or without one the owner's.

    Raises:
        SettingsError: No user can have this name.
    """
    return places_of(user, settings) if user else settings
