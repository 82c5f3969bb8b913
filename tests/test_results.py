import json
import tempfile

from benchmarks.table import README, results, written


def test_the_readme_shows_what_the_results_hold() -> None:
    text = README.read_text()

    assert written(text) == text, "run: python -m benchmarks.table"


def test_every_result_says_when_on_what_and_how_it_was_measured() -> None:
    for name, result in results().items():
        assert result["date"][:2] == "20", name
        assert "python -m benchmarks." in result["how"], name
        assert result["machine"]["processor"], name
        assert result["versions"]["python"], name


def test_no_result_holds_a_path_of_the_machine_it_came_from() -> None:
    for name, result in results().items():
        assert tempfile.gettempdir() not in json.dumps(result), name
