"""Reading scanned pages by OCR, with the models that the extra `ocr` brings; nothing is downloaded."""

import ctypes
import importlib
import importlib.util
import logging
import math
import os
import signal
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from statistics import mean
from typing import Any, NamedTuple, cast

from agents.documents.parsing import forks, limits
from agents.documents.parsing.parsed import clean

_logger = logging.getLogger(__name__)

_DOTS_PER_POINT = 200 / 72
"""Scans are made with 200 to 300 dots per inch; finer ones are no better read and take longer."""
_MAX_SIDE = 2_000
"""Pixels; the models' own limit for a picture's longer side."""
_DOUBTFUL = 0.85
"""The certainty of printed pages is 0.94 and more, in small print and old faxes too; of handwriting it is 0.7."""


def is_installed() -> bool:
    """Whether the extra is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


@dataclass
class ScannedText:
    """What was read of some pages; all page indexes count from 0."""

    lines: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    """By page; a page on which nothing was found has none."""
    doubtful: list[int] = field(default_factory=list[int])
    """Pages whose words are uncertain, as those of handwriting are."""
    unread: list[int] = field(default_factory=list[int])
    """Pages for which there was no time left, or not enough memory."""

    def add(self, other: "ScannedText") -> None:
        """Add what was read of other pages."""
        self.lines.update(other.lines)
        self.doubtful += other.doubtful
        self.unread += other.unread


_MAX_BARREN = 3
"""Processes that end before they have read a page; after these there are no more."""


def read_scans(document: Any, indexes: Sequence[int]) -> ScannedText:  # noqa: ANN401 - pypdfium2 has no types
    """Read pages of a document of pypdfium2's, several at once in forks of this process."""
    found = ScannedText()
    if not indexes or not is_installed():
        return found
    limits.report_scan(0, len(indexes))
    scans = _Scans(document)
    for page in scans.read_in_forks(indexes) if forks.CAN_FORK else scans.read(indexes):
        found.add(page)
        limits.report_scan(len(found.lines) + len(found.unread), len(indexes))
    found.lines = dict(sorted(found.lines.items()))
    for pages in (found.doubtful, found.unread):
        pages.sort()
    return found


@dataclass
class _Fork:
    """A process that reads some pages."""

    process: int
    receiver: "Connection[Any, Any]"
    """Where each page arrives when it is read."""
    left: list[int]
    barren: bool = True
    """Whether nothing has arrived yet."""

    def receive(self) -> ScannedText | None:
        """Return the next page, or pages that could not be read; None when the process has ended."""
        try:
            page = cast("ScannedText", self.receiver.recv())
        except (EOFError, OSError):
            self.wait()
            return None
        self.barren = False
        self.left = [index for index in self.left if index not in page.lines and index not in page.unread]
        return page

    def end(self) -> None:
        """End the process, whatever it is doing: one whose pages nobody takes would wait for ever to hand them over."""
        os.kill(self.process, signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        """Wait until the process has ended."""
        self.receiver.close()
        os.waitpid(self.process, 0)


class _Scans(NamedTuple):
    """The scanned pages of a document."""

    document: Any

    def read_in_forks(self, indexes: Sequence[int]) -> Generator[ScannedText]:
        """Yield the pages as they are read; a page that a fork ends at, for want of time or memory, costs no other."""
        count = forks.useful_processes(len(indexes))
        # One thread for each process: two threads on one page take nearly twice the processor's time.
        readers = [self._fork(indexes[start::count]) for start in range(count)]
        barren = 0
        try:
            while readers:
                ready = wait([reader.receiver for reader in readers])
                for reader in [reader for reader in readers if reader.receiver in ready]:
                    page = reader.receive()
                    if page is not None:
                        yield page
                        continue
                    readers.remove(reader)
                    barren += reader.barren
                    lost = len(reader.left) if barren >= _MAX_BARREN else 1
                    if reader.left:
                        yield ScannedText(unread=reader.left[:lost])
                    if rest := reader.left[lost:]:
                        readers.append(self._fork(rest))
        finally:
            for reader in readers:
                reader.end()

    def _fork(self, indexes: Sequence[int]) -> _Fork:
        """Read some pages in a fork."""
        receiver, sender = Pipe(duplex=False)
        if process := os.fork():
            sender.close()
            return _Fork(process, receiver, list(indexes))
        try:
            for page in self.read(indexes):
                sender.send(page)
        finally:
            os._exit(0)

    def read(self, indexes: Sequence[int]) -> Iterator[ScannedText]:
        """Yield pages read in this process, one after the other."""
        try:
            recognizer = Recognizer()
        except Exception:
            _logger.warning("The OCR models could not be loaded.", exc_info=True)
            yield ScannedText(unread=list(indexes))
            return
        for index in indexes:
            limits.begin_scanned_page()
            # A picture that the models fail on, or that needs more memory than is left, costs its page and no other.
            try:
                words = recognizer.read(self._picture(index))
            except Exception:
                _logger.warning("Page %d could not be read by OCR.", index + 1, exc_info=True)
                yield ScannedText(unread=[index])
                continue
            doubtful = bool(words) and mean(word.certainty for word in words for _ in word.text) < _DOUBTFUL
            lines = [clean(line) for line in in_reading_order(words)]
            yield ScannedText({index: lines}, [index] if doubtful else [])

    def _picture(self, index: int) -> Any:  # noqa: ANN401 - a numpy array
        """Return a page as it is seen, each dot as blue, green and red."""
        page = self.document[index]
        scale = min(_DOTS_PER_POINT, _MAX_SIDE / max(*page.get_size(), 1))
        picture = page.render(scale=scale, rev_byteorder=False, prefer_bgrx=False).to_numpy()
        page.close()
        return picture[:, :, :3]


class Word(NamedTuple):
    """A piece of text, mostly a line or a table's cell, and where it stands in the picture, in pixels."""

    text: str
    certainty: float
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """The height, in pixels."""
        return self.bottom - self.top


_M_ARENA_MAX = -8
"""Of glibc's mallopt(3)."""


class Recognizer:
    """The models, loaded once for each process."""

    def __init__(self) -> None:
        with suppress(OSError, AttributeError, TypeError):
            # Each thread would reserve address space of its own, which the process's limit counts.
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
        self._read = cast("Any", importlib.import_module("rapidocr")).RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,
                "Global.max_side_len": _MAX_SIDE,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Rec.rec_batch_num": 1,
            }
        )

    def read(self, picture: Any) -> list[Word]:  # noqa: ANN401 - a numpy array
        """Read a picture, turned upright where its lines run upwards, downwards or stand on their heads."""
        import numpy

        words = self._words(picture)
        if turns := self._turns(picture, words):
            words = self._words(numpy.ascontiguousarray(numpy.rot90(picture, turns)))
        return words

    def _words(self, picture: Any) -> list[Word]:  # noqa: ANN401
        result = self._read(picture, use_det=True, use_cls=False, use_rec=True)
        if result.boxes is None or not result.txts:
            return []
        return [
            Word(text, float(certainty), *map(float, (*box.min(axis=0), *box.max(axis=0))))
            for box, text, certainty in zip(result.boxes, result.txts, result.scores, strict=True)
            if text.strip()
        ]

    def _turns(self, picture: Any, words: list[Word]) -> int:  # noqa: ANN401
        """Return by how many quarters of a turn to the left a picture is to be turned."""
        import numpy

        if not words:
            return 0
        longest = max(words, key=lambda word: max(word.height, word.right - word.left))
        sideways = longest.height > longest.right - longest.left
        line = picture[int(longest.top) : math.ceil(longest.bottom), int(longest.left) : math.ceil(longest.right)]
        ways = (1, 3) if sideways else (0, 2)
        certainty = {turns: self._certainty(numpy.ascontiguousarray(numpy.rot90(line, turns))) for turns in ways}
        return max(ways, key=lambda turns: certainty[turns])

    def _certainty(self, line: Any) -> float:  # noqa: ANN401
        result = self._read(line, use_det=False, use_cls=False, use_rec=True)
        return mean(result.scores) if result.scores else 0.0


