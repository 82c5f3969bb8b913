"""Opening zip containers, which office documents and e-books are."""

import io
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager

from agents.documents.parsing.formats import damaged


@contextmanager
def opened(data: bytes, name: str) -> Generator[zipfile.ZipFile]:
    """Open a zip container.

    Raises:
        DocumentError: It cannot be unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as container:
            yield container
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise damaged(name, "its zip container cannot be unpacked") from error
