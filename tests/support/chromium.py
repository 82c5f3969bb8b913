"""A real browser without a window."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# The sandbox of a browser that root starts is refused; the pages are ours. It asks nobody but this machine.
_DRIVEN = (
    *("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
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
