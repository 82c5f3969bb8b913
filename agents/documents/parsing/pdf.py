"""Reading PDF page by page with pdfium, without the text that somebody who looks at the page would not see."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import chain, pairwise
from typing import Any, NamedTuple, cast

import pypdfium2 as untyped
import pypdfium2.raw as untyped_raw

from agents.documents.parsing import broken_words, forks, formats, headings, pdf_ocr, running_heads, text_layer, titles
from agents.documents.parsing.hidden_text import HiddenText, left_out
from agents.documents.parsing.limits import check_pages
from agents.documents.parsing.page_layout import Line, OpenTable, Segment, arrange, is_amid_table
from agents.documents.parsing.page_objects import PageObjects
from agents.documents.parsing.page_segments import TextPage
from agents.documents.parsing.parsed import (
    MAX_WARNINGS,
    PAGE_BREAK,
    Parsed,
    list_pages,
    shorten,
)
from agents.documents.parsing.pdf_forms import Additions, FormReader, attachments, page_labels
from agents.documents.parsing.pdf_xfa import is_xfa, read_xfa
from agents.documents.parsing.pdfium_calls import Handle, read_string
from agents.documents.passages import measure_sentences
from agents.errors import DocumentError
from agents.extras import add_extra

# The bindings are made by ctypes at import and carry no types.
pypdfium2, pdfium = cast("Any", untyped), cast("Any", untyped_raw)

_MIN_CHARACTERS = 20
"""A page with fewer holds no text to speak of."""
_MAX_HEADINGS_PER_PAGE = 10


def read_pdf(data: bytes, name: str) -> Parsed:
    """Read a PDF; long ones in several processes at once.

    Raises:
        DocumentError: It is locked, damaged, or holds nothing but pictures of pages.
    """
    document = open_pdf(data, name)
    check_pages(pdfium.FPDF_GetPageCount(document))
    pages, ocr = _read_scans(document, _read_pages(document, name))
    if form := read_xfa(document):
        # What the pages say instead is only that another program is needed.
        # One page, for its real ones come about in that program.
        pages = [_Page(form, [0.0] * len(form), measure_sentences("\n".join(form)), [], image=False)]
    characters = sum(len(page.text.strip()) for page in pages)
    if characters == 0 or (characters < _MIN_CHARACTERS * len(pages) and any(page.image for page in pages)):
        raise DocumentError(
            f"{name} holds no text on its {len(pages)} pages, only pictures of it or nothing at all.",
            hint=_OCR_FOUND_NOTHING if pdf_ocr.is_installed() else _without_ocr(),
        )
    text, spans = _join(pages)
    title = " ".join(read_string(pdfium.FPDF_GetMetaText, document, b"Title").split())
    sizes = [list(zip(page.heights, page.lines, strict=True)) for page in pages]
    largest = titles.of_first_page(sizes[0], chain.from_iterable(sizes[1:]))
    placed = [(page, start) for page, (start, _) in zip(pages, spans, strict=True)]
    return Parsed(
        title=titles.choose(title, largest, pages[0].text),
        text=text,
        pages=spans,
        headings=_bookmarks(document, text, spans)
        or headings.by_size(
            (line for page, start in placed for line in page.sized_lines(start)),
            most=len(pages) * _MAX_HEADINGS_PER_PAGE,
        )
        or headings.by_number(text),
        warnings=[
            *_warnings(pages),
            *ocr,
            *([_EMPTY_XFA] if is_xfa(document) and not form else []),
            *_attached(attachments(document) + [each for page in pages for each in page.attached]),
        ],
        sentences=_sentences(text, pages, spans),
        page_labels=None if form else page_labels(document),
    )


_EMPTY_XFA = (
    "The document is an XFA form of which nothing could be read; print it to a PDF from the program that it asks for."
)
_OCR_FOUND_NOTHING = "OCR found next to nothing on them: open a sharper scan, or a copy with text."


def _without_ocr() -> str:
    return f"Install OCR with {add_extra('ocr')}, or run it first, for example with ocrmypdf, and open the result."


def _read_scans(document: Handle, pages: list["_Page"]) -> tuple[list["_Page"], list[str]]:
    """Return the pages with the text of those that are pictures, read by OCR if it is installed, and warnings."""
    scans = [index for index, page in enumerate(pages) if page.image]
    found = pdf_ocr.read_scans(document, scans)
    for index, lines in found.lines.items():
        page = pages[index]
        # Beside values of forms and notes, there was no text to speak of.
        lines += [line for line in page.lines if line.strip()]
        blank = len("".join(lines).strip()) < _MIN_CHARACTERS
        sentences = measure_sentences("\n".join(lines))
        pages[index] = page._replace(lines=lines, heights=[0.0] * len(lines), sentences=sentences, image=blank)
    for index in found.unread:
        pages[index] = pages[index]._replace(image=False, unread=True)
    return pages, [
        f"Pages that {what}: {list_pages(index + 1 for index in indexes)}."
        for what, indexes in (
            ("were read by OCR, which may take one letter for another", found.lines),
            ("OCR was uncertain of, as of handwriting", found.doubtful),
            ("OCR had no time or memory left for (READROOM_DOCUMENTS__OCR_PAGE_SECONDS gives more)", found.unread),
        )
        if indexes
    ]


class _Page(NamedTuple):
    lines: list[str]
    heights: list[float]
    """Of each line, in points."""
    sentences: list[tuple[int, int]]
    """Start on the page and estimated tokens of each."""
    hidden: list[str]
    """Texts that are not seen, and were left out."""
    image: bool
    """Whether there is a picture in place of text."""
    failed: bool = False
    unread: bool = False
    """Whether OCR, which would have read it, did not, and says so."""
    doubtful: bool = False
    """Whether the page must show something else than its text."""
    running: frozenset[str] = frozenset()
    """Lines that pages near it have in the same place."""
    attached: tuple[str, ...] = ()
    """Names of the files that are attached to the page."""
    laid: tuple[Line, ...] = ()
    """The lines as they stand on the page, before what is known of its neighbours was of use."""

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)

    def with_additions(self, additions: Additions) -> "_Page":
        """Return the page with its forms' values, notes and text boxes."""
        if not additions:
            return self
        lines, heights = additions.add_to(self.lines, self.heights)
        hidden = [*self.hidden, *additions.hidden]
        return self._replace(
            lines=lines,
            heights=heights,
            sentences=measure_sentences("\n".join(lines)),
            hidden=hidden,
            attached=tuple(additions.attached),
        )

    def sized_lines(self, start: int) -> Iterator[tuple[float, str, int]]:
        """Yield height, text and start of each line that may be a heading, for a page that starts at an offset."""
        for line, height in zip(self.lines, self.heights, strict=True):
            if line not in self.running:
                yield height, line, start
            start += len(line) + 1


