"""Train a small Qwen3 from scratch on text that this machine already has, and save it as a transformers checkpoint.

    python -m benchmarks.gpu.train_small_model FOLDER --minutes 6      # one H200; then quantize_block_fp8, perplexity

No released weights can be had without a network, and random weights say nothing about quantisation. This model has
the parts that matter for it (QK norm, grouped queries, head_dim 128, widths that 128x128 blocks divide) and contexts
of up to 32K tokens. Part of the sequences repeat passages of their own text behind a marker, so that the model learns
to quote. FOLDER/bf16 gets the checkpoint with held_out.npy (windows of text it never saw) and training.json.
"""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.gpu import corpus
from benchmarks.gpu.attention_kernels import choose_attention
from benchmarks.gpu.score_windows import ANSWER, quote_prompt
from benchmarks.gpu.training import Plan, Sampler, Trainer, held_out_losses, read_phases
from benchmarks.gpu.unattended import describe, settings, write_json

if TYPE_CHECKING:
    from transformers import Qwen3ForCausalLM


PHASES = "512:0.25:16384,2048:0.3:32768,8192:0.2:65536,32768:0.25:65536"
"""Sequence lengths with their shares of the time and the tokens of a step: many small steps first."""


def arguments() -> argparse.Namespace:
    """Read the command line; the defaults are for one H200."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=6.0, help="of training; all else takes about two more")
    parser.add_argument("--phases", type=read_phases, default=read_phases(PHASES), help=f"default: {PHASES}")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="the highest learning rate")
    parser.add_argument("--vocabulary", type=int, default=16_384)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--hidden", type=int, default=640)
    parser.add_argument("--intermediate", type=int, default=1_792)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--kv-heads", type=int, default=2)
    parser.add_argument(
        "--roots",
        type=Path,
        nargs="+",
        default=corpus.default_roots(),
        help="folders of text; default: this Python's own packages",
    )
    parser.add_argument("--corpus-mb", type=float, default=400)
    parser.add_argument("--held-out-share", type=float, default=0.04)
    parser.add_argument("--windows", type=int, default=64, help="held-out windows, each as long as the longest phase")
    parser.add_argument("--scored", type=int, default=1_024, help="tokens at a window's end that are scored")
    parser.add_argument("--spread", action="store_true", help="repeated passages of all lengths, for ngram_speculation")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--log-every", type=int, default=100)
    parser.add_argument("--device", help="cuda or cpu; default: cuda where there is one")
    return parser.parse_args()


def prepare(asked: argparse.Namespace, checkpoint: Path) -> tuple[corpus.Tokens, corpus.Tokens, dict[str, Any]]:
    """Collect the text, train the tokenizer and encode; return the training text, the held-out windows, and figures."""
    began = time.monotonic()
    roots = [root.resolve() for root in asked.roots]
    files = corpus.collect(roots, int(asked.corpus_mb * 1e6))
    learned, held_out = corpus.hold_out(files, asked.held_out_share)
    print(f"{len(files)} files read in {time.monotonic() - began:.0f} s", flush=True)
    tokenizer = corpus.train_tokenizer(learned, asked.vocabulary)
    corpus.write_tokenizer(tokenizer, checkpoint)
    print(f"tokenizer after {time.monotonic() - began:.0f} s", flush=True)
    tokens, unseen = corpus.encode(learned, tokenizer), corpus.encode(held_out, tokenizer)
    windows = corpus.windows(unseen, asked.windows, max(phase.length for phase in asked.phases))
    if not len(windows):
        raise SystemExit(f"{len(unseen)} held-out tokens fill no window; raise --held-out-share or --corpus-mb.")
    np.save(checkpoint / "held_out.npy", windows)
    return (
        tokens,
        windows,
        {
            "text": "source code and documentation of the machine's own Python packages, each file once; "
            "held out by group of files, though near-copies across packages remain",
            "files": len(files),
            "megabytes": round(sum(len(file.text) for file in files) / 1e6, 1),
            "held_out_groups": len({file.group for file in held_out}),
            "training_tokens": len(tokens),
            "held_out_tokens": len(unseen),
            "held_out_windows": list(windows.shape),
            "seconds": round(time.monotonic() - began, 1),
        },
    )


def make_model(asked: argparse.Namespace, vocabulary: int) -> "Qwen3ForCausalLM":
    """Return an untrained Qwen3 of the shape asked for."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    end = corpus.SPECIAL.index(corpus.END)
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=asked.hidden,
        intermediate_size=asked.intermediate,
        num_hidden_layers=asked.layers,
        num_attention_heads=asked.heads,
        num_key_value_heads=asked.kv_heads,
        head_dim=128,
        max_position_embeddings=2 * max(phase.length for phase in asked.phases),
        rope_parameters={"rope_type": "default", "rope_theta": 5_000_000.0},
        rms_norm_eps=1e-6,
        tie_word_embeddings=True,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=None,
        attn_implementation="sdpa",
    )
    return Qwen3ForCausalLM(config)


