"""Reading PDF page by page by pdfium."""

import json
import os
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple, cast

import pypdfium2 as untyped

from agents.documents.parsing import formats, headings
from agents.documents.parsing.hidden_pdf import Handle, pdfium, remove_hidden
from agents.documents.parsing.parsed import ODD, Parsed, clean, join_pages, measured_sentences, shorten
from agents.errors import DocumentError

pypdfium2 = cast("Any", untyped)

_FEWEST_CHARACTERS = 20
_PAGES_PER_PROCESS = 60
_MOST_PROCESSES = 4
_MANY = 10
_LONGEST_HEADING = 160
_END_MARK_WITHIN = 65_536
_WEAK_TITLE = re.compile(
    r"untitled|\(?(?:anonymous|unknown)\)?$|microsoft word -|.*\.(?:docx?|pdf|indd|tex|dvi|qxd|pptx?)$|\W*$",
    re.IGNORECASE,
)
_OUTLINE_DEPTH = 6


class _Page(NamedTuple):
    text: str
    sentences: list[tuple[int, int]]
    heights: list[float]
    """Of each line of the text, in points."""
    hidden: list[str]
    image: bool
    failed: bool = False


def read_pdf(data: bytes, name: str) -> Parsed:
    """Read a PDF; large ones by several processes at once.

    Raises:
        DocumentError: It is locked, damaged, or only holds pictures of pages.
    """
    document = _open(data, name)
    pages = _read_pages(document, name)
    _check_text(pages, name)
    text, spans = join_pages(page.text for page in pages)
    found = _outline(document, text, spans) or _by_size(pages, spans) or headings.by_number(text)
    title = clean(document.get_metadata_value("Title")).strip()
    # A page's end always ends a sentence for the splitter, so the pages' sentences are the text's.
    sentences = [
        (start + offset, tokens)
        for page, (start, _) in zip(pages, spans, strict=True)
        for offset, tokens in page.sentences
    ]
    return Parsed("" if _WEAK_TITLE.match(title) else title, text, spans, found, _warnings(pages), sentences)


def _open(data: bytes, name: str) -> Handle:
    if b"%%EOF" not in data[-_END_MARK_WITHIN:]:
        raise formats.damaged(name, "its end is missing")
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD:
            raise formats.locked(name) from error
        raise formats.damaged(name, "its structure cannot be read") from error
    if len(document) == 0:
        raise formats.damaged(name, "it holds no pages")
    return document


