import sys
from pathlib import Path

from benchmarks.gpu.unattended import Task, last_lines, run_all


def task(folder: Path, name: str, code: str) -> Task:
    return Task(name, [sys.executable, "-c", code], folder / f"{name}.log", {"GREETING": "hello"})


def test_each_task_is_told_of_with_its_exit_code(tmp_path: Path) -> None:
    ended: dict[str, int | None] = {}
    tasks = [
        task(tmp_path, "good", "import os; print(os.environ['GREETING'])"),
        task(tmp_path, "bad", "raise SystemExit(3)"),
    ]
    run_all(tasks, 2, 60, lambda done, code: ended.update({done.name: code}))
    assert ended == {"good": 0, "bad": 3}
    assert last_lines(tmp_path / "good.log") == ["hello"]


def test_a_task_past_its_limit_is_stopped_and_the_next_one_runs(tmp_path: Path) -> None:
    ended: list[tuple[str, int | None]] = []
    forever = task(tmp_path, "forever", "import threading; threading.Event().wait()")
    run_all([forever], 1, 0.5, lambda done, code: ended.append((done.name, code)))
    run_all([task(tmp_path, "next", "")], 1, 60, lambda done, code: ended.append((done.name, code)))
    assert ended == [("forever", None), ("next", 0)]
