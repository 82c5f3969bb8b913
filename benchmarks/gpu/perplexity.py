"""Measure what quantisation costs: perplexity, greedy agreement and exact quotes for FP8 weights and FP8 KV caches.

    python -m benchmarks.gpu.quantize_block_fp8 FOLDER/bf16 FOLDER/fp8
    python -m benchmarks.gpu.perplexity FOLDER --text FILE ... --out quantisation_quality_CARD.json

FOLDER/bf16 holds a checkpoint, FOLDER/fp8 the same in FP8; the text is one that the model was not trained on. Every row
of the table is one vLLM engine over the same windows of text; the first is the reference of the others. The engines run
beside each other: no time is measured here. The file is written after each of them.
"""

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.gpu.score_windows import ANSWER, LEAD
from benchmarks.gpu.unattended import Task, describe, last_lines, run_all, settings, write_json

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]

MEASURED = {
    "perplexity": "exp of the mean negative log-likelihood of the same last tokens of every window, each window cut to "
    "its last `context` tokens; likelihoods from vLLM's prompt_logprobs. vLLM writes keys and values into the KV "
    "cache before it attends, and both FlashAttention and FlashInfer read them back from there, so every key and "
    "value, those of the current chunk too, went through the cache's type (read in the source of 0.26.0).",
    "standard_error": "from the windows' means: windows are independent, tokens within one are not",
    "ratio": "perplexity over the reference's; its standard error from the windows' paired differences",
    "top1_agreement": "share of the scored tokens for which the most likely token is the reference's",
    "continued": f"{ANSWER} tokens written greedily after each window: share of windows in which all are the "
    "reference's, and mean share of tokens before the first difference",
    "quoted": f"given the first {LEAD} tokens of a passage of the window: share of passages whose next {ANSWER} tokens "
    "are exact, and mean share of tokens before the first error",
}


class Row(NamedTuple):
    """One combination of weights and KV cache."""

    weights: str
    kv_cache_dtype: str
    own_kernels: bool = False

    @property
    def name(self) -> str:
        """Return what the table calls it."""
        kernels = ", our kernels and FP8 embeddings" if self.own_kernels else ""
        return f"{self.weights} weights, {'bf16' if self.kv_cache_dtype == 'auto' else self.kv_cache_dtype} KV{kernels}"


ROWS = (
    Row("bf16", "auto"),
    Row("fp8", "auto"),
    Row("fp8", "fp8_e4m3"),
    Row("fp8", "fp8_e5m2"),
    Row("bf16", "fp8_e4m3"),
    Row("bf16", "fp8_e5m2"),
    Row("fp8", "auto", own_kernels=True),
    Row("fp8", "fp8_e5m2", own_kernels=True),
)


class Estimate(NamedTuple):
    """A figure with its standard error."""

    value: float
    standard_error: float


def perplexity(logprobs: Floats) -> Estimate:
    """Return the perplexity of log-likelihoods in nats, windows x tokens."""
    return _exp_of_mean(-logprobs.astype(np.float64).mean(axis=1))


def ratio(logprobs: Floats, reference: Floats) -> Estimate:
    """Return a perplexity over the reference's on the same tokens, its error from paired differences."""
    return _exp_of_mean((reference.astype(np.float64) - logprobs.astype(np.float64)).mean(axis=1))


def matching(written: Integers, expected: Integers) -> dict[str, float]:
    """Return the share of rows that are equal, and the mean share of tokens before the first difference."""
    equal = written == expected
    before = np.where(equal.all(axis=1), equal.shape[1], equal.argmin(axis=1))
    return {
        "exact": round(float(equal.all(axis=1).mean()), 4),
        "before_first_difference": round(float(before.mean() / equal.shape[1]), 4),
    }


def compare(arrays: Mapping[str, Any], reference: Mapping[str, Any], context: int) -> dict[str, Any]:
    """Return one row's figures at one context."""
    logprobs, expected = arrays[f"logprobs_{context}"], reference[f"logprobs_{context}"]
    own, against = perplexity(logprobs), ratio(logprobs, expected)
    figures: dict[str, Any] = {
        "tokens": int(logprobs.size),
        "perplexity": round(own.value, 4),
        "standard_error": round(own.standard_error, 4),
        "ratio": round(against.value, 5),
        "ratio_standard_error": round(against.standard_error, 5),
        "top1_agreement": round(float((arrays[f"top_{context}"] == reference[f"top_{context}"]).mean()), 4),
    }
    if f"quoted_{context}" in arrays:
        figures["quoted"] = matching(arrays[f"quoted_{context}"], arrays[f"passages_{context}"])
        figures["quoted"]["passages"] = len(arrays[f"passages_{context}"])
        if f"continued_{context}" in reference:
            figures["continued"] = matching(arrays[f"continued_{context}"], reference[f"continued_{context}"])
    return figures


