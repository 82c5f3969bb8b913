# pyright: basic, reportMissingImports=false
# Lives in vLLM's environment: torch and vLLM are not in Readroom's own.
"""FP8 weights beside an E5M2 KV cache.

vLLM refuses the pair ("fp8_e5m2 kv-cache is not supported with fp8 checkpoints") because such a checkpoint may
bring scales for its KV cache, and E5M2 has none. A checkpoint without KV scales, as Qwen's are, loses nothing
without them. So the format is registered under a second name that, for E5M2, has no method for the KV cache:
there is nothing to load and nothing to refuse.
"""

from typing import Any

import torch
from vllm.model_executor.layers.attention import Attention
from vllm.model_executor.layers.quantization import register_quantization_config
from vllm.model_executor.layers.quantization.fp8 import Fp8Config

from . import QUANTIZATION


class Fp8BesideE5m2(Fp8Config):
    """FP8 weights; an E5M2 KV cache is left alone."""

    @classmethod
    def get_name(cls) -> str:
        """Return what `--quantization` is told."""
        return QUANTIZATION

    @classmethod
    def override_quantization_method(cls, _in_checkpoint: object, asked: str | None, hf_config: object = None) -> Any:
        """Take over the official format where it is asked for by our name."""
        return cls.get_name() if asked == cls.get_name() else None

    def get_quant_method(self, layer: torch.nn.Module, prefix: str) -> Any:
        """Return how a layer is computed."""
        if isinstance(layer, Attention) and layer.kv_cache_dtype == "fp8_e5m2":
            return None
        return super().get_quant_method(layer, prefix)


def register() -> None:
    """Register the format; a second time in one process changes nothing."""
    register_quantization_config(QUANTIZATION)(Fp8BesideE5m2)
