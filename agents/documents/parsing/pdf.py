"""Reading PDF page by page with pdfium, without the text that somebody who looks at the page would not see."""

import ctypes
import os
import re
import traceback
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import pairwise
from multiprocessing.connection import Connection, Pipe
from typing import Any, NamedTuple, cast

import pypdfium2 as untyped
import pypdfium2.raw as untyped_raw

from agents.documents.parsing import broken_words, formats, headings, pdf_ocr, running_heads, text_layer
from agents.documents.parsing.page_layout import Line, arrange
from agents.documents.parsing.page_segments import Box, Handle, TextPage
from agents.documents.parsing.parsed import (
    MAX_WARNINGS,
    PAGE_BREAK,
    Parsed,
    cap_warnings,
    clean,
    measure_sentences,
    shorten,
)
from agents.documents.parsing.pdf_forms import Additions, FormReader, attachments, page_labels
from agents.documents.parsing.pdf_xfa import is_xfa, read_xfa
from agents.errors import DocumentError

# The bindings are made by ctypes at import and carry no types.
pypdfium2, pdfium = cast("Any", untyped), cast("Any", untyped_raw)

_MIN_CHARACTERS = 20
"""A page with fewer holds no text to speak of."""
_WEAK_TITLE = re.compile(
    r"untitled|\(?(?:anonymous|unknown)\)?$|microsoft word -|.*\.(?:docx?|pdf|indd|tex|dvi|qxd|pptx?)$|\W*$",
    re.IGNORECASE,
)
_MAX_HEADINGS_PER_PAGE = 10


