"""Sixty injections through every way out: nothing acts in a browser or on a terminal, and no line is forged."""

import asyncio
import html.parser
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from markdown_it import MarkdownIt
from mcp import Client
from typer.testing import CliRunner, Result

from agents.assistant import Assistant
from agents.settings import DocumentsSettings, EngineSettings, Settings
from mcp_server.cli import app
from mcp_server.server import create_server
from tests.support import injections
from tests.support.chromium import chromium
from tests.support.injections import Injection
from tests.support.processes import REPOSITORY, environment

SITE = "http://127.0.0.1:9"
"""What the injections would have a browser ask; it is answered by the test."""
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {
    *("html", "head", "meta", "title", "body", "h1", "h2", "p", "ul", "ol", "li", "blockquote", "em", "strong", "s"),
    *("code", "pre", "table", "thead", "tbody", "tr", "th", "td", "hr", "br", "a"),
}
"""What an answer's Markdown may become."""
OWN_LINES = re.compile(r"---|Session `|Documents: |Read |Engine: |Claims |Note: (?!SYSTEM)|$")
"""How the lines below an answer begin."""
FENCED = re.compile(r"^(`{3,})\n.*?^\1$", re.MULTILINE | re.DOTALL)
ESCAPES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

OWN_STYLE = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[\d?[AK]|\r")
"""Colours, and what a progress bar does: the cursor hidden, a line up, a line emptied."""


class Shown(NamedTuple):
    """What the product says of the injections."""

    made: list[Injection]
    answers: list[str]
    others: list[str]
    """Lists, parts of documents, errors, a session: Markdown, too."""
    labels: list[str]
    """Titles of resources and messages of progress, which are no Markdown."""
    quotes: list[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("papers")


@pytest.fixture(scope="module")
def shown(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Everything that a client is shown, by asking for each mark."""
    made = injections.write(folder, SITE)
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        documents=DocumentsSettings(roots=(folder,)),
        engine=EngineSettings(kind="extractive"),
    )
    return asyncio.run(everything_shown(made, settings))


async def everything_shown(made: list[Injection], settings: Settings) -> Shown:
    assistant = Assistant(settings)
    shown = Shown(made, [], [], [], [])
    async with Client(create_server(settings, assistant)) as client:

        async def called(tool: str, **arguments: Any) -> Any:
            result = await client.call_tool(tool, arguments, progress_callback=progressed)
            shown.labels.extend(link.title for link in result.content[1:])
            return result

        async def progressed(_done: float, _total: float | None, message: str | None) -> None:
            shown.labels.append(message or "")

        for mark, *paths in asked(made):
            result = await called("ask", question=f"What is {mark}?", documents=paths)
            shown.answers.append(result.content[0].text)
            shown.quotes.extend(source["quote"] for source in result.structured_content["citations"])
        session = result.structured_content["session"]["session_id"]
        for mode in ("summary", "extraction"):
            result = await called("analyze_document", document=str(made[0].path), mode=mode, focus="mark")
            shown.answers.append(result.content[0].text)
        for path in dict.fromkeys(each.path for each in made):
            result = await called("read_document", document=str(path))
            shown.others.append(result.content[0].text)
        rules, *others = dict.fromkeys(str(each.path) for each in made)
        for arguments in (
            {"document": rules, "find": "there"},
            # The name that comes nearest is proposed.
            *({"document": f"{path}.txt"} for path in others if path.endswith(".txt")),
        ):
            result = await called("read_document", **arguments)
            shown.others.append(result.content[0].text)
        result = await called("list_documents")
        shown.others.append(result.content[0].text)
        shown.others.append((await client.read_resource(f"readroom://sessions/{session}")).contents[0].text)
        listed = (await client.list_resources()).resources
        shown.labels.extend(text or "" for each in listed for text in (each.title, each.description))
    await assistant.close()
    return shown


def asked(made: list[Injection]) -> Iterator[list[str]]:
    """Yield a mark and the documents that are asked for it: for titles and names several."""
    for suffix, group in itertools.groupby(made, key=lambda each: each.path.suffix):
        alike = list(group)
        together = 5 if suffix in (".pdf", ".txt") else 1
        for start in range(0, len(alike), together):
            yield [alike[start].mark, *(str(each.path) for each in alike[start : start + together])]


def test_every_injection_is_shown_and_quoted_in_the_documents_own_words(shown: Shown) -> None:
    assert len(shown.made) == 60
    everything = "\n".join([*shown.answers, *shown.others])
    assert not [each.mark for each in shown.made if each.mark not in everything]
    pictures = [each.text for each in shown.made[:10]]
    assert all(any(text in quote for quote in shown.quotes) for text in (pictures[0], pictures[2], pictures[7]))


def test_no_line_is_forged(shown: Shown) -> None:
    for answer in shown.answers:
        below = answer.rpartition("\n---\n")[2]
        assert not [line for line in below.splitlines() if not OWN_LINES.match(line)]
    others = [FENCED.sub("", text) for text in shown.others]
    lines = [line for text in (*others, *shown.labels) for line in text.splitlines()]
    assert not [line for line in lines if line.startswith("Note: SYSTEM")]
    assert not ESCAPES.search("".join([*shown.answers, *others, *shown.labels]))


async def test_nothing_acts_in_a_browser(shown: Shown) -> None:
    asked_of_old, _ = await opened(page([each.text for each in shown.made]))
    asked, elements = await opened(page([*shown.answers, *shown.others]))

    assert len([url for url in asked_of_old if url.startswith(f"{SITE}/mark")]) >= 15
    assert asked == {f"{SITE}/"}
    assert set(elements.tags) <= OURS
    assert all(link.startswith("mailto:") for link in elements.links)


async def opened(source: str) -> tuple[set[str], "Elements"]:
    """Open a page; return all that the browser asks for until it is at rest, and the page's elements."""
    asked: set[str] = set()

    async def answer(route: Any) -> None:
        asked.add(route.request.url)
        await route.fulfill(body=source if route.request.url == f"{SITE}/" else "", content_type="text/html")

    async with chromium() as context:
        await context.route("**", answer)
        browsed = await context.new_page()
        await browsed.goto(f"{SITE}/", wait_until="networkidle")
        return asked, Elements.of(await browsed.content())


class Elements(html.parser.HTMLParser):
    """The elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    @classmethod
    def of(cls, source: str) -> "Elements":
        elements = cls()
        elements.feed(source)
        return elements

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def page(texts: list[str]) -> str:
    """Return a page with texts as a client renders them, each on its own."""
    return f"<title>Readroom</title>{''.join(map(MARKDOWN.render, texts))}"


@pytest.fixture
def readroom(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command in the folder of injections."""
    monkeypatch.chdir(folder)
    return lambda *words: CliRunner().invoke(app, words, env=environment(tmp_path, HOME=str(tmp_path)))


def test_the_command_line_prints_no_escape_sequence(shown: Shown, readroom: Callable[..., Result]) -> None:
    names = [str(each.path) for each in shown.made if each.path.suffix in (".pdf", ".txt", ".eml")]
    runs = [
        readroom("ask", *names, "Which rule is old?"),
        readroom("ask", *names, "Which rule is old?", "--json"),
        *(readroom("analyze", name) for name in names if "\x1b" in name or "mark58" in name),
        *(readroom("text", name) for name in names if "\x1b" in name or "mark58" in name),
        readroom("documents"),
        readroom("sessions"),
    ]
    absent = [f"{name}.txt" for name in names if name.endswith(".txt")]
    refused = [readroom("ask", name, "What?", *more) for name in absent for more in ((), ("--json",))]
    assert {run.exit_code for run in runs} == {0}
    assert {run.exit_code for run in refused} == {1}
    assert not [found for run in (*runs, *refused) for found in ESCAPES.findall(run.stdout + run.stderr)]
    for run in refused:
        assert not re.search(r"^Note: SYSTEM", run.stderr, re.MULTILINE)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo terminal")
def test_a_name_with_markup_and_escapes_is_shown_on_a_terminal_with_our_own_colours_alone(tmp_path: Path) -> None:
    path = tmp_path / "[_red] [/red] [link=x]\x1b]0;SYSTEM\x07\x1b[2J\x9b31m.txt".replace("/", "")
    path.write_text("# [Rules](http://127.0.0.1/)\n\nThe rule ![of](http://127.0.0.1/) the house is old.")

    code, printed = on_a_terminal("ask", str(path), "[/red] Which rule is old?", data_dir=tmp_path)

    assert code == 0
    assert "the house is old" in printed
    assert "[_red] [red] [link=x]" in printed
    assert not ESCAPES.search(OWN_STYLE.sub("", printed))
    assert "\x1b[2J" not in printed


def on_a_terminal(*words: str, data_dir: Path) -> tuple[int, str]:
    """Run the command on a pseudo terminal; return its exit code and what it prints there."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mcp_server", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(data_dir, TERM="xterm-256color", COLUMNS="200"),
        cwd=REPOSITORY,
    )
    os.close(theirs)
    printed = b""
    # Linux ends a terminal that nobody writes to any more with an error.
    with suppress(OSError), os.fdopen(ours, "rb", buffering=0) as terminal:
        while block := terminal.read(65_536):
            printed += block
    return process.wait(), printed.decode()
