"""A host of MCP Apps, with the SDK's own bridge in a real Chromium, shows the viewer from the real server."""

import base64
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client import advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID

from agents.schema import AgentStep, Coverage, RouteReport
from agents.settings import Settings
from mcp_server.parts import structured_content
from mcp_server.server import create_server
from mcp_server.viewer.page import viewer_page
from tests.clients.visit import HERE
from tests.conftest import EXAMPLES
from tests.support.chromium import chromium
from tests.support.fake_assistant import ANSWER, FakeAssistant
from tests.support.processes import server_process
from tests.support.samples import write_lines_as_docx, write_xlsx
from tests.support.viewing import assert_marked, letters_at, marked_on

APPS = (advertise(EXTENSION_ID, {"mimeTypes": [APP_MIME_TYPE]}),)
ONE_DOT = (
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
HANDBOOK = str(EXAMPLES / "station-handbook.pdf")


@pytest.fixture(scope="session")
def host_script(node: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The host's script with the SDK in it."""
    built = tmp_path_factory.mktemp("host") / "host.js"
    bundle = ["node_modules/esbuild/bin/esbuild", "app_host.mjs", "--bundle", "--format=iife", f"--outfile={built}"]
    subprocess.run([node, *bundle], cwd=HERE, check=True, capture_output=True)
    return built.read_text()


@asynccontextmanager
async def hosted(connected: Client, script: str, requests: list[str]) -> AsyncIterator[Any]:
    """Yield a page in which `showApp` shows an app whose calls go to the server."""

    async def call_server(params: dict[str, Any]) -> dict[str, Any]:
        result = await connected.call_tool(params["name"], params["arguments"])
        return result.model_dump(by_alias=True, mode="json", exclude_none=True)

    async with chromium(viewport={"width": 1200, "height": 900}) as context:
        page = await context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        await page.expose_function("callServer", call_server)
        await page.add_script_tag(content=script)
        yield page


async def asked_in_app(connected: Client, page: Any, question: str, path: str, theme: str = "light") -> tuple[Any, Any]:
    """Ask, show the tool's app with the result, and open the first source; return the app and the citation."""
    tools = {tool.name: tool for tool in (await connected.list_tools()).tools}
    uri = tools["ask"].meta["ui"]["resourceUri"]
    (content,) = (await connected.read_resource(uri)).contents
    assert content.mime_type == APP_MIME_TYPE
    arguments = {"question": question, "documents": [path]}
    result = await connected.call_tool("ask", arguments)
    shown = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    await page.evaluate("showApp", {"html": content.text, "input": arguments, "result": shown, "theme": theme})
    app = page.frames[-1]
    await app.locator(".mark").first.click()
    await app.locator("#text mark.active").first.wait_for(state="attached")
    return app, result.structured_content["citations"][0]


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_quotes_are_marked_in_a_pdf_a_docx_and_an_xlsx(
    transport: str, root: Path, url: str, tmp_path: Path, host_script: str
) -> None:
    folder = root / transport
    folder.mkdir()
    copy = shutil.copy(HANDBOOK, folder)
    docx = write_lines_as_docx(folder / "a.docx", ["The pump holds 40 litres.", "The valve is red.", "It rains."])
    xlsx = write_xlsx(folder / "a.xlsx")
    server = url if transport == "http" else server_process(tmp_path, "--root", str(root))
    requests: list[str] = []
    async with Client(server, extensions=APPS) as connected, hosted(connected, host_script, requests) as page:
        question = "What should the crew do if a battery container is smoking?"
        app, cited = await asked_in_app(connected, page, question, copy)
        assert_marked(await marked_on(app), letters_at(HANDBOOK, cited["page"], cited["quote"]))
        for question, path in (("How many litres does the pump hold?", docx), ("What is the price of P-3?", xlsx)):
            app, cited = await asked_in_app(connected, page, question, path, theme="dark")
            marked = "".join(await app.locator("#text mark.active").all_text_contents())
            assert marked == cited["quote"]
            assert await app.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
        assert (await page.evaluate("window.appCapabilities"))["availableDisplayModes"] == ["inline", "fullscreen"]
        await app.locator("#fullscreen").click()
        await page.wait_for_function("window.displayMode === 'fullscreen'")
    assert [each for each in requests if not each.startswith(("about:", "data:"))] == []


async def test_a_result_of_which_nothing_was_read_is_shown_and_then_a_measurement_with_its_chart(
    host_script: str,
) -> None:
    done = RouteReport(kind="simple", reason="", agents=(AgentStep(agent="router", seconds=0.004),))
    unread = ANSWER.model_copy(update={"coverage": Coverage(tokens_total=900), "route": done})
    dot = base64.b64encode(bytes.fromhex(ONE_DOT)).decode()
    image = {"type": "image", "data": dot, "mimeType": "image/png"}
    result = {
        "content": [{"type": "text", "text": "Pages a second: 90"}, image],
        "structuredContent": {"suite": "quick"},
    }
    server = create_server(Settings(), FakeAssistant())
    async with Client(server, extensions=APPS) as connected, hosted(connected, host_script, []) as page:
        shown = {"html": viewer_page(alone=False), "input": {}, "theme": "light"}
        nothing = {"content": [], "structuredContent": structured_content(unread)}
        await page.evaluate("showApp", {**shown, "result": nothing})
        app = page.frames[-1]
        await app.get_by_text("0 tokens of 900 read").wait_for()
        assert await app.locator("#steps li").all_text_contents() == ["router4 ms"]
        assert await app.locator("#steps .outcome").count() == 0
        await page.evaluate("showApp", {**shown, "result": result})
        app = page.frames[-1]
        await app.get_by_text("Pages a second: 90").wait_for()
        assert (
            await app.locator("#answer img").evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 1
        )
