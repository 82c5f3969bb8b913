"""A model's shape, from its config.json: what its weights and its KV cache take."""

import json
from pathlib import Path
from typing import Any

from pydantic import Field

from agents.schema import Frozen
from agents.settings import hub_cache

GIB = 1024**3


class ModelShape(Frozen):
    """The sizes of a dense decoder with grouped-query attention."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied_embeddings: bool = True
    fp8_checkpoint: bool = Field(default=False, description="Whether the checkpoint's own weights are FP8.")
    max_positions: int = 262_144

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ModelShape":
        """Read a config.json in the form of transformers."""
        heads = config["num_attention_heads"]
        return cls(
            layers=config["num_hidden_layers"],
            hidden=config["hidden_size"],
            intermediate=config["intermediate_size"],
            heads=heads,
            kv_heads=config.get("num_key_value_heads") or heads,
            head_dim=config.get("head_dim") or config["hidden_size"] // heads,
            vocabulary=config["vocab_size"],
            tied_embeddings=config.get("tie_word_embeddings", False),
            fp8_checkpoint=config.get("quantization_config", {}).get("quant_method") == "fp8",
            max_positions=config.get("max_position_embeddings", 262_144),
        )

    def weight_bytes(self, fp8: bool, fp8_embeddings: bool = False) -> int:
        """Return the bytes of the weights.

        A parameter takes one byte in FP8, plus a 4-byte scale for each 128 x 128 block, else two. Norms are left out
        (under 1 MiB).

        Args:
            fp8: Whether the linear layers are in FP8.
            fp8_embeddings: Whether the embeddings are.
        """
        attention = self.hidden * self.head_dim * (2 * self.heads + 2 * self.kv_heads)
        linear = self.layers * (attention + 3 * self.hidden * self.intermediate)
        embeddings = self.vocabulary * self.hidden * (1 if self.tied_embeddings else 2)
        one_byte = 1 + 4 / 128**2
        return int(linear * (one_byte if fp8 else 2)) + int(embeddings * (one_byte if fp8_embeddings else 2))

    def kv_bytes_per_token(self, kv_cache_dtype: str) -> int:
        """Return the bytes of KV cache per token: key and value, each layer, each KV head.

        For Qwen3-4B in FP8: 2 x 36 x 8 x 128 x 1 = 72 KiB.
        """
        return 2 * self.layers * self.kv_heads * self.head_dim * (1 if kv_cache_dtype.startswith("fp8") else 2)


QWEN3_4B = ModelShape(
    layers=36, hidden=2_560, intermediate=9_728, heads=32, kv_heads=8, head_dim=128, vocabulary=151_936
)
"""Qwen3-4B-Instruct-2507, from its published config.json; the -FP8 checkpoint has the same shape."""


def read_shape(model: str) -> ModelShape | None:
    """Return a model's shape from its folder or the hub's cache; None where it is not on this machine.

    The default model is known without its files.
    """
    folder = local_folder(model)
    if folder and (folder / "config.json").is_file():
        try:
            return ModelShape.from_config(json.loads((folder / "config.json").read_text()))
        except (KeyError, ValueError):
            return None
    if model.startswith("Qwen/Qwen3-4B-Instruct-2507"):
        return QWEN3_4B.model_copy(update={"fp8_checkpoint": model.endswith("-FP8")})
    return None


def local_folder(model: str) -> Path | None:
    """Return where a model's files lie: its own folder, or its newest snapshot in the hub's cache."""
    if Path(model).is_dir():
        return Path(model)
    snapshots = hub_cache() / f"models--{model.replace('/', '--')}" / "snapshots"
    found = sorted(snapshots.glob("*/config.json"), key=lambda path: path.stat().st_mtime)
    return found[-1].parent if found else None
