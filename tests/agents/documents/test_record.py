import pytest

from agents.documents.passages import cut
from agents.documents.record import Record, decode_spans, decode_terms
from agents.documents.terms import document_terms
from agents.schema import Document, Heading, Page

DOCUMENT = Document(
    document_id="d1",
    title="Öl",
    name="öl.txt",
    text="# Öl\n\nDie Pumpe faßt 40 Liter. 泵是新的。",
    pages=(Page(number=1, start=0, end=38, label="iv", kind="slide"),),
    headings=(Heading(level=1, text="Öl", start=0),),
    warnings=("One picture was not read.",),
)


def record() -> Record:
    spans = cut(DOCUMENT, 300)
    return Record.of(DOCUMENT, spans, document_terms(DOCUMENT, spans))


def test_a_document_travels_whole_and_without_a_zero_byte() -> None:
    sent = b"".join(record().to_parts())
    received = Record.from_bytes(memoryview(sent))
    assert b"\0" not in sent
    assert received == record()
    assert received.document("d1") == DOCUMENT
    assert decode_spans(received.spans) == cut(DOCUMENT, 300)
    terms = decode_terms(received.language, received.vocabulary, received.lengths, received.ids)
    assert terms == document_terms(DOCUMENT, cut(DOCUMENT, 300))


def test_a_record_that_breaks_off_is_none() -> None:
    sent = b"".join(record().to_parts())
    with pytest.raises(ValueError, match="breaks off"):
        Record.from_bytes(memoryview(sent)[:-1])