def table(results: Mapping[str, Mapping[str, Any]], contexts: list[int]) -> dict[str, Any]:
    """Return the table of all rows that are done; without the reference there is none yet."""
    reference = results.get(ROWS[0].name)
    if reference is None:
        return {}
    return {
        name: json.loads(str(arrays["facts"]))
        | {"contexts": {str(context): compare(arrays, reference, context) for context in contexts}}
        for name, arrays in results.items()
    }


def tasks(asked: argparse.Namespace, work: Path) -> dict[str, tuple[Task, Path]]:
    """Return each row's command with the file that it writes."""
    made: dict[str, tuple[Task, Path]] = {}
    for row in (ROWS[number] for number in asked.rows):
        into = work / f"{row.weights}-{row.kv_cache_dtype}{'-own' * row.own_kernels}.npz"
        command = [asked.python, "-m", "benchmarks.gpu.score_windows", str(asked.folder / row.weights)]
        command += ["--text", *map(str, asked.text), "--into", str(into), "--kv-cache-dtype", row.kv_cache_dtype]
        command += ["--contexts", *map(str, asked.contexts)]
        command += ["--scored", str(asked.scored), "--windows", str(asked.windows), "--chunk", str(asked.chunk)]
        command += ["--kv-gib", str(asked.kv_gib), *["--own-kernels"] * row.own_kernels]
        made[row.name] = (Task(row.name, command, into.with_suffix(".log"), {}), into)
    return made


def main() -> int:
    """Run all rows and write the table; 1 if a row failed."""
    asked = _arguments()
    report: dict[str, Any] = {
        "what": "Quality of quantised weights and KV caches",
        "how": "python -m benchmarks.gpu.perplexity",
        **describe(),
        "model": json.loads((asked.folder / "bf16" / "config.json").read_text()),
        "settings": settings(asked) | {"eager": True, "prefix_caching": False, "reference": ROWS[0].name},
        "measured": MEASURED,
    }
    results: dict[str, Mapping[str, Any]] = {}
    errors: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as work:
        planned = tasks(asked, Path(work))

        def ended(task: Task, code: int | None) -> None:
            into = planned[task.name][1]
            if into.exists():
                with np.load(into) as arrays:
                    results[task.name] = dict(arrays)
            if code != 0:
                why = f"stopped after {asked.limit} s" if code is None else f"exit code {code}"
                errors[task.name] = {"error": why, "log": last_lines(task.log)}
            report.update(rows=table(results, asked.contexts), errors=errors)
            write_json(asked.out, report)
            print(task.name, report["rows"].get(task.name), errors.get(task.name, ""), flush=True)

        run_all([task for task, _ in planned.values()], asked.parallel, asked.limit, ended)
    return 1 if errors else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="holds bf16 and fp8, the same checkpoint")
    parser.add_argument("--text", type=Path, nargs="+", required=True, help="text that the model was not trained on")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")) / "quantisation_quality.json")
    parser.add_argument("--rows", type=int, nargs="+", default=range(len(ROWS)), help="numbers from 0; 0 is needed")
    parser.add_argument("--contexts", type=int, nargs="+", default=[2_048, 8_192, 16_384, 32_768])
    parser.add_argument("--windows", type=int, default=64)
    parser.add_argument("--scored", type=int, default=1_024)
    parser.add_argument("--chunk", type=int, default=8_192, help="tokens of one prefill step")
    parser.add_argument("--kv-gib", type=float, default=10.0, help="of each engine")
    parser.add_argument("--parallel", type=int, default=6, help="engines at once")
    parser.add_argument("--limit", type=float, default=270, help="seconds for one engine")
    parser.add_argument("--python", default=sys.executable, help="the Python that has vLLM")
    return parser.parse_args()


def _exp_of_mean(means: Floats) -> Estimate:
    """Return exp of the mean, with the error that the spread of the windows' means gives it."""
    value = math.exp(means.mean())
    spread = float(means.std(ddof=1)) / math.sqrt(len(means)) if len(means) > 1 else 0.0
    return Estimate(value, value * spread)


if __name__ == "__main__":
    sys.exit(main())
