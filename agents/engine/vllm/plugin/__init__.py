"""A vLLM plugin: official FP8 checkpoints with an E5M2 KV cache, and fast kernels for both.

quantization     FP8 weights beside an E5M2 KV cache, and linear layers that multiply few tokens by the kernels below
several_tokens   the product of FP8 block weights and up to 16 tokens, in Triton
one_token        the same with one token, as decoding one answer needs it, in Gluon
attention        an attention backend for an E5M2 KV cache, of the two that follow
split_cache      few new tokens attended to over a split cache, in Triton, and writing into that cache
stretches        many new tokens attended to over stretches of the cache in 16 bits
memory           what a start worked with, given back before the KV cache is made
inspection       a model's class, looked at without a process of its own
tokenization     prompts tokenized from where they differ from an earlier one, and decoded from their end

vLLM loads this package in its own processes, from a copy named readroom_vllm_plugin: it imports nothing else of ours.
"""

import logging
import os
from importlib import import_module
from typing import Any

QUANTIZATION = "readroom_fp8"
"""What `--quantization` is told: FP8 weights that an E5M2 KV cache may stand beside."""
QUANTIZATION_WITH_KERNELS = "readroom_fp8_kernels"
"""The same, with few tokens multiplied by Readroom's kernels."""
KERNELS_VARIABLE = "READROOM_VLLM_KERNELS"
"""Environment variable: 1 where Readroom's kernels may replace vLLM's."""

BLOCK = 128
"""Rows and columns of FP8 weights that share a scale, as the official checkpoint has them."""
TOLERANCE = 0.01
"""Relative error of a kernel that rounding to bf16 may make, with room to spare: it makes less than 0.004."""
OVERLAPS_FROM = (9, 0)
"""Compute capability from which a kernel may begin before the one ahead of it has ended: Hopper's."""


def register() -> None:
    """Register everything; vLLM calls this in each of its processes, sometimes twice in one."""
    import_module(".quantization", __name__).register()
    optional = [
        (".quantization", "register_online"),
        (".memory", "register_release"),
        (".tokenization", "register_prompt_cache"),
        (".tokenization", "register_decode_stream"),
    ]
    if os.environ.get(KERNELS_VARIABLE) == "1":
        optional += [
            (".quantization", "register_kernels"),
            ("", "register_attention"),
            (".inspection", "register_inspection"),
        ]
    for module, function in optional:
        try:
            getattr(import_module(f"{__name__}{module}"), function)()
        except (ImportError, AttributeError, KeyError) as error:
            # A vLLM that was not tested yet: it goes on without this one.
            logging.getLogger("vllm.readroom").warning("%s had no effect: %r", function, error)


def register_attention() -> None:
    """Name our backend as the one from outside; vLLM imports it when it first needs it."""
    registry: Any = import_module("vllm.v1.attention.backends.registry")
    registry.register_backend(registry.AttentionBackendEnum.CUSTOM, f"{__name__}.attention.E5m2Backend")
