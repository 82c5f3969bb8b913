"""Evidence: a page of a document with the quotes on it, as a picture where the document is a PDF, and as text."""

from collections.abc import Sequence
from itertools import pairwise

from agents.documents.library import Library
from agents.errors import DocumentError, RequestError
from agents.schema import Document, EvidencePage, MarkedText, Page, PagePicture

MAX_CHARACTERS = 20_000
"""Of a page's text: of a longer page, such as a whole text file, what stands around the first quote is shown."""
_BEFORE = MAX_CHARACTERS // 4
_MAX_QUOTE = 2_000
"""Characters of a quote that are looked for on a picture."""
_AROUND = 60
"""Characters before and behind a quote, by which it is told from the same words elsewhere on the page."""
Bounds = tuple[int, int]
"""First character, and one past the last."""


async def show_page(library: Library, document_id: str, number: int, quotes: Sequence[Bounds] = ()) -> EvidencePage:
    """Return a page with quotes marked on it.

    Args:
        library: Where the document is.
        document_id: Its id.
        number: The page's position, from 1.
        quotes: Where they stand in the document's text; what is not on the page is left out.

    Raises:
        DocumentError: There is no such document, or it may not be read here.
        RequestError: It has no such page.
    """
    document = await library.get(document_id)
    page = next((each for each in document.pages if each.number == number), None)
    if page is None:
        raise RequestError(f"{document.title} has no page {number}.", hint=f"It has {len(document.pages)}.")
    quotes = [(max(start, page.start), min(end, page.end)) for start, end in quotes]
    start, end = _shown(page, [quote for quote in quotes if quote[0] < quote[1]])
    picture, note = await _picture(library, document, page, quotes)
    return EvidencePage(
        document_id=document.document_id,
        title=document.title,
        page=number,
        page_name=document.page_name(number),
        pages_total=len(document.pages),
        start=start,
        end=end,
        cut=(start, end) != (page.start, page.end),
        text=tuple(_marked(document.text, start, end, quotes)),
        picture=picture,
        note=note,
    )


async def _picture(
    library: Library, document: Document, page: Page, quotes: Sequence[Bounds]
) -> tuple[PagePicture | None, str]:
    """Return the page's picture, or why there is none."""
    wanted = [_wanted(document.text, page, start, end) for start, end in quotes]
    try:
        return await library.picture(document.document_id, page.number, wanted), ""
    except DocumentError as error:
        return None, str(error)


def _wanted(text: str, page: Page, start: int, end: int) -> tuple[str, str, str]:
    """Return a quote and what stands around it on its page, as `Library.picture` takes them."""
    before = text[max(page.start, start - _AROUND) : start]
    return text[start:end][:_MAX_QUOTE], before, text[end : min(page.end, end + _AROUND)]


def _shown(page: Page, quotes: Sequence[Bounds]) -> Bounds:
    """Return what is shown of a page's text."""
    if page.end - page.start <= MAX_CHARACTERS:
        return page.start, page.end
    first = min((start for start, _ in quotes), default=page.start)
    start = max(page.start, min(first - _BEFORE, page.end - MAX_CHARACTERS))
    return start, start + MAX_CHARACTERS


def _marked(text: str, start: int, end: int, quotes: Sequence[Bounds]) -> list[MarkedText]:
    """Return a stretch of text, cut where a quote begins or ends."""
    cuts = {start, end, *(cut for quote in quotes for cut in quote if start < cut < end)}
    return [
        MarkedText(
            text=text[begin:stop],
            quotes=tuple(number for number, (first, last) in enumerate(quotes) if first <= begin and stop <= last),
        )
        for begin, stop in pairwise(sorted(cuts))
    ]
