"""A real browser without a window, and what a page has it ask for."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_DRIVEN = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb")
# It asks nobody but this machine, neither for its own sake nor for the page's.
_OPTIONS = (
    *("--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--virtual-time-budget=5000", "--dump-dom"),
)


def command() -> str:
    """Return the browser's command; without one the test is skipped, or fails where .ci/run requires it."""
    named = os.environ.get("READROOM_TEST_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, _NAMES)), None)
    if not found:
        _missing("there is no Chromium: install it (Debian: chromium), or set READROOM_TEST_CHROMIUM to its command")
    return found


def _missing(what: str) -> NoReturn:
    """Skip the test; .ci/run has it fail."""
    (pytest.fail if os.environ.get("READROOM_TEST_REQUIRE_CHROMIUM") else pytest.skip)(what)


@asynccontextmanager
async def chromium(**options: Any) -> AsyncIterator[Any]:
    """Yield a browser context of Playwright's, with its options."""
    executable = command()
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        _missing('Playwright is not installed: `pip install -e ".[test]"`')
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=list(_DRIVEN))
        try:
            yield await browser.new_context(**options)
        finally:
            await browser.close()


class Site:
    """A web server on this machine that notes what it is asked for."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.pages: dict[str, str] = {}
        self.asked: list[str] = []

    def open(self, path: str) -> str:
        """Open a page in the browser and return its elements once it is at rest, as HTML."""
        with tempfile.TemporaryDirectory() as profile:
            # The sandbox of a browser that root starts is refused; the page is ours.
            options = [*_OPTIONS, "--no-sandbox", f"--user-data-dir={profile}"]
            shown = subprocess.run(
                [command(), *options, self.address + path], capture_output=True, check=True, text=True, timeout=120
            )
        return shown.stdout


@contextmanager
def site(pages: Mapping[str, str]) -> Generator[Site]:
    """Serve pages by their paths while the body runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            page = site.pages.get(self.path)
            self.send_response(200 if page is not None else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((page or "").encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(f"http://127.0.0.1:{server.server_port}")
        site.pages.update(pages)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
