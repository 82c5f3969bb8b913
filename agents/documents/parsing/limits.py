"""What a parsing process may take, and what it says on its way where scanned pages take longer than a document may."""

import json
import math
import os
import time
from contextlib import suppress
from typing import Literal, NamedTuple

from agents.errors import DocumentError
from agents.settings import DocumentsSettings

SCAN = b'{"scan"'
"""How a line begins that tells how many scanned pages are read; no result begins so."""


class Limits(NamedTuple):
    """Of one document."""

    memory_bytes: int
    """The address space of each process."""
    seconds: float
    """Of the processor and of the clock, for all but scanned pages."""
    ocr_page_seconds: float
    """Of the processor, for each scanned page."""
    pages: int
    characters: int
    passages: int

    @classmethod
    def of(cls, settings: DocumentsSettings) -> "Limits":
        """Return the limits that the settings name."""
        return cls(
            memory_bytes=settings.parse_memory_bytes,
            seconds=settings.parse_seconds,
            ocr_page_seconds=settings.ocr_page_seconds,
            pages=settings.max_pages,
            characters=settings.max_characters,
            passages=settings.max_passages,
        )


class _Process:
    """This process, once it reads a document within limits."""

    limits: Limits | None = None
    name: str = ""
    link: int = -1


def apply(limits: Limits, name: str, link: int) -> None:
    """Limit this process and its forks, as far as the platform can.

    Args:
        limits: What they may take.
        name: The document's, for messages.
        link: The descriptor to which the result goes, and before it a line for each scanned page.
    """
    _Process.limits, _Process.name, _Process.link = limits, name, link
    with suppress(ImportError):
        import resource

        _set_limit(resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes)
        _set_limit(resource.RLIMIT_CORE, 0, 0)
        _set_processor_limit(math.ceil(limits.seconds))


def check_pages(pages: int, called: str = "pages") -> None:
    """Refuse a document of more pages than may be read, before they are read: a small file can declare millions.

    Args:
        pages: How many there are.
        called: What the document has in place of pages.

    Raises:
        DocumentError: It has more.
    """
    _check("pages", pages, called)


def check_characters(characters: int) -> None:
    """Refuse a text that is longer than may be read, before its sentences are looked for.

    Raises:
        DocumentError: It is longer.
    """
    _check("characters", characters)


def check_passages(passages: int) -> None:
    """Refuse a document that falls into more passages than may be searched.

    Raises:
        DocumentError: It does.
    """
    _check("passages", passages)


def holds_characters(characters: int) -> bool:
    """Whether a document may have so many characters."""
    return _Process.limits is None or characters <= _Process.limits.characters


def _check(what: Literal["pages", "characters", "passages"], count: int, called: str = "") -> None:
    """Compare with the limit and the setting of the same name."""
    if _Process.limits is not None and count > (limit := getattr(_Process.limits, what)):
        raise DocumentError(
            f"{_Process.name} has {count:,} {called or what}, more than the {limit:,} that are read.",
            hint=f"Split it, or raise READROOM_DOCUMENTS__MAX_{what.upper()}.",
        )


def begin_scanned_page() -> None:
    """Give this process time for one more scanned page."""
    if _Process.limits is not None:
        _set_processor_limit(math.ceil(time.process_time() + _Process.limits.ocr_page_seconds))


def report_scan(done: int, total: int) -> None:
    """Tell the caller how many scanned pages are read: it waits for the next one as long as a page may take."""
    if _Process.limits is not None:
        os.write(_Process.link, json.dumps({"scan": [done, total]}).encode() + b"\n")


def read_report(line: bytes) -> tuple[int, int]:
    """Return how many scanned pages are read, and how many there are."""
    done, total = json.loads(line)["scan"]
    return int(done), int(total)


def _set_processor_limit(seconds: int) -> None:
    """Have the process end by SIGXCPU, which names the reason, after so much time of the processor."""
    with suppress(ImportError):
        import resource

        _set_limit(resource.RLIMIT_CPU, seconds, resource.getrlimit(resource.RLIMIT_CPU)[1])


def _set_limit(kind: int, soft: int, hard: int) -> None:
    import resource

    # macOS refuses some limits; the caller's time limit holds all the same.
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (soft, hard))
