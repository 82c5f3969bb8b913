"""The reading desk: what may be read, a document's own words, and whether it says what is quoted from it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from agents.cursors import Count, decode_cursor, encode_cursor
from agents.documents import reading
from agents.documents.library import Library
from agents.documents.names import rank_names
from agents.documents.reading import Bounds, Selection
from agents.errors import RequestError
from agents.grounding.quote_check import Found, differences, find_words, nearest_sentence, sentence_around
from agents.grounding.quotes import MAX_OCCURRENCES
from agents.language.tokens import estimate_tokens
from agents.schema import Document, DocumentList, DocumentText, Frozen, ListedDocument, QuoteCheck, QuotePlace

LISTED = 50
"""Documents of one list."""
MAX_PLACES = 20
"""Places of one check; of more, the first."""
NEAREST_PASSAGES = 10
"""Passages among which the sentence is looked for that comes nearest to words that are not there."""


class ListPlace(Frozen):
    """Where a list of documents goes on."""

    folder: str | None
    query: str | None
    after: int = Count


class ReadingPlace(Frozen):
    """Where the reading of a document goes on."""

    document: str
    reading: str
    spans: tuple[tuple[Annotated[int, Count], Annotated[int, Count]], ...]


async def list_documents(
    library: Library, folder: str | None = None, query: str | None = None, cursor: str | None = None
) -> DocumentList:
    """Return the documents that may be read, at most 50 at once.

    Args:
        library: Knows what was read, and what may be.
        folder: An absolute path, or words of a folder's name; None: every allowed folder, and what the library holds
            besides.
        query: Words of names or titles.
        cursor: Of an earlier list, whose folder and query it holds.

    Raises:
        DocumentError: The folder is missing or may not be read.
        RequestError: The cursor is not one of a list.
    """
    after = 0
    if cursor:
        place = decode_cursor(ListPlace, cursor)
        folder, query, after = place.folder, place.query, place.after
    listing = await library.list_documents(folder, query)
    shown = [await _with_tokens(library, each) for each in listing.documents[after : after + LISTED]]
    end = after + len(shown)
    following = ListPlace(folder=folder, query=query, after=end) if end < len(listing.documents) else None
    return DocumentList(
        folders=listing.folders,
        total=len(listing.documents),
        documents=tuple(shown),
        next_cursor=following and encode_cursor(following),
        notes=listing.notes,
    )


async def complete_document(library: Library, typed: str, *, ids: bool) -> list[str]:
    """Return what a half-typed document may become: paths or, of opened ones, ids; the likeliest first.

    Args:
        library: Knows what may be read.
        typed: The beginning of a path or an id, or some of a name.
        ids: Whether an id is wanted.

    Raises:
        DocumentError: The library cannot be read.
    """
    listed = (await library.list_documents()).documents
    named = {
        value: f"{Path(each.path or '').name} {each.title or ''}"
        for each in listed
        if (value := each.document_id if ids else each.path or each.document_id)
    }
    begun = [value for value in named if value.startswith(typed)]
    held = [value for value, name in named.items() if typed.casefold() in name.casefold()]
    values = list(named)
    meant = [values[place] for place in rank_names(typed, list(named.values()))]
    return list(dict.fromkeys([*begun, *held, *meant]))


async def read_document(
    library: Library,
    document: Document,
    pages: str | None = None,
    section: str | None = None,
    find: str | None = None,
    cursor: str | None = None,
) -> DocumentText:
    """Return a part of a document in its own words, or where given words stand in it.

    Args:
        library: Where the document comes from.
        document: What to read.
        pages: Positions, printed numbers or names of sheets, with commas and hyphens: "3", "3-5, 9", "iv".
        section: A number or a heading.
        find: Words to look for; `pages` and `section` say where they should stand.
        cursor: Where an earlier part ended; in place of `pages` and `section`.

    Raises:
        RequestError: There is no such page or section, or arguments that exclude each other.
        DocumentError: The library no longer holds the document.
    """
    if sum(each is not None for each in (pages, section, cursor)) > 1 or (find is not None and cursor is not None):
        raise RequestError(
            "pages, section and cursor exclude each other, and cursor excludes find.",
            hint="A cursor alone goes on where the last part ended.",
        )
    selected = await asyncio.to_thread(_select, document, pages, section, cursor)
    tokens = sum(await library.token_counts(document.document_id, "estimate", estimate_tokens))
    part = DocumentText(
        document_id=document.document_id,
        title=document.title,
        pages_total=len(document.pages),
        tokens_total=tokens,
        reading=selected.reading,
    )
    if find is not None:
        near = () if pages is section is None else selected.spans
        check, notes = await _check(library, document, find, near)
        return part.model_copy(update={"check": check, "notes": (*selected.notes, *notes)})
    spans, left = await asyncio.to_thread(reading.take_part, document, selected.spans)
    following = ReadingPlace(document=document.document_id, reading=selected.reading, spans=tuple(left))
    begins = pages is section is cursor is None
    return part.model_copy(
        update={
            "spans": spans,
            "next_cursor": encode_cursor(following) if left else None,
            "sections": await asyncio.to_thread(reading.outline, document) if begins else (),
            "notes": (*selected.notes, *(document.warnings if begins else ())),
        }
    )


def _select(document: Document, pages: str | None, section: str | None, cursor: str | None) -> Selection:
    if cursor is not None:
        return _from_cursor(document, cursor)
    if pages is not None:
        return reading.select_pages(document, pages)
    if section is not None:
        return reading.select_section(document, section)
    return reading.select_whole(document)


def _from_cursor(document: Document, cursor: str) -> Selection:
    place = decode_cursor(ReadingPlace, cursor)
    if place.document != document.document_id:
        raise RequestError(
            f"The cursor belongs to another document than {document.title}, or the file has changed since.",
            hint="Read it anew without cursor.",
        )
    if not all(start <= end <= len(document.text) for start, end in place.spans):
        raise RequestError("The cursor points outside of the document.", hint="Read it anew without cursor.")
    return Selection(place.reading, place.spans)


async def _with_tokens(library: Library, listed: ListedDocument) -> ListedDocument:
    if listed.document_id is None:
        return listed
    counts = await library.token_counts(listed.document_id, "estimate", estimate_tokens)
    return listed.model_copy(update={"tokens": sum(counts)})


async def _check(
    library: Library, document: Document, find: str, near: Sequence[Bounds]
) -> tuple[QuoteCheck, tuple[str, ...]]:
    if not any(map(str.isalnum, find)):
        raise RequestError("find holds no words.", hint="Give the words to look for, or leave find out to read.")
    found = await asyncio.to_thread(find_words, find, document, near)
    spans = [(place.start, place.end) for place in found.places]
    if found.verdict == "absent" and not spans:
        hits = await library.search(find, [document.document_id], NEAREST_PASSAGES)
        passages = [hit.passage for hit in hits if hit.score > 0]
        nearest = await asyncio.to_thread(nearest_sentence, find, passages)
        spans = [nearest] if nearest else []
    places = await asyncio.to_thread(lambda: tuple(_place(document, *span) for span in spans[:MAX_PLACES]))
    check = QuoteCheck(find=find, verdict=found.verdict, count=_count(found), places=places)
    notes = found.notes
    if found.verdict in ("similar", "absent") and len(places) == 1 and not notes:
        notes = tuple(filter(None, [differences(find, places[0].text)]))
    if len(spans) > MAX_PLACES:
        more = ", and there may be more than were counted" if len(spans) == MAX_OCCURRENCES else ""
        notes += (f"Only the first {MAX_PLACES} of {len(spans):,} places are shown{more}.",)
    return check, notes


def _count(found: Found) -> int:
    return 0 if found.verdict == "absent" else len(found.places)


def _place(document: Document, start: int, end: int) -> QuotePlace:
    page = document.page_at(start)
    return QuotePlace(
        page=page,
        page_name=document.page_name(page),
        start=start,
        end=end,
        text=document.text[start:end],
        sentence=sentence_around(document, start, end),
    )
