"""Writes what results/ holds into README.md, between its two marks.

python -m benchmarks.table
"""

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
README = FOLDER / "README.md"
_MARKED = re.compile(r"(<!-- results -->\n).*?(<!-- /results -->)", re.DOTALL)


def results() -> dict[str, dict[str, Any]]:
    """Return the side-by-side results by name: those that hold a goal."""
    read = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("results/*.json"))}
    return {name: result for name, result in read.items() if "goal" in result and "figures" in result}


def table() -> str:
    """Return the results as Markdown, one section each."""
    return "\n".join(_section(name, result) for name, result in results().items())


def _section(name: str, result: dict[str, Any]) -> str:
    machine = result["machine"]
    where = f"{machine['processor']}, {machine['cores']} cores, {'; '.join(machine['gpus']) or 'no GPU'}"
    rows = [f"| {_words(key)} | {_number(value)} |" for key, value in result["figures"].items()]
    return "\n".join(
        [
            f"### {name}: {result['goal']}: {'met' if result['met'] else 'not met'}",
            "",
            f"{result['how']} {result['date'][:10]}, {where}. [results/{name}.json](results/{name}.json)",
            "",
            "| figure | value |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )


def _words(key: str) -> str:
    return key.replace("_", " ")


def _number(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def written(readme: str) -> str:
    """Return the README with the results in it."""
    return _MARKED.sub(lambda marks: f"{marks[1]}{table()}{marks[2]}", readme)


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
