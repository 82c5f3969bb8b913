"""Adding a format, and what is said of a file that its reader fails on."""

import pkgutil
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest

from agents.documents.library import Library
from agents.documents.parsing import formats, sandbox
from agents.documents.parsing.encoding import decode
from agents.documents.parsing.parse import parse
from agents.documents.parsing.parsed import Parsed, clean
from agents.errors import DocumentError


def read_toy(data: bytes, _name: str) -> Parsed:
    """Read a toy format, in which an exclamation mark begins a heading."""
    text = clean(decode(data).text)
    starts = [index for index, character in enumerate(text) if character == "!"]
    return Parsed.from_text(text, headings=[(1, text[start + 1 :].partition("\n")[0], start) for start in starts])


def read_wrongly(data: bytes, _name: str) -> Parsed:
    """Fail, as a reader with a bug does."""
    raise ZeroDivisionError(data)


TOYS = (
    formats.Reader("Toy", f"{__name__}:read_toy", (".toy",), ("text/x-toy",)),
    formats.Reader("Broken", f"{__name__}:read_wrongly", (".broken",)),
)
# Parsing processes have a registry of their own, in which the toys are registered too.
FORK_SERVER_WITH_TOYS = f"""
import importlib.util, sys
sys.path.insert(0, {str(Path(__file__).parents[4])!r})
spec = importlib.util.spec_from_file_location({__name__!r}, {__file__!r})
toys = sys.modules[{__name__!r}] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(toys)
from agents.documents.parsing import fork_server, formats
formats.READERS += toys.TOYS
fork_server.main()
"""


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "READERS", [*formats.READERS, *TOYS])
    monkeypatch.setattr(sandbox, "_CHILD", (sys.executable, "-c", FORK_SERVER_WITH_TOYS))


@pytest.fixture
def library_with_toys(toys: None, library: Library) -> Iterator[Library]:
    """A library whose parsing processes know the toys; they start when it first opens a document."""
    library.parsing = library.parsing._replace(sandbox=sandbox.Sandbox(library._settings))
    yield library
    library.parsing.sandbox.close()


@pytest.mark.usefixtures("toys")
def test_a_format_is_one_function_and_one_entry_in_the_registry() -> None:
    parsed = parse(b"!The pump\r\nIt is blue.", "a.toy")
    assert (parsed.text, parsed.headings) == ("!The pump\nIt is blue.", [(1, "The pump", 0)])
    assert formats.by_mime_type("text/x-toy") is formats.by_suffix(".TOY") is TOYS[0]
    assert "JSON, .eml, Toy and Broken" in formats.unsupported("a.bin").hint


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
async def test_a_library_reads_a_format_that_was_added(
    library_with_toys: Library, write: Callable[[str, str], str]
) -> None:
    document = await library_with_toys.open(write("a.toy", "!The pump\nIt is blue."))
    assert document.title == "The pump"
    assert [heading.text for heading in document.headings] == ["The pump"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
async def test_a_reader_that_fails_is_no_fault_of_the_file(
    library_with_toys: Library, write: Callable[[str, str], str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DocumentError) as caught:
        await library_with_toys.open(write("a.broken", "Words."))
    assert caught.value.message == (
        "This version of Readroom cannot read a.broken: its reader failed with ZeroDivisionError."
    )
    assert formats.ISSUES in caught.value.hint
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Traceback (most recent call last)" in caplog.text
    assert "in read_wrongly" in caplog.text


def test_every_reader_can_be_imported_and_no_two_claim_the_same_files() -> None:
    assert all(callable(pkgutil.resolve_name(reader.function)) for reader in formats.READERS)
    for claims in ("suffixes", "mime_types"):
        claimed = list(chain.from_iterable(getattr(reader, claims) for reader in formats.READERS))
        assert len(claimed) == len(set(claimed))
