"""A vLLM plugin: official FP8 checkpoints with an E5M2 KV cache.

vLLM refuses the pair ("fp8_e5m2 kv-cache is not supported with fp8 checkpoints") because such a checkpoint may
bring scales for its KV cache, and E5M2 has none. A checkpoint without KV scales, as Qwen's are, loses nothing
without them. The plugin registers the FP8 weight format under a second name that has no method for the KV
cache, so that there is nothing to load and nothing to refuse.

This file is loaded inside vLLM's processes, perhaps from a copy: it may import nothing else of Readroom.
"""

from importlib import import_module
from typing import Any

QUANTIZATION = "readroom_fp8"
"""What `--quantization` is told."""


def register() -> None:
    """Register the format; vLLM calls this in each of its processes, sometimes twice in one."""
    attention: Any = import_module("vllm.model_executor.layers.attention")
    quantization: Any = import_module("vllm.model_executor.layers.quantization")
    fp8_config: Any = import_module("vllm.model_executor.layers.quantization.fp8").Fp8Config

    class Fp8WithoutKvScales(fp8_config):
        """FP8 weights; the KV cache is left alone."""

        @classmethod
        def get_name(cls) -> str:
            return QUANTIZATION

        @classmethod
        def override_quantization_method(
            cls, _in_checkpoint: object, asked: str | None, hf_config: object = None
        ) -> str | None:
            return QUANTIZATION if asked == QUANTIZATION else None

        def get_quant_method(self, layer: object, prefix: str) -> object:
            return None if isinstance(layer, attention.Attention) else fp8_config.get_quant_method(self, layer, prefix)

    quantization.register_quantization_config(QUANTIZATION)(Fp8WithoutKvScales)