def _read_pages(document: Handle, name: str) -> list[_Page]:
    """Read all pages, in forked copies of this process where there are many."""
    count = len(document)
    processes = min(os.cpu_count() or 1, _MOST_PROCESSES, count // _PAGES_PER_PROCESS)
    if processes < 2 or not hasattr(os, "fork"):
        return list(_read_range(document, 0, count))
    cuts = [count * index // processes for index in range(processes + 1)]
    results = [_fork_range(document, start, end) for start, end in pairwise(cuts[1:])]
    pages = list(_read_range(document, 0, cuts[1]))
    for process, read_end in results:
        with os.fdopen(read_end, "rb") as result:
            data = result.read()
        os.waitpid(process, 0)
        if not data:
            raise formats.damaged(name, "its pages could not be read within the memory limit")
        pages += [_Page(*page) for page in json.loads(data)]
    return pages


def _fork_range(document: Handle, start: int, end: int) -> tuple[int, int]:
    """Read some pages in a forked process; return its id and the pipe on which they come as JSON."""
    read_end, write_end = os.pipe()
    if process := os.fork():
        os.close(write_end)
        return process, read_end
    try:
        data = json.dumps(list(_read_range(document, start, end))).encode()
        with os.fdopen(write_end, "wb") as result:
            result.write(data)
    finally:
        os._exit(0)


def _read_range(document: Handle, start: int, end: int) -> Iterator[_Page]:
    for index in range(start, end):
        handle = pdfium.FPDF_LoadPage(document, index)
        if handle:
            yield _read_page(handle)
            pdfium.FPDF_ClosePage(handle)
        else:
            yield _Page("", [], [0.0], [], image=False, failed=True)


def _read_page(handle: Handle) -> _Page:
    """Read one page's lines."""
    hidden = remove_hidden(handle)
    text_page = pdfium.FPDFText_LoadPage(handle)
    content = _page_text(text_page)
    odd = ODD.search(content) is not None
    lines: list[str] = []
    heights: list[float] = []
    start = 0
    for raw in content.split("\r\n"):
        height = _line_height(text_page, start, raw)
        for line in clean(raw).split("\n") if odd else (raw,):
            lines.append(line.rstrip())
            heights.append(height)
        start += len(raw) + 2
    pdfium.FPDFText_ClosePage(text_page)
    text = "\n".join(lines)
    blank = len(text.strip()) < _FEWEST_CHARACTERS
    return _Page(text, measured_sentences(text), heights, hidden, image=blank and _holds_image(handle))


def _page_text(text_page: Handle) -> str:
    count = pdfium.FPDFText_CountChars(text_page)
    if count <= 0:
        return ""
    buffer = (pdfium.FPDF_WCHAR * (count + 1))()
    pdfium.FPDFText_GetText(text_page, 0, count, buffer)
    return bytes(buffer).decode("utf-16-le", errors="ignore").rstrip("\0")


def _line_height(text_page: Handle, start: int, line: str) -> float:
    """Return the height of a line's first character."""
    box = pdfium.FS_RECTF()
    first = start + len(line) - len(line.lstrip())
    pdfium.FPDFText_GetLooseCharBox(text_page, first, box)
    return round((box.top - box.bottom) * 2) / 2


def _holds_image(handle: Handle) -> bool:
    kinds = (
        pdfium.FPDFPageObj_GetType(pdfium.FPDFPage_GetObject(handle, index))
        for index in range(pdfium.FPDFPage_CountObjects(handle))
    )
    return any(kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM) for kind in kinds)


def _check_text(pages: list[_Page], name: str) -> None:
    """Refuse a scan: a PDF that has images in place of text."""
    characters = sum(len(page.text.strip()) for page in pages)
    if characters == 0 or (characters < _FEWEST_CHARACTERS * len(pages) and any(page.image for page in pages)):
        raise DocumentError(
            f"{name} holds no text on its {len(pages)} pages, only pictures of it or nothing at all.",
            hint="Run OCR on it first, for example with ocrmypdf, and open the result.",
        )


def _warnings(pages: list[_Page]) -> list[str]:
    hidden = [(number, shorten(text)) for number, page in enumerate(pages, 1) for text in page.hidden]
    warnings = [f"Hidden text on page {number} was left out: {text!r}." for number, text in hidden[:_MANY]]
    if len(hidden) > _MANY:
        warnings.append(f"Hidden text was left out in {len(hidden) - _MANY} more places.")
    for reason, numbers in (
        ("could not be read: damaged", [number for number, page in enumerate(pages, 1) if page.failed]),
        (
            "hold pictures without text and would need OCR",
            [number for number, page in enumerate(pages, 1) if page.image],
        ),
    ):
        if numbers:
            listed = ", ".join(map(str, numbers[:_MANY])) + (", ..." if len(numbers) > _MANY else "")
            warnings.append(f"Pages that {reason}: {listed}.")
    return warnings


def _outline(document: Handle, text: str, spans: list[tuple[int, int]]) -> list[headings.Found]:
    """Return the bookmarks as headings, each where its words stand on its page."""
    found: list[headings.Found] = []
    try:
        bookmarks = list(document.get_toc(max_depth=_OUTLINE_DEPTH))
    except pypdfium2.PdfiumError:
        return found
    last = 0
    for bookmark in bookmarks:
        target = bookmark.get_dest()
        index = cast("int | None", target.get_index() if target else None)
        title = " ".join(clean(bookmark.get_title() or "").split())
        if title and index is not None and index < len(spans):
            start, end = spans[index]
            last = _find_line(text, title, max(start, last) if last < end else start, end)
            found.append((bookmark.level + 1, title[:_LONGEST_HEADING], last))
    return sorted(found, key=lambda heading: heading[2])


def _find_line(text: str, title: str, start: int, end: int) -> int:
    """Return where a heading's words stand between two offsets, the first offset if nowhere."""
    words = r"\s+".join(re.escape(word) for word in title.split())
    match = re.compile(rf"^\W*?{words}|{words}", re.MULTILINE | re.IGNORECASE).search(text, start, end)
    return match.start() if match else start


def _by_size(pages: list[_Page], spans: list[tuple[int, int]]) -> list[headings.Found]:
    lines: list[tuple[float, str, int]] = []
    for page, (start, _) in zip(pages, spans, strict=True):
        for line, height in zip(page.text.split("\n"), page.heights, strict=True):
            lines.append((height, line, start))
            start += len(line) + 1
    found = headings.by_size(lines)
    return found if len(found) <= len(pages) * _MANY else []
