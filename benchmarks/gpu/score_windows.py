"""Score windows of text in one vLLM engine: likelihoods of their last tokens, passages quoted, text continued.

    python -m benchmarks.gpu.score_windows CHECKPOINT --text FILE --kv-cache-dtype fp8_e5m2 --into FILE.npz

perplexity.py runs this once for each row of its table, in a process of its own. The engine lives inside that process.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from vllm import LLM, RequestOutput

Tokens = npt.NDArray[np.int32]

LEAD, ANSWER = 16, 64
"""Tokens of a passage that a prompt gives, and tokens that are generated."""

_TRIES = 50


class Quote(NamedTuple):
    """A prompt that asks for a passage of its own text, and the passage."""

    prompt: list[int]
    passage: list[int]


def read_windows(checkpoint: Path, texts: Sequence[Path], count: int, length: int) -> Tokens:
    """Return up to `count` windows of `length` tokens, by the checkpoint's tokenizer, spread evenly over the texts.

    Raises:
        SystemExit: The texts fill no window.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    read = (tokenizer.encode(text.read_text(encoding="utf-8"), add_special_tokens=False).ids for text in texts)
    tokens = np.array(list(chain.from_iterable(read)), np.int32)
    available = len(tokens) // length
    if not available:
        raise SystemExit(f"The texts hold {len(tokens):,} tokens, and a window is {length:,}.")
    starts = np.linspace(0, available - 1, min(count, available)).round().astype(int) * length
    return np.stack([tokens[start : start + length] for start in starts])


def quote_prompt(window: Tokens, context: int, seed: int, answer: int = ANSWER) -> Quote | None:
    """Ask for a passage from a random place of a window; None where every place tried is ambiguous.

    The prompt is text and the passage's first tokens, which occur nowhere else in the text. Prompt and answer fill the
    context.
    """
    body = window[-context:][: context - LEAD - answer]
    source = np.random.default_rng(seed)
    for _ in range(_TRIES):
        at = int(source.integers(0, len(body) - LEAD - answer))
        lead, passage = body[at : at + LEAD], body[at + LEAD : at + LEAD + answer]
        if (np.lib.stride_tricks.sliding_window_view(body, LEAD) == lead).all(axis=1).sum() == 1:
            return Quote([*body.tolist(), *lead.tolist()], passage.tolist())
    return None


def engine(asked: argparse.Namespace) -> "LLM":
    """Start the engine; eager, without a prefix cache, so that every key and value is computed for its prompt."""
    from vllm import LLM
    from vllm.platforms import current_platform

    more: dict[str, Any] = {}
    e5m2 = asked.kv_cache_dtype == "fp8_e5m2"
    if e5m2 and current_platform.is_cuda():
        # As the product starts it.
        plain = {"backend": "FLASHINFER", "disable_flashinfer_q_quantization": True}
        more["attention_config"] = {"backend": "CUSTOM"} if asked.own_kernels else plain
    if (e5m2 or asked.own_kernels) and (asked.checkpoint / "quantization.json").exists():
        from agents.engine.vllm import plugin

        if asked.own_kernels:
            os.environ[plugin.KERNELS_VARIABLE] = "1"
        plugin.register()
        more["quantization"] = plugin.QUANTIZATION_WITH_KERNELS if asked.own_kernels else plugin.QUANTIZATION
    return LLM(
        model=str(asked.checkpoint),
        dtype="bfloat16",
        kv_cache_dtype=asked.kv_cache_dtype,
        kv_cache_memory_bytes=int(asked.kv_gib * 1024**3),
        gpu_memory_utilization=0.05,
        max_model_len=max(asked.contexts) + ANSWER,
        max_num_batched_tokens=asked.chunk,
        max_num_seqs=32,
        enforce_eager=True,
        enable_prefix_caching=False,
        skip_tokenizer_init=True,
        **more,
    )


def score(llm: "LLM", windows: Tokens, asked: argparse.Namespace) -> dict[str, Any]:
    """Return the log-likelihoods of each window's last tokens, by context, and the tokens rated highest there."""
    from vllm import SamplingParams

    wanted = SamplingParams(max_tokens=1, temperature=0, prompt_logprobs=1, flat_logprobs=True, detokenize=False)
    arrays: dict[str, Any] = {}
    for context in asked.contexts:
        outputs = _generate(llm, [window[-context:].tolist() for window in windows], wanted)
        rated = [_last_ratings(output, asked.scored) for output in outputs]
        arrays[f"logprobs_{context}"] = np.array([logprobs for logprobs, _ in rated], np.float32)
        arrays[f"top_{context}"] = np.array([top for _, top in rated], np.int32)
    return arrays


