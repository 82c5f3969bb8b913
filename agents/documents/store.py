"""The library's database: what was parsed, how it was cut, and which file it came from."""

import json
import sqlite3
import threading
from array import array
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import Field

from agents.documents.access import FileState
from agents.documents.parsing.parsed import PARSER_VERSION
from agents.documents.passages import Span, Terms
from agents.documents.record import Record, decode_spans, decode_terms, encode_spans, to_document
from agents.errors import DocumentError
from agents.schema import Document, Frozen
from agents.storage import erasure, open_shared, transaction

_MIGRATIONS = (
    # IF NOT EXISTS: the first versions made these tables without counting their schema.
    """
CREATE TABLE IF NOT EXISTS documents (
    document_id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, parser INTEGER NOT NULL, name TEXT NOT NULL,
    title TEXT NOT NULL, text TEXT NOT NULL, pages TEXT NOT NULL, headings TEXT NOT NULL, warnings TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS passages (
    document_id TEXT NOT NULL, size INTEGER NOT NULL, spans TEXT NOT NULL, language TEXT NOT NULL,
    vocabulary TEXT NOT NULL, lengths BLOB NOT NULL, ids BLOB NOT NULL, PRIMARY KEY (document_id, size)
);
CREATE TABLE IF NOT EXISTS token_counts (
    document_id TEXT NOT NULL, size INTEGER NOT NULL, tokenizer TEXT NOT NULL, counts BLOB NOT NULL,
    PRIMARY KEY (document_id, size, tokenizer)
);
CREATE TABLE IF NOT EXISTS vectors (
    document_id TEXT NOT NULL, size INTEGER NOT NULL, model TEXT NOT NULL, vectors BLOB NOT NULL,
    PRIMARY KEY (document_id, size, model)
);
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, document_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS origins (document_id TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (document_id, path));
INSERT OR IGNORE INTO origins SELECT document_id, path FROM files;
""",
)


class StoredDocument(Frozen):
    """A document in a list of all."""

    document_id: str
    title: str
    pages: int
    characters: int
    paths: tuple[str, ...] = Field(description="The files that it was read from.")


class KnownDocument(Frozen):
    """A document without its text, and the files that it was read from."""

    document_id: str
    title: str
    pages: int
    paths: tuple[str, ...]


