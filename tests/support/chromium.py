"""A headless Chromium, where this machine has one, and what a page in it has asked of the network."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

COMMANDS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb")


@asynccontextmanager
async def chromium(**options: Any) -> AsyncIterator[Any]:
    """Yield a browser context of Playwright's, with its options; skip the test where there is no Chromium."""
    named = os.environ.get("READROOM_TEST_CHROMIUM")
    command = named or next(filter(None, map(shutil.which, COMMANDS)), None)
    if command is None:
        _missing("there is no Chromium: install Debian's (`apt-get install chromium`), or set READROOM_TEST_CHROMIUM")
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        _missing('Playwright is not installed: `pip install -e ".[test]"`')
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=command, args=list(ARGUMENTS))
        try:
            yield await browser.new_context(**options)
        finally:
            await browser.close()


def _missing(what: str) -> None:
    """Skip the test; .ci/run has it fail."""
    (pytest.fail if os.environ.get("READROOM_TEST_REQUIRE_CHROMIUM") else pytest.skip)(what)
