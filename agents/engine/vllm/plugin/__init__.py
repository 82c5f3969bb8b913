"""A vLLM plugin: official FP8 checkpoints with an E5M2 KV cache, and fast kernels for it.

quantization     lets FP8 weights and an E5M2 KV cache stand together
linear           multiplies FP8 weights with few tokens by the kernels below, with more as vLLM does
one_token        the product of FP8 block weights and one token, as decoding one answer needs it
several_tokens   the same with up to 16 tokens
block_weights    what such weights look like, and what a kernel for them is compared with
e5m2_attention   vLLM's FlashInfer backend, with new tokens attended to in stretches
stretches        attention over stretches of an E5M2 cache that are widened to 16 bits
tokenizing       tokens of a text whose beginning is known from an earlier one
detokenizing     text that is decoded without decoding the prompt first

This package is loaded inside vLLM's processes, perhaps from a copy: it may import nothing else of Readroom.
"""

import logging
import os
from importlib import import_module

QUANTIZATION = "readroom_fp8"
"""What `--quantization` is told: FP8 weights that an E5M2 KV cache may stand beside."""
QUANTIZATION_WITH_KERNELS = "readroom_fp8_kernels"
"""The same, few tokens multiplied by Readroom's kernel."""
KERNELS_VARIABLE = "READROOM_VLLM_KERNELS"
"""Environment variable: 1 where Readroom's kernels may stand in for vLLM's."""


def register() -> None:
    """Register what is ours; vLLM calls this in each of its processes, sometimes twice in one."""
    import_module(".quantization", __name__).register()
    kernels = (_replace_linear, _replace_attention) if os.environ.get(KERNELS_VARIABLE) == "1" else ()
    for step in (*kernels, _replace_tokenizing, _replace_decode_stream):
        try:
            step()
        except (ImportError, AttributeError) as error:
            # Another vLLM than those that were tried: it goes on without this one.
            logging.getLogger("vllm.readroom").warning("%s had no effect: %r", step.__name__, error)


def _replace_linear() -> None:
    import_module(".linear", __name__).register()


def _replace_tokenizing() -> None:
    import_module(".tokenizing", __name__).register()


def _replace_decode_stream() -> None:
    import_module(".detokenizing", __name__).register()


def _replace_attention() -> None:
    """Name our backend in FlashInfer's place; it is imported when vLLM first needs it."""
    registry = import_module("vllm.v1.attention.backends.registry")
    registry.register_backend(registry.AttentionBackendEnum.FLASHINFER, f"{__name__}.e5m2_attention.E5m2Backend")