class Store:
    """One SQLite database, shared by the threads of this process and by other processes.

    Args:
        path: The database's file; its folder is made when it is first used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def document(self, document_id: str) -> Document | None:
        """Return a document that this version of the parser read."""
        row = self._row(
            # SQLite's module would decode the text at one go, and hold the interpreter's lock meanwhile.
            "SELECT title, name, CAST(text AS BLOB), pages, headings, warnings FROM documents "
            "WHERE document_id = ? AND parser = ?",
            (document_id, PARSER_VERSION),
        )
        return to_document(document_id, *row, parsed=False) if row else None

    def count(self) -> int:
        """Return how many documents there are."""
        row = self._row("SELECT count(*) FROM documents WHERE parser = ?", (PARSER_VERSION,))
        return row[0] if row else 0

    def stored_documents(self) -> tuple[StoredDocument, ...]:
        """Return every document, by title, whichever version of the parser read it."""
        query = """
            SELECT document_id, title, json_array_length(pages), length(text),
                (SELECT json_group_array(path) FROM origins WHERE origins.document_id = documents.document_id)
            FROM documents ORDER BY title, document_id
        """
        with self._named_errors(), self._lock:
            rows = self._open().execute(query).fetchall()
        return tuple(
            StoredDocument(document_id=key, title=title, pages=pages, characters=length, paths=tuple(json.loads(paths)))
            for key, title, pages, length, paths in rows
        )

    def known_files(self) -> dict[FileState, str]:
        """Return every file whose document this version of the parser has read, as it was then, with the document."""
        query = """
            SELECT path, size, mtime_ns, document_id FROM files JOIN documents USING (document_id) WHERE parser = ?
        """
        with self._named_errors(), self._lock:
            rows = self._open().execute(query, (PARSER_VERSION,)).fetchall()
        return {FileState(path, size, mtime_ns): document_id for path, size, mtime_ns, document_id in rows}

    def known_documents(self) -> tuple[KnownDocument, ...]:
        """Return every document that this version of the parser has read, last read first."""
        query = """
            SELECT document_id, title, json_array_length(pages),
                json_group_array(path) FILTER (WHERE path IS NOT NULL)
            FROM documents LEFT JOIN origins USING (document_id) WHERE parser = ? GROUP BY document_id
            ORDER BY documents.rowid DESC
        """
        with self._named_errors(), self._lock:
            rows = self._open().execute(query, (PARSER_VERSION,)).fetchall()
        return tuple(
            KnownDocument(document_id=key, title=title, pages=pages, paths=tuple(json.loads(paths)))
            for key, title, pages, paths in rows
        )

    def erase(self, document_id: str) -> None:
        """Delete everything that is stored of a document."""
        with self._lock, self._named_errors(), erasure(self._open()):
            for table in ("documents", "passages", "token_counts", "vectors", "files", "origins"):
                self._open().execute(f"DELETE FROM {table} WHERE document_id = ?", (document_id,))  # noqa: S608

    def add(self, document_id: str, sha256: str, size: int, record: Record) -> None:
        """Store a document and its passages, in place of what an older parser read."""
        with self._transaction() as connection:
            for table in ("passages", "token_counts", "vectors"):
                connection.execute(f"DELETE FROM {table} WHERE document_id = ?", (document_id,))  # noqa: S608
            connection.execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, CAST(? AS TEXT), ?, ?, ?)",
                (
                    *(document_id, sha256, PARSER_VERSION, record.name, record.title, record.text),
                    *(record.pages, record.headings, record.warnings),
                ),
            )
            connection.execute(
                "INSERT OR REPLACE INTO passages VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    *(document_id, size, record.spans, record.language, record.vocabulary),
                    *(record.lengths, record.ids),
                ),
            )

    def add_passages(self, document_id: str, size: int, spans: Sequence[Span], terms: Terms) -> None:
        """Store a document's passages of another size."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO passages VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    *(document_id, size, encode_spans(spans), terms.language, json.dumps(terms.vocabulary)),
                    *(terms.lengths.tobytes(), terms.ids.tobytes()),
                ),
            )

    def spans(self, document_id: str, size: int) -> tuple[Span, ...] | None:
        """Return where a document's passages of one size stand."""
        row = self._row("SELECT spans FROM passages WHERE document_id = ? AND size = ?", (document_id, size))
        return decode_spans(row[0]) if row else None

    def terms(self, document_id: str, size: int) -> Terms | None:
        """Return the terms of a document's passages of one size."""
        row = self._row(
            "SELECT language, vocabulary, lengths, ids FROM passages WHERE document_id = ? AND size = ?",
            (document_id, size),
        )
        return decode_terms(*row) if row else None

    def token_counts(self, document_id: str, size: int, tokenizer: str) -> tuple[int, ...] | None:
        """Return the tokens of each passage as a tokenizer counted them."""
        row = self._row(
            "SELECT counts FROM token_counts WHERE document_id = ? AND size = ? AND tokenizer = ?",
            (document_id, size, tokenizer),
        )
        return tuple(array("I", row[0])) if row else None

    def add_token_counts(self, document_id: str, size: int, tokenizer: str, counts: Sequence[int]) -> None:
        """Store the tokens of each passage."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO token_counts VALUES (?, ?, ?, ?)",
                (document_id, size, tokenizer, array("I", counts).tobytes()),
            )

    def vectors(self, document_id: str, size: int, model: str) -> bytes | None:
        """Return the passages' embeddings, as 32-bit floats."""
        row = self._row(
            "SELECT vectors FROM vectors WHERE document_id = ? AND size = ? AND model = ?", (document_id, size, model)
        )
        return row[0] if row else None

    def add_vectors(self, document_id: str, size: int, model: str, vectors: bytes) -> None:
        """Store the passages' embeddings."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", (document_id, size, model, vectors)
            )

    def document_of(self, state: FileState) -> str | None:
        """Return the id of the document in a file that has not changed since it was last opened."""
        row = self._row(
            "SELECT document_id FROM files WHERE path = ? AND size = ? AND mtime_ns = ?",
            (state.path, state.size, state.mtime_ns),
        )
        return row[0] if row else None

    def remember(self, state: FileState, document_id: str, *, unchanged: bool) -> None:
        """Record that a document was read from a file and, if the file is unchanged since, that it still holds it."""
        with self._transaction() as connection:
            held = connection.execute("SELECT 1 FROM documents WHERE document_id = ?", (document_id,)).fetchone()
            if held is None:
                # Another process has erased it meanwhile.
                return
            connection.execute("INSERT OR IGNORE INTO origins VALUES (?, ?)", (document_id, state.path))
            if unchanged:
                connection.execute(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                    (state.path, state.size, state.mtime_ns, document_id),
                )

    def origins(self, document_id: str) -> tuple[str, ...]:
        """Return the real paths of all files that a document was read from; none where it was fetched."""
        with self._named_errors(), self._lock:
            rows = self._open().execute("SELECT path FROM origins WHERE document_id = ?", (document_id,)).fetchall()
        return tuple(path for (path,) in rows)

    def close(self) -> None:
        """Close the database; it opens again when it is next used."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _row(self, query: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        with self._lock, self._named_errors():
            return self._open().execute(query, values).fetchone()

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._lock, self._named_errors():
            connection = self._open()
            with transaction(connection):
                yield connection

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_shared(self._path, _MIGRATIONS)
        return self._connection

    @contextmanager
    def _named_errors(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise DocumentError(
                f"The library {self._path} cannot be read or written: {error}.",
                hint="Check the disk's free space and the file's permissions; a damaged library may be deleted, "
                "its documents are then read anew.",
            ) from error