def read_pdf(data: bytes, name: str) -> Parsed:
    """Read a PDF; long ones in several processes at once.

    Raises:
        DocumentError: It is locked, damaged, or holds nothing but pictures of pages.
    """
    document = _open(data, name)
    pages, ocr = _read_scans(document, _read_pages(document, name))
    if form := read_xfa(document):
        # What the pages say instead is only that another program is needed.
        # One page, for its real ones come about in that program.
        pages = [_Page(form, [0.0] * len(form), measure_sentences("\n".join(form)), [], image=False)]
    characters = sum(len(page.text.strip()) for page in pages)
    if characters == 0 or (characters < _MIN_CHARACTERS * len(pages) and any(page.image for page in pages)):
        raise DocumentError(
            f"{name} holds no text on its {len(pages)} pages, only pictures of it or nothing at all.",
            hint=_OCR_FOUND_NOTHING if pdf_ocr.is_installed() else _NO_OCR,
        )
    text, spans = _join(pages)
    title = clean(document.get_metadata_value("Title")).strip()
    placed = [(page, start) for page, (start, _) in zip(pages, spans, strict=True)]
    return Parsed(
        title="" if _WEAK_TITLE.match(title) else title,
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
_NO_OCR = f"Install OCR with {pdf_ocr.INSTALL}, or run it first, for example with ocrmypdf, and open the result."
_OCR_FOUND_NOTHING = "OCR found next to nothing on them: open a sharper scan, or a copy with text."


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
        # Named below, and not again as pages without text.
        pages[index] = pages[index]._replace(image=False)
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
    doubtful: bool = False
    """Whether the page must show something else than its text."""
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
        """Yield height, text and start of each line, for a page that starts at an offset."""
        for line, height in zip(self.lines, self.heights, strict=True):
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


_PAGES_PER_PROCESS = 60
_MAX_PROCESSES = 4


def _read_pages(document: Handle, name: str) -> list[_Page]:
    """Read all pages, in forks of this process where there are many."""
    count = len(document)
    processes = min(os.cpu_count() or 1, _MAX_PROCESSES, count // _PAGES_PER_PROCESS)
    if processes < 2 or not hasattr(os, "fork"):
        return _read_range(document, 0, count)
    cuts = [count * index // processes for index in range(processes + 1)]
    forks = [_fork_range(document, start, end) for start, end in pairwise(cuts[1:])]
    pages = _read_range(document, 0, cuts[1])
    for process, receiver in forks:
        result: list[_Page] | Exception | None = None
        with receiver, suppress(EOFError):
            result = receiver.recv()
        _, status = os.waitpid(process, 0)
        if result is None:
            raise formats.ended_abruptly(name, os.waitstatus_to_exitcode(status))
        if isinstance(result, Exception):
            raise result
        pages += result
    return pages


def _fork_range(document: Handle, start: int, end: int) -> tuple[int, "Connection[Any, Any]"]:
    """Read some pages in a fork; return its process id and where its pages, or its exception, arrive."""
    receiver, sender = Pipe(duplex=False)
    if process := os.fork():
        sender.close()
        return process, receiver
    try:
        try:
            sender.send(_read_range(document, start, end))
        except Exception as error:
            # The traceback does not travel with an exception, but its notes do.
            error.add_note(traceback.format_exc())
            sender.send(error)
    finally:
        os._exit(0)


def _read_range(document: Handle, start: int, end: int) -> list[_Page]:
    """Read some pages; those around them are looked at too, so that it does not matter how pages are shared out."""
    first, last = max(0, start - running_heads.CONTEXT), min(len(document), end + running_heads.CONTEXT)
    pages: list[_Page] = []
    additions: list[Additions] = []
    forms = FormReader(document)
    for index in range(first, last):
        handle = pdfium.FPDF_LoadPage(document, index)
        if handle:
            pages.append(_read_page(handle))
            additions.append(forms.read(handle))
            pdfium.FPDF_ClosePage(handle)
        else:
            pages.append(_Page([""], [0.0], [], [], image=False, failed=True))
            additions.append(Additions())
    finished = zip(_finished(pages), additions, strict=True)
    return [page.with_additions(added) for page, added in finished][start - first : end - first]


def _finished(pages: list[_Page]) -> list[_Page]:
    """Return the pages without what runs on all of them, and with broken words joined, over pages' ends as well."""
    lines = running_heads.without_running([page.laid for page in pages])
    for upper, lower in pairwise(lines):
        _join_over_page(upper, lower)
    texts = ["\n".join(line.text for line in page) for page in lines]
    finished: list[_Page] = []
    for index, page in enumerate(pages):
        if not page.laid:
            finished.append(page)
            continue
        near = texts[max(0, index - _VOCABULARY_PAGES) : index + _VOCABULARY_PAGES + 1]
        joined, heights = _joined(lines[index], texts[index], near)
        sentences = measure_sentences("\n".join(joined))
        finished.append(page._replace(lines=joined, heights=heights, sentences=sentences, laid=()))
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


def _joined(lines: list[Line], text: str, near: list[str]) -> tuple[list[str], list[float]]:
    """Return the lines with broken words joined, and their heights."""
    heights = [round(line.height * 2) / 2 for line in lines]
    if not broken_words.MAY_BE.search(text):
        return [line.text for line in lines] or [""], heights or [0.0]
    whole = list(broken_words.Hyphenation(near).join_lines([line.text for line in lines]))
    return [line for _, line in whole], [heights[at] for at, _ in whole]


def _read_page(handle: Handle) -> _Page:
    """Read a loaded page."""
    objects = _PageObjects(handle)
    hidden = objects.remove_hidden()
    text_page = TextPage(handle)
    laid = tuple(line for part in arrange(text_page.segments()) for line in _single_lines(part))
    content = text_page.content
    blank = len(content.strip()) < _MIN_CHARACTERS
    doubtful = text_layer.is_doubtful(content, text_page.shape_at)
    text_page.close()
    return _Page([""], [0.0], [], hidden, image=blank and objects.holds_image(), doubtful=doubtful, laid=laid)


def _single_lines(line: Line) -> Iterator[Line]:
    """Yield the lines of what pdfium takes for one; it may hold line feeds."""
    for text in line.text.split("\n"):
        yield line._replace(text=text.rstrip())


def _warnings(pages: list[_Page]) -> list[str]:
    hidden = [(number, shorten(text)) for number, page in enumerate(pages, 1) for text in page.hidden]
    warnings = cap_warnings([f"Hidden text on page {number} was left out: {text!r}." for number, text in hidden])
    for reason, numbers in (
        ("could not be read: damaged", [number for number, page in enumerate(pages, 1) if page.failed]),
        (
            "have a text layer that cannot be what they show, and would need OCR to be read rightly",
            [number for number, page in enumerate(pages, 1) if page.doubtful],
        ),
        (
            "hold pictures without text"
            + ("" if pdf_ocr.is_installed() else f" and would need OCR ({pdf_ocr.INSTALL} adds it)"),
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


def list_pages(numbers: Iterable[int]) -> str:
    """Return page numbers in short: "1-3, 7"; of many ranges, the first."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    listed = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:MAX_WARNINGS]]
    return ", ".join(listed) + (", ..." if len(ranges) > MAX_WARNINGS else "")


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
        title = " ".join(clean(bookmark.get_title() or "").split())
        if title and index is not None and index < len(spans):
            start, end = spans[index]
            last = max(start, last) if last < end else start
            words = r"\s+".join(map(re.escape, title.split()))
            line = re.compile(rf"^\W*?{words}|{words}", re.MULTILINE | re.IGNORECASE).search(text, last, end)
            last = line.start() if line else last
            found.append((bookmark.level + 1, title[: headings.MAX_LENGTH], last))
    return sorted(found, key=lambda heading: heading[2])


_WHITE = 250
_TRANSPARENT = 8
_TINY = 1.5
_SURELY_LEGIBLE = 6
_MAX_FORM_DEPTH = 3


class _PageObjects:
    """What is drawn on a loaded page whose text is not loaded yet.

    Every text is looked at, so the variables that pdfium writes to are made once.
    """

    def __init__(self, page: Handle) -> None:
        self._page = page
        self._red, self._green, self._blue, self._alpha = (ctypes.c_uint() for _ in range(4))
        self._left, self._bottom, self._right, self._top = (ctypes.c_float() for _ in range(4))
        self._size = ctypes.c_float()
        area = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(page, area)
        self._area: Box = (area.left, area.bottom, area.right, area.top)

    def remove_hidden(self) -> list[str]:
        """Remove the text that is not seen from the page, and return it.

        Not seen is text that is transparent, white on nothing, far too small, outside the page, or drawn without fill
        or outline where no image stands over it (scans carry their text that way).
        """
        suspects = [(text, form) for text, form in self._texts(None, 0) if self._is_suspect(text)]
        if not suspects:
            return []
        images, shapes = self._covers()
        hidden = [
            (text, form) for text, form in suspects if not self._is_seen(text, images, shapes, in_form=form is not None)
        ]
        words = self._words([text for text, _ in hidden])
        for text, form in hidden:
            if form is None:
                pdfium.FPDFPage_RemoveObject(self._page, text)
            else:
                pdfium.FPDFFormObj_RemoveObject(form, text)
        return words

    def holds_image(self) -> bool:
        """Whether there is an image on the page, or a form, which may hold one."""
        kinds = (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM)
        return any(pdfium.FPDFPageObj_GetType(item) in kinds for item in self._items(None))

    def _texts(self, form: Handle, depth: int) -> Iterator[tuple[Handle, Handle]]:
        """Yield every text and the form that holds it, None for the page itself."""
        for item in self._items(form):
            kind = pdfium.FPDFPageObj_GetType(item)
            if kind == pdfium.FPDF_PAGEOBJ_TEXT:
                yield item, form
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _MAX_FORM_DEPTH:
                yield from self._texts(item, depth + 1)

    def _is_suspect(self, text: Handle) -> bool:
        """Whether a text may be invisible; cheap, for it is asked of every one."""
        red, green, blue, alpha = self._color(text)
        if alpha <= _TRANSPARENT or min(red, green, blue) >= _WHITE or self._is_unpainted(text):
            return True
        left, bottom, right, top = self._box(text)
        outside = right < self._area[0] or left > self._area[2] or top < self._area[1] or bottom > self._area[3]
        return outside or self._height(text) < _TINY

    def _is_seen(self, text: Handle, images: list[Box], shapes: list[Box], *, in_form: bool) -> bool:
        """Whether a suspect is seen after all: on a dark shape or an image, or as the text of a scan."""
        if self._height(text) < _TINY:
            return False
        unpainted = self._is_unpainted(text) or self._color(text)[3] <= _TRANSPARENT
        behind = images if unpainted else [*images, *shapes]
        # A form has coordinates of its own, so anything behind it counts.
        if in_form:
            return bool(behind)
        left, bottom, right, top = self._box(text)
        x, y = (left + right) / 2, (bottom + top) / 2
        return any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box in behind)

    def _covers(self) -> tuple[list[Box], list[Box]]:
        """Return where images and where filled shapes other than white ones stand."""
        images: list[Box] = []
        shapes: list[Box] = []
        for item in self._items(None):
            kind = pdfium.FPDFPageObj_GetType(item)
            if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                images.append(self._box(item))
            elif kind in (pdfium.FPDF_PAGEOBJ_SHADING, pdfium.FPDF_PAGEOBJ_FORM) or (
                kind == pdfium.FPDF_PAGEOBJ_PATH and self._filled(item)
            ):
                shapes.append(self._box(item))
        return images, shapes

    def _words(self, texts: list[Handle]) -> list[str]:
        """Return what texts say."""
        text_page = pdfium.FPDFText_LoadPage(self._page)
        found: list[str] = []
        for text in texts:
            size = pdfium.FPDFTextObj_GetText(text, text_page, None, 0)
            buffer = ctypes.create_string_buffer(size)
            pdfium.FPDFTextObj_GetText(text, text_page, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
            found.append(buffer.raw.decode("utf-16-le", errors="ignore").strip("\0 "))
        pdfium.FPDFText_ClosePage(text_page)
        return [words for words in found if words]

    def _items(self, form: Handle) -> Iterator[Handle]:
        if form is None:
            for index in range(pdfium.FPDFPage_CountObjects(self._page)):
                yield pdfium.FPDFPage_GetObject(self._page, index)
        else:
            for index in range(pdfium.FPDFFormObj_CountObjects(form)):
                yield pdfium.FPDFFormObj_GetObject(form, index)

    def _color(self, item: Handle) -> tuple[int, int, int, int]:
        """Return the fill's red, green, blue and opacity, black where it has none of its own."""
        if not pdfium.FPDFPageObj_GetFillColor(item, self._red, self._green, self._blue, self._alpha):
            return 0, 0, 0, 255
        return self._red.value, self._green.value, self._blue.value, self._alpha.value

    def _box(self, item: Handle) -> Box:
        pdfium.FPDFPageObj_GetBounds(item, self._left, self._bottom, self._right, self._top)
        return self._left.value, self._bottom.value, self._right.value, self._top.value

    def _height(self, text: Handle) -> float:
        """Return the font's size on the page, in points."""
        pdfium.FPDFTextObj_GetFontSize(text, self._size)
        size = self._size.value
        # Most texts are set in their true size; only small ones may owe it to their matrix.
        if size >= _SURELY_LEGIBLE:
            return size
        matrix = pdfium.FS_MATRIX()
        pdfium.FPDFPageObj_GetMatrix(text, matrix)
        return size * max(abs(matrix.d), abs(matrix.b), abs(matrix.a))

    def _filled(self, path: Handle) -> bool:
        mode, stroke = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDFPath_GetDrawMode(path, mode, stroke)
        red, green, blue, alpha = self._color(path)
        return mode.value != pdfium.FPDF_FILLMODE_NONE and min(red, green, blue) < _WHITE and alpha > _TRANSPARENT

    def _is_unpainted(self, text: Handle) -> bool:
        return pdfium.FPDFTextObj_GetTextRenderMode(text) in (
            pdfium.FPDF_TEXTRENDERMODE_INVISIBLE,
            pdfium.FPDF_TEXTRENDERMODE_CLIP,
        )
