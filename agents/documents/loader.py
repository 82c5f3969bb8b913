"""Running the parsing process: one file in, a Parsed out, within limits of time and memory."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import IO

from agents.documents.parsed import Parsed
from agents.errors import DocumentError
from agents.settings import DocumentsSettings

_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])
# -P keeps the working directory, whatever lies in it, out of the child's imports.
_CHILD = (
    "import sys; root = sys.argv.pop(1); root in sys.path or sys.path.insert(0, root); "
    "from agents.documents.parse import main; main()"
)


async def parse_file(file: IO[bytes], name: str, settings: DocumentsSettings) -> Parsed:
    """Parse an open file in a process of its own; a cancel kills that process and all it started.

    Raises:
        DocumentError: The file cannot be read, or not within the limits.
    """
    file.seek(0)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _CHILD, _PACKAGE_ROOT),
        *(name, str(settings.parse_memory_bytes), str(settings.parse_seconds)),
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(settings.parse_seconds):
            output, _ = await process.communicate()
    except TimeoutError:
        raise _too_slow(name, settings) from None
    finally:
        await _end(process)
    return await asyncio.to_thread(_result, output, process.returncode, name, settings)


def _result(output: bytes, code: int | None, name: str, settings: DocumentsSettings) -> Parsed:
    """Return what the process wrote, or raise what it says went wrong."""
    if code == -getattr(signal, "SIGXCPU", 0):
        raise _too_slow(name, settings)
    if not output:
        raise DocumentError(
            f"Reading {name} ended abruptly (exit code {code}): the file is damaged or needs more memory than allowed.",
            hint="Check that it opens elsewhere, or raise READROOM_DOCUMENTS__PARSE_MEMORY_BYTES.",
        )
    if output.startswith(b'{"error"'):
        message, hint = json.loads(output)["error"]
        raise _too_big(name, settings) if message == "memory" else DocumentError(message, hint=hint)
    return Parsed.from_json(output)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the process and those that it forked, if it still runs, and wait for it."""
    if process.returncode is None:
        try:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        except ProcessLookupError:
            pass
        await asyncio.shield(process.wait())


def _too_slow(name: str, settings: DocumentsSettings) -> DocumentError:
    return DocumentError(
        f"Reading {name} took longer than {settings.parse_seconds:g} seconds and was ended.",
        hint="Split the file, or raise READROOM_DOCUMENTS__PARSE_SECONDS.",
    )


def _too_big(name: str, settings: DocumentsSettings) -> DocumentError:
    return DocumentError(
        f"Reading {name} needs more than {settings.parse_memory_bytes:,} bytes of memory and was ended.",
        hint="Split the file, or raise READROOM_DOCUMENTS__PARSE_MEMORY_BYTES.",
    )