def evaluate(model: "Qwen3ForCausalLM", windows: corpus.Tokens, scored: int, device: str) -> dict[str, Any]:
    """Return the perplexity of the saved weights by context, a check on what vLLM will say of them.

    That of passages it is asked to quote is near 1 for a model that has learned to copy.
    """
    found: dict[str, Any] = {}
    longest = windows.shape[1]
    for context in sorted({2_048, 8_192, 16_384, 32_768, longest}):
        if not scored < context <= longest:
            continue
        quotes = [quote_prompt(window, context, seed) for seed, window in enumerate(windows)]
        asked = np.array([[*quote.prompt, *quote.passage] for quote in quotes if quote], np.int32)
        found[str(context)] = {
            "tokens": scored * len(windows),
            "perplexity": _perplexity(held_out_losses(model, windows, context, scored, device)),
            "quoted_perplexity": _perplexity(held_out_losses(model, asked, context, ANSWER, device))
            if len(asked)
            else None,
        }
    return found


def _perplexity(losses: Sequence[float]) -> float:
    return round(float(np.exp(np.mean(losses))), 4)


def main() -> None:
    """Prepare, train, save, evaluate; training.json is written after each."""
    import torch

    asked = arguments()
    device = asked.device or ("cuda" if torch.cuda.is_available() else "cpu")
    checkpoint = asked.folder / "bf16"
    checkpoint.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(5)
    torch.set_float32_matmul_precision("high")
    report: dict[str, Any] = describe() | {"settings": settings(asked)}
    tokens, windows, report["corpus"] = prepare(asked, checkpoint)
    write_json(checkpoint / "training.json", report)
    report["attention_milliseconds"] = choose_attention(asked.heads, asked.kv_heads) if device == "cuda" else {}
    model = make_model(asked, asked.vocabulary).to(device)
    report["parameters"] = sum(parameter.numel() for parameter in model.parameters())
    plan = Plan(
        minutes=asked.minutes,
        phases=asked.phases,
        rate=asked.rate,
        compiled=not asked.no_compile,
        log_every=asked.log_every,
    )
    sampler = Sampler(torch.from_numpy(tokens).to(device), corpus.SPECIAL.index(corpus.QUOTE), asked.spread)
    trainer = Trainer(model, sampler, plan, device)
    report["training"] = trainer.warm_up() | trainer.run()
    frequencies = model.model.rotary_emb.inv_freq.clone()
    model = model.to(torch.bfloat16).eval()
    # In bf16 the rotations of far positions would be wrong; engines keep them in float32, as training did.
    model.model.rotary_emb.inv_freq = frequencies
    model.save_pretrained(checkpoint)
    write_json(checkpoint / "training.json", report)
    torch.compiler.set_stance("force_eager")
    try:
        report["held_out"] = evaluate(model, windows, asked.scored, device)
    except Exception as error:
        report["held_out"] = {"error": f"{type(error).__name__}: {error}"[:500]}
    write_json(checkpoint / "training.json", report)
    print(report["corpus"], report["training"]["tokens"], report["held_out"], flush=True)


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    main()
