"""The library: opens documents, stores what was parsed, finds passages."""

import asyncio
import contextvars
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple, ParamSpec, TypeVar, cast
from weakref import WeakValueDictionary

from cachetools import LRUCache
from pydantic import SecretStr

from agents import telemetry
from agents.documents import access
from agents.documents.access import FileState
from agents.documents.folders import FolderFiles, find_files
from agents.documents.listing import Listing, list_documents
from agents.documents.parsing import formats
from agents.documents.parsing.sandbox import OnScan, Sandbox
from agents.documents.passages import Span, cut, passage
from agents.documents.recent import Recent, size_of_document, size_of_passages
from agents.documents.record import Record, decode_spans
from agents.documents.search.bm25 import Ranked
from agents.documents.search.embeddings import Embed
from agents.documents.search.passage_search import PassageSearch
from agents.documents.store import KnownDocument, Store, StoredDocument
from agents.documents.terms import document_terms
from agents.documents.urls import fetch
from agents.errors import DocumentError
from agents.language.tokens import Estimate, TokenCounter
from agents.schema import Document, PagePicture, Passage, SearchHit
from agents.settings import DocumentsSettings, is_s3

_UNREADABLE = 1_000
"""Files of folders that could not be read and are remembered, with the reasons."""
_LOOKING = 8
"""Threads that look at files and folders, which may be far away."""
_FETCHED = 8
"""Objects that are fetched or held at once, by all users."""
_P = ParamSpec("_P")
_ResultT = TypeVar("_ResultT")
Cut = tuple[Document, tuple[Span, ...]]
"""A document and the places of its passages."""


class FileContent(NamedTuple):
    """A file, and the id of the document that it holds now, whether or not that was ever opened."""

    path: str
    document_id: str


class Parsing(NamedTuple):
    """What parses new documents, and whose turn it is."""

    sandbox: Sandbox
    turn: asyncio.Semaphore
    """To be parsed: as many at once as there are cores."""
    fetching: asyncio.Semaphore
    """To be fetched and held until it is parsed: each takes its size of disk and a block of it of memory."""

    @classmethod
    def by(cls, sandbox: Sandbox) -> "Parsing":
        """Return the usual turns of what a sandbox parses."""
        return cls(sandbox, asyncio.Semaphore(os.cpu_count() or 1), asyncio.Semaphore(_FETCHED))


