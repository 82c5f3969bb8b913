"""Fetching a document from the web, where that is switched on, and never from a private address."""

import asyncio
import ipaddress
import socket
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

from agents.documents.parsing import formats
from agents.errors import DocumentError
from agents.settings import DocumentsSettings

if TYPE_CHECKING:
    import httpx

Resolve = Callable[[str], Awaitable[list[str]]]
"""Returns the addresses of a host."""

_MAX_REDIRECTS = 5
# Ranges through which IPv4 addresses, private ones too, are reached over IPv6.
_EMBEDDING_IPV4 = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


async def resolve_host(host: str) -> list[str]:
    """Return the addresses of a host."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


async def fetch(
    url: str,
    settings: DocumentsSettings,
    *,
    resolve: Resolve = resolve_host,
    transport: "httpx.AsyncBaseTransport | None" = None,
) -> tuple[IO[bytes], str]:
    """Fetch a document into a temporary file; return it with the name to read it by.

    Args:
        url: An http or https URL.
        settings: Whether URLs are allowed, and the limits of size and time.
        resolve: How addresses are looked up.
        transport: How requests are sent; httpx's own by default.

    Raises:
        DocumentError: Fetching is switched off, or the document is unreachable, private, too large or too slow.
    """
    if not settings.allow_urls:
        raise DocumentError(
            f"{url} is a URL, and fetching is switched off.",
            hint="Download it and give its absolute path, or set READROOM_DOCUMENTS__ALLOW_URLS=true.",
        )
    try:
        async with asyncio.timeout(settings.parse_seconds):
            return await _follow(url, settings, resolve, transport)
    except TimeoutError:
        raise _unreachable(url, f"it took longer than {settings.parse_seconds:g} seconds") from None


async def _follow(
    url: str, settings: DocumentsSettings, resolve: Resolve, transport: "httpx.AsyncBaseTransport | None"
) -> tuple[IO[bytes], str]:
    """Follow redirects by hand, so that every address on the way is checked."""
    import httpx

    # A proxy from the environment would look addresses up by itself, past our check.
    async with httpx.AsyncClient(trust_env=False, transport=transport) as client:
        for _ in range(_MAX_REDIRECTS + 1):
            try:
                response = await client.send(await _request(httpx.URL(url), resolve), stream=True)
                try:
                    if not response.has_redirect_location:
                        response.raise_for_status()
                        return await _save(response, url, settings)
                    url = str(httpx.URL(url).join(response.headers["location"]))
                finally:
                    await response.aclose()
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise _unreachable(url, str(error).partition("\n")[0] or type(error).__name__) from error
    raise _unreachable(url, f"it was redirected more than {_MAX_REDIRECTS} times")


async def _request(url: "httpx.URL", resolve: Resolve) -> "httpx.Request":
    """Return the request to an address of the URL's host that was checked.

    Connecting to the checked address itself leaves no second look-up that might answer differently.
    """
    import httpx

    if url.scheme not in ("http", "https") or not url.host:
        raise _unreachable(str(url), "it is not an http or https URL")
    try:
        addresses = await resolve(url.host)
    except (OSError, UnicodeError) as error:
        raise _unreachable(str(url), f"the host {url.host} is unknown") from error
    if not addresses or not all(map(is_public, addresses)):
        raise DocumentError(
            f"{url} leads to a private address, and those are never fetched.",
            hint="Download it and give its absolute path.",
        )
    return httpx.Request(
        "GET",
        url.copy_with(host=addresses[0]),
        headers={"Host": url.netloc.decode("ascii"), "User-Agent": "readroom"},
        extensions={"sni_hostname": url.host, "timeout": httpx.Timeout(30).as_dict()},
    )


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if any(ip in network for network in _EMBEDDING_IPV4):
            return False
        ip = ip.ipv4_mapped or ip
    return ip.is_global and not ip.is_multicast


async def _save(response: "httpx.Response", url: str, settings: DocumentsSettings) -> tuple[IO[bytes], str]:
    """Write the body into a temporary file, unless it is too large."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        async for chunk in response.aiter_bytes():
            file.write(chunk)
            if file.tell() > settings.max_bytes:
                break
    except BaseException:
        file.close()
        raise
    if 0 < file.tell() <= settings.max_bytes:
        return file, _name(url, response.headers.get("content-type", ""))
    size = file.tell()
    file.close()
    if size == 0:
        raise DocumentError(f"{url} is empty (0 bytes).", hint="Check the URL.")
    raise DocumentError(
        f"{url} is too large: at most {settings.max_bytes:,} bytes are read.",
        hint="Raise READROOM_DOCUMENTS__MAX_BYTES.",
    )


def _name(url: str, content_type: str) -> str:
    """Return the file name in a URL; one without a known suffix gets that of its content type."""
    import httpx

    name = PurePosixPath(httpx.URL(url).path).name or httpx.URL(url).host
    if formats.by_suffix(PurePosixPath(name).suffix) is not None:
        return name
    reader = formats.by_mime_type(content_type.partition(";")[0].strip())
    return name + reader.suffixes[0] if reader is not None else name


def _unreachable(url: str, why: str) -> DocumentError:
    return DocumentError(
        f"{url} could not be fetched: {why}.", hint="Check the URL, or download it and give its absolute path."
    )
