"""What SECURITY.md promises is held by what it names."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
NAMED = re.compile(r"(?:tests/)?(?:[a-z]\w*/)*test_\w+\.py")


def promises() -> list[str]:
    """Return the paragraphs of the promises."""
    promised = (ROOT / "SECURITY.md").read_text().split("## What is promised\n", 1)[1].split("\n## ", 1)[0]
    return [each for each in promised.split("\n\n") if each.startswith("**")]


def test_every_promise_names_a_test_that_there_is() -> None:
    for promise in promises():
        names = NAMED.findall(promise)
        assert names, promise
        folder = ROOT
        for name in names:
            # A name alone stands for a file beside the one before it.
            path = ROOT / name if "/" in name else folder / name
            assert path.is_file(), name
            folder = path.parent


def test_every_command_that_a_promise_names_can_be_run() -> None:
    modules = [name for promise in promises() for name in re.findall(r"python -m (\S+?)`", promise)]
    assert modules
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []
