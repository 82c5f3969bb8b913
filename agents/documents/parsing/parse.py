"""The parsing process: reads a file from standard input and writes a Parsed as JSON, or a page of it as a picture.

`sandbox.py` starts it, or `fork_server.py` forks it, with its limits.
"""

import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from agents.documents.parsing import formats
from agents.documents.parsing.limits import Limits, apply, check_pages
from agents.documents.parsing.parsed import MAX_CHARACTERS, Parsed
from agents.errors import DocumentError


def parse(data: bytes, name: str) -> Parsed:
    """Read a document of any known format, in this process and within the limits that it has, if any.

    Raises:
        DocumentError: It cannot be read; the message says why. Any other exception is a fault of its reader.
    """
    parsed = formats.detect(name, data).read(data, name)
    if not parsed.text.strip():
        raise DocumentError(f"{name} holds no text.", hint="Open a document that has text.")
    check_pages(len(parsed.pages), name)
    if len(parsed.text) > MAX_CHARACTERS:
        raise DocumentError(
            f"{name} holds {len(parsed.text):,} characters, more than {MAX_CHARACTERS:,}.",
            hint="Split it and open the parts.",
        )
    return parsed


def main() -> None:
    """Parse what the command line names, in a process that was started for it; the result goes to standard output."""
    name, drawing, memory_bytes, seconds, ocr_page_seconds, pages = sys.argv[1:]
    # What a library prints must not mix with the result.
    result = os.dup(1)
    os.dup2(2, 1)
    limits = Limits(int(memory_bytes), float(seconds), float(ocr_page_seconds), int(pages))
    run(name, limits, result, json.loads(drawing))


def run(name: str, limits: Limits, result: int, drawing: Sequence[Any] | None = None) -> NoReturn:
    """Parse standard input within limits, or draw a page of it, and end the process.

    A failure is written as `{"error": [message, hint, traceback]}`; the traceback is empty but for exceptions that a
    reader does not know. Running out of memory is the message "memory".

    Args:
        name: The file's name.
        limits: What the process may take.
        result: The descriptor to write to.
        drawing: The fields of a `page_picture.Drawing`, where a page is to be drawn.
    """
    apply(limits, result)
    try:
        with open(0, "rb") as file:
            data = file.read()
        answer = parse(data, name).to_json() if drawing is None else _draw(data, name, drawing)
    except DocumentError as error:
        answer = json.dumps({"error": [error.message, error.hint, ""]}).encode()
    except MemoryError:
        answer = json.dumps({"error": ["memory", "", ""]}).encode()
    except Exception as error:
        unexpected = formats.unexpected(name, error)
        answer = json.dumps({"error": [unexpected.message, unexpected.hint, traceback.format_exc()]}).encode()
    with os.fdopen(result, "wb") as output:
        output.write(answer)
    # Libraries with threads of their own may hang or crash while the interpreter is taken down.
    os._exit(0)


def _draw(data: bytes, name: str, drawing: Sequence[Any]) -> bytes:
    from agents.documents.parsing import page_picture

    return page_picture.draw(data, name, page_picture.Drawing(*drawing))


if __name__ == "__main__":
    main()
