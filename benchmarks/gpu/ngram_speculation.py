"""Measure n-gram speculation for one stream: decode with and without drafts looked up in the prompt.

    python -m benchmarks.gpu.ngram_speculation CHECKPOINT --text FILE ... --out ngram_speculation_CARD.json
    python -m benchmarks.gpu.ngram_speculation CHECKPOINT --text FILE ... --out ... --shape QWEN3_4B

A trained checkpoint quotes and continues the text, so its drafts are accepted as they are in real work. With --shape,
dummy weights of that shape decode as well, and vLLM accepts their drafts at the rates that the checkpoint was measured
with. The engines run one after the other, the file is written after each of them.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from agents.engine.vllm import plugin
from benchmarks.gpu.unattended import Task, describe, last_lines, plugin_folder, run_all, settings, write_json

LABEL = (
    "One stream, greedy, prompts already in the prefix cache. Rows: a trained checkpoint, so acceptance is real. Rows "
    "of the true shape: dummy weights, drafts accepted at random at the rates the checkpoint had when quoting, so the "
    "speed is real and acceptance is an assumption."
)


KERNELS = {plugin.KERNELS_VARIABLE: "1"}
"""As the product starts its engine."""


class Row(NamedTuple):
    """One engine: its KV cache and its drafts."""

    kv_cache_dtype: str
    draft: int = 0
    method: str = "ngram"

    @property
    def name(self) -> str:
        """Return what the table calls it."""
        drafts = f"{self.method}, {self.draft} drafted" if self.draft else "no drafts"
        return f"{self.kv_cache_dtype} KV, {drafts}"


ROWS = (
    Row("fp8_e5m2"),
    Row("fp8_e5m2", 7),
    Row("fp8_e4m3"),
    Row("fp8_e4m3", 7),
    Row("fp8_e5m2", 3),
    Row("fp8_e5m2", 7, "ngram_gpu"),
)
"""Drafts of 7: with the token before them 8 at a time, which the kernels for few tokens take as one tile."""


class Rows:
    """Runs the rows and keeps the report.

    Args:
        asked: The command line.
        work: A folder for logs and results.
    """

    def __init__(self, asked: argparse.Namespace, work: Path) -> None:
        self._asked = asked
        self._work = work
        self._deadline = time.monotonic() + asked.seconds
        self.report: dict[str, Any] = {
            "what": "N-gram speculation, decode of one stream",
            "label": LABEL,
            "how": "python -m benchmarks.gpu.ngram_speculation",
            **describe(),
            "settings": settings(asked),
            "model": json.loads((asked.checkpoint / "config.json").read_text()),
            "rows": {},
            "true_shape": {},
        }

    def run(self, row: Row, section: str, checkpoint: Path, more: list[str]) -> None:
        """Measure one row, unless the time is up."""
        into = self._work / f"{section}-{row.kv_cache_dtype}-{row.method}-{row.draft}.json"
        left = self._deadline - time.monotonic()
        if left < self._asked.least_seconds:
            self._keep(section, row, {"skipped": "the time was up"})
            return
        command = [self._asked.python, "-m", "benchmarks.gpu.decode_rate", str(checkpoint), "--into", str(into)]
        command += ["--text", *map(str, self._asked.text)]
        command += ["--kv-cache-dtype", row.kv_cache_dtype, "--draft", str(row.draft), "--method", row.method]
        command += ["--context", str(self._asked.context), "--answer", str(self._asked.answer)]
        command += ["--prompts", str(self._asked.prompts), "--kv-gib", str(self._asked.kv_gib), *more]
        if "quantization_config" in self.report["model"]:
            command += ["--quantization", plugin.QUANTIZATION_WITH_KERNELS]
        path = os.pathsep.join(filter(None, (str(plugin_folder(self._work)), os.environ.get("PYTHONPATH"))))
        task = Task(row.name, command, into.with_suffix(".log"), {"PYTHONPATH": path} | KERNELS)

        def ended(task: Task, code: int | None) -> None:
            found: dict[str, Any] = json.loads(into.read_text()) if into.exists() else {}
            if code != 0:
                found |= {"error": "stopped at its limit" if code is None else f"exit code {code}"}
                found |= {"log": last_lines(task.log)}
            self._keep(section, row, found)

        run_all([task], 1, min(left, self._asked.limit), ended)

    def _keep(self, section: str, row: Row, found: dict[str, Any]) -> None:
        self.report[section][row.name] = found
        self.report["gains"] = {name: gains(self.report[name]) for name in ("rows", "true_shape")}
        write_json(self._asked.out, self.report)
        print(section, row.name, found, flush=True)


def gains(rows: dict[str, Any]) -> dict[str, Any]:
    """Return each row's rate over that of the row without drafts and with the same KV cache, by kind of work."""
    found: dict[str, Any] = {}
    for name, row in rows.items():
        plain = rows.get(f"{name.partition(',')[0]}, no drafts", {}).get("work", {})
        found[name] = {
            kind: round(figures["tokens_per_second_median"] / plain[kind]["tokens_per_second_median"], 3)
            for kind, figures in row.get("work", {}).items()
            if kind in plain
        }
    return {name: by_kind for name, by_kind in found.items() if by_kind and "no drafts" not in name}


def accepted_when_quoting(rows: dict[str, Any], draft: int) -> list[float]:
    """Return the first measured rates at which quoting's drafts of that length were accepted, place by place."""
    for row in rows.values():
        drafts = row.get("work", {}).get("quoting", {}).get("drafts")
        if drafts and len(drafts["accepted_up_to_place"]) == draft:
            return drafts["accepted_up_to_place"]
    return []


def main() -> int:
    """Measure the checkpoint's rows, then those of the true shape; 1 if a row failed."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as work:
        rows = Rows(asked, Path(work))
        report = rows.report
        for row in (ROWS[number] for number in asked.rows):
            rows.run(row, "rows", asked.checkpoint, ["--eager"] if asked.eager else [])
        for row in (ROWS[number] for number in asked.shape_rows if asked.shape):
            rates = accepted_when_quoting(report["rows"], row.draft) if row.draft else []
            if row.draft and not rates:
                continue
            more = [*(["--eager"] if asked.eager else []), "--lookup", "1", "5", "--acceptance", *map(str, rates)]
            rows.run(row, "true_shape", asked.shape, more)
    return 1 if any("error" in row for part in ("rows", "true_shape") for row in report[part].values()) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="trained weights")
    parser.add_argument("--text", type=Path, nargs="+", required=True, help="what is quoted and continued")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")) / "ngram_speculation.json")
    parser.add_argument("--rows", type=int, nargs="+", default=[0, 1, 2, 3], help=f"numbers from 0 to {len(ROWS) - 1}")
    parser.add_argument("--shape-rows", type=int, nargs="+", default=[0, 1], help="rows to measure with --shape")
    parser.add_argument("--shape", type=Path, help="folder with the config of Qwen3-4B FP8, for dummy weights")
    parser.add_argument("--context", type=int, default=4_096, help="tokens of prompt and answer")
    parser.add_argument("--answer", type=int, default=256)
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--kv-gib", type=float, default=4.0)
    parser.add_argument("--eager", action="store_true", help="no graphs, for a rehearsal")
    parser.add_argument("--seconds", type=float, default=400, help="for everything")
    parser.add_argument("--limit", type=float, default=150, help="seconds for one engine")
    parser.add_argument("--least-seconds", type=float, default=40, help="no engine is started with less")
    parser.add_argument("--python", default=sys.executable, help="the Python that has vLLM")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
