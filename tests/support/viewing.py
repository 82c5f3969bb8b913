"""The evidence viewer in a browser, and where a PDF's own characters stand."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pypdfium2

from agents.schema import Analysis, Answer, Rectangle
from mcp_server import http_server
from mcp_server.viewer.local import LocalViewer
from tests.support.chromium import chromium

Point = tuple[float, float]


@asynccontextmanager
async def serving_viewer(assistant: Any, results: Sequence[Answer | Analysis]) -> AsyncIterator[str]:
    """Serve the viewer with some results and yield its address."""
    viewer = LocalViewer(assistant, tuple(results))
    with socket.create_server(("127.0.0.1", 0)) as bound:
        running = http_server.Server(http_server.Config(viewer.app()))
        task = asyncio.create_task(running.serve(sockets=[bound]))
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}/#{viewer.token}"
        finally:
            running.should_exit = True
            await task


@asynccontextmanager
async def opened_viewer(
    assistant: Any, results: Sequence[Answer | Analysis], **options: Any
) -> AsyncIterator[tuple[Any, list[str]]]:
    """Open the viewer in a browser; yield the page, and a list of all that it asks of the network."""
    async with serving_viewer(assistant, results) as address, chromium(**options) as context:
        page = await context.new_page()
        requests: list[str] = []
        origin = address.partition("/#")[0]
        page.on("request", lambda request: requests.append(f"{request.method} {request.url.replace(origin, '')}"))
        await page.goto(address)
        await page.wait_for_selector("#answer > *")
        yield page, requests


def letters_at(path: str, page: int, words: str) -> list[Point]:
    """Return the middles of the letters of some words, as shares of the page from its upper left corner."""
    opened = pypdfium2.PdfDocument(path)[page - 1]
    text_page = opened.get_textpage()
    found = re.search(r"\s+".join(map(re.escape, words.split())), text_page.get_text_range())
    assert found, words
    width, height = opened.get_size()
    boxes = [text_page.get_charbox(at) for at in range(*found.span()) if text_page.get_text_range(at, 1).isalnum()]
    return [((left + right) / 2 / width, 1 - (bottom + top) / 2 / height) for left, bottom, right, top in boxes]


def assert_marked(rectangles: Sequence[Rectangle], letters: Sequence[Point]) -> None:
    """Check that all letters stand in rectangles, and that the rectangles hold little else."""
    for x, y in letters:
        assert any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in rectangles), (x, y)
    for left, top, right, bottom in rectangles:
        inside = [x for x, y in letters if left <= x <= right and top <= y <= bottom]
        assert inside, "nothing stands there"
        assert min(inside) - left < 0.02
        assert right - max(inside) < 0.02
        assert bottom - top < 0.04


async def marked_on(page: Any) -> list[Rectangle]:
    """Return where the opened quote is marked in the browser, as shares of the picture as it is shown."""
    await page.wait_for_selector(".place.active")
    return [
        tuple(each)
        for each in await page.evaluate(
            """() => {
                const sheet = document.querySelector("#sheet img").getBoundingClientRect();
                return [...document.querySelectorAll(".place.active")].map((place) => {
                    const box = place.getBoundingClientRect();
                    return [(box.left - sheet.left) / sheet.width, (box.top - sheet.top) / sheet.height,
                            (box.right - sheet.left) / sheet.width, (box.bottom - sheet.top) / sheet.height];
                });
            }"""
        )
    ]
