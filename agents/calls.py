"""One caller's call: what it may ask for, how long it waits, and where its progress goes."""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence

from agents.errors import RequestError
from agents.schema import Document, Mode, Progress
from agents.settings import LEAST_WINDOW_TOKENS

OnProgress = Callable[[Progress], None]
MAX_QUESTION_CHARACTERS = 20_000


class Call:
    """One caller's time limit and progress."""

    def __init__(self, wait_seconds: float, on_progress: OnProgress | None) -> None:
        self._deadline = time.monotonic() + wait_seconds
        self._on_progress = on_progress
        self.latest = Progress(fraction=0.0, message="Starting")
        self.notes: tuple[str, ...] = ()

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the caller wants a word; None: never."""
        return None if math.isinf(self._deadline) else max(0.0, self._deadline - time.monotonic())

    def report(self, progress: Progress) -> None:
        """Pass progress on to the caller."""
        self.latest = progress
        if self._on_progress:
            self._on_progress(progress)

    def part(self, start: float, end: float) -> OnProgress:
        """Return where a part of the work reports, as that share of the whole."""
        return lambda progress: self.report(
            Progress(fraction=start + (end - start) * progress.fraction, message=progress.message)
        )


def check_question(question: str) -> None:
    """Check a question's length.

    Raises:
        RequestError: It is empty or longer than 20,000 characters.
    """
    if not question.strip():
        raise RequestError("The question is empty.", hint="Write the question in one or more words.")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise RequestError(
            f"The question has {len(question):,} characters; at most {MAX_QUESTION_CHARACTERS:,} are read.",
            hint="Shorten it; hand long texts over as a document.",
        )


def check_analysis(
    mode: Mode, focus: str | None, compare_with: Sequence[str], window_tokens: int | None = None
) -> None:
    """Check that an analysis makes sense.

    Raises:
        RequestError: A comparison without a second document, a second document without a comparison, a long focus, or
            a window of fewer than 1,024 tokens.
    """
    if mode == "comparison" and not compare_with:
        raise RequestError("A comparison needs a second document.", hint="Name it in compare_with.")
    if compare_with and mode != "comparison":
        raise RequestError(f"compare_with has no place in mode {mode}.", hint="Set mode to comparison or leave it out.")
    if focus is not None and not focus.strip():
        raise RequestError("The focus is empty.", hint="Say what to look for, or leave focus out.")
    if focus is not None:
        check_question(focus)
    if window_tokens is not None and window_tokens < LEAST_WINDOW_TOKENS:
        raise RequestError(
            f"A window of {window_tokens:,} tokens is too small.", hint=f"Ask for {LEAST_WINDOW_TOKENS:,} at least."
        )


def told_apart(documents: tuple[Document, ...]) -> tuple[Document, ...]:
    """Return the documents with their names behind titles that several share, as two versions of a contract do."""
    shared = Counter(document.title for document in documents)
    return tuple(
        document
        if shared[document.title] == 1
        else document.model_copy(update={"title": f"{document.title} ({document.name})"})
        for document in documents
    )


def describe_analysis(documents: Sequence[Document], mode: Mode, focus: str | None) -> str:
    """Return the turn that an analysis is in its session."""
    titles = " and ".join(document.title for document in documents)
    return f"{mode.capitalize()} of {titles}" + (f", focus: {focus}" if focus else "")
