"""Measure what embeddings in FP8 cost a trained checkpoint: perplexity on a CPU, with 16 bits and with FP8.

    VLLM_PYTHON -m benchmarks.fp8_embeddings CHECKPOINT --text FILE    # vLLM's Python: it has torch and transformers

Both take turns window by window in one process, and everything else stays as it is. The embeddings go through the
plugin's own `quantize` and back to 16 bits, so that its kernels' numbers are these but for rounding. A checkpoint whose
embeddings are its output layer too, as Qwen3-4B's are, is measured with both in FP8.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.gpu.perplexity import perplexity, ratio
from benchmarks.gpu.unattended import describe, write_json

if TYPE_CHECKING:
    import torch

RESULT = Path(__file__).parent / "results" / "fp8_embeddings.json"


def dequantized(weight: "torch.Tensor") -> "torch.Tensor":
    """Return weights as FP8 leaves them, in 16 bits."""
    from agents.engine.vllm.plugin import BLOCK
    from agents.engine.vllm.plugin.quantization import quantize

    quantized, scale = quantize(weight)
    blocks = scale.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1)
    return (quantized.float() * blocks).to(weight.dtype)


def score(model: Any, window: "torch.Tensor", scored: int) -> "tuple[torch.Tensor, torch.Tensor]":  # noqa: ANN401
    """Return the log-likelihoods of a window's last tokens, and the tokens rated highest there."""
    import torch

    with torch.inference_mode():
        logits = model(window[None], logits_to_keep=scored + 1).logits[0, :-1].float()
    rated = logits.log_softmax(-1)
    return rated.gather(1, window[-scored:, None])[:, 0], rated.argmax(-1)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--text", type=Path, required=True, help="text that the model was not trained on")
    parser.add_argument("--windows", type=int, default=10)
    parser.add_argument("--context", type=int, default=768)
    parser.add_argument("--scored", type=int, default=512, help="of each window, its last tokens")
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(asked.checkpoint, dtype=torch.bfloat16).eval()
    tokens = AutoTokenizer.from_pretrained(asked.checkpoint)(asked.text.read_text())["input_ids"]
    embeddings = model.get_input_embeddings().weight
    kinds = {"16 bits": embeddings.data.clone(), "FP8": dequantized(embeddings.data)}
    found: dict[str, list[Any]] = {kind: [] for kind in kinds}
    for first in np.linspace(0, len(tokens) - asked.context, asked.windows).astype(int):
        window = torch.tensor(tokens[first : first + asked.context])
        for kind, weight in kinds.items():
            embeddings.data.copy_(weight)
            found[kind].append(score(model, window, asked.scored))
    rated = {kind: np.stack([each.numpy() for each, _ in rows]) for kind, rows in found.items()}
    top = {kind: np.stack([each.numpy() for _, each in rows]) for kind, rows in found.items()}
    own, against = perplexity(rated["16 bits"]), ratio(rated["FP8"], rated["16 bits"])
    report = {
        "what": "a trained checkpoint with embeddings, which are its output layer too, in 16 bits and in FP8",
        "checkpoint": json.loads((asked.checkpoint / "config.json").read_text()),
        **describe(),
        "windows": asked.windows,
        "context": asked.context,
        "tokens": int(rated["FP8"].size),
        "perplexity": round(own.value, 4),
        "standard_error": round(own.standard_error, 4),
        "ratio": round(against.value, 5),
        "ratio_standard_error": round(against.standard_error, 5),
        "top1_agreement": round(float((top["FP8"] == top["16 bits"]).mean()), 4),
    }
    write_json(asked.out, report)
    print({name: report[name] for name in ("tokens", "perplexity", "ratio", "ratio_standard_error", "top1_agreement")})


if __name__ == "__main__":
    main()
