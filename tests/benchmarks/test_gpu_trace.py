import gzip
import json
from pathlib import Path

from benchmarks.gpu.trace import gpu_events, newest, summary

EVENTS = [
    {"cat": "cpu_op", "name": "aten::mm", "ts": 0, "dur": 900},
    {"cat": "kernel", "name": "norm", "ts": 130, "dur": 10},
    {"cat": "kernel", "name": "product", "ts": 100, "dur": 20},
    {"cat": "kernel", "name": "product", "ts": 140, "dur": 60},
    {"cat": "gpu_memcpy", "name": "copy", "ts": 150, "dur": 5},
]


def test_a_trace_says_which_kernels_ran_and_when_the_gpu_waited(tmp_path: Path) -> None:
    path = tmp_path / "worker.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"traceEvents": EVENTS}).encode()))

    found = summary(gpu_events(path))

    assert (found["events"], found["microseconds"], found["idle_microseconds"]) == (4, 100, 10)
    assert found["kernels"]["product"] == {"count": 2, "microseconds": 80, "each": 40}
    assert found["waits"] == {"product -> norm": {"count": 1, "microseconds": 10, "each": 10}}


def test_the_newest_trace_is_the_one_that_holds_work_of_a_gpu(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(json.dumps({"traceEvents": EVENTS[:1]}))
    (tmp_path / "worker.json").write_text(json.dumps({"traceEvents": EVENTS}))

    assert [event["name"] for event in newest(tmp_path)] == ["product", "norm", "product", "copy"]


def test_without_work_of_a_gpu_there_is_nothing_to_tell(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(json.dumps({"traceEvents": EVENTS[:1]}))

    assert newest(tmp_path) == []
    assert summary([]) == {"events": 0}
