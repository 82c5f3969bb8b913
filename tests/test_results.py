"""The files in benchmarks/results: well formed, and named by a page that says what they are."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
FILES = sorted((BENCHMARKS / "results").glob("*.json"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def result(request: pytest.FixtureRequest) -> dict[str, Any]:
    return json.loads(request.param.read_text())


def test_every_result_is_named_by_the_page_of_measurements() -> None:
    page = (BENCHMARKS / "README.md").read_text()

    assert [path.name for path in FILES if f"results/{path.name})" not in page] == []


def test_every_result_says_when_on_what_and_how_it_was_measured(result: dict[str, Any]) -> None:
    assert result["date"][:2] == "20"
    assert result.get("machine", {}).get("processor") or result.get("device") or result.get("gpu")
    assert "python -m benchmarks." in result.get("how", "") or "what" in result
    if "goal" in result:
        assert isinstance(result["met"], bool)
        assert result["figures"]
        assert result["versions"]["python"]


def test_no_result_of_a_side_by_side_holds_a_path_of_its_machine(result: dict[str, Any]) -> None:
    assert "goal" not in result or tempfile.gettempdir() not in json.dumps(result)