_WRAPPED = "\n"
"""Between pages where a sentence runs on."""
_RUNS_ON = re.compile(r"[^\s.!?:;。！？|]\s*$")


def _join(pages: list[_Page]) -> tuple[str, list[tuple[int, int]]]:
    """Return the pages as one text, with the start and end of each; a sentence that runs on is not parted."""
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    start = 0
    for number, page in enumerate(pages):
        text = page.text
        spans.append((start, start + len(text)))
        following = pages[number + 1].text if number + 1 < len(pages) else ""
        separator = _WRAPPED if following[:1].islower() and _RUNS_ON.search(text[-80:]) else PAGE_BREAK
        parts += (text, separator)
        start += len(text) + len(separator)
    return "".join(parts[:-1]), spans


def _sentences(text: str, pages: list[_Page], spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the sentences of all pages; the two parts of one that runs on are one."""
    found: list[tuple[int, int]] = []
    for page, (start, _) in zip(pages, spans, strict=True):
        sentences = [(start + offset, tokens) for offset, tokens in page.sentences]
        if found and sentences and text[max(0, start - 2) : start].count("\n") == 1:
            first, *sentences = sentences
            found[-1] = (found[-1][0], found[-1][1] + first[1])
        found += sentences
    return found


_END_MARK_WITHIN = 65_536


def open_pdf(data: bytes, name: str) -> Handle:
    """Open a PDF that has pages.

    Raises:
        DocumentError: It is locked or damaged.
    """
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


_PAGES_PER_PROCESS = 60


def _read_pages(document: Handle, name: str) -> list[_Page]:
    """Read all pages, in forks of this process where there are many."""
    count = len(document)
    processes = forks.useful_processes(count // _PAGES_PER_PROCESS)
    cuts = [count * index // processes for index in range(processes + 1)]
    pages: list[_Page] = []
    for part in forks.run_at_once([partial(_read_range, document, *ends) for ends in pairwise(cuts)]):
        if isinstance(part, forks.Ended):
            raise formats.ended_abruptly(name, part.code)
        pages += part
    return pages


def _read_range(document: Handle, start: int, end: int) -> list[_Page]:
    """Read some pages; those around them are looked at too, so that it does not matter how pages are shared out."""
    first, last = max(0, start - running_heads.CONTEXT), min(len(document), end + running_heads.CONTEXT)
    pages: list[_Page] = []
    additions: list[Additions] = []
    forms = FormReader(document)
    table = _table_above(document, first)
    for index in range(first, last):
        handle = pdfium.FPDF_LoadPage(document, index)
        if handle:
            page, table = _read_page(handle, table)
            pages.append(page)
            additions.append(forms.read(handle))
            pdfium.FPDF_ClosePage(handle)
        else:
            pages.append(_Page([""], [0.0], [], [], image=False, failed=True))
            additions.append(Additions())
            table = None
    finished = zip(_finished(pages), additions, strict=True)
    return [page.with_additions(added) for page, added in finished][start - first : end - first]


def _table_above(document: Handle, index: int) -> OpenTable | None:
    """Return the table at the end of the page before one; it may have begun many pages before."""
    amid: list[list[Segment]] = []
    table: OpenTable | None = None
    while index > 0 and table is None:
        index -= 1
        segments = _segments(document, index)
        table = arrange(segments).table
        if table is None:
            if not is_amid_table(segments):
                break
            amid.append(segments)
    for segments in reversed(amid):
        table = arrange(segments, table).table
    return table


def _segments(document: Handle, index: int) -> list[Segment]:
    """Return the segments of a page, none where it cannot be loaded."""
    handle = pdfium.FPDF_LoadPage(document, index)
    if not handle:
        return []
    text_page = TextPage(handle)
    segments = text_page.segments()
    text_page.close()
    pdfium.FPDF_ClosePage(handle)
    return segments


def _finished(pages: list[_Page]) -> list[_Page]:
    """Return the pages without what runs on all of them, and with broken words joined, over pages' ends as well."""
    kept = running_heads.without_running([page.laid for page in pages])
    lines = [page.lines for page in kept]
    for upper, lower in pairwise(lines):
        _join_over_page(upper, lower)
    texts = ["\n".join(line.text for line in page) for page in lines]
    vocabularies = list(map(broken_words.Vocabulary, texts))
    finished: list[_Page] = []
    for index, page in enumerate(pages):
        if not page.laid:
            finished.append(page)
            continue
        near = vocabularies[max(0, index - _VOCABULARY_PAGES) : index + _VOCABULARY_PAGES + 1]
        joined, heights = _joined(lines[index], texts[index], near)
        sentences = measure_sentences("\n".join(joined))
        running = kept[index].running
        finished.append(page._replace(lines=joined, heights=heights, sentences=sentences, running=running, laid=()))
    return finished


_VOCABULARY_PAGES = 2
"""How many pages before and behind tell how a broken word is written; no more than are read around a page."""
_PAGE_END_HYPHEN = re.compile(r"[^\W\d_][-\u2010\u00ad]$")


def _join_over_page(upper: list[Line], lower: list[Line]) -> None:
    """Move the rest of a word that a page's end has broken to where the word begins."""
    if upper and lower and _PAGE_END_HYPHEN.search(upper[-1].text) and lower[0].text[:1].islower():
        word, _, rest = lower[0].text.partition(" ")
        upper.append(lower[0]._replace(text=word))
        lower[0] = lower[0]._replace(text=rest)
        if not rest:
            del lower[0]


def _joined(lines: list[Line], text: str, near: list[broken_words.Vocabulary]) -> tuple[list[str], list[float]]:
    """Return the lines with broken words joined, and their heights."""
    heights = [round(line.height * 2) / 2 for line in lines]
    if not broken_words.MAY_BE.search(text):
        return [line.text for line in lines] or [""], heights or [0.0]
    whole = list(broken_words.Hyphenation(near).join_lines([line.text for line in lines]))
    return [line for _, line in whole], [heights[at] for at, _ in whole]


def _read_page(handle: Handle, above: OpenTable | None) -> tuple[_Page, OpenTable | None]:
    """Read a loaded page, on which the table above may go on; return it and the table at its end."""
    objects, text_page = PageObjects(handle), TextPage(handle)
    hidden: list[str] = []
    if found := objects.find_hidden(text_page):
        hidden = text_page.words_of(each.text for each in found)
        text_page.close()
        objects.remove(found)
        text_page = TextPage(handle)
    layout = arrange(text_page.segments(), above)
    laid = tuple(line for part in layout.lines for line in _single_lines(part))
    content = text_page.content
    blank = len(content.strip()) < _MIN_CHARACTERS
    doubtful = text_layer.is_doubtful(content, text_page.shape_at)
    text_page.close()
    image = blank and objects.holds_image()
    return _Page([""], [0.0], [], hidden, image, doubtful=doubtful, laid=laid), layout.table


def _single_lines(line: Line) -> Iterator[Line]:
    """Yield the lines of what pdfium takes for one; it may hold line feeds."""
    for text in line.text.split("\n"):
        yield line._replace(text=text.rstrip())


def _warnings(pages: list[_Page]) -> list[str]:
    warnings = left_out(HiddenText(text, number) for number, page in enumerate(pages, 1) for text in page.hidden)
    for reason, numbers in (
        ("could not be read: damaged", [number for number, page in enumerate(pages, 1) if page.failed]),
        (
            "hold no text",
            [
                number
                for number, page in enumerate(pages, 1)
                if not (page.text.strip() or page.failed or page.image or page.unread)
            ],
        ),
        (
            "have a text layer that cannot be what they show, and would need OCR to be read rightly",
            [number for number, page in enumerate(pages, 1) if page.doubtful],
        ),
        (
            "hold pictures without text"
            + ("" if pdf_ocr.is_installed() else f" and would need OCR ({add_extra('ocr')} adds it)"),
            [number for number, page in enumerate(pages, 1) if page.image],
        ),
    ):
        if numbers:
            warnings.append(f"Pages that {reason}: {list_pages(numbers)}.")
    return warnings


def _attached(names: list[str]) -> list[str]:
    """Return a warning that names the files in the file; a portfolio's pages say little else."""
    unique = list(dict.fromkeys(name or "one without a name" for name in names))
    if not unique:
        return []
    rest = f" and {len(unique) - MAX_WARNINGS} more" if len(unique) > MAX_WARNINGS else ""
    listed = ", ".join(shorten(name) for name in unique[:MAX_WARNINGS])
    return [f"Attached files that were not read (save them, and open them as documents): {listed}{rest}."]


_MAX_BOOKMARK_DEPTH = 6


def _bookmarks(document: Handle, text: str, spans: list[tuple[int, int]]) -> list[headings.Found]:
    """Return the bookmarks as headings, each where its words stand on its page, else where the page starts."""
    found: list[headings.Found] = []
    try:
        bookmarks = list(document.get_toc(max_depth=_MAX_BOOKMARK_DEPTH))
    except pypdfium2.PdfiumError:
        return found
    last = 0
    for bookmark in bookmarks:
        target = bookmark.get_dest()
        index = cast("int | None", target.get_index() if target else None)
        title = " ".join(read_string(pdfium.FPDFBookmark_GetTitle, bookmark).split())
        if title and index is not None and index < len(spans):
            start, end = spans[index]
            last = max(start, last) if last < end else start
            words = r"\s+".join(map(re.escape, title.split()))
            line = re.compile(rf"^\W*?{words}|{words}", re.MULTILINE | re.IGNORECASE).search(text, last, end)
            last = line.start() if line else last
            found.append((bookmark.level + 1, title[: headings.MAX_LENGTH], last))
    return sorted(found, key=lambda heading: heading[2])
