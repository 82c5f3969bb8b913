"""Time one vLLM engine that decodes one stream: passages that it quotes, and text that it continues.

    python -m benchmarks.gpu.decode_rate CHECKPOINT --text FILE --into FILE.json --draft 7

ngram_speculation.py runs this once for each row of its table, in a process of its own.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.engine.vllm.plugin import KERNELS_VARIABLE
from benchmarks.gpu.score_windows import quote_prompt, read_windows

if TYPE_CHECKING:
    from vllm import LLM

GRAPH_SIZES = (1, 2, 4, 8)
_COUNTERS = "vllm:spec_decode_num_"


def speculative_config(asked: argparse.Namespace) -> dict[str, Any] | None:
    """Return vLLM's settings for drafts looked up in the prompt and the answer; None for no drafts."""
    if not asked.draft:
        return None
    config: dict[str, Any] = {
        "method": asked.method,
        "num_speculative_tokens": asked.draft,
        "prompt_lookup_min": asked.lookup[0],
        "prompt_lookup_max": asked.lookup[1],
    }
    if asked.acceptance:
        config |= {"rejection_sample_method": "synthetic", "synthetic_acceptance_rates": asked.acceptance}
    return config


def engine(asked: argparse.Namespace) -> "LLM":
    """Start the engine as the product does: few graph sizes, a prefix cache, small batches."""
    from vllm import LLM
    from vllm.platforms import current_platform

    more: dict[str, Any] = {}
    if asked.kv_cache_dtype == "fp8_e5m2" and current_platform.is_cuda():
        plain = {"backend": "FLASHINFER", "disable_flashinfer_q_quantization": True}
        more["attention_config"] = {"backend": "CUSTOM"} if os.environ.get(KERNELS_VARIABLE) == "1" else plain
    if asked.quantization:
        more["quantization"] = asked.quantization
    drafted = {size * (asked.draft + 1) for size in GRAPH_SIZES}
    return LLM(
        model=str(asked.checkpoint),
        load_format="dummy" if asked.acceptance is not None else "auto",
        dtype="bfloat16",
        kv_cache_dtype=asked.kv_cache_dtype,
        kv_cache_memory_bytes=int(asked.kv_gib * 1024**3),
        gpu_memory_utilization=0.2,
        max_model_len=asked.context,
        max_num_batched_tokens=4_096,
        max_num_seqs=8,
        enforce_eager=asked.eager,
        enable_prefix_caching=True,
        skip_tokenizer_init=True,
        disable_log_stats=False,
        speculative_config=speculative_config(asked),
        **({} if asked.eager else {"cudagraph_capture_sizes": sorted(drafted | set(GRAPH_SIZES))}),
        **more,
    )


def prompts(asked: argparse.Namespace) -> dict[str, list[list[int]]]:
    """Return the prompts by kind of work; dummy weights get random tokens, in which every token finds a match."""
    if asked.acceptance is not None:
        source = np.random.default_rng(1)
        length = asked.context - asked.answer - 1
        return {"any": [source.integers(100, 1_000, length).tolist() for _ in range(asked.prompts)]}
    windows = read_windows(asked.checkpoint, asked.text, asked.prompts, asked.context)
    quotes = [quote_prompt(window, asked.context, seed, asked.answer) for seed, window in enumerate(windows)]
    return {
        "quoting": [quote.prompt for quote in quotes if quote],
        "continuing": [window[-asked.context :][: asked.context - asked.answer - 1].tolist() for window in windows],
    }


