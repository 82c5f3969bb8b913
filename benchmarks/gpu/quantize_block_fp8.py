"""Quantise a Qwen3 checkpoint to the official block-FP8 format: E4M3 weights with one scale for each 128x128 block.

    python -m benchmarks.gpu.quantize_block_fp8 FOLDER/bf16 FOLDER/fp8

As in the released FP8 checkpoints of Qwen3, the projections of attention and MLP are quantised; embeddings, norms and
the output head stay in bf16, and `weight_scale_inv` holds what a block is multiplied with.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.gpu.unattended import write_json

if TYPE_CHECKING:
    import torch

BLOCK = 128
LARGEST = 448.0
"""The largest number that E4M3 holds."""

_COPIED = ("tokenizer.json", "tokenizer_config.json", "generation_config.json")
_NORMS = ("input_layernorm", "post_attention_layernorm", "self_attn.q_norm", "self_attn.k_norm")


def quantize(weight: "torch.Tensor", scale_dtype: "torch.dtype") -> tuple["torch.Tensor", "torch.Tensor"]:
    """Return a matrix in E4M3 with its scales, one for each block; blocks at the edges may be smaller."""
    import torch

    blocks = _blocks(weight.float())
    peaks = blocks.abs().amax(dim=(1, 3)).clamp(min=1e-12)
    # Rounded before it divides, so that the scale that is stored is the scale that was used.
    scales = (peaks / LARGEST).to(scale_dtype)
    scaled = (blocks / scales.float()[:, None, :, None]).clamp(-LARGEST, LARGEST)
    rows, columns = weight.shape
    return scaled.to(torch.float8_e4m3fn).flatten(2).flatten(0, 1)[:rows, :columns].contiguous(), scales


def dequantize(quantized: "torch.Tensor", scales: "torch.Tensor") -> "torch.Tensor":
    """Return the float32 matrix that a kernel sees."""
    blocks = _blocks(quantized.float()) * scales.float()[:, None, :, None]
    rows, columns = quantized.shape
    return blocks.flatten(2).flatten(0, 1)[:rows, :columns]


def relative_error(weight: "torch.Tensor", restored: "torch.Tensor") -> float:
    """Return the norm of the difference over the norm of the weight."""
    return ((weight.float() - restored).norm() / weight.float().norm()).item()


def quantization_config(layers: int) -> dict[str, Any]:
    """Return what config.json says of the format."""
    kept = [f"model.layers.{layer}.{norm}" for layer in range(layers) for norm in _NORMS]
    return {
        "quant_method": "fp8",
        "fmt": "e4m3",
        "activation_scheme": "dynamic",
        "weight_block_size": [BLOCK, BLOCK],
        "modules_to_not_convert": ["lm_head", "model.norm", *kept],
    }


def convert(source: Path, target: Path, scale_dtype: "torch.dtype") -> dict[str, Any]:
    """Write the quantised checkpoint; return how far its weights are from the source's.

    Raises:
        SystemExit: The source holds no safetensors.
    """
    from safetensors.torch import load_file, save_file

    target.mkdir(parents=True, exist_ok=True)
    shards = sorted(source.glob("*.safetensors"))
    if not shards:
        raise SystemExit(f"{source} holds no .safetensors.")
    tensors: dict[str, torch.Tensor] = {}
    errors: dict[str, float] = {}
    for name, tensor in (item for shard in shards for item in load_file(shard).items()):
        if not name.endswith("_proj.weight"):
            tensors[name] = tensor
            continue
        quantized, scales = quantize(tensor, scale_dtype)
        tensors |= {name: quantized, f"{name}_scale_inv": scales}
        errors[name] = relative_error(tensor, dequantize(quantized, scales))
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text())
    config["quantization_config"] = quantization_config(config["num_hidden_layers"])
    (target / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    for name in _COPIED:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
    return {
        "format": "E4M3 weights in 128x128 blocks, dynamic activations, scales in " + str(scale_dtype).split(".")[-1],
        "matrices": len(errors),
        "relative_error_mean": round(sum(errors.values()) / len(errors), 5),
        "relative_error_largest": round(max(errors.values()), 5),
        "megabytes": round((target / "model.safetensors").stat().st_size / 1e6, 1),
    }


def _blocks(matrix: "torch.Tensor") -> "torch.Tensor":
    """View a matrix as blocks: row of blocks, row, column of blocks, column; zeros fill up the edges."""
    from torch.nn import functional

    rows, columns = matrix.shape
    padded = functional.pad(matrix, (0, -columns % BLOCK, 0, -rows % BLOCK))
    return padded.view(padded.shape[0] // BLOCK, BLOCK, padded.shape[1] // BLOCK, BLOCK)


def main() -> None:
    """Quantise the checkpoint that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--scales", choices=("bfloat16", "float32"), default="bfloat16", help="released ones: bfloat16")
    asked = parser.parse_args()
    import torch

    found = convert(asked.source, asked.target, getattr(torch, asked.scales))
    write_json(asked.target / "quantization.json", found)
    print(found)


if __name__ == "__main__":
    main()
