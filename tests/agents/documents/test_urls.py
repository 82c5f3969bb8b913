"""Fetching: what is fetched, and what never is."""

from collections.abc import Callable

import httpx
import pytest

from agents.documents.urls import fetch
from agents.errors import DocumentError
from agents.settings import DocumentsSettings

SETTINGS = DocumentsSettings(allow_urls=True, max_bytes=1_000)
PUBLIC = "93.184.216.34"


async def answer_public(host: str) -> list[str]:
    return [PUBLIC]


async def get(url: str, respond: Callable[[httpx.Request], httpx.Response]) -> tuple[bytes, str]:
    file, name = await fetch(url, SETTINGS, resolve=answer_public, transport=httpx.MockTransport(respond))
    with file:
        file.seek(0)
        return file.read(), name


async def test_a_document_is_fetched_from_the_address_that_was_checked() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        assert (request.url.host, request.headers["host"]) == (PUBLIC, "example.org")
        assert request.extensions["sni_hostname"] == "example.org"
        return httpx.Response(200, content=b"Words.")

    assert await get("https://example.org/docs/a.md", respond) == (b"Words.", "a.md")


@pytest.mark.parametrize(
    ("path", "name"), [("page", "page.html"), ("page.htm", "page.htm"), ("page.php", "page.php.html")]
)
async def test_a_page_without_a_known_ending_is_named_by_its_type(path: str, name: str) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, html="<p>Words.</p>")

    assert (await get(f"https://example.org/{path}", respond))[1] == name


PRIVATE = """
    127.0.0.1 10.1.2.3 192.168.0.1 172.16.0.1 169.254.169.254 0.0.0.0 100.64.0.1 224.0.0.1
    ::1 fe80::1%eth0 fd00::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1::
"""


@pytest.mark.parametrize("address", PRIVATE.split())
async def test_a_private_address_is_never_fetched(address: str) -> None:
    async def resolve(host: str) -> list[str]:
        return [PUBLIC, address]

    def respond(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    with pytest.raises(DocumentError, match="private address"):
        await fetch("http://example.org/", SETTINGS, resolve=resolve, transport=httpx.MockTransport(respond))


async def test_a_redirect_to_a_private_address_is_not_followed() -> None:
    async def resolve(host: str) -> list[str]:
        return ["127.0.0.1"] if host == "inside.example" else [PUBLIC]

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": "http://inside.example/secret"})

    with pytest.raises(DocumentError, match=r"inside.example/secret leads to a private address"):
        await fetch("http://example.org/", SETTINGS, resolve=resolve, transport=httpx.MockTransport(respond))


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (httpx.Response(404), "404"),
        (httpx.Response(302, headers={"location": "/again"}), "redirected more than"),
        (httpx.Response(302, headers={"location": "file:///etc/hosts"}), "not an http or https URL"),
        (httpx.Response(200, content=b"x" * 1_001), "too large"),
        (httpx.Response(200, content=b""), "empty"),
    ],
)
async def test_what_cannot_be_fetched_is_explained(response: httpx.Response, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        await get("http://example.org/a.pdf", lambda _: response)