def measure(llm: "LLM", work: Sequence[list[int]], answer: int) -> dict[str, Any]:
    """Decode one prompt after the other, each already in the prefix cache, and count what was drafted."""
    from vllm import SamplingParams

    once = SamplingParams(max_tokens=1, temperature=0, detokenize=False)
    wanted = SamplingParams(max_tokens=answer, temperature=0, ignore_eos=True, detokenize=False)
    rates: list[float] = []
    copied: list[float] = []
    before = _counters(llm)
    for prompt in work:
        llm.generate([{"prompt_token_ids": prompt}], once, use_tqdm=False)
        began = time.perf_counter()
        output = llm.generate([{"prompt_token_ids": prompt}], wanted, use_tqdm=False)[0]
        rates.append(len(output.outputs[0].token_ids) / (time.perf_counter() - began))
        copied.append(copied_share(prompt, list(output.outputs[0].token_ids)))
    drafted = {name: value - before.get(name, 0) for name, value in _counters(llm).items()}
    return {
        "prompts": len(work),
        "tokens_per_prompt": answer,
        "tokens_per_second_median": round(float(np.median(rates)), 1),
        "tokens_per_second": [round(rate, 1) for rate in rates],
        "copied_share": round(float(np.mean(copied)), 3),
        "drafts": acceptance(drafted) if drafted else None,
    }


def copied_share(prompt: Sequence[int], written: Sequence[int], run: int = 8) -> float:
    """Return the share of written tokens that lie in a run of tokens which also stands in the prompt."""
    known = {tuple(prompt[at : at + run]) for at in range(len(prompt) - run + 1)}
    covered: set[int] = set()
    for at in range(len(written) - run + 1):
        if tuple(written[at : at + run]) in known:
            covered.update(range(at, at + run))
    return len(covered) / max(1, len(written))


def acceptance(counts: dict[str, int]) -> dict[str, Any]:
    """Return what vLLM's counters say: tokens accepted of those drafted, and the share of drafts up to each place."""
    drafts = max(1, counts.get("drafts", 0))
    places = sorted(name for name in counts if name.startswith("place_"))
    return {
        "drafts": counts.get("drafts", 0),
        "drafted_tokens": counts.get("draft_tokens", 0),
        "accepted_tokens": counts.get("accepted_tokens", 0),
        "accepted_share": round(counts.get("accepted_tokens", 0) / max(1, counts.get("draft_tokens", 0)), 4),
        "tokens_per_step": round(1 + counts.get("accepted_tokens", 0) / drafts, 3),
        "accepted_up_to_place": [round(counts[name] / drafts, 4) for name in places],
    }


def _counters(llm: "LLM") -> dict[str, int]:
    found: dict[str, int] = {}
    for metric in llm.get_metrics():
        if not metric.name.startswith(_COUNTERS):
            continue
        if hasattr(metric, "values"):
            found |= {f"place_{place:02}": int(value) for place, value in enumerate(metric.values)}
        else:
            found[metric.name.removeprefix(_COUNTERS).removesuffix("_total")] = int(metric.value)
    return found


def main() -> None:
    """Measure every kind of work and write the result after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--text", type=Path, nargs="*", default=[], help="what is quoted and continued")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--kv-cache-dtype", default="auto")
    parser.add_argument("--quantization", help="the project's plugin's name, for E5M2 beside FP8 weights")
    parser.add_argument("--draft", type=int, default=0, help="tokens of a draft; 0 for none")
    parser.add_argument("--method", default="ngram")
    parser.add_argument("--lookup", type=int, nargs=2, default=(2, 5), help="tokens that a draft has to follow")
    parser.add_argument("--acceptance", type=float, nargs="*", help="dummy weights; drafts accepted by these rates")
    parser.add_argument("--context", type=int, default=4_096)
    parser.add_argument("--answer", type=int, default=256)
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--kv-gib", type=float, default=4.0)
    parser.add_argument("--eager", action="store_true")
    asked = parser.parse_args()
    began = time.monotonic()
    llm = engine(asked)
    found: dict[str, Any] = {
        "start_seconds": round(time.monotonic() - began, 1),
        "speculative_config": speculative_config(asked),
        "graphs": "none" if asked.eager else str(llm.llm_engine.vllm_config.compilation_config.cudagraph_mode),
        "async_scheduling": str(llm.llm_engine.vllm_config.scheduler_config.async_scheduling),
        "second_model_runner": str(getattr(llm.llm_engine.vllm_config, "use_v2_model_runner", "")),
        "work": {},
    }
    for kind, work in prompts(asked).items():
        measure(llm, work[:1], 16)
        found["work"][kind] = measure(llm, work, asked.answer)
        asked.into.write_text(json.dumps(found))
        print(kind, found["work"][kind], flush=True)


if __name__ == "__main__":
    main()
