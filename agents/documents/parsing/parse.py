"""The parsing process: reads a file from standard input and writes the Record of its document, or a page as a picture.

`sandbox.py` starts it, or `fork_server.py` forks it, with its limits.
"""

import json
import os
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple, NoReturn

from agents.documents.parsing import formats, titles
from agents.documents.parsing.headings import Found
from agents.documents.parsing.limits import Limits, apply, check_characters, check_pages, check_passages
from agents.documents.parsing.parsed import Parsed
from agents.documents.passages import cut
from agents.documents.record import Record
from agents.documents.terms import document_terms
from agents.errors import DocumentError
from agents.schema import Document, Heading, Page


class Job(NamedTuple):
    """What a parsing process is to do."""

    name: str
    """The file's."""
    passage_tokens: int
    """The size of a passage."""
    limits: Limits
    """What the process may take."""
    drawing: Sequence[Any] | None = None
    """The fields of a `page_picture.Drawing`, where a page is to be drawn: that module loads pdfium."""

    @classmethod
    def from_json(cls, line: str | bytes) -> "Job":
        """Return the job that `json.dumps` wrote."""
        name, passage_tokens, limits, drawing = json.loads(line)
        return cls(name, passage_tokens, Limits(*limits), drawing)


def parse(data: bytes, name: str) -> Parsed:
    """Read a document of any known format, in this process and within the limits that it has, if any.

    Raises:
        DocumentError: It cannot be read; the message says why. Any other exception is a fault of its reader.
    """
    parsed = formats.detect(name, data).read(data, name)
    if not parsed.text.strip():
        raise DocumentError(f"{name} holds no text.", hint="Open a document that has text.")
    check_pages(len(parsed.pages))
    check_characters(len(parsed.text))
    return parsed


def to_record(parsed: Parsed, name: str, passage_tokens: int) -> Record:
    """Cut what was parsed into passages, and find their terms.

    Raises:
        DocumentError: It falls into too many.
    """
    document = _to_document(parsed, name)
    spans = cut(document, passage_tokens, parsed.sentences)
    check_passages(len(spans))
    return Record.of(document, spans, document_terms(document, spans))


def _to_document(parsed: Parsed, name: str) -> Document:
    """Return what was parsed as a document, whose id is not known here."""
    labels = parsed.page_labels or [""] * len(parsed.pages)
    kept = _kept_headings(parsed.headings)
    left_out = () if len(kept) == len(parsed.headings) else (_TOO_MANY.format(len(parsed.headings), len(kept)),)
    return Document(
        document_id="",
        title=titles.of_document(parsed.title, parsed.text, parsed.headings, name),
        name=name,
        text=parsed.text,
        pages=tuple(
            Page(number=number, start=start, end=end, label=label, kind=parsed.page_kind)
            for number, ((start, end), label) in enumerate(zip(parsed.pages, labels, strict=True), 1)
        ),
        headings=tuple(Heading(level=level, text=text, start=start) for level, text, start in kept),
        warnings=(*parsed.warnings, *left_out),
    )


_MAX_HEADINGS = 20_000
"""As many as a document may have pages: of more, what are taken for headings are the lines of a list."""
_TOO_MANY = "Of {:,} lines that look like headings {:,} were taken for ones, those of the highest levels."


def _kept_headings(headings: list[Found]) -> list[Found]:
    """Return all headings, of too many those of the highest levels."""
    counts = Counter(level for level, _, _ in headings)
    totals = dict(zip(sorted(counts), accumulate(counts[level] for level in sorted(counts)), strict=True))
    return [heading for heading in headings if totals[heading[0]] <= _MAX_HEADINGS]


def main() -> None:
    """Do the job on the command line, in a process that was started for it; the result goes to standard output."""
    (job,) = sys.argv[1:]
    # What a library prints must not mix with the result.
    result = os.dup(1)
    os.dup2(2, 1)
    run(Job.from_json(job), result)


def run(job: Job, result: int) -> NoReturn:
    """Parse standard input within limits, or draw a page of it, and end the process.

    The result is `{"faults": [...]}`, a line with tracebacks for the log, and the record or a PagePicture as JSON. A
    failure is written as `{"error": [message, hint, traceback]}`; the traceback is empty but for exceptions that a
    reader does not know. Running out of memory is the message "memory".

    Args:
        job: What is to be done.
        result: The descriptor to write to.
    """
    apply(job.limits, job.name, result)
    try:
        with open(0, "rb") as file:
            data = file.read()
        answer = _record(data, job) if job.drawing is None else _picture(data, job.name, job.drawing)
    except DocumentError as error:
        answer = [json.dumps({"error": [error.message, error.hint, ""]}).encode()]
    except MemoryError:
        answer = [json.dumps({"error": ["memory", "", ""]}).encode()]
    except Exception as error:
        unexpected = formats.unexpected(job.name, error)
        answer = [json.dumps({"error": [unexpected.message, unexpected.hint, traceback.format_exc()]}).encode()]
    with os.fdopen(result, "wb") as output:
        output.writelines(answer)
    # Libraries with threads of their own may hang or crash while the interpreter is taken down.
    os._exit(0)


def _record(data: bytes, job: Job) -> list[bytes]:
    parsed = parse(data, job.name)
    return [_faults(parsed.faults or []), *to_record(parsed, job.name, job.passage_tokens).to_parts()]


def _picture(data: bytes, name: str, drawing: Sequence[Any]) -> list[bytes]:
    from agents.documents.parsing import page_picture

    return [_faults([]), page_picture.draw(data, name, page_picture.Drawing(*drawing))]


def _faults(tracebacks: list[str]) -> bytes:
    return json.dumps({"faults": tracebacks}).encode() + b"\n"


if __name__ == "__main__":
    main()