def in_reading_order(words: Sequence[Word]) -> list[str]:
    """Return the lines of a page, column by column where it has columns of running text."""
    if not words:
        return []
    gutter = _gutter(words)
    if gutter is None:
        return _rows(words)
    left = [word for word in words if word.right <= gutter]
    right = [word for word in words if word.left >= gutter]
    across = [word for word in words if word.left < gutter < word.right]
    top = min(word.top for word in (*left, *right))
    return [
        *_rows([word for word in across if word.top <= top]),
        *in_reading_order(left),
        *in_reading_order(right),
        *_rows([word for word in across if word.top > top]),
    ]


_MIN_LINES = 5
_MIN_CHARACTERS = 25
"""On average: a column of running text has lines of so many, a table's column mostly shorter ones."""
_MAX_ACROSS = 0.1
"""Of the pieces of text: titles and foot lines may stand across the columns."""


def _gutter(words: Sequence[Word]) -> float | None:
    """Return where the space between two columns of running text is, as a distance from the left in pixels."""
    # Between each column's lines and the next one's: the right edges are candidates, and the widest gap wins.
    edges = sorted({word.right for word in words})
    best, width = None, 0.0
    for edge in edges[:: max(1, len(edges) // 100)]:
        right = [word for word in words if word.left >= edge]
        left = [word for word in words if word.right <= edge]
        if len(words) - len(left) - len(right) > _MAX_ACROSS * len(words):
            continue
        if all(
            len(side) >= _MIN_LINES and mean(len(each.text) for each in side) >= _MIN_CHARACTERS
            for side in (left, right)
        ):
            gap = min(word.left for word in right) - edge
            if gap > width:
                best, width = edge + gap / 2, gap
    return best


def _rows(words: Sequence[Word]) -> list[str]:
    """Return what stands on one line as one line, from the top down."""
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda each: each.top + each.bottom):
        row = rows[-1] if rows else []
        middle = (word.top + word.bottom) / 2
        if row and middle < mean(each.bottom for each in row) and mean(each.top for each in row) < middle:
            row.append(word)
        else:
            rows.append([word])
    return [" ".join(word.text for word in sorted(row, key=lambda each: each.left)) for row in rows]
