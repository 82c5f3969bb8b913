"""The library's database: what was parsed, how it was cut, and which file it came from."""

import json
from array import array
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Executable,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
)

from agents.documents.access import FileState
from agents.documents.parsing.parsed import PARSER_VERSION
from agents.documents.passages import Span, Terms
from agents.documents.record import Record, decode_spans, decode_terms, encode_spans, to_document
from agents.errors import DocumentError
from agents.schema import Document, Frozen
from agents.storage import Database, Layout, Utf8, put, put_missing

_TABLES = MetaData()
_DOCUMENTS = Table(
    "documents",
    _TABLES,
    Column("rowid", BigInteger, Identity()),
    Column("document_id", Text, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("parser", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Utf8, nullable=False),
    Column("pages", Text, nullable=False),
    Column("headings", Text, nullable=False),
    Column("warnings", Text, nullable=False),
)
_PASSAGES = Table(
    "passages",
    _TABLES,
    Column("document_id", Text, primary_key=True),
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("spans", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("vocabulary", Text, nullable=False),
    Column("lengths", LargeBinary, nullable=False),
    Column("ids", LargeBinary, nullable=False),
)
_TOKEN_COUNTS = Table(
    "token_counts",
    _TABLES,
    Column("document_id", Text, primary_key=True),
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("tokenizer", Text, primary_key=True),
    Column("counts", LargeBinary, nullable=False),
)
_VECTORS = Table(
    "vectors",
    _TABLES,
    Column("document_id", Text, primary_key=True),
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("model", Text, primary_key=True),
    Column("vectors", LargeBinary, nullable=False),
)
_FILES = Table(
    "files",
    _TABLES,
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("document_id", Text, nullable=False),
)
_ORIGINS = Table(
    "origins",
    _TABLES,
    Column("document_id", Text, primary_key=True),
    Column("path", Text, primary_key=True),
)
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
LAYOUT = Layout("library", "library.sqlite3", _TABLES, _MIGRATIONS)

_D, _P, _T, _V, _F = _DOCUMENTS.c, _PASSAGES.c, _TOKEN_COUNTS.c, _VECTORS.c, _FILES.c
_BY_THIS_PARSER = _D.parser == PARSER_VERSION
_OF_THE_DOCUMENT, _OF_THE_SIZE = bindparam("document_id", type_=Text), bindparam("size", type_=BigInteger)
_DOCUMENT = select(_D.title, _D.name, _D.text, _D.pages, _D.headings, _D.warnings).where(
    _D.document_id == _OF_THE_DOCUMENT, _BY_THIS_PARSER
)
_IS_HELD = select(_D.document_id).where(_D.document_id == _OF_THE_DOCUMENT)
_COUNT = select(func.count()).select_from(_DOCUMENTS).where(_BY_THIS_PARSER)
_CHARACTERS = select(func.coalesce(func.sum(func.length(_D.text)), 0))
_PAGES = func.json_array_length(func.json(_D.pages))
_STORED = select(_D.document_id, _D.title, _PAGES, func.length(_D.text))
_KNOWN = select(_D.document_id, _D.title, _PAGES).where(_BY_THIS_PARSER).order_by(_D.rowid.desc())
_KNOWN_FILES = (
    select(_F.path, _F.size, _F.mtime_ns, _F.document_id)
    .join(_DOCUMENTS, _D.document_id == _F.document_id)
    .where(_BY_THIS_PARSER)
)
_HELD_BY = select(_F.document_id).where(
    _F.path == bindparam("path"), _F.size == _OF_THE_SIZE, _F.mtime_ns == bindparam("mtime_ns")
)
_SPANS = select(_P.spans).where(_P.document_id == _OF_THE_DOCUMENT, _P.size == _OF_THE_SIZE)
_TERMS = select(_P.language, _P.vocabulary, _P.lengths, _P.ids).where(
    _P.document_id == _OF_THE_DOCUMENT, _P.size == _OF_THE_SIZE
)
_COUNTED = select(_T.counts).where(
    _T.document_id == _OF_THE_DOCUMENT, _T.size == _OF_THE_SIZE, _T.tokenizer == bindparam("tokenizer")
)
_EMBEDDED = select(_V.vectors).where(
    _V.document_id == _OF_THE_DOCUMENT, _V.size == _OF_THE_SIZE, _V.model == bindparam("model")
)
_PATHS = select(_ORIGINS.c.document_id, _ORIGINS.c.path)
_ORIGINS_OF = _PATHS.where(_ORIGINS.c.document_id == _OF_THE_DOCUMENT)
_ERASE = tuple(delete(table).where(table.c.document_id == _OF_THE_DOCUMENT) for table in _TABLES.sorted_tables)
_ERASE_PARSED = tuple(
    delete(table).where(table.c.document_id == _OF_THE_DOCUMENT)
    for table in (_DOCUMENTS, _PASSAGES, _TOKEN_COUNTS, _VECTORS)
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
    """The library's tables, shared by the threads of this process and by other processes.

    Args:
        data_dir: The folder of library.sqlite3, which is made when it is first used.
        database_url: Of a PostgreSQL that holds the library instead.
    """

    def __init__(self, data_dir: Path, database_url: SecretStr | None = None) -> None:
        self._database = Database(LAYOUT, data_dir, database_url)

    def document(self, document_id: str) -> Document | None:
        """Return a document that this version of the parser read."""
        row = self._row(_DOCUMENT, document_id=document_id)
        return to_document(document_id, *row, parsed=False) if row else None

    def count(self) -> int:
        """Return how many documents there are."""
        row = self._row(_COUNT)
        return row[0] if row else 0

    def characters(self) -> int:
        """Return how many characters of text are kept, whichever version of the parser read them."""
        return self._row(_CHARACTERS)[0]

    def stored_documents(self) -> tuple[StoredDocument, ...]:
        """Return every document, by title, whichever version of the parser read it."""
        documents, paths = self._rows_and_paths(_STORED)
        return tuple(
            StoredDocument(document_id=key, title=title, pages=pages, characters=length, paths=paths[key])
            # Not by the database: PostgreSQL sorts by the rules of some language.
            for key, title, pages, length in sorted(documents, key=lambda row: (row[1], row[0]))
        )

    def known_files(self) -> dict[FileState, str]:
        """Return every file whose document this version of the parser has read, as it was then, with the document."""
        rows = self._rows(_KNOWN_FILES)
        return {FileState(path, size, mtime_ns): document_id for path, size, mtime_ns, document_id in rows}

    def known_documents(self) -> tuple[KnownDocument, ...]:
        """Return every document that this version of the parser has read, last read first."""
        documents, paths = self._rows_and_paths(_KNOWN)
        return tuple(
            KnownDocument(document_id=key, title=title, pages=pages, paths=paths[key])
            for key, title, pages in documents
        )

    def erase(self, document_id: str) -> None:
        """Delete everything that is stored of a document."""
        with self._named_errors(), self._database.erasure() as connection:
            for statement in _ERASE:
                connection.execute(statement, {"document_id": document_id})

    def add(self, document_id: str, sha256: str, size: int, record: Record) -> None:
        """Store a document and its passages, in place of what an older parser read."""
        fields = record._asdict()
        key = {"document_id": document_id, "sha256": sha256, "parser": PARSER_VERSION, "size": size}
        with self._transaction() as connection:
            for statement in _ERASE_PARSED:
                connection.execute(statement, {"document_id": document_id})
            for table in (_DOCUMENTS, _PASSAGES):
                put(connection, table, {name: value for name, value in (key | fields).items() if name in table.c})

    def add_passages(self, document_id: str, size: int, spans: Sequence[Span], terms: Terms) -> None:
        """Store a document's passages of another size."""
        row = {
            "document_id": document_id,
            "size": size,
            "spans": encode_spans(spans),
            "language": terms.language,
            "vocabulary": json.dumps(terms.vocabulary),
            "lengths": terms.lengths.tobytes(),
            "ids": terms.ids.tobytes(),
        }
        with self._transaction() as connection:
            put(connection, _PASSAGES, row)

    def spans(self, document_id: str, size: int) -> tuple[Span, ...] | None:
        """Return where a document's passages of one size stand."""
        row = self._row(_SPANS, document_id=document_id, size=size)
        return decode_spans(row[0]) if row else None

    def terms(self, document_id: str, size: int) -> Terms | None:
        """Return the terms of a document's passages of one size."""
        row = self._row(_TERMS, document_id=document_id, size=size)
        return decode_terms(*row) if row else None

    def token_counts(self, document_id: str, size: int, tokenizer: str) -> tuple[int, ...] | None:
        """Return the tokens of each passage as a tokenizer counted them."""
        row = self._row(_COUNTED, document_id=document_id, size=size, tokenizer=tokenizer)
        return tuple(array("I", row[0])) if row else None

    def add_token_counts(self, document_id: str, size: int, tokenizer: str, counts: Sequence[int]) -> None:
        """Store the tokens of each passage."""
        key = {"document_id": document_id, "size": size, "tokenizer": tokenizer}
        with self._transaction() as connection:
            put(connection, _TOKEN_COUNTS, {**key, "counts": array("I", counts).tobytes()})

    def vectors(self, document_id: str, size: int, model: str) -> bytes | None:
        """Return the passages' embeddings, as 32-bit floats."""
        row = self._row(_EMBEDDED, document_id=document_id, size=size, model=model)
        return row[0] if row else None

    def add_vectors(self, document_id: str, size: int, model: str, vectors: bytes) -> None:
        """Store the passages' embeddings."""
        row = {"document_id": document_id, "size": size, "model": model, "vectors": vectors}
        with self._transaction() as connection:
            put(connection, _VECTORS, row)

    def document_of(self, state: FileState) -> str | None:
        """Return the id of the document in a file that has not changed since it was last opened."""
        row = self._row(_HELD_BY, path=state.path, size=state.size, mtime_ns=state.mtime_ns)
        return row[0] if row else None

    def remember(self, state: FileState, document_id: str, *, unchanged: bool) -> None:
        """Record that a document was read from a file and, if the file is unchanged since, that it still holds it."""
        file = {"path": state.path, "size": state.size, "mtime_ns": state.mtime_ns, "document_id": document_id}
        with self._transaction() as connection:
            if connection.execute(_IS_HELD, {"document_id": document_id}).first() is None:
                # Another process has erased it meanwhile.
                return
            put_missing(connection, _ORIGINS, {"document_id": document_id, "path": state.path})
            if unchanged:
                put(connection, _FILES, file)

    def origins(self, document_id: str) -> tuple[str, ...]:
        """Return the real paths of all files that a document was read from; none where it was fetched."""
        return tuple(path for _, path in self._rows(_ORIGINS_OF, document_id=document_id))

    def close(self) -> None:
        """Close the database; it opens again when it is next used."""
        self._database.close()

    def _row(self, query: Executable, **values: object) -> Any:  # noqa: ANN401 - a row or None, typed where it is used
        with self._named_errors(), self._database.connected() as connection:
            return connection.execute(query, values).first()

    def _rows(self, query: Executable, **values: object) -> Sequence[Any]:
        with self._named_errors(), self._database.connected() as connection:
            return connection.execute(query, values).all()

    def _rows_and_paths(self, query: Executable) -> tuple[Sequence[Any], Mapping[str, tuple[str, ...]]]:
        """Return documents, and the files that each was read from."""
        with self._named_errors(), self._database.connected() as connection:
            rows, origins = connection.execute(query).all(), connection.execute(_PATHS).all()
        paths: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
        for document_id, path in origins:
            paths[document_id] += (path,)
        return rows, paths

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        with self._named_errors(), self._database.transaction() as connection:
            yield connection

    @contextmanager
    def _named_errors(self) -> Generator[None]:
        hint = (
            "Check the disk's free space and the file's permissions; a damaged library may be deleted, its documents "
            "are then read anew."
        )
        with self._database.naming_errors(DocumentError, hint):
            yield
