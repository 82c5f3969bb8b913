"""The site of the documentation, built as `make docs` builds it: a link or an anchor that leads nowhere fails."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


class Loaded(HTMLParser):
    """What a browser loads by itself when it opens a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        loads = given.get("href") if tag == "link" and given.get("rel") not in ("canonical", "prev", "next") else None
        self.addresses += filter(None, (given.get("src"), loads))


def test_every_page_is_in_it(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}

    assert {path.stem for path in site.glob("*.html")} == pages | {"404"}


def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = {address for page in site.glob("*.html") for address in Loaded(page).addresses}

    assert any(address.endswith(".css") for address in loaded)
    assert [address for address in loaded if re.match(r"(?:https?:)?//", address)] == []


def test_every_file_that_a_page_loads_is_there(site: Path) -> None:
    loaded = {address.split("?")[0] for page in site.glob("[!4]*.html") for address in Loaded(page).addresses}

    assert [address for address in sorted(loaded) if not (site / address).exists()] == []
