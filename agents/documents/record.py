"""A document as it travels from the parsing process and lies in the library: decoded only where it is used.

Decoding and encoding in Python hold the interpreter's lock, and a server that does either with a long text keeps every
other caller waiting.
"""

import codecs
import json
from array import array
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple

from agents.documents.passages import Span, Terms
from agents.schema import Document, Heading, Page


class Record(NamedTuple):
    """A document, its passages and their terms: a text in UTF-8, names, JSON, and 32-bit numbers."""

    title: str
    name: str
    text: bytes
    pages: str
    headings: str
    warnings: str
    spans: str
    language: str
    vocabulary: str
    lengths: bytes
    ids: bytes

    @classmethod
    def of(cls, document: Document, spans: Sequence[Span], terms: Terms) -> "Record":
        """Return the record of a document."""
        return cls(
            title=document.title,
            name=document.name,
            text=document.text.encode(),
            pages=json.dumps([(page.number, page.start, page.end, page.label, page.kind) for page in document.pages]),
            headings=json.dumps([(heading.level, heading.text, heading.start) for heading in document.headings]),
            warnings=json.dumps(document.warnings),
            spans=encode_spans(spans),
            language=terms.language,
            vocabulary=json.dumps(terms.vocabulary),
            lengths=terms.lengths.tobytes(),
            ids=terms.ids.tobytes(),
        )

    def to_parts(self) -> list[bytes]:
        """Return what `from_bytes` restores, in parts: together they would take the memory again. No byte is zero."""
        numbers = {"lengths": b64encode(self.lengths), "ids": b64encode(self.ids)}
        fields = [each.encode() if isinstance(each, str) else each for each in self._replace(**numbers)]
        return [json.dumps([*map(len, fields)]).encode() + b"\n", *fields]

    @classmethod
    def from_bytes(cls, data: memoryview) -> "Record":
        """Restore what `to_parts` returned.

        Raises:
            ValueError: It is not whole.
        """
        head, _, _ = bytes(data[:_HEAD_BYTES]).partition(b"\n")
        sizes: list[int] = json.loads(head)
        place = len(head) + 1
        if place + sum(sizes) != len(data):
            raise ValueError("The record breaks off.")
        fields: list[Any] = []
        for size, kind in zip(sizes, cls.__annotations__.values(), strict=True):
            field = data[place : place + size]
            fields.append(str(field, "utf-8") if kind is str else bytes(field))
            place += size
        record = cls(*fields)
        return record._replace(lengths=_decode_numbers(record.lengths), ids=_decode_numbers(record.ids))

    def document(self, document_id: str) -> Document:
        """Return the document, without its passages."""
        named = self.title, self.name
        return to_document(document_id, *named, self.text, self.pages, self.headings, self.warnings, parsed=True)


_HEAD_BYTES = 1_024
"""More than the sizes of all fields take."""
_DECODED_BYTES = 1 << 22
"""Decoded at once: some three milliseconds, in which nothing else goes on."""


def _decode_numbers(numbers: bytes) -> bytes:
    """Return what base64 encodes: four of its letters are three bytes, so that its parts can be decoded one by one."""
    return b"".join(
        b64decode(numbers[place : place + _DECODED_BYTES]) for place in range(0, len(numbers), _DECODED_BYTES)
    )


def to_document(
    document_id: str, title: str, name: str, text: bytes, pages: str, headings: str, warnings: str, *, parsed: bool
) -> Document:
    """Return the document whose fields a record holds."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    parts = (decoder.decode(text[place : place + _DECODED_BYTES]) for place in range(0, len(text), _DECODED_BYTES))
    return Document(
        document_id=document_id,
        title=title,
        name=name,
        text="".join(parts),
        pages=tuple(
            # The first versions kept neither labels nor kinds.
            Page(number=number, start=start, end=end, **dict(zip(("label", "kind"), named, strict=False)))
            for number, start, end, *named in json.loads(pages)
        ),
        headings=tuple(Heading(level=level, text=text, start=start) for level, text, start in json.loads(headings)),
        warnings=tuple(json.loads(warnings)),
        parsed=parsed,
    )


def encode_spans(spans: Sequence[Span]) -> str:
    """Return the places of passages as a record holds them."""
    return json.dumps([(span.start, span.end, span.page, span.heading) for span in spans])


def decode_spans(spans: str) -> tuple[Span, ...]:
    """Return the places of a record's passages."""
    return tuple(Span(*span) for span in json.loads(spans))


def decode_terms(language: str, vocabulary: str, lengths: bytes, ids: bytes) -> Terms:
    """Return the terms of a record's passages."""
    return Terms(language, tuple(json.loads(vocabulary)), array("I", lengths), array("I", ids))
