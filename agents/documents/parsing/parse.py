"""The parsing process: reads a file from standard input, writes a Parsed as JSON.

`loader.py` starts it, or `fork_server.py` forks it, with the bytes of memory and the seconds of processor time it
may use.
"""

import contextlib
import json
import math
import os
import sys
from typing import NoReturn

from agents.documents.parsing import formats
from agents.documents.parsing.parsed import MOST_CHARACTERS, Parsed
from agents.errors import DocumentError


def main() -> None:
    """Parse what the command line names, in a process that was started for it; the result goes to standard output."""
    name, memory_bytes, seconds = sys.argv[1:]
    # What a library prints must not mix with the result.
    result = os.dup(1)
    os.dup2(2, 1)
    run(name, int(memory_bytes), float(seconds), result)


def run(name: str, memory_bytes: int, seconds: float, result: int) -> NoReturn:
    """Parse standard input within limits, and end the process.

    Args:
        name: The file's name.
        memory_bytes: The address space that the process may have.
        seconds: The processor time that it may take.
        result: The descriptor to write to; a failure is written as `{"error": [message, hint]}`.
    """
    _limit(memory_bytes, math.ceil(seconds))
    try:
        with open(0, "rb") as file:
            answer = parse(file.read(), name).to_json()
    except DocumentError as error:
        answer = json.dumps({"error": [error.message, error.hint]}).encode()
    except MemoryError:
        answer = json.dumps({"error": ["memory", ""]}).encode()
    except Exception as error:
        damaged = formats.damaged(name, f"reading it failed with {type(error).__name__}")
        answer = json.dumps({"error": [damaged.message, damaged.hint]}).encode()
    with os.fdopen(result, "wb") as output:
        output.write(answer)
    # Libraries with threads of their own may hang or crash while the interpreter is taken down.
    os._exit(0)


def parse(data: bytes, name: str) -> Parsed:
    """Read a document of any supported kind.

    Raises:
        DocumentError: It cannot be read; the message says why.
    """
    kind = formats.detect(name, data)
    parsed = _read(data, name, kind)
    if not parsed.text.strip():
        raise DocumentError(f"{name} holds no text.", hint="Open a document that has text.")
    if len(parsed.text) > MOST_CHARACTERS:
        raise DocumentError(
            f"{name} holds {len(parsed.text):,} characters, more than {MOST_CHARACTERS:,}.",
            hint="Split it and open the parts.",
        )
    return parsed


def _read(data: bytes, name: str, kind: formats.Kind) -> Parsed:
    # Each kind's libraries are imported for that kind only: the process shall start fast.
    if kind == "pdf":
        from agents.documents.parsing.pdf import read_pdf

        return read_pdf(data, name)
    if kind in ("docx", "pptx", "xlsx", "epub"):
        from agents.documents.parsing.office import read_office

        return read_office(data, name, kind)
    if kind == "html":
        from agents.documents.parsing.office import read_html

        return read_html(data, name)
    from agents.documents.parsing import text

    readers = {"markdown": text.read_markdown, "csv": text.read_csv, "email": text.read_email}
    return readers.get(kind, text.read_text)(data)


def _limit(memory_bytes: int, seconds: int) -> None:
    """Limit this process and those it forks, as far as the platform can."""
    try:
        import resource
    except ImportError:
        return
    limits = (
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
        # The second between the two lets the process end by a signal of its own, which names the reason.
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_CORE, 0, 0),
    )
    for kind, soft, hard in limits:
        # macOS refuses some limits; the time limit of the caller holds all the same.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))


if __name__ == "__main__":
    main()
