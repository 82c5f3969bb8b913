"""Zip containers whose every fault is one exception: what fits no zip file is no fault of who reads it."""

import io
import struct
import zipfile
import zlib
from typing import IO, Literal

from typing_extensions import override

# What Python's module raises of containers that do not keep to the format, and of ways of packing that it lacks.
_FAULTS = (zlib.error, EOFError, OSError, ValueError, OverflowError, NotImplementedError, RuntimeError, struct.error)


_END = struct.Struct("<4s4H2LH")
"""The record at a container's end: its mark, four counts, size and place of the directory, length of a comment."""
_MARK = b"PK\x05\x06"


class ZipContainer(zipfile.ZipFile):
    """A container in memory, for reading.

    Args:
        data: Its bytes.

    Raises:
        BadZipFile: It is damaged, or packed in an unknown way; so do the methods that read.
    """

    def __init__(self, data: bytes) -> None:
        try:
            super().__init__(io.BytesIO(without_padding(data)))
        except _FAULTS as error:
            raise zipfile.BadZipFile(str(error)) from error

    @override
    def open(
        self,
        name: str | zipfile.ZipInfo,
        mode: Literal["r", "w"] = "r",
        pwd: bytes | None = None,
        *,
        force_zip64: bool = False,
    ) -> IO[bytes]:
        try:
            return super().open(name, mode, pwd, force_zip64=force_zip64)
        except _FAULTS as error:
            raise zipfile.BadZipFile(str(error)) from error

    @override
    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        try:
            return super().read(name, pwd)
        except _FAULTS as error:
            raise zipfile.BadZipFile(str(error)) from error


def without_padding(data: bytes) -> bytes:
    """Return a container without the bytes behind its end: Python looks for that only in the last 64 KiB."""
    place = data.rfind(_MARK)
    while place >= 0:
        if len(data) - place >= _END.size:
            *_, size, start, comment = _END.unpack_from(data, place)
            # Else of another one within it, whose own end may be cut off, or of what stands behind it.
            if start + size == place:
                return data[: place + _END.size + comment]
        place = data.rfind(_MARK, 0, place)
    return data
