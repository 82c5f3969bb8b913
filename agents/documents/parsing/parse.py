"""The parsing process: reads a file from standard input and writes a Parsed as JSON.

`sandbox.py` starts it, or `fork_server.py` forks it, with the memory in bytes and the processor time in seconds that
it may use.
"""

import contextlib
import json
import math
import os
import sys
import traceback
from typing import NoReturn

from agents.documents.parsing import formats
from agents.documents.parsing.parsed import MAX_CHARACTERS, Parsed
from agents.errors import DocumentError


def parse(data: bytes, name: str) -> Parsed:
    """Read a document of any known format, in this process and without limits.

    Raises:
        DocumentError: It cannot be read; the message says why. Any other exception is a fault of its reader.
    """
    parsed = formats.detect(name, data).read(data, name)
    if not parsed.text.strip():
        raise DocumentError(f"{name} holds no text.", hint="Open a document that has text.")
    if len(parsed.text) > MAX_CHARACTERS:
        raise DocumentError(
            f"{name} holds {len(parsed.text):,} characters, more than {MAX_CHARACTERS:,}.",
            hint="Split it and open the parts.",
        )
    return parsed


def main() -> None:
    """Parse what the command line names, in a process that was started for it; the result goes to standard output."""
    name, memory_bytes, seconds = sys.argv[1:]
    # What a library prints must not mix with the result.
    result = os.dup(1)
    os.dup2(2, 1)
    run(name, int(memory_bytes), float(seconds), result)


def run(name: str, memory_bytes: int, seconds: float, result: int) -> NoReturn:
    """Parse standard input within limits, and end the process.

    A failure is written as `{"error": [message, hint, traceback]}`; the traceback is empty but for exceptions that a
    reader does not know. Running out of memory is the message "memory".

    Args:
        name: The file's name.
        memory_bytes: The address space that the process may have.
        seconds: The processor time that it may take.
        result: The descriptor to write to.
    """
    _limit(memory_bytes, math.ceil(seconds))
    try:
        with open(0, "rb") as file:
            answer = parse(file.read(), name).to_json()
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


def _limit(memory_bytes: int, seconds: int) -> None:
    """Limit this process and its forks, as far as the platform can."""
    try:
        import resource
    except ImportError:
        return
    limits = (
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
        # The second between the two lets the process end by SIGXCPU, which names the reason, before SIGKILL.
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_CORE, 0, 0),
    )
    for kind, soft, hard in limits:
        # macOS refuses some limits; the caller's time limit holds all the same.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))


if __name__ == "__main__":
    main()
