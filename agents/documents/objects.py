"""Objects in S3-compatible storage: what is there, and its bytes.

Credentials and the endpoint are those of the machine (AWS_* variables, ~/.aws, FSSPEC_S3_* variables): an address
names a bucket and a key, and nothing else. s3fs talks to the storage in a loop of its own, which nobody else waits for.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from datetime import datetime
from typing import IO, Any, NamedTuple, TypeAlias, TypeVar, cast

from agents.errors import DocumentError
from agents.extras import add_extra
from agents.settings import S3

ANSWER_SECONDS = 10.0
"""How long one answer of the storage is waited for, its own client's retries included."""
_BLOCK = 8 << 20
"""Bytes of one request of a download: what has grown meanwhile is not fetched."""
_SECOND = 1_000_000_000
_ResultT = TypeVar("_ResultT")
_Storage: TypeAlias = Any
"""s3fs's file system, which has no types: its attribute `loop`, and of its coroutines three."""


class Found(NamedTuple):
    """An object as it was found; while this stays the same, so do its bytes."""

    size: int
    mtime_ns: int
    """When it was written, to the second, as storages tell it; in place of nanoseconds stands what its ETag gives."""


def look(address: str) -> Found | None:
    """Return the object at an address; None where only others begin with it, as in a folder.

    Raises:
        DocumentError: There is neither, or the storage cannot be asked or does not say.
    """
    storage = _storage(address)
    return _begin(storage, address, ANSWER_SECONDS, _look(storage, address)).result()


def find(address: str, limit: int) -> tuple[dict[str, Found], bool]:
    """Return the objects below an address, at most so many, by their own addresses, and whether those are all.

    Raises:
        DocumentError: The storage cannot be asked or does not say.
    """
    storage = _storage(address)
    return _begin(storage, address, None, _find(storage, address, limit)).result()


def download(address: str, found: Found, seconds: float) -> Future[IO[bytes]]:
    """Begin to fetch an object into a temporary file: that very one, or none. Cancelling it ends the transfer.

    Its result raises:
        DocumentError: It has gone, has been replaced, or did not come within the time.
    """
    storage = _storage(address)
    return _begin(storage, address, seconds, _download(storage, address, found))


def _storage(address: str) -> _Storage:
    try:
        import s3fs  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise DocumentError(
            f"{address} lies in S3-compatible storage, and what reads that is not installed.",
            hint=f"Install it with {add_extra('s3')}",
        ) from error
    # One for all: fsspec keeps it. What it would remember of listings may have changed.
    return cast("Any", s3fs).S3FileSystem(use_listings_cache=False)


def _begin(
    storage: _Storage, address: str, seconds: float | None, work: Coroutine[Any, Any, _ResultT]
) -> Future[_ResultT]:
    return asyncio.run_coroutine_threadsafe(_named_errors(address, seconds, work), storage.loop)


async def _named_errors(address: str, seconds: float | None, work: Coroutine[Any, Any, _ResultT]) -> _ResultT:
    """Await what talks to the storage, for so long; what goes wrong is said in words that name the fix."""
    from botocore.exceptions import BotoCoreError, NoCredentialsError, PartialCredentialsError

    try:
        async with asyncio.timeout(seconds):
            return await work
    except FileNotFoundError as error:
        raise DocumentError(
            f"{address} does not exist.", hint="list_documents finds documents by words of their names."
        ) from error
    except PermissionError as error:
        raise DocumentError(
            f"{address} may not be read: its storage refuses it ({_line(error)}).",
            hint="The credentials that Readroom runs with need s3:GetObject and s3:ListBucket there.",
        ) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise DocumentError(
            f"{address} cannot be read: Readroom has no credentials for it.",
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, where it is started.",
        ) from error
    except TimeoutError as error:
        raise _unreachable(address, f"that took longer than {seconds or ANSWER_SECONDS:g} seconds") from error
    except (BotoCoreError, OSError, ValueError) as error:
        raise _unreachable(address, _line(error)) from error


def _unreachable(address: str, why: str) -> DocumentError:
    return DocumentError(
        f"{address} cannot be reached: {why}.",
        hint="AWS_ENDPOINT_URL_S3 names the storage where it is not Amazon's, AWS_REGION its region.",
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


async def _look(storage: _Storage, address: str) -> Found | None:
    info: Mapping[str, Any] = await storage._info(_name(address))  # noqa: SLF001 - so fsspec calls its coroutines
    if info["type"] == "directory":
        return None
    if S3 + info["name"] != address:
        # A version's id, or whatever else s3fs reads out of a name.
        raise FileNotFoundError
    return _found(info)


async def _find(storage: _Storage, address: str, limit: int) -> tuple[dict[str, Found], bool]:
    bucket, _, key = _name(address).partition("/")
    found: dict[str, Found] = {}
    now = asyncio.get_running_loop().time
    async with asyncio.timeout(ANSWER_SECONDS) as deadline:
        async for info in storage._iterdir(bucket, delimiter="", prefix=key and f"{key}/"):  # noqa: SLF001
            if len(found) == limit:
                return found, False
            found[S3 + info["name"]] = _found(info)
            deadline.reschedule(now() + ANSWER_SECONDS)
    return found, True


async def _download(storage: _Storage, address: str, found: Found) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        while (start := file.tell()) < found.size:
            end = min(start + _BLOCK, found.size)
            file.write(await storage._cat_file(_name(address), start=start, end=end))  # noqa: SLF001
            if file.tell() != end:
                break
        if file.tell() == found.size and await _look(storage, address) == found:
            file.seek(0)
            return file
    except BaseException:
        file.close()
        raise
    file.close()
    raise DocumentError(f"{address} was replaced while it was fetched.", hint="Ask again.")


def _name(address: str) -> str:
    return address.removeprefix(S3)


def _found(info: Mapping[str, Any]) -> Found:
    written: datetime = info["LastModified"]
    tag = hashlib.sha256(info["ETag"].encode()).digest()
    return Found(info["size"], int(written.timestamp()) * _SECOND + int.from_bytes(tag[:8], "big") % _SECOND)