class Library:
    """Every document that was ever opened, keyed by its content.

    One library serves all callers of a process, and several processes may share one folder.

    Args:
        settings: What may be opened, and within which limits.
        data_dir: The folder of the database.
        embed: Makes embeddings if the settings ask for them; the packaged model by default.
        database_url: Of a PostgreSQL that holds the library instead.
        parsing: What parses for another library, and for this one too; closed with that.
    """

    def __init__(
        self,
        settings: DocumentsSettings,
        data_dir: Path,
        embed: Embed | None = None,
        *,
        database_url: SecretStr | None = None,
        parsing: Parsing | None = None,
    ) -> None:
        self._settings = settings
        self._size = settings.passage_tokens
        self._store = Store(data_dir, database_url)
        self._recent = Recent(settings.memory_mib * 1024**2)
        self._search = PassageSearch(
            self._store, self._size, self._load, self._recent, embeddings=settings.embeddings, embed=embed
        )
        self.parsing = parsing or Parsing.by(Sandbox(settings))
        self._owns_parsing = parsing is None
        # A mounted folder or a storage that does not answer must not keep the threads that all else is done in.
        self._lookers = ThreadPoolExecutor(_LOOKING, "readroom-files")
        self._unreadable: LRUCache[FileState, DocumentError] = LRUCache(_UNREADABLE)
        self._reading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def warm_up(self) -> None:
        """Start what opening a new document needs, without waiting for it."""
        self.parsing.sandbox.warm_up()

    async def open(self, source: str, on_scan: OnScan = lambda _done, _total: None) -> Document:
        """Open a document by its absolute path, its id or, where that is allowed, its URL.

        Args:
            source: The path, the id or the URL.
            on_scan: Told how many of its scanned pages are read, which may take minutes.

        Raises:
            DocumentError: It cannot be opened; the message says why and the hint what to do.
        """
        source = source.strip()
        with telemetry.span("documents.open"):
            if access.DOCUMENT_ID.fullmatch(source):
                return await self.get(source)
            if access.URL.match(source):
                file, name = await fetch(source, self._settings)
                with file:
                    return await self._read(file, name, on_scan)
            state, known = await self._looking(self._find, source)
            return known or await self._read_file(state, on_scan)

    async def open_file(self, state: FileState) -> Document:
        """Open a file that was found in a folder. One that could not be read is not tried again while it is the same.

        Raises:
            DocumentError: It cannot be opened; the message says why.
        """
        if failed := self._unreadable.get(state):
            raise DocumentError(failed.message, hint=failed.hint)
        try:
            return await self.open(state.path)
        except DocumentError as error:
            self._unreadable[state] = error
            raise

    async def is_folder(self, source: str) -> bool:
        """Whether a caller named a folder that may be read, by its path or its address.

        Raises:
            DocumentError: Whether an address is one cannot be told: it may not be read, or its storage does not answer.
        """
        return await self._looking(access.is_folder, source, self._settings)

    async def find_files(self, folder: str) -> FolderFiles:
        """Return the documents in a folder, newest first.

        Raises:
            DocumentError: The folder is missing or may not be read, or its storage cannot be asked.
        """
        found = await self._looking(lambda: find_files([access.find_folder(folder, self._settings)], self._settings))
        if found.faults:
            raise found.faults[0]
        return found

    async def known_files(self, files: Sequence[FileState]) -> dict[FileState, str]:
        """Return the ids of the documents in those files that were opened before and have not changed since."""
        known = await asyncio.to_thread(self._store.known_files)
        return {state: known[state] for state in files if state in known}

    async def known_documents(self, sources: Sequence[str]) -> frozenset[str]:
        """Return those of some sources that are ids of documents that are known and may be read here."""
        asked = {source for source in sources if access.DOCUMENT_ID.fullmatch(source)}
        known = await self.opened_documents() if asked else ()
        return frozenset(document.document_id for document in known if document.document_id in asked)

    async def opened_documents(self) -> tuple[KnownDocument, ...]:
        """Return the documents that were opened and may be read here, last opened first."""
        return await asyncio.to_thread(self._opened_documents)

    async def get(self, document_id: str) -> Document:
        """Return a document that was opened before.

        Raises:
            DocumentError: There is none with this id, or every file it was read from is outside the allowed folders.
        """
        origins = await asyncio.to_thread(self._store.origins, document_id)
        known = await asyncio.to_thread(self._known, document_id)
        if known is not None:
            access.check_origins(document_id, origins, self._settings)
            return known[0]
        # An older version of the parser may have read it; conversations about it go on all the same.
        if path := await self._looking(self._file_with, document_id, origins):
            return await self.open(path)
        raise _unknown(document_id)

    async def check_readable(self, document_ids: Sequence[str]) -> None:
        """Check that what was read of documents may be shown here.

        Raises:
            DocumentError: Every file that one of them was read from is outside the allowed folders.
        """
        await asyncio.to_thread(self._check_readable, document_ids)

    async def picture(
        self, document_id: str, page: int, quotes: Sequence[tuple[str, str, str]] = ()
    ) -> PagePicture | None:
        """Return a page of a PDF as a picture, and where quotes stand on it; None if the file is no PDF.

        Args:
            document_id: The document.
            page: The page's position, from 1.
            quotes: Words to be found there, what stands before them, and what behind.

        Raises:
            DocumentError: No file that may be read holds the document any more, or the page cannot be drawn.
        """
        origins = await asyncio.to_thread(self._store.origins, document_id)
        path = await self._looking(self._file_with, document_id, origins)
        if path is None:
            raise DocumentError(
                "The file that was read is gone or has changed, or it was fetched.",
                hint="The text that was read is kept.",
            )
        async with self._opened(await self._looking(access.find_file, path, self._settings)) as file:
            if not formats.is_pdf(file.read(formats.SNIFFED)):
                return None
            async with telemetry.turn(self.parsing.turn, "parsing"):
                return await self.parsing.sandbox.draw(file, Path(path).name, page, quotes)

    async def current_contents(self, document_ids: Sequence[str]) -> dict[str, tuple[FileContent, ...]]:
        """Return what the files that each document was read from hold now, as far as they may be read."""
        return await self._looking(lambda: {each: self._current_contents(each) for each in document_ids})

    async def passages(self, document_id: str) -> tuple[Passage, ...]:
        """Return a document's passages; together they are its text.

        Raises:
            DocumentError: There is no document with this id.
        """
        return await asyncio.to_thread(self._passages, document_id)

    async def token_counts(self, document_id: str, tokenizer: str, count: TokenCounter) -> tuple[int, ...]:
        """Return the tokens of each passage, counted once for each tokenizer.

        Args:
            document_id: The document.
            tokenizer: The name under which the counts are stored.
            count: Counts the tokens of a text; called in another thread.

        Raises:
            DocumentError: There is no document with this id.
        """
        return await asyncio.to_thread(self._token_counts, document_id, tokenizer, count)

    async def search(self, query: str, document_ids: Sequence[str], limit: int) -> tuple[SearchHit, ...]:
        """Return the passages of some documents that match a query, best first.

        A query whose words are all unknown or too common to tell anything returns the first passages, with a score
        of 0.

        Raises:
            DocumentError: One of the documents is unknown.
            SettingsError: Embeddings are switched on and not installed.
        """
        ids = tuple(dict.fromkeys(document_ids))
        if not ids or limit < 1:
            return ()
        with telemetry.span("documents.search", documents=len(ids)):
            ranked = await self._search.rank(query, ids, limit)
            return await asyncio.to_thread(self._hits, ids, ranked)

    async def count(self) -> int:
        """Return how many documents the library holds."""
        return await asyncio.to_thread(self._store.count)

    async def stored_documents(self) -> tuple[StoredDocument, ...]:
        """Return every document that the library holds, by title."""
        return await asyncio.to_thread(self._store.stored_documents)

    async def list_documents(self, folder: str | None = None, query: str | None = None) -> Listing:
        """Return the documents that may be read, newest first; with a query, the best match first.

        Raises:
            DocumentError: The folder is missing or may not be read.
        """
        return await self._looking(list_documents, self._store, self._settings, folder, query)

    async def forget(self, document_id: str) -> None:
        """Delete everything that is stored of a document, from the disk too; its files are left alone."""
        self._recent.clear()
        await asyncio.to_thread(self._store.erase, document_id)

    async def close(self) -> None:
        """Close the database and end the processes; they open again when they are used."""
        self._recent.clear()
        if self._owns_parsing:
            await asyncio.to_thread(self.parsing.sandbox.close)
        await asyncio.to_thread(self._store.close)

    async def _read(self, file: IO[bytes], name: str, on_scan: OnScan) -> Document:
        """Parse an open file, unless its content is known."""
        digest = await asyncio.to_thread(access.sha256, file)
        reading = self._reading.get(digest) or asyncio.Lock()
        self._reading[digest] = reading
        async with reading:
            known = await asyncio.to_thread(self._known, digest[: access.ID_LENGTH])
            if known is not None:
                return known[0]
            await asyncio.to_thread(self._check_room)
            async with telemetry.turn(self.parsing.turn, "parsing"):
                with telemetry.span("documents.parse"), telemetry.parsing():
                    record = await self.parsing.sandbox.parse(file, name, on_scan)
            return await asyncio.to_thread(self._add, record, digest)

    async def _read_file(self, state: FileState, on_scan: OnScan) -> Document:
        async with self._opened(state) as file:
            document = await self._read(file, Path(state.path).name, on_scan)
            # What was fetched is the very object that was found.
            unchanged = is_s3(state.path) or os.fstat(file.fileno()).st_mtime_ns == state.mtime_ns
        await asyncio.to_thread(self._store.remember, state, document.document_id, unchanged=unchanged)
        return document

    @asynccontextmanager
    async def _opened(self, state: FileState) -> AsyncGenerator[IO[bytes]]:
        """Open a file, or fetch an object in its turn, and close it in the end; a cancel ends the transfer."""
        if is_s3(state.path):
            async with telemetry.turn(self.parsing.fetching, "fetching"):
                with await asyncio.wrap_future(access.fetch_object(state, self._settings)) as file:
                    yield file
        else:
            with await self._looking(access.open_file, state, self._settings) as file:
                yield file

    async def _looking(self, function: Callable[_P, _ResultT], *args: _P.args, **kwargs: _P.kwargs) -> _ResultT:
        """Call what looks at files in a thread for that."""
        call = partial(contextvars.copy_context().run, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._lookers, call)

    def _check_room(self) -> None:
        """Check that a new document may be kept.

        Raises:
            DocumentError: The library has reached its limit.
        """
        limit = self._settings.library_characters
        if limit is not None and (kept := self._store.characters()) >= limit:
            raise DocumentError(
                f"The library keeps {kept:,} characters of text, and at most {limit:,} are allowed: no new document is "
                "opened. Those that it holds can be read and asked.",
                hint="`readroom forget` on the server's machine makes room; READROOM_DOCUMENTS__LIBRARY_CHARACTERS, or "
                "the user's own library_characters, is the limit.",
            )

    def _hits(self, ids: Sequence[str], ranked: Sequence[Ranked]) -> tuple[SearchHit, ...]:
        # Each document once: one that is larger than the memory for all of them is read from the disk each time.
        loaded = {place: self._load(ids[place]) for place in {best.document for best in ranked}}
        return tuple(
            SearchHit(passage=passage(*loaded[best.document], best.passage), score=best.score) for best in ranked
        )

    def _opened_documents(self) -> tuple[KnownDocument, ...]:
        known = self._store.known_documents()
        return tuple(document for document in known if access.is_allowed(document.paths, self._settings))

    def _check_readable(self, document_ids: Sequence[str]) -> None:
        for document_id in document_ids:
            access.check_origins(document_id, self._store.origins(document_id), self._settings)

    def _find(self, source: str) -> tuple[FileState, Document | None]:
        """Find a file, and the document in it if it has not changed since it was last opened."""
        state = access.find_file(source, self._settings)
        document_id = self._store.document_of(state)
        known = self._known(document_id) if document_id else None
        return state, known[0] if known else None

    def _current_contents(self, document_id: str) -> tuple[FileContent, ...]:
        contents = ((path, self._content_of(path)) for path in self._store.origins(document_id))
        return tuple(FileContent(path, content) for path, content in contents if content is not None)

    def _file_with(self, document_id: str, origins: Sequence[str]) -> str | None:
        """Return a file that still holds a document and may be read."""
        return next((path for path in origins if self._content_of(path) == document_id), None)

    def _content_of(self, path: str) -> str | None:
        """Return the id of the document that a file holds now; None if it may not be read."""
        try:
            state = access.find_file(path, self._settings)
            if known := self._store.document_of(state):
                return known
            with access.open_file(state, self._settings) as file:
                content = access.sha256(file)[: access.ID_LENGTH]
        except DocumentError:
            return None
        self._store.remember(state, content, unchanged=True)
        return content

    def _add(self, record: Record, digest: str) -> Document:
        """Store what was parsed."""
        document_id = digest[: access.ID_LENGTH]
        self._store.add(document_id, digest, self._size, record)
        document = record.document(document_id)
        self._keep(document.model_copy(update={"parsed": False}), decode_spans(record.spans))
        return document

    def _keep(self, document: Document, spans: tuple[Span, ...]) -> None:
        self._recent.keep(("document", document.document_id), (document, spans), size_of_document(document, spans))

    def _load(self, document_id: str) -> Cut:
        """Return a stored document and its passages, or raise."""
        known = self._known(document_id)
        if known is None:
            raise _unknown(document_id)
        return known

    def _known(self, document_id: str) -> Cut | None:
        """Return a document and its passages if this version of the parser has read it."""
        if cached := cast("Cut | None", self._recent.get(("document", document_id))):
            return cached
        document = self._store.document(document_id)
        if document is None:
            return None
        spans = self._store.spans(document_id, self._size)
        if spans is None:
            spans = cut(document, self._size)
            self._store.add_passages(document_id, self._size, spans, document_terms(document, spans))
        self._keep(document, spans)
        return document, spans

    def _passages(self, document_id: str) -> tuple[Passage, ...]:
        passages = cast("tuple[Passage, ...] | None", self._recent.get(("passages", document_id)))
        if passages is None:
            document, spans = self._load(document_id)
            passages = tuple(passage(document, spans, index) for index in range(len(spans)))
            self._recent.keep(("passages", document_id), passages, size_of_passages(passages))
        return passages

    def _token_counts(self, document_id: str, tokenizer: str, count: TokenCounter) -> tuple[int, ...]:
        counts = self._store.token_counts(document_id, self._size, tokenizer)
        if counts is None:
            document, spans = self._load(document_id)
            counts = tuple(count(document.text[span.start : span.end]) for span in spans)
            if not any(isinstance(each, Estimate) for each in counts):
                self._store.add_token_counts(document_id, self._size, tokenizer, counts)
        return counts


def _unknown(document_id: str) -> DocumentError:
    return DocumentError(
        f"There is no document with the id {document_id!r}.",
        hint="Open the document by its absolute path; ids come from the results of earlier calls.",
    )
