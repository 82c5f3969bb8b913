"""Reading hard files: what a person would expect of each, and whether we give it.

python -m benchmarks.documents FOLDER

FOLDER holds files of public test suites and `hard.json`, which lists them: name, and what is hard about each. They
are not part of this repository. `documents_expected.json` was written from what other programs show of the files,
before ours read them:

in_order    stands in the text, one behind the other
holds       stands in the text; `once` exactly once; `words` as whole words; `one_of` has alternatives
rows        stand on one line each, or in one row of a table and its head
lacks       does not stand in the text
warned      regular expressions that the warnings match; a refusal that says it will do as well
refused     is refused with a reason and a way out that name these
with_ocr    is expected instead where the extra `ocr` is installed
why         why it is right to expect no more
"""

import argparse
import asyncio
import json
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from agents.documents.library import Library
from agents.errors import DocumentError
from agents.settings import DocumentsSettings
from benchmarks.record import RESULTS

EXPECTED = Path(__file__).with_name("documents_expected.json")
# Chinese, Japanese and Korean letters and their marks: a line's end between two of them is no space.
_WIDE = "\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef"
_SPACE_BESIDE_WIDE = re.compile(rf"(?<=[{_WIDE}])\s+|\s+(?=[{_WIDE}])")


class Read(NamedTuple):
    """What became of a file."""

    text: str = ""
    warnings: str = ""
    refusal: str = ""
    """The reason and the way out."""


async def read(library: Library, path: Path) -> Read:
    """Open a file as a client would."""
    try:
        document = await library.open(str(path))
    except DocumentError as error:
        return Read(refusal=f"{error.message} {error.hint}")
    return Read(document.text, " ".join(document.warnings))


def plain(text: str) -> str:
    """Return the text on one line, in one form of its letters, for comparing."""
    return _SPACE_BESIDE_WIDE.sub("", " ".join(unicodedata.normalize("NFKC", text).split()))


def faults(expected: dict[str, Any], got: Read) -> list[str]:
    """Return what is not as expected of a file, in short sentences; none if all is right."""
    if wanted := expected.get("refused"):
        if not got.refusal:
            return ["read, not refused"]
        return [f"the refusal does not name {words!r}" for words in wanted if words not in got.refusal.lower()]
    said = f"{got.warnings} {got.refusal}"
    found = [
        f"no warning of {pattern!r}" for pattern in expected.get("warned", ()) if not re.search(pattern, said, re.I)
    ]
    if got.refusal:
        return found if _wants_warning_alone(expected) else [f"refused: {got.refusal}"]
    return found + _faults_of_text(expected, got.text)


def _wants_warning_alone(expected: dict[str, Any]) -> bool:
    return not expected.keys() - {"warned", "why"}


def _faults_of_text(expected: dict[str, Any], original: str) -> list[str]:
    text = plain(original)
    lines = [plain(line) for line in _lines_with_heads(original)]
    found = [f"lacks {words!r}" for words in expected.get("holds", ()) if plain(words) not in text]
    found += [f"holds {words!r}" for words in expected.get("lacks", ()) if plain(words) in text]
    found += [
        f"holds {words!r} {count} times"
        for words in expected.get("once", ())
        if (count := text.count(plain(words))) != 1
    ]
    found += [
        f"lacks the word {word!r}"
        for word in expected.get("words", ())
        if not re.search(rf"\b{re.escape(word)}\b", text)
    ]
    found += [
        f"lacks each of {choices}" for choices in expected.get("one_of", ()) if not any(c in text for c in choices)
    ]
    found += [
        f"no line with {cells}"
        for cells in expected.get("rows", ())
        if not any(all(plain(cell) in line for cell in cells) for line in lines)
    ]
    return found + _faults_of_order(expected.get("in_order", ()), text)


def _lines_with_heads(text: str) -> Iterator[str]:
    """Yield the lines, those of a Markdown table with the table's head before them."""
    head = ""
    for line in text.splitlines():
        if not line.startswith("|"):
            head = ""
        yield f"{head} {line}" if head else line
        head = head or (line if line.startswith("|") else "")


def _faults_of_order(wanted: list[str], text: str) -> list[str]:
    position = 0
    for words in wanted:
        at = text.find(plain(words), position)
        if at < 0:
            return [f"{words!r} is missing" if plain(words) not in text else f"{words!r} comes too early"]
        position = at + len(plain(words))
    return []


def verdict(expected: dict[str, Any], got: Read) -> tuple[str, str]:
    """Return "right", "wrong" or "refused clearly", and why in one line."""
    found = faults(expected, got)
    if found:
        return "wrong", "; ".join(found)
    if got.refusal:
        return "refused clearly", got.refusal
    return "right", got.warnings


def table(rows: list[tuple[str, str, str, str]], how: str) -> str:
    """Return the results as a Markdown page."""
    counts = Counter(outcome for _, _, outcome, _ in rows)
    summary = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("right", "refused clearly", "wrong"))
    lines = [
        "# Hard files of public test suites",
        "",
        f"{how} Of {len(rows)} files: {summary}.",
        "",
        "| file | what is hard | verdict | why, or what the reader said |",
        "| --- | --- | --- | --- |",
        *(f"| {' | '.join(_cell(value) for value in row)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str, length: int = 220) -> str:
    line = " ".join(text.split()).replace("|", "\\|")
    return line if len(line) <= length else f"{line[:length]}…"


async def main(folder: Path, names: list[str]) -> None:
    """Read every file of the folder's list and write the table; with `names`, print those only."""
    listed = json.loads((folder / "hard.json").read_text(encoding="utf-8"))
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    has_ocr = find_spec("rapidocr") is not None
    rows: list[tuple[str, str, str, str]] = []
    with tempfile.TemporaryDirectory() as data:
        library = Library(DocumentsSettings(roots=(folder,)), Path(data))
        for entry in listed:
            file = entry["file"]
            if names and file not in names:
                continue
            wanted = expected[file]
            if has_ocr:
                wanted = wanted.get("with_ocr", wanted)
            outcome, why = verdict(wanted, await read(library, folder / file))
            print(f"{outcome:16} {file:34} {why}", flush=True)
            rows.append((file, entry["what"], outcome, why))
        await library.close()
    if not names:
        how = f"`python -m benchmarks.documents FOLDER`, {'with' if has_ocr else 'without'} the extra `ocr`."
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "documents.md").write_text(table(rows, how), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--file", action="append", default=[], help="read this file only; repeat it for more")
    asked = parser.parse_args()
    if not (asked.folder / "hard.json").is_file():
        parser.error(f"{asked.folder} holds no hard.json: the files are not part of this repository")
    asyncio.run(main(asked.folder.resolve(), asked.file))