def write_on(llm: "LLM", windows: Tokens, asked: argparse.Namespace) -> dict[str, Any]:
    """Return what the engine writes greedily: passages it is asked to quote, with the true ones, and continuations."""
    from vllm import SamplingParams

    wanted = SamplingParams(max_tokens=ANSWER, temperature=0, ignore_eos=True, detokenize=False)
    arrays: dict[str, Any] = {}
    for context in asked.contexts:
        made = [quote_prompt(window, context, seed=number) for number, window in enumerate(windows)]
        quotes = [quote for quote in made if quote]
        plain = [window[-context:][: context - ANSWER].tolist() for window in windows]
        outputs = _generate(llm, [*(quote.prompt for quote in quotes), *plain], wanted)
        written = np.array([list(output.outputs[0].token_ids) for output in outputs], np.int32)
        arrays[f"passages_{context}"] = np.array([quote.passage for quote in quotes], np.int32)
        arrays[f"quoted_{context}"] = written[: len(quotes)]
        arrays[f"continued_{context}"] = written[len(quotes) :]
    return arrays


def what_runs(llm: "LLM") -> dict[str, str]:
    """Return which kernels and types the engine chose, as its own objects say."""

    def look(model: Any) -> dict[str, str]:  # noqa: ANN401
        attention = model.model.layers[0].self_attn
        layer, linear = attention.attn, attention.qkv_proj
        cache = layer.kv_cache[0] if isinstance(layer.kv_cache, list) else layer.kv_cache
        kernel = getattr(linear.quant_method, "fp8_linear", None)
        return {
            "attention": f"{layer.attn_backend.get_name()} ({type(layer.impl).__name__})",
            "kv_cache_dtype": str(layer.kv_cache_dtype),
            "kv_cache_stored_as": str(getattr(cache, "dtype", "")),
            "query_quantised": str(bool(getattr(layer, "query_quant", None))),
            "weights": str(linear.weight.dtype),
            "linear": " ".join(type(part).__name__ for part in (linear.quant_method, kernel) if part is not None),
        }

    try:
        return llm.apply_model(look)[0]
    except Exception as error:
        return {"unknown": f"{type(error).__name__}: {error}"[:300]}


def _generate(llm: "LLM", prompts: Sequence[list[int]], wanted: Any) -> "list[RequestOutput]":  # noqa: ANN401
    return llm.generate([{"prompt_token_ids": prompt} for prompt in prompts], wanted, use_tqdm=False)


def _last_ratings(output: "RequestOutput", count: int) -> tuple[list[float], list[int]]:
    """Return the likelihoods of a prompt's last tokens, and the most likely ones; vLLM lists the two in turns."""
    from vllm.logprobs import FlatLogprobs

    rated = output.prompt_logprobs
    if not isinstance(rated, FlatLogprobs) or rated.token_ids[-2 * count :: 2] != output.prompt_token_ids[-count:]:
        raise TypeError("vLLM's flat_logprobs have another layout than 0.26.0's; score_windows.py reads that one.")
    return rated.logprobs[-2 * count :: 2], rated.token_ids[1 - 2 * count :: 2]


def main() -> None:
    """Score the windows and write the arrays, first the likelihoods, then all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--text", type=Path, nargs="+", required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--own-kernels", action="store_true", help="the project's, and embeddings in FP8")
    parser.add_argument("--kv-cache-dtype", default="auto")
    parser.add_argument("--contexts", type=int, nargs="+", required=True)
    parser.add_argument("--scored", type=int, required=True)
    parser.add_argument("--windows", type=int, required=True)
    parser.add_argument("--chunk", type=int, required=True)
    parser.add_argument("--kv-gib", type=float, required=True)
    asked = parser.parse_args()
    windows = read_windows(asked.checkpoint, asked.text, asked.windows, max(asked.contexts))
    began = time.monotonic()
    llm = engine(asked)
    facts: dict[str, Any] = what_runs(llm) | {"start_seconds": round(time.monotonic() - began, 1)}
    began = time.monotonic()
    arrays = score(llm, windows, asked)
    facts["score_seconds"] = round(time.monotonic() - began, 1)
    np.savez(asked.into, facts=json.dumps(facts), **arrays)
    began = time.monotonic()
    arrays |= write_on(llm, windows, asked)
    facts["write_seconds"] = round(time.monotonic() - began, 1)
    np.savez(asked.into, facts=json.dumps(facts), **arrays)
    print(facts, flush=True)


if __name__ == "__main__":
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    main()
